// The workers of a runtime but the background workers: who is there, who is idle and is woken next, and what they run.
//
//   running ─► spinning (one at a time) ─► idle, asleep ─ wake_last_idle ─► running
//
// The idle worker that worked last is woken first: its caches are warm, and the others may sleep on. A worker that was
// seldom idle for long spins before it sleeps, because waking a core that has gone to sleep costs more than a
// small run; its core is offered to others every few microseconds. It sees by the epoch that there is something to look
// for, so whoever publishes meanwhile wakes nobody. A worker may be expected back: it is about to publish what follows
// from its batch and takes next, and is left the first of it.
// Callers hold the scheduler's mutex; the count is read by any thread, the epoch by the worker that spins.
#pragma once
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "core/assert.hpp"
#include "queue/worker.hpp"

namespace penstock {
class WorkerSet {
 public:
  void add(WorkerSlot& slot);
  void remove(WorkerSlot& slot);
  size_t count() const noexcept { return count_.load(std::memory_order_relaxed); }
  const std::vector<WorkerSlot*>& all() const noexcept { return workers_; }

  // ── idle ones ──
  // Null: nobody is idle.
  WakeUp wake_last_idle();
  // All of them look again, and stay listed until they do.
  void notify_idle();
  // Whether waking another pays, with so much work that waits.
  bool should_wake(double backlog_us) const noexcept { return !idle_.empty() && spinning_ == 0 && pays(backlog_us); }
  // Sleeps until the worker is woken; also for a background worker, which is not listed.
  void wait(std::unique_lock<std::mutex>& lock, WorkerSlot& slot, std::chrono::steady_clock::time_point until);

  // ── spinning ──
  // There is something to look for: a batch, a job, the end.
  void advance_epoch() noexcept { epoch_.fetch_add(1, std::memory_order_release); }
  bool may_spin(const WorkerSlot& slot, int64_t spin_ns) const noexcept {
    return spinning_ == 0 && !slot.is_for_background && slot.wait_ns < spin_ns;
  }
  // Spins for so long, without the lock, or until the epoch advances.
  void spin(std::unique_lock<std::mutex>& lock, int64_t spin_ns);

  // ── those that are expected back ──
  void begin_return(WorkerSlot& slot) noexcept {
    slot.is_returning = true;
    ++returning_;
  }
  void end_return(WorkerSlot& slot) noexcept {
    if (std::exchange(slot.is_returning, false)) --returning_;
  }
  bool is_any_returning() const noexcept { return returning_ > 0; }

  // ── what they run ──
  // Whether a worker is left to others when this one begins a long run.
  bool may_run_long() const noexcept { return workers_.size() < 2 || running_long_ + 1 < workers_.size(); }
  bool may_run_long_background() const noexcept {
    return workers_.size() < 2 || running_background_expensive_ + 1 < workers_.size();
  }
  void begin_run(const WorkerSlot& slot) noexcept {
    ++running_;
    if (slot.is_expensive) ++running_expensive_;
    if (slot.is_expensive && slot.is_background) ++running_background_expensive_;
  }
  void end_run(const WorkerSlot& slot) noexcept {
    PENSTOCK_ASSERT(running_ >= 1);
    --running_;
    if (slot.is_expensive) --running_expensive_;
    if (slot.is_expensive && slot.is_background) --running_background_expensive_;
  }
  size_t running() const noexcept { return running_; }
  // A batch or a job that is long, or has turned out to be.
  void begin_long(WorkerSlot& slot) noexcept {
    if (!std::exchange(slot.is_long, true)) ++running_long_;
  }
  void end_long(WorkerSlot& slot) noexcept {
    if (std::exchange(slot.is_long, false)) --running_long_;
  }

 private:
  bool pays(double backlog_us) const noexcept;

  std::vector<WorkerSlot*> workers_;
  std::atomic<size_t> count_{0};
  std::vector<WorkerSlot*> idle_;  // the one that worked last at the back
  std::atomic<uint32_t> epoch_{0};
  size_t spinning_ = 0;
  size_t returning_ = 0;
  size_t running_ = 0;
  size_t running_expensive_ = 0;
  size_t running_background_expensive_ = 0;
  size_t running_long_ = 0;
};

// The worker of that number among `slots`; null: none.
WorkerSlot* find_worker(const std::vector<WorkerSlot*>& slots, uint32_t index);
}  // namespace penstock
