#include "queue/worker_set.hpp"

#include <thread>
#include <utility>

#include "core/clock.hpp"
#include "core/relax_cpu.hpp"
#include "queue/scheduler.hpp"

namespace penstock {
void WorkerSet::add(WorkerSeat& seat) {
  workers_.push_back(&seat);
  idle_.reserve(workers_.size());
  count_.store(workers_.size(), std::memory_order_relaxed);
}

void WorkerSet::remove(WorkerSeat& seat) {
  std::erase(workers_, &seat);
  count_.store(workers_.size(), std::memory_order_relaxed);
}

WakeUp WorkerSet::wake_last_idle() {
  if (idle_.empty()) return nullptr;
  WorkerSeat& seat = *idle_.back();
  idle_.pop_back();
  seat.is_idle = false;
  return seat.woken;
}

void WorkerSet::notify_idle() {
  for (WorkerSeat* seat : idle_) seat->woken->notify_one();
}

bool WorkerSet::pays(double backlog_us) const noexcept {
  return running_ == 0 || running_expensive_ > 0 || backlog_us > Scheduler::kCheapRunUs;
}

void WorkerSet::wait(std::unique_lock<std::mutex>& lock, WorkerSeat& seat,
                     std::chrono::steady_clock::time_point until) {
  seat.is_idle = true;
  if (!seat.is_for_background) idle_.push_back(&seat);
  if (until == std::chrono::steady_clock::time_point::max())
    seat.woken->wait(lock);
  else
    seat.woken->wait_until(lock, until);
  // Woken by the clock or by nobody: still listed.
  if (std::exchange(seat.is_idle, false)) std::erase(idle_, &seat);
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

WorkerSeat* find_worker(const std::vector<WorkerSeat*>& seats, uint32_t index) {
  for (WorkerSeat* seat : seats)
    if (seat->index == index) return seat;
  return nullptr;
}
}  // namespace penstock
