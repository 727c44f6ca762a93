// Rule 1 of the executor: a request is let in with everything it needs, or refused with nothing left behind.
#include <algorithm>
#include <utility>

#include "core/clock.hpp"
#include "plan/request_log.hpp"
#include "runtime/caching.hpp"
#include "runtime/continuation.hpp"
#include "runtime/held_bytes.hpp"
#include "runtime/input_binding.hpp"

namespace penstock {
namespace {
bool route_all(Request& request, const MetaView& meta, Failure& failure) {
  const Plan& plan = *request.plan;
  request.routes.resize(plan.splits.size() * request.rows);
  for (size_t s = 0; s < plan.splits.size(); ++s)
    if (!route_rows(plan.splits[s], s, request.rows, meta, request.routes.data() + s * request.rows, failure))
      return false;
  return true;
}

// Reserves the foreground rows of stage 0 in their queues, all or nothing.
bool reserve_all(const Request& request, Failure& failure) {
  const Stage& stage = request.plan->stages[0];
  const int64_t budget_us = request.deadline_us == 0 ? INT64_MAX : request.deadline_us - request.admitted_ns / 1000;
  const bool has_deadline = request.deadline_us != 0;
  size_t reserved = 0;
  bool is_refused = false;
  for_each_option(request, stage, stage.foreground, [&](ModelQueue& queue, uint32_t rows) {
    if (is_refused) return;
    const double finish_us =
        has_deadline ? queue.estimated_finish_us(request.priority, rows, static_cast<double>(budget_us)) : 0.0;
    if (has_deadline && (budget_us <= 0 || finish_us > static_cast<double>(budget_us))) {
      failure.set(DeadlineExceededDetail{.wait_us = static_cast<int64_t>(finish_us),
                                         .budget_us = std::max<int64_t>(budget_us, 0)});
      is_refused = true;
    } else if (!queue.try_reserve(request.priority, rows)) {
      const auto priority = static_cast<size_t>(request.priority);
      // When about half of the queue has gone.
      const auto retry_ms = static_cast<int64_t>(queue.estimated_wait_us(request.priority) / 2000.0);
      failure.set(QueueFullDetail{.used = queue.pending_rows[priority].load(std::memory_order_relaxed),
                                  .limit = queue.options.pending_rows_max[priority],
                                  .retry_after_ms = std::clamp<int64_t>(retry_ms, 1, 60'000)});
      is_refused = true;
    } else {
      ++reserved;
    }
  });
  if (!is_refused) return true;
  for_each_option(request, stage, stage.foreground, [&](ModelQueue& queue, uint32_t rows) {
    if (reserved == 0) return;
    --reserved;
    queue.unreserve(request.priority, rows);
  });
  return false;
}

void keep_trace_parent(Request& request, std::string_view text) {
  if (request.trace_parent == nullptr) request.trace_parent = std::make_unique<std::array<char, kTraceParentBytes>>();
  text.copy(request.trace_parent->data(), kTraceParentBytes);
}

void prepare(Request& request, Port& port, Pipeline& pipeline, std::shared_ptr<Plan> plan,
             const Submission& submission) {
  request.port_owner = port.shared_from_this();
  request.plan = std::move(plan);
  request.stats = pipeline.stats;
  request.origin = submission.origin;
  request.rows = submission.rows;
  request.priority = submission.priority;
  request.deadline_us = submission.deadline_us;
  if (submission.deadline_us != 0) port.deadline_count.fetch_add(1, std::memory_order_relaxed);
  request.admitted_ns = port.burst_now_ns();
  request.due_ns = request.admitted_ns;
  request.ready_ns = 0;
  request.first_run_ns.store(0, std::memory_order_relaxed);
  request.stage = 0;
  request.has_timing = submission.has_timing;
  request.has_audited_outputs = submission.has_audited_outputs;
  request.steps.clear();
  request.segments.clear();
  request.has_cache = false;
  request.is_cached = false;
  request.plan_pointer = request.plan.get();
  request.has_failed_check.store(false, std::memory_order_relaxed);
  request.has_number = !submission.origin.is_wire || submission.origin.request_number != 0;
  request.has_keys = request.plan->log != nullptr && (!submission.meta.is_empty() || !submission.row_keys.empty()) &&
                     request.plan->log->keep_keys(request.keys, submission.meta, submission.row_keys, submission.rows);
  request.has_trace_parent = !submission.trace_parent.empty();
  if (request.has_trace_parent) keep_trace_parent(request, submission.trace_parent);
  request.is_timed = !submission.origin.is_wire || (request.plan->log != nullptr && !request.plan->is_log_simple);
  request.check_bits.assign(request.plan->checks.empty() ? 0 : submission.rows, 0);
  request.stage_done_ns.assign(request.plan->stages.size(), 0);
  request.failure.set(StatusCode::kOk);
  request.background_rows.store(1, std::memory_order_relaxed);
  request.lost_positions.store(0, std::memory_order_relaxed);
  request.charged_bytes.store(0, std::memory_order_relaxed);
  request.refs.store(2, std::memory_order_relaxed);
  request.is_answered.store(false, std::memory_order_relaxed);
  request.is_dead.store(false, std::memory_order_relaxed);
  request.has_failed.store(false, std::memory_order_relaxed);
  request.end_code.store(StatusCode::kOk, std::memory_order_relaxed);
  request.plan->in_flight.fetch_add(1, std::memory_order_relaxed);
  request.stats->in_flight.fetch_add(1, std::memory_order_relaxed);
}

bool refuse(Pipeline& pipeline, const Failure& failure) {
  pipeline.stats->failure_counts[static_cast<size_t>(failure.code)].fetch_add(1, std::memory_order_relaxed);
  return false;
}

bool check_rows(const Plan& plan, const Submission& submission, Failure& failure) {
  const uint32_t limit = plan.is_non_batching ? 1 : plan.request_rows_max;
  if (plan.is_non_batching && submission.rows < 1)
    failure.set(ShapeDetail{.expected = 1});
  else if (submission.rows > limit)
    failure.set(TooManyRowsDetail{.limit = limit, .received = submission.rows});
  else
    return true;
  return false;
}
}  // namespace

Request* submit(Port& port, Pipeline& pipeline, std::shared_ptr<Plan> plan, const Submission& submission,
                Failure& failure) {
  if (port.runtime->scheduler.is_closed())
    failure.set(StatusCode::kDraining);
  else if (plan == nullptr || plan->stages.empty())
    failure.set(StatusCode::kPipelineNotDeployed);
  else if (plan->log != nullptr && plan->log->is_refusing())
    failure.set(StorageDetail{.fault = plan->log->last_fault()});
  else if (check_rows(*plan, submission, failure))
    failure.set(StatusCode::kOk);
  if (failure.code != StatusCode::kOk) return refuse(pipeline, failure), nullptr;
  Request* const slot = port.try_acquire();
  if (slot == nullptr) {
    failure.set(QueueFullDetail{.used = port.in_flight(), .limit = port.in_flight(), .retry_after_ms = 10});
    return refuse(pipeline, failure), nullptr;
  }
  Request& request = *slot;
  prepare(request, port, pipeline, std::move(plan), submission);
  const bool is_routed = route_all(request, submission.meta, failure);
  if (is_routed && request.plan->cache != nullptr && find_cached(request, submission)) {
    request.is_live.store(true, std::memory_order_release);
    Completions completions;
    complete_unrun(request, completions);
    completions.flush();
    return &request;
  }
  if (!is_routed || !charge_request(request, submission, failure) || !reserve_all(request, failure)) {
    refuse(pipeline, failure);
    port.end_burst();
    request.refs.store(1, std::memory_order_relaxed);
    Port::unref(request);
    return nullptr;
  }
  request.is_live.store(true, std::memory_order_release);
  start_stage(request, &submission, port.publisher);
  if (request.foreground_rows.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    Completions completions;
    run_continuation(request, now_ns(), completions, port.publisher);
    completions.flush();
  }
  return &request;
}
}  // namespace penstock
