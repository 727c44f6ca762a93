#include "websocket/results_writer.hpp"

#include <algorithm>
#include <cstring>

#include "core/assert.hpp"
#include "core/clock.hpp"

namespace penstock::websocket {
size_t data_bytes_of(const Request& request) {
  size_t bytes = 0;
  for (const Source& source : request.plan->answer) {
    TensorShape shape;
    const bool has_shape = shape_of(request, source, shape);
    PENSTOCK_ASSERT(has_shape);
    bytes += shape.row_bytes * request.rows;
  }
  return bytes;
}

bool has_failed_checks(const Request& request) {
  return std::any_of(request.check_bits.begin(), request.check_bits.end(), [](uint64_t bits) { return bits != 0; });
}

CacheUse cache_use_of(const Request& request) {
  if (!request.has_cache) return CacheUse::kNone;
  return request.is_cached ? CacheUse::kHit : CacheUse::kMiss;
}

void free_answer_dims(const Request& request, std::vector<uint32_t>& dims) {
  dims.clear();
  for (const Source& source : request.plan->answer) {
    const Field& field = source.common;
    TensorShape shape;
    if (!shape_of(request, source, shape) || shape.dims->size() != field.dims.size()) continue;
    for (size_t d = 0; d < field.dims.size(); ++d)
      if (field.dims[d] < 0) dims.push_back(static_cast<uint32_t>((*shape.dims)[d]));
  }
}

void shape_timing(const Request& request, ResultsShape& shape) {
  shape.timing_values = static_cast<uint32_t>(timing_length(request));
  shape.timing_models = static_cast<uint32_t>(request.steps.size());
  for (const StepTiming& step : request.steps) shape.timing_text_bytes += text_bytes(label_of(*request.plan, step));
}

void put_timing(const Request& request, const ResultsPlaces& places, std::byte* frame) {
  std::vector<double> values(timing_length(request));
  write_timing(request, now_ns(), values.data());
  std::memcpy(frame + places.timing, values.data(), values.size() * sizeof(double));
  size_t at = places.timing_texts;
  for (size_t i = 0; i < request.steps.size(); ++i)
    at = write_text(frame, places.timing_models + 4 * i, at, label_of(*request.plan, request.steps[i]));
}

void ResultsWriter::add(const Request& request) {
  std::memcpy(frame + places.requests + size_t{result} * 4, &request.origin.wire_id, 4);
  if (places.row_counts != 0) std::memcpy(frame + places.row_counts + size_t{result} * 4, &request.rows, 4);
  if (places.request_numbers != 0)
    std::memcpy(frame + places.request_numbers + size_t{result} * 8, &request.origin.request_number, 8);
  if (places.traceparents != 0) {
    std::string_view text;
    if (request.has_trace_parent) text = {request.trace_parent->data(), kTraceParentBytes};
    trace_text = write_text(frame, places.traceparents + size_t{result} * 4, trace_text, text);
  }
  if (places.caches != 0) frame[places.caches + result] = static_cast<std::byte>(cache_use_of(request));
  if (places.check_failures != 0) {
    std::byte* const target = frame + places.check_failures + size_t{row} * 8;
    if (request.check_bits.empty())
      std::memset(target, 0, size_t{request.rows} * 8);
    else
      std::memcpy(target, request.check_bits.data(), size_t{request.rows} * 8);
  }
  if (places.routes != 0) {
    const auto split = static_cast<size_t>(request.plan->route_split);
    std::memcpy(frame + places.routes + size_t{row} * 2, request.routes.data() + split * request.rows,
                size_t{request.rows} * 2);
  }
  for (const Source& source : request.plan->answer) {
    TensorShape shape;
    if (!shape_of(request, source, shape)) continue;
    gather(request, source, shape.row_bytes, frame + places.data + data);
    data += shape.row_bytes * request.rows;
  }
  ++result;
  row += request.rows;
}
}  // namespace penstock::websocket
