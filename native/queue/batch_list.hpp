// Lists of published batches, linked through Batch::next. Callers hold the scheduler's mutex.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>

#include "batch/batch.hpp"
#include "queue/model_queue.hpp"

namespace penstock {
inline void push_back(BatchList& list, Batch& batch) {
  batch.next = nullptr;
  (list.tail == nullptr ? list.head : list.tail->next) = &batch;
  list.tail = &batch;
}

// By publication: the newest go to the tail at once, and what comes back to a list was published before most of it.
inline void insert_in_order(BatchList& list, Batch& batch) {
  if (list.tail == nullptr || list.tail->sequence < batch.sequence) return push_back(list, batch);
  Batch* previous = nullptr;
  for (Batch* other = list.head; other != nullptr && other->sequence < batch.sequence; other = other->next)
    previous = other;
  batch.next = previous == nullptr ? list.head : previous->next;
  (previous == nullptr ? list.head : previous->next) = &batch;
}

inline int64_t due_ns_of(const Batch& batch) {
  return batch.opened_ns + batch.bucket.queue.options.max_delay_us * 1000;
}

// Whether it waits for more rows (maxDelayUs) no longer; wake_ns becomes the earliest time one is due.
inline bool is_due(const Batch& batch, int64_t now_ns, int64_t& wake_ns) {
  const int64_t due_ns = due_ns_of(batch);
  if (due_ns <= now_ns || batch.is_full.load(std::memory_order_relaxed)) return true;
  wake_ns = std::min(wake_ns, due_ns);
  return false;
}

inline Batch* remove_after(BatchList& list, Batch* previous, Batch& batch) {
  (previous == nullptr ? list.head : previous->next) = batch.next;
  if (list.tail == &batch) list.tail = previous;
  return &batch;
}

// The oldest of the list that is due and not left to others.
template <typename IsLeft>
Batch* pop_due(BatchList& list, int64_t now_ns, int64_t& wake_ns, const IsLeft& is_left) {
  Batch* previous = nullptr;
  for (Batch* batch = list.head; batch != nullptr; previous = batch, batch = batch->next)
    if (is_due(*batch, now_ns, wake_ns) && !is_left(*batch)) return remove_after(list, previous, *batch);
  return nullptr;
}

// The same of those whose turn is the lowest. turn_of(batch) is a number.
template <typename IsLeft, typename TurnOf>
Batch* pop_next_turn(BatchList& list, int64_t now_ns, int64_t& wake_ns, const IsLeft& is_left, const TurnOf& turn_of) {
  Batch* best = nullptr;
  Batch* before_best = nullptr;
  Batch* previous = nullptr;
  for (Batch* batch = list.head; batch != nullptr; previous = batch, batch = batch->next) {
    if (!is_due(*batch, now_ns, wake_ns)) continue;
    if ((best != nullptr && turn_of(*batch) >= turn_of(*best)) || is_left(*batch)) continue;
    best = batch;
    before_best = previous;
  }
  return best == nullptr ? nullptr : remove_after(list, before_best, *best);
}
}  // namespace penstock
