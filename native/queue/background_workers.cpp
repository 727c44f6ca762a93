#include "queue/background_workers.hpp"

#include <utility>

#include "queue/batch_list.hpp"
#include "queue/long_models.hpp"
#include "queue/run_estimate.hpp"
#include "queue/scheduler.hpp"

namespace penstock {
void BackgroundWorkers::add(WorkerSlot& slot) {
  workers_.push_back(&slot);
  count_.store(workers_.size(), std::memory_order_relaxed);
}

void BackgroundWorkers::remove(WorkerSlot& slot) {
  std::erase(workers_, &slot);
  count_.store(workers_.size(), std::memory_order_relaxed);
}

// What a run costs must be known, from another worker: a short one would only wait for a core.
bool BackgroundWorkers::has_loaded_long(const Batch& batch) {
  return batch.bucket.queue.is_in_background_workers.load(std::memory_order_relaxed) &&
         run_estimate_us(batch) > Scheduler::kCheapRunUs;
}

void BackgroundWorkers::push(Batch& batch) {
  push_back(batches_, batch);
}

Batch* BackgroundWorkers::pop(int64_t now_ns, int64_t& wake_ns) {
  const auto is_left = [](const Batch& batch) { return batch.bucket.queue.stuck >= kStuckRunsMax; };
  return pop_due(batches_, now_ns, wake_ns, is_left);
}

BatchList BackgroundWorkers::take_all() noexcept {
  return std::exchange(batches_, {});
}

WakeUp BackgroundWorkers::wake_one() {
  for (WorkerSlot* slot : workers_)
    if (std::exchange(slot->is_idle, false)) return slot->woken;
  return nullptr;
}

void BackgroundWorkers::notify_all() {
  for (WorkerSlot* slot : workers_) slot->woken->notify_one();
}
}  // namespace penstock
