#include "queue/scheduler.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <utility>

#include "core/assert.hpp"
#include "core/clock.hpp"
#include "core/thread_priority.hpp"
#include "queue/model_queue.hpp"
#include "queue/run_estimate.hpp"

namespace penstock {
bool Scheduler::add_worker(WorkerSlot& slot) {
  slot.writer = writers_.take();
  if (slot.writer == WriterNumbers::kNone) return false;
  slot.thread_id = this_thread_id();
  std::lock_guard lock(mutex_);
  if (slot.is_for_background)
    background_.add(slot);
  else
    workers_.add(slot);
  return true;
}

void Scheduler::remove_worker(WorkerSlot& slot) {
  std::deque<Job> orphans;
  {
    std::lock_guard lock(mutex_);
    workers_.remove(slot);
    background_.remove(slot);
    std::erase(aside_, &slot);
    workers_.end_return(slot);
    end_job(slot);
    workers_.advance_epoch();
    orphans.swap(slot.own_jobs);
    if (background_.is_empty())
      inherit_background();
    else if (background_.has_batches())
      notify(background_.wake_one());
    notify(wake_for_ready());
  }
  writers_.give_back(std::exchange(slot.writer, WriterNumbers::kNone));
}

void Scheduler::add_queue(ModelQueue& queue) {
  std::lock_guard lock(mutex_);
  models_.add(queue);
}

void Scheduler::remove_queue(ModelQueue& queue) {
  std::lock_guard lock(mutex_);
  models_.remove(queue);
}

// The other workers do it as well as they can, until a background worker comes back.
void Scheduler::inherit_background() {
  BatchList left = background_.take_all();
  while (left.head != nullptr) {
    Batch& batch = *std::exchange(left.head, left.head->next);
    if (ready_.is_crowding(batch.bucket.queue, batch.priority))
      ready_.park(batch);
    else
      ready_.make_ready(batch);
  }
  workers_.advance_epoch();
}

void Scheduler::refill(ModelQueue& queue) {
  if (ready_.refill(queue)) workers_.advance_epoch();
}

WakeUp Scheduler::wake_for_ready() {
  return ready_.has_ready() && workers_.should_wake(ready_.backlog_us()) ? workers_.wake_last_idle() : nullptr;
}

void Scheduler::wake() {
  WakeUp woken;
  {
    std::lock_guard lock(mutex_);
    workers_.advance_epoch();
    woken = workers_.wake_last_idle();
  }
  notify(woken);
}

// The next step of a pipeline belongs to the worker that did the one before: its cache holds the rows, and it is awake.
void Scheduler::announce_return(WorkerSlot& slot) {
  if (slot.is_for_background) return;
  std::lock_guard lock(mutex_);
  if (!slot.is_leaving) workers_.begin_return(slot);
}

void Scheduler::publish(Batch& batch) {
  WakeUp woken;
  bool closed = false;
  std::function<void()> on_wanted;
  {
    std::lock_guard lock(mutex_);
    closed = is_closed();
    if (!closed) {
      ModelQueue& queue = batch.bucket.queue;
      queue.published_batches.fetch_add(1, std::memory_order_relaxed);
      queue.published_ns.store(batch.opened_ns, std::memory_order_relaxed);
      ready_.number(batch);
      if (queue.is_held.load(std::memory_order_relaxed)) {
        ready_.park(batch);
        on_wanted.swap(queue.on_wanted);
      } else if (background_.is_offloaded(batch)) {
        background_.push(batch);
        woken = background_.wake_one();
      } else if (is_at_limit(queue) || ready_.is_crowding(queue, batch.priority)) {
        ready_.park(batch);
      } else {
        const bool is_expected = workers_.is_any_returning() && !ready_.has_ready();
        ready_.make_ready(batch);
        if (!is_expected) {
          workers_.advance_epoch();
          woken = wake_for_ready();
        }
      }
    }
  }
  if (closed) {
    batch.bucket.queue.seal(batch);
    discard_(batch);
  } else {
    notify(woken);
    if (on_wanted) on_wanted();
  }
}

WorkerSlot* Scheduler::find_slot(uint32_t index) const {
  WorkerSlot* const slot = find_worker(workers_.all(), index);
  return slot != nullptr ? slot : find_worker(background_.all(), index);
}

bool Scheduler::post(int worker, Job job) {
  std::lock_guard lock(mutex_);
  if (is_closed()) return false;
  WorkerSlot* const target = worker < 0 ? nullptr : find_slot(static_cast<uint32_t>(worker));
  if (worker >= 0 && target == nullptr) return false;
  job.posted_ns = now_ns();
  if (target == nullptr) {
    models_.note_shared_jobs();
    jobs_.push(std::move(job));
  } else {
    target->own_jobs.push_back(std::move(job));
  }
  if (target != nullptr && target->is_for_background) {
    target->woken->notify_one();
    return true;
  }
  workers_.advance_epoch();
  // All of them: a targeted job must reach its worker, and one that is woken may have a job of its own to do first.
  workers_.notify_idle();
  return true;
}

// A batch may have chosen this worker to be woken: it is passed on before the job, which can take seconds.
void Scheduler::pass_on_batches(const WorkerSlot& slot) {
  if (slot.is_for_background && background_.has_batches()) return notify(background_.wake_one());
  if (!ready_.has_ready()) return;
  workers_.advance_epoch();
  notify(wake_for_ready());
}

void Scheduler::begin_job(WorkerSlot& slot, Job&& job) {
  slot.job = std::move(job);
  slot.held = Held::kJob;
  pass_on_batches(slot);
}

// The job, or the check, that the worker was in before it takes again.
void Scheduler::end_job(WorkerSlot& slot) {
  slot.held = Held::kNothing;
  workers_.end_long(slot);
  end_yield(slot);
}

void Scheduler::begin_check(WorkerSlot& slot, uint32_t model_key) {
  std::lock_guard lock(mutex_);
  slot.held = Held::kCheck;
  slot.check_model_key = model_key;
  slot.taken_ns = now_ns();
  slot.restarted_ns = 0;
  slot.stop.reset();
}

bool Scheduler::take_shared_job(WorkerSlot& slot) {
  if (slot.is_for_background || jobs_.is_empty()) return false;
  Job job;
  if (!jobs_.take(workers_.may_run_long(), job)) return false;
  if (job.is_long) workers_.begin_long(slot);
  slot.had_shared_job = true;
  begin_job(slot, std::move(job));
  return true;
}

// A background worker's own session runs what is offloaded; nobody else sees it.
Batch* Scheduler::pop(const WorkerSlot& slot, int64_t now, int64_t& wake_ns) {
  if (slot.is_for_background) return background_.pop(now, wake_ns);
  return ready_.pop(models_, {!workers_.may_run_long(), !workers_.may_run_long_background()}, now, wake_ns);
}

// The batch in hand is the worker's. What it leaves behind may be worth waking another.
void Scheduler::begin_batch(WorkerSlot& slot) {
  ModelQueue& queue = slot.batch->bucket.queue;
  slot.held = Held::kBatch;
  slot.is_expensive = is_expensive(*slot.batch);
  slot.is_background = slot.batch->priority == Priority::kBackground;
  if (slot.is_for_background) return;
  workers_.begin_run(slot);
  ++queue.running;
  refill(queue);
  slot.is_alone = workers_.running() == 1 && !ready_.has_ready() && !ready_.has_throttled();
  if (is_long(queue)) workers_.begin_long(slot);
}

Take Scheduler::take(WorkerSlot& slot, int64_t timeout_ms) {
  PENSTOCK_ASSERT(slot.batch == nullptr);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(std::max<int64_t>(timeout_ms, 0));
  WakeUp woken;
  const int64_t asked_ns = now_ns();
  bool has_spun = false;
  {
    std::unique_lock lock(mutex_);
    workers_.end_return(slot);
    end_job(slot);
    slot.restarted_ns = 0;
    slot.stop.reset();
    const bool is_batch_first = std::exchange(slot.had_shared_job, false);
    for (;;) {
      if (is_closed()) return Take::kClosed;
      if (slot.is_leaving) return Take::kRetired;
      slot.taken_ns = now_ns();
      if (!slot.own_jobs.empty()) {
        Job job = std::move(slot.own_jobs.front());
        slot.own_jobs.pop_front();
        begin_job(slot, std::move(job));
        return Take::kJob;
      }
      if (!is_batch_first && take_shared_job(slot)) return Take::kJob;
      int64_t wake_ns = INT64_MAX;
      slot.batch = pop(slot, slot.taken_ns, wake_ns);
      if (slot.batch != nullptr) break;
      if (is_batch_first && take_shared_job(slot)) return Take::kJob;
      if (timeout_ms >= 0 && std::chrono::steady_clock::now() >= deadline) return Take::kTimeout;
      if (!has_spun && wake_ns == INT64_MAX && timeout_ms < 0 && workers_.may_spin(slot, spin_ns)) {
        has_spun = true;
        workers_.spin(lock, spin_ns);
        continue;
      }
      auto until = std::chrono::steady_clock::time_point::max();
      if (wake_ns != INT64_MAX) until = std::chrono::steady_clock::time_point{std::chrono::nanoseconds(wake_ns)};
      workers_.wait(lock, slot, timeout_ms >= 0 ? std::min(deadline, until) : until);
    }
    begin_batch(slot);
    if (!slot.is_for_background)
      woken = wake_for_ready();
    else if (background_.has_batches())
      woken = background_.wake_one();
  }
  notify(woken);
  slot.queue = slot.batch->bucket.queue.shared_from_this();
  slot.queue->seal(*slot.batch);
  // One long pause is forgotten after a few short ones.
  slot.wait_ns = (3 * slot.wait_ns + std::min(slot.taken_ns - asked_ns, 4 * spin_ns)) / 4;
  return Take::kBatch;
}

void Scheduler::finish(WorkerSlot& slot) {
  std::unique_lock lock(mutex_);
  ModelQueue& queue = std::exchange(slot.batch, nullptr)->bucket.queue;
  slot.held = Held::kNothing;
  if (std::exchange(slot.is_overrun, false)) --queue.overruns;
  if (slot.is_aside.load(std::memory_order_relaxed)) {
    const auto woken = finish_aside(slot, queue);
    lock.unlock();
    return notify(woken);
  }
  if (slot.is_for_background) return;
  workers_.end_long(slot);
  end_yield(slot);
  PENSTOCK_ASSERT(queue.running >= 1);
  workers_.end_run(slot);
  --queue.running;
  // This worker asks for its next batch in a moment, and a worker that ends wakes another: nobody need be woken here.
  refill(queue);
}

void Scheduler::limit_instances(ModelQueue& queue, uint32_t instances_max) {
  PENSTOCK_ASSERT(instances_max >= 1);
  WakeUp woken;
  {
    std::lock_guard lock(mutex_);
    queue.instances_max.store(instances_max, std::memory_order_relaxed);
    refill(queue);
    woken = wake_for_ready();
  }
  notify(woken);
}

// Rows are pending from before they are published until their batch has ended: where none is, no batch is anywhere, and
// one that is on its way finds the queue held.
bool Scheduler::hold(ModelQueue& queue, bool may_wait, std::function<void()> on_wanted) {
  bool has_waiting = false;
  {
    std::lock_guard lock(mutex_);
    PENSTOCK_ASSERT(!queue.is_held.load(std::memory_order_relaxed));
    for (const auto& pending : queue.pending_rows) has_waiting |= pending.load(std::memory_order_relaxed) != 0;
    // What is offloaded lies with the background workers, which do not look at the hold.
    if (queue.is_in_background_workers.load(std::memory_order_relaxed)) may_wait = false;
    if (queue.running != 0 || queue.stuck != 0 || (has_waiting && !may_wait)) return false;
    queue.is_held.store(true, std::memory_order_relaxed);
    queue.is_in_background_workers.store(false, std::memory_order_relaxed);
    if (!has_waiting) queue.on_wanted = std::move(on_wanted);
  }
  if (has_waiting) on_wanted();
  return true;
}

void Scheduler::release(ModelQueue& queue) {
  WakeUp woken;
  {
    std::lock_guard lock(mutex_);
    queue.is_held.store(false, std::memory_order_relaxed);
    queue.on_wanted = nullptr;
    refill(queue);
    woken = wake_for_ready();
  }
  notify(woken);
}

void Scheduler::close() {
  std::array<BatchList, kPriorityCount> orphans;
  std::deque<Job> jobs;
  {
    std::lock_guard lock(mutex_);
    is_closed_.store(true, std::memory_order_release);
    // What is inherited may be throttled.
    inherit_background();
    orphans = ready_.take_all();
    jobs = jobs_.take_all();
    workers_.notify_idle();
    background_.notify_all();
  }
  for (const BatchList& list : orphans) {
    for (Batch* batch = list.head; batch != nullptr;) {
      Batch* const next = batch->next;
      batch->bucket.queue.seal(*batch);
      discard_(*batch);
      batch = next;
    }
  }
}
}  // namespace penstock
