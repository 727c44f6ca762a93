// What the scheduler does about runs that take long: it keeps a worker out of them, reports which there are, and sets
// workers aside whose run does not end.
//
//     in hand ──kLongRunUs──► long (look) ──the engine's limit──► set aside ──the run ends──► answered, retired
//                                 └── kYieldFactor times what is known ──► yields its core ──the run ends──► as before
//
// A worker that was set aside is counted nowhere: neither among the workers nor what it runs. Only its queue remembers
// it (running, stuck), so that one model holds kStuckRunsMax of such workers. Callers hold the mutex unless a method is
// public.
#include <algorithm>
#include <utility>

#include "core/assert.hpp"
#include "core/clock.hpp"
#include "core/thread_priority.hpp"
#include "queue/batch_list.hpp"
#include "queue/model_queue.hpp"
#include "queue/scheduler.hpp"

namespace penstock {
namespace {
// Batches that a look goes through: those behind them came later.
constexpr int kLookedAtMax = 256;
}  // namespace

// Where the thread cannot be raised again, it must not yield before it is known to be lost.
void Scheduler::yield_unexpected(WorkerSlot& slot, int64_t elapsed_ns) {
  if (slot.is_yielding || !may_raise_threads()) return;
  const double known_us = slot.held == Held::kBatch ? known_run_us(slot.batch->bucket.queue) : kLongRunUs;
  if (static_cast<double>(elapsed_ns) <= kYieldFactor * known_us * 1000.0) return;
  slot.is_yielding = true;
  slot.niceness = niceness_of(slot.thread_id);
  yield_thread(slot.thread_id, std::max(slot.niceness, kNicer));
}

void Scheduler::end_yield(WorkerSlot& slot) {
  if (std::exchange(slot.is_yielding, false)) yield_thread(slot.thread_id, slot.niceness);
}

RunInHand Scheduler::run_of(const WorkerSlot& slot, int64_t now) const {
  RunInHand run{.worker = slot.index, .start_ns = slot.began_ns(), .held = slot.held};
  run.elapsed_ns = now - slot.began_ns();
  run.is_unheard = slot.stop.is_unheard();
  run.is_aside = slot.is_aside.load(std::memory_order_relaxed);
  if (slot.held == Held::kBatch) {
    const ModelQueue& queue = slot.batch->bucket.queue;
    run.model_key = queue.options.model_key;
    const double background_us = queue.us_per_background_row.load(std::memory_order_relaxed) * slot.batch->rows;
    run.expected_us = std::max({known_run_us(queue), queue.expected_run_us.load(std::memory_order_relaxed),
                                slot.is_for_background ? background_us : 0.0});
  } else if (slot.held == Held::kCheck) {
    run.model_key = slot.check_model_key;
  } else {
    run.tag = slot.job.tag;
  }
  return run;
}

// A background worker yields its core to others: what takes long there says nothing of the model. A worker that loads
// or unloads comes back: were it counted, a model of long runs would stand still while another is promoted.
void Scheduler::note_overrun(WorkerSlot& slot, int64_t now) {
  if (slot.held == Held::kNothing || slot.is_for_background) return;
  if (slot.held == Held::kJob && !slot.had_shared_job) return;
  if (now - slot.taken_ns <= static_cast<int64_t>(kLongRunUs * 1000.0)) return;
  if (slot.held == Held::kBatch && !std::exchange(slot.is_overrun, true)) ++slot.batch->bucket.queue.overruns;
  workers_.begin_long(slot);
  yield_unexpected(slot, now - slot.taken_ns);
}

// A long model's own queue is no harm to others.
void Scheduler::measure_waits(WorkersLook& seen, int64_t now) const {
  int looked_at = 0;
  const bool leaves_one = !workers_.may_run_long();
  for (const BatchList& list : ready_.lists()) {
    for (const Batch* batch = list.head; batch != nullptr && looked_at < kLookedAtMax; batch = batch->next) {
      ++looked_at;
      const ModelQueue& queue = batch->bucket.queue;
      const int64_t wait_ns = now - due_ns_of(*batch);
      if (is_at_limit(queue)) continue;
      if (leaves_one && models_.is_held_back(*batch, now))
        seen.held_back_ns = std::max(seen.held_back_ns, wait_ns);
      else if (!is_known_long(queue) && (queue.running == 0 || !is_long(queue)))
        seen.waiting_ns = std::max(seen.waiting_ns, wait_ns);
    }
  }
  for (const Job& job : jobs_.all()) {
    if (!job.is_long)
      seen.waiting_ns = std::max(seen.waiting_ns, now - job.posted_ns);
    else if (leaves_one)
      seen.held_back_ns = std::max(seen.held_back_ns, now - job.posted_ns);
  }
}

WorkersLook Scheduler::look() {
  WorkersLook seen;
  WakeUp woken;
  {
    std::lock_guard lock(mutex_);
    const int64_t now = now_ns();
    for (WorkerSlot* slot : workers_.all()) {
      note_overrun(*slot, now);
      const int64_t busy_ns = slot->held == Held::kNothing ? 0 : now - slot->taken_ns;
      if (!slot->is_leaving) seen.without_free_ns = std::min(seen.without_free_ns, busy_ns);
    }
    for (const std::vector<WorkerSlot*>* slots : {&workers_.all(), &background_.all(), &std::as_const(aside_)})
      for (const WorkerSlot* slot : *slots)
        if (slot->held != Held::kNothing && now - slot->began_ns() > static_cast<int64_t>(kLongRunUs * 1000.0))
          seen.runs.push_back(run_of(*slot, now));
    measure_waits(seen, now);
    // What was held back for a model that has gone meanwhile, or waited for a stuck run that has ended.
    if (ready_.has_ready()) woken = workers_.wake_last_idle();
    if (woken == nullptr && background_.has_batches()) woken = background_.wake_one();
  }
  notify(woken);
  return seen;
}

bool Scheduler::set_aside(uint32_t worker, int64_t start_ns) {
  std::deque<Job> orphans;
  std::lock_guard lock(mutex_);
  WorkerSlot* const slot = find_slot(worker);
  if (slot == nullptr || slot->held == Held::kNothing || slot->began_ns() != start_ns) return false;
  workers_.remove(*slot);
  background_.remove(*slot);
  aside_.push_back(slot);
  workers_.end_long(*slot);
  if (slot->held == Held::kBatch) {
    ++slot->batch->bucket.queue.stuck;
    if (!slot->is_for_background) workers_.end_run(*slot);
  }
  slot->is_leaving = true;
  slot->is_aside.store(true, std::memory_order_relaxed);
  orphans.swap(slot->own_jobs);
  slot->is_yielding = false;
  if (background_.is_empty()) inherit_background();
  yield_thread(slot->thread_id, kNicer);
  return true;
}

// One that was set aside has left its place, and may be ended all the same.
bool Scheduler::stop_run(uint32_t worker, int64_t start_ns) {
  std::lock_guard lock(mutex_);
  for (const std::vector<WorkerSlot*>* slots : {&workers_.all(), &background_.all(), &std::as_const(aside_)})
    for (WorkerSlot* slot : *slots)
      if (slot->index == worker && slot->held != Held::kNothing && slot->began_ns() == start_ns)
        return slot->stop.want();
  return false;
}

void Scheduler::watch_anew(WorkerSlot& slot) {
  std::lock_guard lock(mutex_);
  slot.restarted_ns = now_ns();
  slot.stop.reset();
}

// What the queue remembers of the run; somebody idle may take what waited for its end.
WakeUp Scheduler::finish_aside(WorkerSlot& slot, ModelQueue& queue) {
  PENSTOCK_ASSERT(queue.stuck >= 1);
  --queue.stuck;
  if (!slot.is_for_background) --queue.running;
  if (is_at_limit(queue)) return nullptr;
  refill(queue);
  return ready_.has_ready() ? workers_.wake_last_idle() : nullptr;
}

bool Scheduler::retire(uint32_t worker) {
  std::lock_guard lock(mutex_);
  WorkerSlot* const slot = find_slot(worker);
  if (slot == nullptr) return false;
  slot->is_leaving = true;
  workers_.advance_epoch();
  slot->woken->notify_one();
  return true;
}
}  // namespace penstock
