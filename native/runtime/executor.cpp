#include "runtime/executor.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/assert.hpp"
#include "core/clock.hpp"
#include "runtime/caching.hpp"
#include "runtime/checks.hpp"
#include "runtime/continuation.hpp"
#include "runtime/held_bytes.hpp"
#include "runtime/input_binding.hpp"

namespace penstock {
Runtime::Runtime(bool is_measuring, int64_t budget_bytes)
    : budget(budget_bytes), scheduler([](Batch& batch) { discard_batch(batch); }, is_measuring, budget) {}
Runtime::~Runtime() {
  scheduler.close();
}

namespace {
bool is_over(const Request& request) {
  return request.has_failed.load(std::memory_order_acquire) || request.is_dead.load(std::memory_order_acquire);
}

// A request without rows adds none to the log, which would not call its writer for it.
bool is_logged(const Request& request) {
  return request.plan_pointer->log != nullptr && request.rows > 0 && !is_over(request);
}

// All rows are back, background ones too.
void complete_request(Request& request, Completions& completions) {
  if (request.has_cache && request.cache_draft != nullptr && !is_over(request)) keep_answer(request);
  const bool is_awaited = request.has_audited_outputs && !(request.plan_pointer->is_committed && request.rows > 0);
  if (is_awaited && !request.is_answered.exchange(true, std::memory_order_acq_rel)) completions.answer(request);
  if (is_logged(request))
    completions.log(request);
  else
    Port::unref(request);
}

void drop_background_rows(Request& request, uint32_t rows, Completions& completions) {
  if (request.background_rows.fetch_sub(rows, std::memory_order_acq_rel) == rows)
    complete_request(request, completions);
}

// The request is not to be touched afterwards.
void end_continuation(Request& request, Completions& completions) {
  // The log answers once the row is on the disk; a request that wants the background's outputs is answered with them.
  const bool waits =
      ((request.plan_pointer->is_committed && request.rows > 0) || request.has_audited_outputs) && !is_over(request);
  if (!waits && !request.is_answered.exchange(true, std::memory_order_acq_rel)) completions.answer(request);
  drop_background_rows(request, 1, completions);
}
}  // namespace

void complete_unrun(Request& request, Completions& completions) {
  end_continuation(request, completions);
}

void run_continuation(Request& request, int64_t done_ns, Completions& completions, Publisher& publisher) {
  for (;;) {
    if (request.is_timed) request.stage_done_ns[request.stage] = done_ns;
    if (is_over(request)) return end_continuation(request, completions);
    if (request.plan_pointer->has_scattered_checks) run_scattered_checks(request);
    const uint16_t done = request.stage;
    const bool is_last = done + 1u == request.plan_pointer->stages.size();
    // Only requests with timing pay for a clock reading; the others count the hand-over as time in the next queue.
    const int64_t handed_ns = request.has_timing && !is_last ? now_ns() : done_ns;
    if (request.has_timing) note_step(request, is_last ? 0 : handed_ns);
    if (is_last) return end_continuation(request, completions);
    ++request.stage;
    request.due_ns = handed_ns;
    const Stage& stage = request.plan->stages[request.stage];
    for_each_option(request, stage, stage.foreground,
                    [&](ModelQueue& queue, uint32_t rows) { queue.reserve(request.priority, rows); });
    start_stage(request, nullptr, publisher);
    if (!request.plan->stages[done].is_retained) request.release_stage(done);
    if (request.foreground_rows.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  }
}

namespace {
// Rows that nobody waits for were not answered.
void count_lost_rows(const Entry& entry, StatusCode code) {
  const Request& request = *entry.request;
  const size_t position = request.plan->stages[entry.stage].first_position + entry.position;
  request.stats->lost_rows[position][static_cast<size_t>(code)].fetch_add(entry.count, std::memory_order_relaxed);
}
}  // namespace

uint32_t drop_dead_rows(WorkerSlot& slot) {
  Batch& batch = *slot.batch;
  const int64_t now = now_ns();
  batch.bucket.queue.note_taken(batch, slot.taken_ns);
  // What would be late is not run: others need the time. Half a run of doubt, for an estimate is none of the caller's.
  const ServiceTime& service = batch.bucket.queue.service;
  const double run_us = service.is_stale(now) ? 0.0 : service.run_us(batch.rows);
  const int64_t end_us = (now + static_cast<int64_t>(run_us * 500.0)) / 1000;
  Completions completions;
  const ModelQueue& queue = batch.bucket.queue;
  uint32_t kept = 0;
  for (Entry& entry : batch.entries) {
    Request& request = *entry.request;
    if (request.is_timed && request.first_run_ns.load(std::memory_order_relaxed) == 0)
      request.first_run_ns.store(now, std::memory_order_relaxed);
    if (!request.should_run(end_us)) {
      entry.is_dropped = true;
      const bool is_expired = request.deadline_us != 0 && end_us >= request.deadline_us;
      if (is_expired) end_request(request, StatusCode::kDeadlineExceeded, completions);
      if (entry.is_background) count_lost_rows(entry, is_expired ? StatusCode::kDeadlineExceeded : request.status());
      continue;
    }
    if (queue.has_unplaced_outputs && !try_charge_larger(batch, entry)) {
      entry.is_dropped = true;
      if (entry.is_background) count_lost_rows(entry, StatusCode::kQueueFull);
      continue;
    }
    if (entry.batch_row != kept) {
      for (size_t i = 0; i < batch.bucket.layout.inputs.size(); ++i)
        std::memmove(batch.input_row(i, kept), batch.input_row(i, entry.batch_row),
                     batch.bucket.layout.inputs[i].row_bytes * entry.count);
      entry.batch_row = kept;
    }
    kept += entry.count;
  }
  completions.flush();
  batch.expected_output_bytes =
      std::max(batch.expected_output_bytes, queue.expected_output_bytes(batch.bucket.input_row_bytes));
  batch.rows = kept;
  return kept;
}

bool fail_entry(Batch& batch, size_t index, StatusCode code, const std::string& text) {
  Entry& entry = batch.entries[index];
  if (entry.is_dropped || entry.is_failed) return false;
  entry.is_failed = true;
  Request& request = *entry.request;
  const Stage& stage = request.plan->stages[entry.stage];
  if (!entry.is_background) {
    request.fail(code, text);
    return false;
  }
  lose_position(request, stage, entry.position);
  count_lost_rows(entry, code);
  return true;
}

bool has_caller(const Entry& entry, int64_t now_us) {
  return !entry.is_dropped && (entry.is_background || entry.request->should_run(now_us));
}

bool has_callers(const Batch& batch, int64_t now_us) {
  return std::any_of(batch.entries.begin(), batch.entries.end(),
                     [&](const Entry& entry) { return has_caller(entry, now_us); });
}

void fail_all_entries(Batch& batch, StatusCode code, const std::string& text) {
  for (size_t i = 0; i < batch.entries.size(); ++i) fail_entry(batch, i, code, text);
}

namespace {
// Hands every entry's rows back to its request, notifies the ports, and drops the run's pin: the batch may be gone
// after it. `slot`: of the worker that ran it; null: nobody did. `scatter`: counts the time of it; null: nobody does.
void return_rows(Batch& batch, WorkerSlot* slot, Histogram* scatter) {
  Completions completions;
  Publisher publisher;
  // Once for the batch: the counter's cache line is the one that admission on the other thread wants.
  uint32_t rows = 0;
  for (const Entry& entry : batch.entries) rows += entry.count;
  if (slot == nullptr)
    batch.bucket.queue.unreserve(batch.priority, rows);
  else
    batch.bucket.queue.return_taken(batch.priority, rows, now_ns());
  if (slot != nullptr) run_batch_checks(batch);
  const int64_t done_ns = now_ns();
  for (uint32_t i = 0; i < batch.entries.size(); ++i) {
    // Once its rows are returned the request may be gone: read the entry first.
    const Entry& entry = batch.entries[i];
    Request& request = *entry.request;
    const uint32_t count = entry.count;
    completions.begin_entry(&batch, i);
    if (entry.is_background) {
      if (entry.is_dropped) lose_position(request, request.plan->stages[entry.stage], entry.position);
      drop_background_rows(request, count, completions);
    } else if (request.foreground_rows.fetch_sub(count, std::memory_order_acq_rel) == count) {
      run_continuation(request, done_ns, completions, publisher);
    }
  }
  completions.flush_logs();
  const int64_t ready_ns = now_ns();
  // Before anybody can see an answer: its batch is counted by then.
  if (scatter != nullptr) scatter->record_ns(ready_ns - batch.timestamps.run_end_ns);
  completions.flush(ready_ns);
  if (slot != nullptr && !publisher.is_empty()) batch.bucket.queue.scheduler.announce_return(*slot);
  publisher.flush();
  batch.unpin();
}

// Returns where the worker's time of scattering is to be counted.
Histogram& record_phases(PhaseTimes& times, const Batch& batch) {
  const auto& [taken_ns, start_ns, end_ns] = batch.timestamps;
  for (const Arrival& arrival : batch.arrivals) times.queue.record_ns(taken_ns - arrival.due_ns, arrival.entries);
  times.assemble.record_ns(start_ns - taken_ns);
  times.run.record_ns(end_ns - start_ns);
  times.batch_rows.record(batch.rows);
  return times.scatter;
}
}  // namespace

void complete_batch(WorkerSlot& slot, std::optional<RunSpan> run) {
  Batch& batch = *slot.batch;
  const std::shared_ptr<ModelQueue> queue = std::move(slot.queue);
  Histogram* scatter = nullptr;
  if (run) {
    batch.timestamps = {slot.taken_ns, run->start_ns, run->end_ns};
    const double busy_us = static_cast<double>(std::max<int64_t>(0, run->end_ns - slot.taken_ns)) / 1000.0;
    if (slot.is_for_background)
      queue->note_background_cost(batch.rows, busy_us);
    else if (slot.is_aside.load(std::memory_order_relaxed))
      queue->note_overdue_cost(batch.rows, busy_us);
    else
      queue->note_cost(batch.rows, busy_us);
    if (queue->scheduler.is_measuring) scatter = &record_phases(queue->phases.of(slot.writer), batch);
    if (!batch.has_all_outputs())
      fail_all_entries(batch, StatusCode::kRunFailed, "The run left an output without a value.");
    else if (queue->has_unplaced_outputs)
      charge_outputs(batch);
  }
  queue->scheduler.finish(slot);
  return_rows(batch, &slot, scatter);
}

void discard_batch(Batch& batch) {
  const std::shared_ptr<ModelQueue> queue = batch.bucket.queue.shared_from_this();
  fail_all_entries(batch, StatusCode::kDraining, "");
  return_rows(batch, nullptr, nullptr);
}

bool end_request(Request& request, StatusCode code, Completions& completions) {
  if (request.is_answered.exchange(true, std::memory_order_acq_rel)) return false;
  request.end_code.store(code, std::memory_order_relaxed);
  request.is_dead.store(true, std::memory_order_release);
  completions.answer(request);
  return true;
}

int64_t expire_requests(Port& port, int64_t now_us) {
  int64_t next_us = 0;
  if (port.deadline_count.load(std::memory_order_relaxed) == 0) return next_us;
  Completions completions;
  port.for_each_live([&](Request& request) {
    if (request.deadline_us == 0 || request.is_answered.load(std::memory_order_relaxed)) return;
    if (request.deadline_us <= now_us)
      end_request(request, StatusCode::kDeadlineExceeded, completions);
    else if (next_us == 0 || request.deadline_us < next_us)
      next_us = request.deadline_us;
  });
  completions.flush();
  return next_us;
}
}  // namespace penstock
