#include "queue/worker_set.hpp"

#include <thread>
#include <utility>

#include "core/clock.hpp"
#include "core/relax_cpu.hpp"
#include "queue/scheduler.hpp"

namespace penstock {
void WorkerSet::add(WorkerSlot& slot) {
  workers_.push_back(&slot);
  idle_.reserve(workers_.size());
  count_.store(workers_.size(), std::memory_order_relaxed);
}

void WorkerSet::remove(WorkerSlot& slot) {
  std::erase(workers_, &slot);
  count_.store(workers_.size(), std::memory_order_relaxed);
}

WakeUp WorkerSet::wake_last_idle() {
  if (idle_.empty()) return nullptr;
  WorkerSlot& slot = *idle_.back();
  idle_.pop_back();
  slot.is_idle = false;
  return slot.woken;
}

void WorkerSet::notify_idle() {
  for (WorkerSlot* slot : idle_) slot->woken->notify_one();
}

bool WorkerSet::pays(double backlog_us) const noexcept {
  return running_ == 0 || running_expensive_ > 0 || backlog_us > Scheduler::kCheapRunUs;
}

void WorkerSet::wait(std::unique_lock<std::mutex>& lock, WorkerSlot& slot,
                     std::chrono::steady_clock::time_point until) {
  slot.is_idle = true;
  if (!slot.is_for_background) idle_.push_back(&slot);
  if (until == std::chrono::steady_clock::time_point::max())
    slot.woken->wait(lock);
  else
    slot.woken->wait_until(lock, until);
  // Woken by the clock or by nobody: still listed.
  if (std::exchange(slot.is_idle, false)) std::erase(idle_, &slot);
}

// Whoever publishes meanwhile wakes nobody, so the caller looks again under the lock before it sleeps.
void WorkerSet::spin(std::unique_lock<std::mutex>& lock, int64_t spin_ns) {
  constexpr int kPausesPerYield = 64;
  const uint32_t seen = epoch_.load(std::memory_order_relaxed);
  ++spinning_;
  lock.unlock();
  const int64_t until_ns = now_ns() + spin_ns;
  while (epoch_.load(std::memory_order_acquire) == seen && now_ns() < until_ns) {
    for (int pause = 0; pause < kPausesPerYield && epoch_.load(std::memory_order_relaxed) == seen; ++pause) relax_cpu();
    std::this_thread::yield();
  }
  lock.lock();
  --spinning_;
}

WorkerSlot* find_worker(const std::vector<WorkerSlot*>& slots, uint32_t index) {
  for (WorkerSlot* slot : slots)
    if (slot->index == index) return slot;
  return nullptr;
}
}  // namespace penstock
