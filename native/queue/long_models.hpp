// Which models take long, and how many of their batches may run. Long is a model whose runs take longer than
// Scheduler::kLongRunUs, that has run less than kTrustedRuns times, or that takes longer now (overruns).
// Callers hold the scheduler's mutex.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "queue/model_queue.hpp"

namespace penstock {
// One model may have so many stuck runs; more of its batches wait until one of them has ended, so that it cannot use up
// all the workers that are started in place of stuck ones.
constexpr uint32_t kStuckRunsMax = 2;

// What a run of the model took lately, else what was measured when it was loaded; 0: unknown.
double known_run_us(const ModelQueue& queue);
bool is_known_long(const ModelQueue& queue);
// The same, and true of a model that was hardly seen: the worst is assumed.
bool is_long(const ModelQueue& queue);
// No more of its batches may run now. Beside a stuck run of the model, one that is long already is going to be the
// next.
inline bool is_at_limit(const ModelQueue& queue) {
  if (queue.is_held.load(std::memory_order_relaxed)) return true;
  if (queue.running >= queue.instances_max.load(std::memory_order_relaxed)) return true;
  return queue.stuck > 0 && std::max(queue.stuck, queue.overruns) >= kStuckRunsMax;
}

// The models of a runtime, of which those that are not long are to find a worker.
class LongModels {
 public:
  void add(ModelQueue& queue) { queues_.push_back(&queue); }
  void remove(ModelQueue& queue) { std::erase(queues_, &queue); }
  // Models that have no queue are run by jobs of any worker: from now on there may be such.
  void note_shared_jobs() noexcept { has_shared_jobs_ = true; }

  // Whether the batch must not have the last free worker, for the sake of another model. O(queues) for a long batch;
  // the first that is not known to be long ends it.
  bool is_held_back(const Batch& batch, int64_t now_ns) const;

 private:
  std::vector<ModelQueue*> queues_;
  bool has_shared_jobs_ = false;
};
}  // namespace penstock
