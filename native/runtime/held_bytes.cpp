#include "runtime/held_bytes.hpp"

#include <algorithm>

#include "plan/row_bytes.hpp"

namespace penstock {
namespace {
void fail_budget(Failure& failure, const ByteBudget& budget, int64_t wanted_bytes) {
  failure.set(QueueFullDetail{.used = budget.used_bytes(),
                              .limit = budget.limit_bytes(),
                              .retry_after_ms = kBudgetRetryMs,
                              .wanted = std::max<int64_t>(wanted_bytes, 1)});
}

int64_t bytes_of(size_t row_bytes, uint32_t rows) noexcept {
  int64_t bytes = 0;
  return __builtin_mul_overflow(row_bytes, rows, &bytes) ? INT64_MAX / 2 : std::min(bytes, INT64_MAX / 2);
}
}  // namespace

bool charge_request(Request& request, const Submission& submission, Failure& failure) noexcept {
  const Plan& plan = *request.plan;
  const size_t row_bytes = plan.has_free_bytes ? held_row_bytes(plan, submission.row_bytes) : plan.held_row_bytes;
  const int64_t bytes = bytes_of(row_bytes, submission.rows);
  ByteBudget& budget = request.port->runtime->budget;
  const bool is_charged = submission.priority == Priority::kInteractive
                              ? budget.try_charge(bytes)
                              : budget.try_charge(bytes, budget.background_limit_bytes());
  if (is_charged)
    request.charged_bytes.store(bytes, std::memory_order_relaxed);
  else
    fail_budget(failure, budget, bytes);
  return is_charged;
}

bool try_charge_background(Request& request, const Position& position, const Submission* submission) noexcept {
  const Plan& plan = *request.plan;
  const size_t row_bytes = row_bytes_at(position, [&](const Field& field, const InputBinding& binding) -> size_t {
                             if (submission != nullptr)
                               return bound_row_bytes(plan, submission->row_bytes, field, binding);
                             TensorShape shape;
                             return shape_of(request, binding.source, shape) ? shape.row_bytes : 0;
                           }).held;
  const int64_t bytes = bytes_of(row_bytes, request.rows);
  ByteBudget& budget = request.port->runtime->budget;
  if (!budget.try_charge(bytes, budget.background_limit_bytes())) return false;
  request.charged_bytes.fetch_add(bytes, std::memory_order_relaxed);
  return true;
}

bool try_charge_larger(Batch& batch, Entry& entry) noexcept {
  Request& request = *entry.request;
  ByteBudget& budget = request.port->runtime->budget;
  const ShapeBucket& bucket = batch.bucket;
  const size_t expected = bucket.queue.expected_output_bytes(bucket.input_row_bytes);
  const int64_t bytes = bytes_of(expected - std::min(expected, batch.expected_output_bytes), entry.count);
  const bool fits = !bucket.queue.scheduler.arenas.is_exhausted() && (bytes == 0 || budget.try_charge(bytes));
  if (fits) {
    request.charged_bytes.fetch_add(bytes, std::memory_order_relaxed);
    return true;
  }
  Failure failure;
  fail_budget(failure, budget, bytes);
  if (!entry.is_background) request.fail(failure);
  return false;
}

void charge_outputs(Batch& batch) noexcept {
  const ShapeBucket& bucket = batch.bucket;
  size_t output_bytes = 0;
  for (const DynamicOutput& output : batch.dynamic_outputs)
    if (output.is_set) output_bytes += output.row_bytes;
  bucket.queue.note_output_bytes(bucket.input_row_bytes, output_bytes);
  if (output_bytes <= batch.expected_output_bytes) return;
  for (const Entry& entry : batch.entries) {
    if (entry.is_dropped) continue;
    const int64_t bytes = bytes_of(output_bytes - batch.expected_output_bytes, entry.count);
    entry.request->port->runtime->budget.charge(bytes);
    entry.request->charged_bytes.fetch_add(bytes, std::memory_order_relaxed);
  }
}
}  // namespace penstock
