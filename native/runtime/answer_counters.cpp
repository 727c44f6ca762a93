#include "runtime/answer_counters.hpp"

namespace penstock {
void AnswerCounters::add(const Request& request, int64_t ready_ns) {
  const bool is_next = !groups_.empty() && groups_.back().stats == request.stats &&
                       groups_.back().admitted_ns == request.admitted_ns && groups_.back().ready_ns == ready_ns;
  if (!is_next) groups_.push_back({request.stats, request.admitted_ns, ready_ns});
  Group& group = groups_.back();
  ++group.answers;
  if (const StatusCode code = request.status(); code != StatusCode::kOk) {
    request.stats->failure_counts[static_cast<size_t>(code)].fetch_add(1, std::memory_order_relaxed);
    return;
  }
  ++group.results;
  group.rows += request.rows;
}

void AnswerCounters::record_handed_over(int64_t now_ns) {
  for (const Group& group : groups_) {
    AnswerTimes& times = group.stats->answers.of(writer_);
    times.total.record_ns(now_ns - group.admitted_ns, group.answers);
    times.send.record_ns(now_ns - group.ready_ns, group.answers);
    times.results.add(group.results);
    times.rows.add(group.rows);
  }
  groups_.clear();
}
}  // namespace penstock
