#include "queue/job.hpp"

#include <algorithm>

namespace penstock {
bool JobQueue::take(bool may_be_long, Job& job) {
  const auto may_run = [&](const Job& waiting) { return may_be_long || !waiting.is_long; };
  const auto found = std::find_if(jobs_.begin(), jobs_.end(), may_run);
  if (found == jobs_.end()) return false;
  job = std::move(*found);
  jobs_.erase(found);
  return true;
}
}  // namespace penstock
