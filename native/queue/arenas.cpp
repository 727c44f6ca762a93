#include "queue/arenas.hpp"

#include <memory>

#include "queue/model_queue.hpp"

namespace penstock {
void Arenas::enlist(ModelQueue& queue) {
  std::lock_guard lock(mutex_);
  queues_.push_back(&queue);
}

void Arenas::leave(ModelQueue& queue) noexcept {
  std::lock_guard lock(mutex_);
  std::erase(queues_, &queue);
}

int64_t Arenas::trim(int64_t opened_before_ns) {
  // Taken out of the list first: a queue that ends here would wait for the list in its destructor.
  std::vector<std::shared_ptr<ModelQueue>> queues;
  {
    std::lock_guard lock(mutex_);
    for (ModelQueue* const queue : queues_)
      if (auto held = queue->weak_from_this().lock()) queues.push_back(std::move(held));
  }
  int64_t freed_bytes = 0;
  for (const auto& queue : queues) freed_bytes += queue->trim(opened_before_ns);
  return freed_bytes;
}
}  // namespace penstock
