#include "runtime/request.hpp"

#include <cstring>
#include <utility>

#include "core/assert.hpp"
#include "runtime/caching.hpp"

namespace penstock {
void Request::fail(StatusCode code, std::string text) {
  fail(Failure{code, {}, std::move(text)});
}

void Request::fail(Failure why) {
  if (!has_failed.exchange(true, std::memory_order_acq_rel)) failure = std::move(why);
}

void Request::release_stage(uint16_t stage_index) {
  for (Segment& segment : segments) {
    if (segment.stage != stage_index || segment.batch == nullptr) continue;
    std::exchange(segment.batch, nullptr)->unpin();
  }
}

void Request::release_all() {
  for (Segment& segment : segments)
    if (segment.batch != nullptr) std::exchange(segment.batch, nullptr)->unpin();
  segments.clear();
  if (!has_cache) return;
  cached = nullptr;
  cache_draft = nullptr;
}

namespace {
bool matches(const Segment& segment, const Source& source) noexcept {
  return segment.stage == source.stage && segment.position == source.position && segment.batch != nullptr;
}
TensorView view_of(const Segment& segment, const Source& source) noexcept {
  const Entry& entry = segment.batch->entries[segment.entry];
  return segment.batch->view(source.side, source.slots[entry.option]);
}
}  // namespace

bool shape_of(const Request& request, const Source& source, TensorShape& shape) noexcept {
  if (request.rows == 0) {
    shape = {source.common.dtype, 0, &source.dims_without_rows};
    return true;
  }
  if (request.is_cached) {
    const CachedTensor* const tensor = cached_tensor(request, source);
    if (tensor != nullptr) shape = {tensor->dtype, tensor->row_bytes, &tensor->dims};
    return tensor != nullptr;
  }
  bool is_first = true;
  for (const Segment& segment : request.segments) {
    if (!matches(segment, source)) continue;
    const TensorView view = view_of(segment, source);
    if (!is_first && (view.row_bytes != shape.row_bytes || *view.dims != *shape.dims || view.dtype != shape.dtype))
      return false;
    shape = {view.dtype, view.row_bytes, view.dims};
    is_first = false;
  }
  return !is_first;
}

bool has_answer_shapes(const Request& request) noexcept {
  TensorShape shape;
  for (const Source& source : request.plan->answer)
    if (!shape_of(request, source, shape)) return false;
  return true;
}

Failure failure_of(const Request& request) {
  Failure failure;
  const StatusCode end = request.end_code.load(std::memory_order_relaxed);
  if (end == StatusCode::kDeadlineExceeded)
    failure.set(DeadlineExceededDetail{.budget_us = request.deadline_us - request.admitted_ns / 1000});
  else if (end != StatusCode::kOk)
    failure.set(end);
  else
    failure = request.failure;
  return failure;
}

void expect_answer_shapes(Request& request) {
  if (!request.plan->has_free_answer || request.status() != StatusCode::kOk || has_answer_shapes(request)) return;
  request.fail(RunFailedDetail{.is_ours = 1}, "The rows of an output have different shapes.");
}

void gather(const Request& request, const Source& source, size_t row_bytes, std::byte* target) noexcept {
  if (request.is_cached) {
    const CachedTensor* const tensor = cached_tensor(request, source);
    PENSTOCK_ASSERT(tensor == nullptr || tensor->row_bytes == row_bytes);
    if (tensor != nullptr && row_bytes > 0) std::memcpy(target, tensor->data, row_bytes * request.rows);
    return;
  }
  for (const Segment& segment : request.segments) {
    if (!matches(segment, source)) continue;
    const Entry& entry = segment.batch->entries[segment.entry];
    const TensorView view = view_of(segment, source);
    PENSTOCK_ASSERT(view.row_bytes == row_bytes);
    if (row_bytes == 0) continue;
    std::memcpy(target + entry.request_row * row_bytes, view.data + entry.batch_row * row_bytes,
                entry.count * row_bytes);
  }
}

const std::byte* row_at(const Request& request, const Source& source, uint32_t row, size_t& hint,
                        TensorView& view) noexcept {
  if (request.is_cached) {
    const CachedTensor* const tensor = cached_tensor(request, source);
    if (tensor == nullptr) return nullptr;
    view = {tensor->data, tensor->row_bytes, tensor->dtype, &tensor->dims};
    return tensor->data + row * tensor->row_bytes;
  }
  const size_t count = request.segments.size();
  for (size_t step = 0; step < count; ++step) {
    const size_t index = (hint + step) % count;
    const Segment& segment = request.segments[index];
    if (!matches(segment, source)) continue;
    const Entry& entry = segment.batch->entries[segment.entry];
    if (row < entry.request_row || row - entry.request_row >= entry.count) continue;
    hint = index;
    view = view_of(segment, source);
    return view.data + (entry.batch_row + (row - entry.request_row)) * view.row_bytes;
  }
  return nullptr;
}
}  // namespace penstock
