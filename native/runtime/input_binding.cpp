#include "runtime/input_binding.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/assert.hpp"
#include "kernel/cast.hpp"
#include "runtime/held_bytes.hpp"

namespace penstock {
uint32_t count_rows(const Request& request, const Position& position, size_t option) noexcept {
  if (position.split < 0) return request.rows;
  uint32_t count = 0;
  for (uint32_t row = 0; row < request.rows; ++row) count += request.option_of(position, row) == option ? 1u : 0u;
  return count;
}

void lose_position(Request& request, const Stage& stage, uint16_t position) noexcept {
  request.lost_positions.fetch_or(uint64_t{1} << (stage.first_position + position), std::memory_order_relaxed);
}

namespace {
void copy_from_request(const Option& option, const Submission& submission, const Plan& plan, uint32_t row,
                       const Grant& grant) {
  for (size_t i = 0; i < option.bindings.size(); ++i) {
    const size_t j = option.bindings[i].request_input;
    const TensorLayout& tensor = grant.batch->bucket.layout.inputs[i];
    if (tensor.row_bytes == 0) continue;  // there may be no address to copy from
    std::byte* const target = grant.batch->input_row(i, grant.batch_row);
    const std::byte* const source = submission.inputs[j] + size_t{row} * submission.row_bytes[j];
    if (tensor.dtype == plan.inputs[j].dtype) {
      std::memcpy(target, source, tensor.row_bytes * grant.count);
    } else {
      const size_t elements = tensor.row_bytes / dtype_size_bytes(tensor.dtype) * grant.count;
      cast_elements(target, tensor.dtype, source, plan.inputs[j].dtype, elements);
    }
  }
}

void copy_from_stage(const Request& request, const Option& option, uint32_t row, const Grant& grant) {
  for (size_t i = 0; i < option.bindings.size(); ++i) {
    const Source& source = option.bindings[i].source;
    const TensorLayout& tensor = grant.batch->bucket.layout.inputs[i];
    const size_t elements = tensor.row_bytes / dtype_size_bytes(tensor.dtype);
    size_t hint = 0;
    for (uint32_t done = 0; done < grant.count;) {
      TensorView view;
      const std::byte* const from = row_at(request, source, row + done, hint, view);
      PENSTOCK_ASSERT(view.dims != nullptr);
      const Segment& segment = request.segments[hint];
      const Entry& entry = segment.batch->entries[segment.entry];
      const uint32_t count = std::min(grant.count - done, entry.request_row + entry.count - (row + done));
      std::byte* const target = grant.batch->input_row(i, grant.batch_row + done);
      if (elements == 0)
        ;  // there may be no address to copy from
      else if (view.dtype == tensor.dtype)
        std::memcpy(target, from, tensor.row_bytes * count);
      else
        cast_elements(target, tensor.dtype, from, view.dtype, elements * count);
      done += count;
    }
  }
}

// The bucket for the branch's inputs. Null: the shapes of the stage before do not fit (kShape), or no bucket is to be
// had.
ShapeBucket* bucket_for(const Request& request, const Option& option, const Submission* submission,
                        StatusCode& refusal) {
  refusal = StatusCode::kShape;
  ModelQueue& queue = *option.queue;
  constexpr size_t kFreeDimsMax = 64;
  std::array<int64_t, kFreeDimsMax> free_dims;
  size_t count = 0;
  if (queue.free_dim_count > kFreeDimsMax) return nullptr;
  for (size_t i = 0; i < option.bindings.size(); ++i) {
    const Field& field = queue.options.inputs[i];
    const InputBinding& binding = option.bindings[i];
    if (submission != nullptr) {
      if (field.is_static()) continue;
      // The request's field may be free where the model's is not; submit checked the static dims of both.
      size_t free_index = 0;
      for (size_t j = 0; j < binding.request_input; ++j)
        for (const int64_t dim : request.plan->inputs[j].dims) free_index += dim < 0 ? 1 : 0;
      const std::vector<int64_t>& request_dims = request.plan->inputs[binding.request_input].dims;
      if (request_dims.size() != field.dims.size()) return nullptr;
      for (size_t d = 0; d < field.dims.size(); ++d) {
        const int64_t dim = request_dims[d] < 0 ? submission->free_dims[free_index++] : request_dims[d];
        if (field.dims[d] < 0)
          free_dims[count++] = dim;
        else if (field.dims[d] != dim)
          return nullptr;
      }
      continue;
    }
    TensorShape shape;
    if (!shape_of(request, binding.source, shape) || shape.dims->size() != field.dims.size()) return nullptr;
    for (size_t d = 0; d < field.dims.size(); ++d) {
      if (field.dims[d] < 0)
        free_dims[count++] = (*shape.dims)[d];
      else if (field.dims[d] != (*shape.dims)[d])
        return nullptr;
    }
  }
  return queue.bucket_of(free_dims.data(), queue.free_dim_count, refusal);
}

// Counts rows that will not come back from a batch. Never the last ones: the continuation holds a token of both
// counters.
void forget_rows(Request& request, bool is_background, uint32_t rows) {
  std::atomic<uint32_t>& counter = is_background ? request.background_rows : request.foreground_rows;
  counter.fetch_sub(rows, std::memory_order_acq_rel);
}

struct Run {
  uint16_t position;
  uint16_t option;
  uint32_t row;
  uint32_t count;
};

// Appends rows [row, row + count) that all take the branch `option`. They are reserved in its queue.
void append_run(Request& request, const Stage& stage, const Run& run, Priority priority, const Submission* submission,
                Publisher& publisher) {
  const Position& position = stage.positions[run.position];
  const Option& option = position.options[run.option];
  StatusCode refusal{};
  ShapeBucket* const bucket = bucket_for(request, option, submission, refusal);
  uint32_t done = 0;
  while (bucket != nullptr && done < run.count) {
    Entry entry{.request = &request,
                .request_row = run.row + done,
                .count = run.count - done,
                .stage = request.stage,
                .position = run.position,
                .option = run.option,
                .is_background = position.is_background,
                .is_whole = run.count - done == request.rows};
    const Grant grant = option.queue->append(*bucket, priority, entry, request.due_ns, request.deadline_us);
    if (grant.batch == nullptr) break;
    request.segments.push_back({grant.batch, grant.entry, request.stage, run.position});
    if (submission != nullptr)
      copy_from_request(option, *submission, *request.plan, run.row + done, grant);
    else
      copy_from_stage(request, option, run.row + done, grant);
    done += grant.count;
    // Listed before the commit: afterwards a worker may have finished with the batch.
    if (grant.is_sealed) {
      ModelQueue::commit(grant);
      publisher.publish_now(*grant.batch);
    } else {
      publisher.add(*grant.batch);
      ModelQueue::commit(grant);
    }
  }
  if (done == run.count) return;
  const uint32_t rest = run.count - done;
  option.queue->unreserve(priority, rest);
  forget_rows(request, position.is_background, rest);
  if (position.is_background)
    lose_position(request, stage, run.position);
  else if (bucket == nullptr && refusal == StatusCode::kShape)
    request.fail(ShapeDetail{.input = run.position}, "");
  else  // no bucket, or no memory for its rows: the same request may pass a little later
    request.fail(QueueFullDetail{.retry_after_ms = kBudgetRetryMs}, "");
}

void append_position(Request& request, const Stage& stage, uint16_t p, Priority priority, const Submission* submission,
                     Publisher& publisher) {
  const Position& position = stage.positions[p];
  for (uint32_t row = 0; row < request.rows;) {
    const uint16_t option = request.option_of(position, row);
    uint32_t end = position.split < 0 ? request.rows : row + 1;
    while (end < request.rows && request.option_of(position, end) == option) ++end;
    append_run(request, stage, {p, option, row, end - row}, priority, submission, publisher);
    row = end;
  }
}

// Rule 4. All branches of the node or none.
bool try_reserve_background(Request& request, const Stage& stage, uint16_t p, const Submission* submission) {
  const std::span<const uint16_t> only(&p, 1);
  bool is_refused = false;
  size_t reserved = 0;
  for_each_option(request, stage, only, [&](ModelQueue& queue, uint32_t rows) {
    if (is_refused) return;
    if (queue.try_reserve(Priority::kBackground, rows))
      ++reserved;
    else
      is_refused = true;
  });
  if (!is_refused && try_charge_background(request, stage.positions[p], submission)) return true;
  for_each_option(request, stage, only, [&](ModelQueue& queue, uint32_t rows) {
    if (reserved == 0) return;
    --reserved;
    queue.unreserve(Priority::kBackground, rows);
  });
  return false;
}
}  // namespace

void start_stage(Request& request, const Submission* submission, Publisher& publisher) {
  const Stage& stage = request.plan->stages[request.stage];
  request.foreground_rows.store(request.rows * static_cast<uint32_t>(stage.foreground.size()) + 1,
                                std::memory_order_relaxed);
  for (const uint16_t p : stage.foreground) append_position(request, stage, p, request.priority, submission, publisher);
  for (const uint16_t p : stage.background) {
    if (!try_reserve_background(request, stage, p, submission)) {
      lose_position(request, stage, p);
      request.stats->shed_rows[stage.first_position + p].fetch_add(request.rows, std::memory_order_relaxed);
      continue;
    }
    request.background_rows.fetch_add(request.rows, std::memory_order_relaxed);
    append_position(request, stage, p, Priority::kBackground, submission, publisher);
  }
}
}  // namespace penstock
