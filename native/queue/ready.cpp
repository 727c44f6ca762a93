// Which batch is next: those that workers choose from, those that are parked with their queue, and the choice.
//
//     publish ─► ready ◄── refill ── parked: beyond the model's limit of runs, or behind its first kReadyBatches
//                  └─ pop: the highest priority, then the model that has had the least, then the oldest ─► a worker
//
// Callers hold the scheduler's mutex.
#include <algorithm>
#include <utility>

#include "queue/batch_list.hpp"
#include "queue/model_queue.hpp"
#include "queue/run_estimate.hpp"
#include "queue/scheduler.hpp"

namespace penstock {
void Scheduler::park(Batch& batch) {
  ModelQueue& queue = batch.lane.queue;
  if (queue.parked[0].head == nullptr && queue.parked[1].head == nullptr) parking_.push_back(&queue);
  insert_in_order(queue.parked[static_cast<size_t>(batch.priority)], batch);
}

// By publication among those that are ready.
void Scheduler::make_ready(Batch& batch) {
  const auto priority = static_cast<size_t>(batch.priority);
  insert_in_order(ready_[priority], batch);
  ++batch.lane.queue.ready[priority];
  backlog_us_ += run_estimate_us(batch);
}

// Batches that wait for company may be due in any order: all of them are seen.
bool Scheduler::is_crowding(const ModelQueue& queue, Priority priority) const {
  return queue.options.max_delay_us == 0 && queue.ready[static_cast<size_t>(priority)] >= kReadyBatches;
}

void Scheduler::refill(ModelQueue& queue) {
  for (size_t priority = 0; priority < kPriorities && !is_at_limit(queue); ++priority)
    while (queue.parked[priority].head != nullptr && !is_crowding(queue, static_cast<Priority>(priority)))
      unpark_one(queue, priority);
}

void Scheduler::unpark_one(ModelQueue& queue, size_t priority) {
  BatchList& list = queue.parked[priority];
  Batch& batch = *std::exchange(list.head, list.head->next);
  if (list.head == nullptr) list.tail = nullptr;
  make_ready(batch);
  news_.fetch_add(1, std::memory_order_release);
  if (queue.parked[0].head == nullptr && queue.parked[1].head == nullptr) std::erase(parking_, &queue);
}

// The next batch of the highest priority that may run now, in the caller's hands. A background worker's own session
// runs it, so the limit of instances is not for it: or interactive batches of the model would wait for its slow run.
Batch* Scheduler::pop(const WorkerSeat& seat, int64_t now, int64_t& wake_ns) {
  if (seat.is_for_background) {
    const auto is_left = [](const Batch& batch) { return batch.lane.queue.stuck >= kStuckRunsMax; };
    return pop_due(long_background_, now, wake_ns, is_left);
  }
  const bool leaves_one = !may_run_long();
  const bool leaves_one_background = !may_run_long_background();
  const auto is_left = [&](const Batch& batch) {
    if (leaves_one_background && batch.priority == Priority::kBackground && is_expensive(batch)) return true;
    return leaves_one && is_held_back(batch, now);
  };
  const auto turn_of = [this](const Batch& batch) { return std::max(virtual_us_, batch.lane.queue.served_us); };
  for (BatchList& list : ready_) {
    while (Batch* const batch = pop_next_turn(list, now, wake_ns, is_left, turn_of)) {
      ModelQueue& queue = batch->lane.queue;
      const double estimate_us = run_estimate_us(*batch);
      --queue.ready[static_cast<size_t>(batch->priority)];
      backlog_us_ = has_ready() ? std::max(0.0, backlog_us_ - estimate_us) : 0.0;
      if (is_at_limit(queue)) {
        park(*batch);
        continue;
      }
      virtual_us_ = turn_of(*batch);
      queue.served_us = virtual_us_ + estimate_us;
      return batch;
    }
  }
  return nullptr;
}
}  // namespace penstock
