// The workers that the kernel runs with what the others leave of the cores, and the batches that are offloaded to them:
// the long background runs of the models that they have loaded. They do nothing else, and as long as there is one,
// nobody else does these. Callers hold the scheduler's mutex; the count is read by any thread.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "batch/batch.hpp"
#include "queue/worker.hpp"

namespace penstock {
class BackgroundWorkers {
 public:
  void add(WorkerSlot& slot);
  void remove(WorkerSlot& slot);
  bool is_empty() const noexcept { return workers_.empty(); }
  size_t count() const noexcept { return count_.load(std::memory_order_relaxed); }
  const std::vector<WorkerSlot*>& all() const noexcept { return workers_; }

  // Whether the batch is to wait for them.
  bool is_offloaded(const Batch& batch) const {
    return batch.priority == Priority::kBackground && !workers_.empty() && has_loaded_long(batch);
  }
  void push(Batch& batch);
  bool has_batches() const noexcept { return batches_.head != nullptr; }
  // The oldest that may run now; null: none. Their own sessions run it, so the limit of instances is not for it: or
  // interactive batches of the model would wait for its slow run.
  Batch* pop(int64_t now_ns, int64_t& wake_ns);
  // What the other workers have to do when there is none of these.
  BatchList take_all() noexcept;

  // Null: none is idle.
  WakeUp wake_one();
  void notify_all();

 private:
  // The batch is long, and of a model that these workers have loaded.
  static bool has_loaded_long(const Batch& batch);

  std::vector<WorkerSlot*> workers_;
  std::atomic<size_t> count_{0};
  BatchList batches_;  // empty when there is no worker
};
}  // namespace penstock
