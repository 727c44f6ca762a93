#include "queue/ready_queue.hpp"

#include <algorithm>
#include <utility>

#include "queue/batch_list.hpp"
#include "queue/long_models.hpp"
#include "queue/run_estimate.hpp"

namespace penstock {
void ReadyQueue::park(Batch& batch) {
  ModelQueue& queue = batch.bucket.queue;
  if (queue.throttled[0].head == nullptr && queue.throttled[1].head == nullptr) throttled_queues_.push_back(&queue);
  insert_in_order(queue.throttled[static_cast<size_t>(batch.priority)], batch);
}

// By publication among those that are ready.
void ReadyQueue::make_ready(Batch& batch) {
  const auto priority = static_cast<size_t>(batch.priority);
  insert_in_order(ready_[priority], batch);
  ++batch.bucket.queue.ready[priority];
  backlog_us_ += run_estimate_us(batch);
}

bool ReadyQueue::refill_throttled(ModelQueue& queue) {
  bool is_any = false;
  for (size_t priority = 0; priority < kPriorityCount && !is_at_limit(queue); ++priority)
    while (queue.throttled[priority].head != nullptr && !is_crowding(queue, static_cast<Priority>(priority))) {
      admit_one(queue, priority);
      is_any = true;
    }
  return is_any;
}

void ReadyQueue::admit_one(ModelQueue& queue, size_t priority) {
  BatchList& list = queue.throttled[priority];
  Batch& batch = *std::exchange(list.head, list.head->next);
  if (list.head == nullptr) list.tail = nullptr;
  make_ready(batch);
  if (queue.throttled[0].head == nullptr && queue.throttled[1].head == nullptr) std::erase(throttled_queues_, &queue);
}

Batch* ReadyQueue::pop(const LongModels& models, KeptOut kept_out, int64_t now_ns, int64_t& wake_ns) {
  const auto is_left = [&](const Batch& batch) {
    if (kept_out.expensive_background && batch.priority == Priority::kBackground && is_expensive(batch)) return true;
    return kept_out.long_runs && models.is_held_back(batch, now_ns);
  };
  const auto turn_of = [this](const Batch& batch) { return std::max(virtual_us_, batch.bucket.queue.served_us); };
  for (BatchList& list : ready_) {
    while (Batch* const batch = pop_next_turn(list, now_ns, wake_ns, is_left, turn_of)) {
      ModelQueue& queue = batch->bucket.queue;
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

std::array<BatchList, kPriorityCount> ReadyQueue::take_all() {
  while (!throttled_queues_.empty()) {
    ModelQueue& queue = *throttled_queues_.back();
    admit_one(queue, queue.throttled[0].head != nullptr ? 0 : 1);
  }
  backlog_us_ = 0.0;
  return std::exchange(ready_, {});
}
}  // namespace penstock
