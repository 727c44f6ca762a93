#include "queue/long_models.hpp"

#include <algorithm>

#include "queue/batch_list.hpp"
#include "queue/scheduler.hpp"

namespace penstock {
double known_run_us(const ModelQueue& queue) {
  const double us = queue.us_per_run.load(std::memory_order_relaxed);
  return us > 0.0 ? us : queue.expected_run_us.load(std::memory_order_relaxed);
}

bool is_known_long(const ModelQueue& queue) {
  return queue.overruns > 0 || known_run_us(queue) > Scheduler::kLongRunUs;
}

bool is_long(const ModelQueue& queue) {
  return is_known_long(queue) || queue.noted_runs.load(std::memory_order_relaxed) < kTrustedRuns;
}

bool LongModels::is_held_back(const Batch& batch, int64_t now_ns) const {
  const ModelQueue& queue = batch.bucket.queue;
  if (!is_long(queue)) return false;
  if (!is_known_long(queue) && now_ns - due_ns_of(batch) > Scheduler::kHeldBackNsMax) return false;
  return has_shared_jobs_ || std::any_of(queues_.begin(), queues_.end(), [&](const ModelQueue* other) {
           return other != &queue && !is_known_long(*other);
         });
}
}  // namespace penstock
