// Which batch is next: those that workers choose from, those that are throttled with their queue, and the choice.
//
//     publish ─► ready ◄── refill ── throttled: beyond the model's limit of runs, or behind its first kReadyBatches
//                  └─ pop: the highest priority, then the model that has had the least, then the oldest ─► a worker
//
// Among models the workers' time is shared: next is whose model has had the least of it lately (start-time fair
// queueing, Goyal, Vin and Cheng 1996, by the estimated cost of a batch), so that a model with a request now and then
// does not wait behind the queue of one that is overloaded. Throttled batches are seen by nobody, and return to their
// place in the order of publication. Memory: lists are linked through the batches. Callers hold the scheduler's mutex.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "batch/batch.hpp"
#include "queue/model_queue.hpp"

namespace penstock {
class LongModels;

// Runs of which the last free worker is to be kept out.
struct KeptOut {
  bool long_runs = false;             // of models that are held back (LongModels)
  bool expensive_background = false;  // of background batches
};

class ReadyQueue {
 public:
  // Workers choose from so many batches of one queue and priority.
  static constexpr uint32_t kReadyBatches = 4;

  // Gives the batch its place in the order of publication.
  void number(Batch& batch) noexcept { batch.sequence = next_sequence_++; }
  // Whether the queue's next batch has to wait for one of its own to be taken. Batches that wait for more rows may be
  // due in any order: all of them are seen.
  static bool is_crowding(const ModelQueue& queue, Priority priority) noexcept {
    return queue.options.max_delay_us == 0 && queue.ready[static_cast<size_t>(priority)] >= kReadyBatches;
  }
  void park(Batch& batch);
  void make_ready(Batch& batch);
  // Whatever of the queue's throttled batches may be chosen from now. True: there was one.
  bool refill(ModelQueue& queue) {
    const bool has_throttled = queue.throttled[0].head != nullptr || queue.throttled[1].head != nullptr;
    return has_throttled && refill_throttled(queue);
  }
  // The next batch of the highest priority that may run now, in the caller's hands; null: none. `wake_ns` becomes the
  // earliest time at which one that waits for more rows is due.
  Batch* pop(const LongModels& models, KeptOut kept_out, int64_t now_ns, int64_t& wake_ns);
  // Everything, throttled batches too.
  std::array<BatchList, kPriorityCount> take_all();

  bool has_ready() const noexcept { return ready_[0].head != nullptr || ready_[1].head != nullptr; }
  bool has_throttled() const noexcept { return !throttled_queues_.empty(); }
  // Estimate for the batches that workers choose from.
  double backlog_us() const noexcept { return backlog_us_; }
  const std::array<BatchList, kPriorityCount>& lists() const noexcept { return ready_; }

 private:
  bool refill_throttled(ModelQueue& queue);
  // The oldest of its throttled batches goes to where it would be.
  void admit_one(ModelQueue& queue, size_t priority);

  std::array<BatchList, kPriorityCount> ready_;
  std::vector<ModelQueue*> throttled_queues_;  // queues with throttled batches
  uint64_t next_sequence_ = 1;
  double backlog_us_ = 0.0;
  double virtual_us_ = 0.0;  // where the share of the batch that was taken last began
};
}  // namespace penstock
