#include "queue/scheduler.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "core/assert.hpp"
#include "core/clock.hpp"
#include "core/relax_cpu.hpp"
#include "core/thread_priority.hpp"
#include "queue/batch_list.hpp"
#include "queue/model_queue.hpp"
#include "queue/run_estimate.hpp"

namespace penstock {
namespace {
void notify(const std::shared_ptr<std::condition_variable>& woken) {
  if (woken != nullptr) woken->notify_one();
}
}  // namespace

bool Scheduler::add_worker(WorkerSeat& seat) {
  seat.writer = writers_.take();
  if (seat.writer == WriterNumbers::kNone) return false;
  seat.thread_id = this_thread_id();
  std::lock_guard lock(mutex_);
  (seat.is_for_background ? background_workers_ : workers_).push_back(&seat);
  idle_.reserve(workers_.size());
  count_workers();
  return true;
}

void Scheduler::remove_worker(WorkerSeat& seat) {
  std::deque<Job> orphans;
  {
    std::lock_guard lock(mutex_);
    std::erase(workers_, &seat);
    std::erase(background_workers_, &seat);
    std::erase(aside_, &seat);
    count_workers();
    end_return(seat);
    end_job(seat);
    news_.fetch_add(1, std::memory_order_release);
    orphans.swap(seat.own_jobs);
    if (background_workers_.empty())
      inherit_long_background();
    else if (long_background_.head != nullptr)
      notify(wake_background_worker());
    if (has_ready() && should_wake()) wake_last_idle()->notify_one();
  }
  writers_.give_back(std::exchange(seat.writer, WriterNumbers::kNone));
}

void Scheduler::count_workers() {
  worker_count_.store(workers_.size(), std::memory_order_relaxed);
  background_worker_count_.store(background_workers_.size(), std::memory_order_relaxed);
}

bool Scheduler::should_wake() const {
  if (idle_.empty() || watching_ > 0) return false;
  return running_ == 0 || running_expensive_ > 0 || backlog_us_ > kCheapRunUs;
}

// What a run costs must be known, from another worker: a short one would only wait for a core.
bool Scheduler::is_left_to_background(const Batch& batch) const {
  return batch.priority == Priority::kBackground && !background_workers_.empty() &&
         batch.lane.queue.is_in_background_workers.load(std::memory_order_relaxed) &&
         run_estimate_us(batch) > kCheapRunUs;
}

// The other workers do it as well as they can, until a background worker comes back. Callers hold the mutex.
void Scheduler::inherit_long_background() {
  BatchList left = std::exchange(long_background_, {});
  while (left.head != nullptr) {
    Batch& batch = *std::exchange(left.head, left.head->next);
    if (is_crowding(batch.lane.queue, batch.priority))
      park(batch);
    else
      make_ready(batch);
  }
  news_.fetch_add(1, std::memory_order_release);
}

std::shared_ptr<std::condition_variable> Scheduler::wake_background_worker() {
  for (WorkerSeat* seat : background_workers_)
    if (std::exchange(seat->is_idle, false)) return seat->woken;
  return nullptr;
}

bool Scheduler::may_run_long_background() const {
  return workers_.size() < 2 || running_background_expensive_ + 1 < workers_.size();
}

std::shared_ptr<std::condition_variable> Scheduler::wake_last_idle() {
  if (idle_.empty()) return nullptr;
  WorkerSeat& seat = *idle_.back();
  idle_.pop_back();
  seat.is_idle = false;
  return seat.woken;
}

void Scheduler::nudge() {
  std::shared_ptr<std::condition_variable> woken;
  {
    std::lock_guard lock(mutex_);
    news_.fetch_add(1, std::memory_order_release);
    woken = wake_last_idle();
  }
  if (woken != nullptr) woken->notify_one();
}

bool Scheduler::may_watch(const WorkerSeat& seat) const {
  return watching_ == 0 && !seat.is_for_background && seat.wait_ns < watch_ns;
}

// Whoever publishes meanwhile wakes nobody, so the caller looks again under the lock before it sleeps.
void Scheduler::watch(std::unique_lock<std::mutex>& lock) {
  constexpr int kPausesPerYield = 64;
  const uint32_t seen = news_.load(std::memory_order_relaxed);
  ++watching_;
  lock.unlock();
  const int64_t until_ns = now_ns() + watch_ns;
  while (news_.load(std::memory_order_acquire) == seen && now_ns() < until_ns) {
    for (int pause = 0; pause < kPausesPerYield && news_.load(std::memory_order_relaxed) == seen; ++pause) relax_cpu();
    std::this_thread::yield();
  }
  lock.lock();
  --watching_;
}

// The next step of a pipeline belongs to the worker that did the one before: its cache holds the rows, and it is awake.
void Scheduler::announce_return(WorkerSeat& seat) {
  if (seat.is_for_background) return;
  std::lock_guard lock(mutex_);
  if (seat.is_leaving) return;
  seat.is_returning = true;
  ++returning_;
}

void Scheduler::end_return(WorkerSeat& seat) {
  if (std::exchange(seat.is_returning, false)) --returning_;
}

void Scheduler::wait(std::unique_lock<std::mutex>& lock, WorkerSeat& seat,
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

void Scheduler::publish(Batch& batch) {
  std::shared_ptr<std::condition_variable> woken;
  bool closed = false;
  {
    std::lock_guard lock(mutex_);
    closed = is_closed();
    if (!closed) {
      batch.sequence = next_sequence_++;
      if (is_left_to_background(batch)) {
        push_back(long_background_, batch);
        woken = wake_background_worker();
      } else if (is_at_limit(batch.lane.queue) || is_crowding(batch.lane.queue, batch.priority)) {
        park(batch);
      } else {
        const bool is_expected = returning_ > 0 && !has_ready();
        make_ready(batch);
        if (!is_expected) {
          news_.fetch_add(1, std::memory_order_release);
          if (should_wake()) woken = wake_last_idle();
        }
      }
    }
  }
  if (closed) {
    batch.lane.queue.seal(batch);
    discard_(batch);
  } else if (woken != nullptr) {
    woken->notify_one();
  }
}

WorkerSeat* Scheduler::find_seat(uint32_t index) const {
  for (const std::vector<WorkerSeat*>* seats : {&workers_, &background_workers_})
    for (WorkerSeat* seat : *seats)
      if (seat->index == index) return seat;
  return nullptr;
}

bool Scheduler::post(int worker, Job job) {
  std::lock_guard lock(mutex_);
  if (is_closed()) return false;
  WorkerSeat* const target = worker < 0 ? nullptr : find_seat(static_cast<uint32_t>(worker));
  if (worker >= 0 && target == nullptr) return false;
  if (target == nullptr) has_shared_jobs_ = true;
  job.posted_ns = now_ns();
  (target == nullptr ? jobs_ : target->own_jobs).push_back(std::move(job));
  if (target != nullptr && target->is_for_background) {
    target->woken->notify_one();
    return true;
  }
  news_.fetch_add(1, std::memory_order_release);
  // All of them: a targeted job must reach its worker, and one that is woken may have a job of its own to do first.
  for (WorkerSeat* seat : idle_) seat->woken->notify_one();
  return true;
}

// A batch may have chosen this seat to be woken: it is passed on before the job, which can take seconds.
void Scheduler::pass_on_batches(const WorkerSeat& seat) {
  if (seat.is_for_background && long_background_.head != nullptr) return notify(wake_background_worker());
  if (!has_ready()) return;
  news_.fetch_add(1, std::memory_order_release);
  if (should_wake()) wake_last_idle()->notify_one();
}

Take Scheduler::take(WorkerSeat& seat, int64_t timeout_ms) {
  PENSTOCK_ASSERT(seat.batch == nullptr);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(std::max<int64_t>(timeout_ms, 0));
  std::shared_ptr<std::condition_variable> woken;
  const int64_t asked_ns = now_ns();
  bool has_watched = false;
  {
    std::unique_lock lock(mutex_);
    end_return(seat);
    end_job(seat);
    const bool is_batch_first = std::exchange(seat.had_shared_job, false);
    for (;;) {
      if (is_closed()) return Take::kClosed;
      if (seat.is_leaving) return Take::kRetired;
      seat.taken_ns = now_ns();
      if (!seat.own_jobs.empty()) {
        Job job = std::move(seat.own_jobs.front());
        seat.own_jobs.pop_front();
        begin_job(seat, std::move(job));
        return Take::kJob;
      }
      if (!is_batch_first && take_shared_job(seat)) return Take::kJob;
      int64_t wake_ns = INT64_MAX;
      seat.batch = pop(seat, seat.taken_ns, wake_ns);
      if (seat.batch != nullptr) break;
      if (is_batch_first && take_shared_job(seat)) return Take::kJob;
      if (timeout_ms >= 0 && std::chrono::steady_clock::now() >= deadline) return Take::kTimeout;
      if (!has_watched && wake_ns == INT64_MAX && timeout_ms < 0 && may_watch(seat)) {
        has_watched = true;
        watch(lock);
        continue;
      }
      auto until = std::chrono::steady_clock::time_point::max();
      if (wake_ns != INT64_MAX) until = std::chrono::steady_clock::time_point{std::chrono::nanoseconds(wake_ns)};
      wait(lock, seat, timeout_ms >= 0 ? std::min(deadline, until) : until);
    }
    seat.held = Held::kBatch;
    seat.is_expensive = is_expensive(*seat.batch);
    seat.is_background = seat.batch->priority == Priority::kBackground;
    if (seat.is_for_background) {
      if (long_background_.head != nullptr) woken = wake_background_worker();
    } else {
      ++running_;
      ++seat.batch->lane.queue.running;
      refill(seat.batch->lane.queue);
      seat.is_alone = running_ == 1 && !has_ready() && parking_.empty();
      seat.is_long = is_long(seat.batch->lane.queue);
      if (seat.is_long) ++running_long_;
      if (seat.is_expensive) ++running_expensive_;
      if (seat.is_expensive && seat.is_background) ++running_background_expensive_;
      if (has_ready() && should_wake()) woken = wake_last_idle();
    }
  }
  if (woken != nullptr) woken->notify_one();
  seat.queue = seat.batch->lane.queue.shared_from_this();
  seat.queue->seal(*seat.batch);
  // One long pause is forgotten after a few short ones.
  seat.wait_ns = (3 * seat.wait_ns + std::min(seat.taken_ns - asked_ns, 4 * watch_ns)) / 4;
  return Take::kBatch;
}

void Scheduler::finish(WorkerSeat& seat) {
  std::unique_lock lock(mutex_);
  ModelQueue& queue = std::exchange(seat.batch, nullptr)->lane.queue;
  seat.held = Held::kNothing;
  if (std::exchange(seat.is_overrun, false)) --queue.overruns;
  if (seat.is_aside.load(std::memory_order_relaxed)) {
    const auto woken = finish_aside(seat, queue);
    lock.unlock();
    return notify(woken);
  }
  if (seat.is_for_background) return;
  end_long(seat);
  end_yield(seat);
  PENSTOCK_ASSERT(running_ >= 1);
  PENSTOCK_ASSERT(queue.running >= 1);
  --running_;
  --queue.running;
  // This worker asks for its next batch in a moment, and a worker that ends wakes another: nobody need be woken here.
  refill(queue);
  if (seat.is_expensive) --running_expensive_;
  if (seat.is_expensive && seat.is_background) --running_background_expensive_;
}

void Scheduler::limit_instances(ModelQueue& queue, uint32_t instances_max) {
  PENSTOCK_ASSERT(instances_max >= 1);
  std::shared_ptr<std::condition_variable> woken;
  {
    std::lock_guard lock(mutex_);
    queue.instances_max.store(instances_max, std::memory_order_relaxed);
    refill(queue);
    if (has_ready() && should_wake()) woken = wake_last_idle();
  }
  if (woken != nullptr) woken->notify_one();
}

void Scheduler::close() {
  std::array<BatchList, kPriorities> orphans;
  std::deque<Job> jobs;
  {
    std::lock_guard lock(mutex_);
    is_closed_.store(true, std::memory_order_release);
    news_.fetch_add(1, std::memory_order_release);
    // What is inherited may be parked.
    inherit_long_background();
    while (!parking_.empty()) {
      ModelQueue& queue = *parking_.back();
      unpark_one(queue, queue.parked[0].head != nullptr ? 0 : 1);
    }
    orphans.swap(ready_);
    jobs.swap(jobs_);
    backlog_us_ = 0.0;
    for (WorkerSeat* seat : idle_) seat->woken->notify_one();
    for (WorkerSeat* seat : background_workers_) seat->woken->notify_one();
  }
  for (const BatchList& list : orphans) {
    for (Batch* batch = list.head; batch != nullptr;) {
      Batch* const next = batch->next;
      batch->lane.queue.seal(*batch);
      discard_(*batch);
      batch = next;
    }
  }
}
}  // namespace penstock
