// Batches that one thread appended to and has not published yet. An I/O thread publishes once per loop turn, so that a
// socket's whole burst travels in one batch and one wake-up; a worker publishes at the end of complete.
// Each listed batch is pinned, and its queue held, until the flush: another thread may have published it meanwhile and
// a worker may be done with it.
#pragma once
#include <memory>
#include <utility>
#include <vector>

#include "queue/model_queue.hpp"
#include "queue/scheduler.hpp"

namespace penstock {
class Publisher {
 public:
  ~Publisher() { flush(); }

  // Linear in the number of batches touched since the last flush: one per queue and priority.
  void add(Batch& batch) {
    if (batch.is_published.load(std::memory_order_relaxed)) return;
    for (const Item& item : items_)
      if (item.batch == &batch) return;
    batch.pin();
    items_.push_back({&batch, batch.bucket.queue.shared_from_this()});
  }
  void publish_now(Batch& batch) {
    ModelQueue& queue = batch.bucket.queue;
    if (!batch.is_published.exchange(true, std::memory_order_acq_rel))
      queue.scheduler.publish(batch);
    else if (queue.options.max_delay_us > 0)
      queue.scheduler.wake();
  }
  bool is_empty() const noexcept { return items_.empty(); }
  // May run discards (a closed runtime), which may add nothing here.
  void flush() {
    for (Item& item : items_) {
      publish_now(*item.batch);
      item.batch->unpin();
    }
    items_.clear();
  }

 private:
  struct Item {
    Batch* batch;
    std::shared_ptr<ModelQueue> queue;
  };
  std::vector<Item> items_;
};
}  // namespace penstock
