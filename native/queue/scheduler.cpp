#include "queue/scheduler.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "core/assert.hpp"
#include "core/clock.hpp"
#include "core/relax_cpu.hpp"
#include "queue/model_queue.hpp"

namespace penstock {
namespace {
double run_estimate_us(const Batch& batch) {
  return batch.lane.queue.us_per_run.load(std::memory_order_relaxed);
}

bool is_expensive(const Batch& batch) {
  const double estimate_us = run_estimate_us(batch);
  return estimate_us == 0.0 || estimate_us > Scheduler::kCheapRunUs;  // unknown: assume the worst
}

bool is_at_limit(const ModelQueue& queue) {
  return queue.running >= queue.instances_max.load(std::memory_order_relaxed);
}

void push_back(BatchList& list, Batch& batch) {
  batch.next = nullptr;
  (list.tail == nullptr ? list.head : list.tail->next) = &batch;
  list.tail = &batch;
}

// By publication: the newest go to the tail at once, and what comes back to a list was published before most of it.
void insert_in_order(BatchList& list, Batch& batch) {
  if (list.tail == nullptr || list.tail->sequence < batch.sequence) return push_back(list, batch);
  Batch* previous = nullptr;
  for (Batch* other = list.head; other != nullptr && other->sequence < batch.sequence; other = other->next)
    previous = other;
  batch.next = previous == nullptr ? list.head : previous->next;
  (previous == nullptr ? list.head : previous->next) = &batch;
}

// The oldest of the list, without long background batches unless they may run. Batches that wait for company
// (maxDelayUs) are passed over until they are full or due; wake_ns becomes the earliest moment one is due.
Batch* pop_due(BatchList& list, bool may_be_long_background, int64_t now, int64_t& wake_ns) {
  Batch* previous = nullptr;
  for (Batch* batch = list.head; batch != nullptr; previous = batch, batch = batch->next) {
    const int64_t due_ns = batch->opened_ns + batch->lane.queue.options.max_delay_us * 1000;
    if (due_ns > now && !batch->is_full.load(std::memory_order_relaxed)) {
      wake_ns = std::min(wake_ns, due_ns);
      continue;
    }
    if (batch->priority == Priority::kBackground && !may_be_long_background && is_expensive(*batch)) continue;
    (previous == nullptr ? list.head : previous->next) = batch->next;
    if (list.tail == batch) list.tail = previous;
    return batch;
  }
  return nullptr;
}

void notify(const std::shared_ptr<std::condition_variable>& woken) {
  if (woken != nullptr) woken->notify_one();
}
}  // namespace

bool Scheduler::add_worker(WorkerSeat& seat) {
  seat.writer = writers_.take();
  if (seat.writer == WriterNumbers::kNone) return false;
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
    count_workers();
    end_return(seat);
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
    insert_in_order(ready_[static_cast<size_t>(Priority::kBackground)], batch);
    backlog_us_ += run_estimate_us(batch);
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
      } else if (is_at_limit(batch.lane.queue)) {
        park(batch);
      } else {
        const bool is_expected = returning_ > 0 && !has_ready();
        push_back(ready_[static_cast<size_t>(batch.priority)], batch);
        backlog_us_ += run_estimate_us(batch);
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

// Callers hold the mutex, here and below.
void Scheduler::park(Batch& batch) {
  ModelQueue& queue = batch.lane.queue;
  if (queue.parked[0].head == nullptr && queue.parked[1].head == nullptr) parking_.push_back(&queue);
  insert_in_order(queue.parked[static_cast<size_t>(batch.priority)], batch);
}

void Scheduler::unpark_one(ModelQueue& queue) {
  for (size_t priority = 0; priority < kPriorities; ++priority) {
    BatchList& list = queue.parked[priority];
    if (list.head == nullptr) continue;
    Batch& batch = *std::exchange(list.head, list.head->next);
    if (list.head == nullptr) list.tail = nullptr;
    insert_in_order(ready_[priority], batch);
    news_.fetch_add(1, std::memory_order_release);
    backlog_us_ += run_estimate_us(batch);
    break;
  }
  if (queue.parked[0].head == nullptr && queue.parked[1].head == nullptr) std::erase(parking_, &queue);
}

// The oldest batch of the highest priority that may run now, in the caller's hands. A background worker's own session
// runs it, so the limit of instances is not for it: or interactive batches of the model would wait for its slow run.
Batch* Scheduler::pop(const WorkerSeat& seat, int64_t now, int64_t& wake_ns) {
  if (seat.is_for_background) return pop_due(long_background_, true, now, wake_ns);
  for (BatchList& list : ready_) {
    while (Batch* const batch = pop_due(list, may_run_long_background(), now, wake_ns)) {
      backlog_us_ = has_ready() ? std::max(0.0, backlog_us_ - run_estimate_us(*batch)) : 0.0;
      if (!is_at_limit(batch->lane.queue)) return batch;
      park(*batch);
    }
  }
  return nullptr;
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
    for (;;) {
      if (is_closed()) return Take::kClosed;
      std::deque<Job>& jobs = seat.own_jobs.empty() && !seat.is_for_background ? jobs_ : seat.own_jobs;
      if (!jobs.empty()) {
        seat.job = std::move(jobs.front());
        jobs.pop_front();
        // A batch may have chosen this seat to be woken: pass it on before the job, which can take seconds.
        if (seat.is_for_background && long_background_.head != nullptr)
          notify(wake_background_worker());
        else if (has_ready()) {
          news_.fetch_add(1, std::memory_order_release);
          if (should_wake()) wake_last_idle()->notify_one();
        }
        return Take::kJob;
      }
      int64_t wake_ns = INT64_MAX;
      seat.taken_ns = now_ns();
      seat.batch = pop(seat, seat.taken_ns, wake_ns);
      if (seat.batch != nullptr) break;
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
    seat.is_expensive = is_expensive(*seat.batch);
    seat.is_background = seat.batch->priority == Priority::kBackground;
    if (seat.is_for_background) {
      if (long_background_.head != nullptr) woken = wake_background_worker();
    } else {
      ++running_;
      ++seat.batch->lane.queue.running;
      seat.is_alone = running_ == 1 && !has_ready() && parking_.empty();
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
  std::lock_guard lock(mutex_);
  ModelQueue& queue = std::exchange(seat.batch, nullptr)->lane.queue;
  if (seat.is_for_background) return;
  PENSTOCK_ASSERT(running_ >= 1);
  PENSTOCK_ASSERT(queue.running >= 1);
  --running_;
  --queue.running;
  // This worker asks for its next batch in a moment, and a worker that ends wakes another: nobody need be woken here.
  if (!is_at_limit(queue)) unpark_one(queue);
  if (seat.is_expensive) --running_expensive_;
  if (seat.is_expensive && seat.is_background) --running_background_expensive_;
}

void Scheduler::limit_instances(ModelQueue& queue, uint32_t instances_max) {
  PENSTOCK_ASSERT(instances_max >= 1);
  std::shared_ptr<std::condition_variable> woken;
  {
    std::lock_guard lock(mutex_);
    queue.instances_max.store(instances_max, std::memory_order_relaxed);
    // All of them: those that are still too many are parked again when they are met.
    while (queue.parked[0].head != nullptr || queue.parked[1].head != nullptr) unpark_one(queue);
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
    while (!parking_.empty()) unpark_one(*parking_.back());
    inherit_long_background();
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
