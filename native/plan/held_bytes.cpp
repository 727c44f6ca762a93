#include "plan/held_bytes.hpp"

#include <algorithm>
#include <array>

#include "core/assert.hpp"

namespace penstock {
namespace {
constexpr size_t kPositionsMax = 64;

// Of one row of the position, by the option that holds most; `unplaced`: the outputs whose size only a run tells.
struct RowBytes {
  size_t held = 0;
  size_t unplaced = 0;
};

// free_bytes(queue's field, feed): of an input whose dims the model leaves free.
template <typename FreeBytes>
RowBytes row_bytes_at(const Position& position, FreeBytes&& free_bytes) noexcept {
  RowBytes most;
  for (const Option& option : position.options) {
    const ModelQueue& queue = *option.queue;
    size_t input = 0;
    size_t free_input = 0;
    for (size_t i = 0; i < option.feeds.size(); ++i) {
      const Field& field = queue.options.inputs[i];
      if (field.is_static())
        input += row_bytes_of(field.dtype, field.dims).value_or(0);
      else
        free_input += free_bytes(field, option.feeds[i]);
    }
    const size_t unplaced = queue.expected_output_bytes(input + free_input);
    most.held = std::max(most.held, queue.static_row_bytes + free_input + unplaced);
    most.unplaced = std::max(most.unplaced, unplaced);
  }
  return most;
}

size_t request_bytes(const Plan& plan, const Submission& submission, const Field& field, const Feed& feed) noexcept {
  const size_t bytes = submission.row_bytes[feed.request_input];
  return bytes / dtype_size_bytes(plan.inputs[feed.request_input].dtype) * dtype_size_bytes(field.dtype);
}

void fail_budget(Failure& failure, const ByteBudget& budget, int64_t wanted_bytes) {
  failure.set(StatusCode::kQueueFull, budget.used_bytes(), budget.limit_bytes(), kBudgetRetryMs,
              std::max<int64_t>(wanted_bytes, 1));
}

int64_t bytes_of(size_t row_bytes, uint32_t rows) noexcept {
  int64_t bytes = 0;
  return __builtin_mul_overflow(row_bytes, rows, &bytes) ? INT64_MAX / 2 : std::min(bytes, INT64_MAX / 2);
}
}  // namespace

size_t held_row_bytes(const Plan& plan, const Submission* submission) noexcept {
  std::array<size_t, kPositionsMax> unplaced{};
  size_t most = 0;
  size_t retained = 0;
  size_t before = 0;  // the stage before, unless it counts as retained
  for (const Stage& stage : plan.stages) {
    size_t held = 0;
    for (const uint16_t p : stage.foreground) {
      const RowBytes bytes = row_bytes_at(stage.positions[p], [&](const Field& field, const Feed& feed) -> size_t {
        if (feed.is_from_request) return submission == nullptr ? 0 : request_bytes(plan, *submission, field, feed);
        const Stage& from = plan.stages[feed.source.stage];
        return unplaced[from.first_position + feed.source.position];
      });
      PENSTOCK_DEBUG_ASSERT(stage.first_position + p < kPositionsMax);
      unplaced[stage.first_position + p] = bytes.unplaced;
      held += bytes.held;
    }
    most = std::max(most, retained + before + held);
    before = stage.is_retained ? 0 : held;
    retained += stage.is_retained ? held : 0;
  }
  return most;
}

bool charge_request(Request& request, const Submission& submission, Failure& failure) noexcept {
  const Plan& plan = *request.plan;
  const size_t row_bytes = plan.has_free_bytes ? held_row_bytes(plan, &submission) : plan.held_row_bytes;
  const int64_t bytes = bytes_of(row_bytes, submission.rows);
  ByteBudget& budget = request.port->plane->budget;
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
  const size_t row_bytes = row_bytes_at(position, [&](const Field& field, const Feed& feed) -> size_t {
                             if (submission != nullptr) return request_bytes(plan, *submission, field, feed);
                             TensorShape shape;
                             return shape_of(request, feed.source, shape) ? shape.row_bytes : 0;
                           }).held;
  const int64_t bytes = bytes_of(row_bytes, request.rows);
  ByteBudget& budget = request.port->plane->budget;
  if (!budget.try_charge(bytes, budget.background_limit_bytes())) return false;
  request.charged_bytes.fetch_add(bytes, std::memory_order_relaxed);
  return true;
}

bool try_charge_larger(Batch& batch, Entry& entry) noexcept {
  Request& request = *entry.request;
  ByteBudget& budget = request.port->plane->budget;
  const Lane& lane = batch.lane;
  const size_t expected = lane.queue.expected_output_bytes(lane.input_row_bytes);
  const int64_t bytes = bytes_of(expected - std::min(expected, batch.expected_output_bytes), entry.count);
  const bool fits = !lane.queue.scheduler.arenas.is_exhausted() && (bytes == 0 || budget.try_charge(bytes));
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
  const Lane& lane = batch.lane;
  size_t output_bytes = 0;
  for (const DynamicOutput& output : batch.dynamic_outputs)
    if (output.is_set) output_bytes += output.row_bytes;
  lane.queue.note_output_bytes(lane.input_row_bytes, output_bytes);
  if (output_bytes <= batch.expected_output_bytes) return;
  for (const Entry& entry : batch.entries) {
    if (entry.is_dropped) continue;
    const int64_t bytes = bytes_of(output_bytes - batch.expected_output_bytes, entry.count);
    entry.request->port->plane->budget.charge(bytes);
    entry.request->charged_bytes.fetch_add(bytes, std::memory_order_relaxed);
  }
}
}  // namespace penstock
