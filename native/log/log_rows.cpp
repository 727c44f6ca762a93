#include "log/log_rows.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstring>
#include <utility>

#include "core/assert.hpp"
#include "core/clock.hpp"
#include "kernel/cast.hpp"

namespace penstock {
namespace {
constexpr int16_t kNoRoute = -1;

bool is_lost(const Request& request, const Source& source) noexcept {
  const uint64_t lost = request.lost_positions.load(std::memory_order_acquire);
  const uint32_t position = request.plan->stages[source.stage].first_position + source.position;
  return source.side == SourceSide::kOutputs && (lost >> position & 1) != 0;
}

uint64_t check_bits_of(const Request& request, uint32_t row) noexcept {
  return request.has_failed_check.load(std::memory_order_relaxed) ? request.check_bits[row] : 0;
}

uint32_t count_of_failed(const Request& request, uint32_t row) noexcept {
  return static_cast<uint32_t>(std::popcount(check_bits_of(request, row)));
}

uint8_t has_failed(const Request& request, uint32_t row, uint16_t check) noexcept {
  return static_cast<uint8_t>(check_bits_of(request, row) >> check & 1);
}

// Which of the texts of metadata.cache the row has (src/log/log-columns.ts).
int16_t cache_value(const Request& request) noexcept {
  return request.is_cached ? int16_t{1} : int16_t{0};
}

uint64_t span_ns(int64_t from_ns, int64_t to_ns) noexcept {
  return to_ns > from_ns ? static_cast<uint64_t>(to_ns - from_ns) : 0;
}

bool is_list(const LogColumn& column) noexcept {
  return column.kind == ColumnKind::kTensor && column.elements == 0;
}

size_t elements_of(const TensorView& view) noexcept {
  return view.row_bytes / dtype_size_bytes(view.dtype);
}

// Calls visit(view, from, rows) for rows of the request that lie side by side, in order; view.dims is null for a row
// that lies nowhere.
template <typename Visit>
void for_each_piece(const Request& request, const Source& source, Visit&& visit) {
  const bool is_missing = is_lost(request, source);
  size_t hint = 0;
  for (uint32_t row = 0; row < request.rows;) {
    TensorView view;
    const std::byte* const from = is_missing ? nullptr : row_at(request, source, row, hint, view);
    uint32_t rows = 1;
    if (request.is_cached) {
      rows = view.dims == nullptr ? 1 : request.rows;
    } else if (view.dims != nullptr) {
      const Segment& segment = request.segments[hint];
      const Entry& entry = segment.batch->entries[segment.entry];
      rows = std::min(request.rows - row, entry.request_row + entry.count - row);
    }
    visit(view, from, rows);
    row += rows;
  }
}
}  // namespace

WallClock WallClock::now() noexcept {
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(wall).count() - now_ns()};
}

LogRows::LogRows(const std::vector<LogColumn>& columns, size_t list_elements_max)
    : columns_(&columns),
      list_elements_max_(list_elements_max),
      has_lists_(std::any_of(columns.begin(), columns.end(), is_list)),
      data_(columns.size()) {
  clear();
}

size_t LogRows::list_elements(size_t column) const noexcept {
  return data_[column].values.size() / dtype_size_bytes((*columns_)[column].dtype);
}

bool LogRows::has_room_for(const Request& request) const noexcept {
  if (!has_lists_) return true;
  for (size_t c = 0; c < data_.size(); ++c) {
    if (!is_list((*columns_)[c])) continue;
    size_t elements = list_elements(c);
    for_each_piece(request, (*columns_)[c].source, [&](const TensorView& view, const std::byte*, uint32_t rows) {
      if (view.dims != nullptr) elements += rows * elements_of(view);
    });
    if (elements > list_elements_max_) return false;
  }
  return true;
}

bool LogRows::has_room_for(const Batch& batch, uint32_t rows) const noexcept {
  if (!has_lists_) return true;
  for (size_t c = 0; c < data_.size(); ++c) {
    const LogColumn& column = (*columns_)[c];
    if (!is_list(column)) continue;
    const TensorView view = batch.view(column.source.side, column.source.slots[0]);
    if (list_elements(c) + rows * elements_of(view) > list_elements_max_) return false;
  }
  return true;
}

void LogRows::clear() {
  for (size_t c = 0; c < data_.size(); ++c) {
    ColumnData& data = data_[c];
    data.values.clear();
    data.offsets.clear();
    data.validity.clear();
    data.null_count = 0;
    const LogColumn& column = (*columns_)[c];
    if (is_list(column) || column.kind == ColumnKind::kKey) data.offsets.append_value(int32_t{0});
  }
  bytes_ = 0;
  row_count_ = 0;
  first_ms_ = std::numeric_limits<int64_t>::max();
  last_ms_ = std::numeric_limits<int64_t>::min();
}

void LogRows::note_time(int64_t ms) noexcept {
  first_ms_ = std::min(first_ms_, ms);
  last_ms_ = std::max(last_ms_, ms);
}

template <typename T>
void LogRows::put_repeated(ColumnData& data, T value, uint32_t rows) {
  std::byte* const target = data.values.extend(rows * sizeof(T));
  for (uint32_t row = 0; row < rows; ++row) std::memcpy(target + row * sizeof(T), &value, sizeof(T));
  bytes_ += rows * sizeof(T);
}

void LogRows::put_tensor_rows(const LogColumn& column, ColumnData& data, const TensorView& view, const std::byte* from,
                              uint32_t rows) {
  const size_t elements = elements_of(view);
  PENSTOCK_ASSERT(column.elements == 0 || column.elements == elements);
  const size_t bytes = elements * dtype_size_bytes(column.dtype) * rows;
  if (bytes > 0) {
    std::byte* const target = data.values.extend(bytes);
    if (view.dtype == column.dtype)
      std::memcpy(target, from, bytes);
    else  // it was widened on its way into the model, and fits again
      cast_elements(target, column.dtype, from, view.dtype, elements * rows);
  }
  bytes_ += bytes;
  if (column.elements == 0) {
    const size_t width = dtype_size_bytes(column.dtype);
    auto end = static_cast<int32_t>((data.values.size() - bytes) / width);
    for (uint32_t row = 0; row < rows; ++row) data.offsets.append_value(end += static_cast<int32_t>(elements));
    bytes_ += rows * sizeof(int32_t);
  }
  if (column.is_nullable) std::memset(data.validity.extend(rows), 1, rows);
}

void LogRows::put_shape_rows(const LogColumn& column, ColumnData& data, const TensorView& view, uint32_t rows) {
  PENSTOCK_ASSERT(view.dims->size() == column.elements);
  for (uint32_t row = 0; row < rows; ++row)
    for (const int64_t dim : *view.dims) data.values.append_value(static_cast<int32_t>(dim));
  bytes_ += rows * column.elements * sizeof(int32_t);
}

void LogRows::put_missing_row(const LogColumn& column, ColumnData& data) {
  const size_t width = column.kind == ColumnKind::kShape ? sizeof(int32_t) : dtype_size_bytes(column.dtype);
  const size_t bytes = column.elements * width;
  if (bytes > 0) std::memset(data.values.extend(bytes), 0, bytes);
  bytes_ += bytes;
  if (column.kind == ColumnKind::kShape) return;
  if (column.elements == 0) data.offsets.append_value(static_cast<int32_t>(data.values.size() / width));
  PENSTOCK_ASSERT(column.is_nullable);
  data.validity.append_value(uint8_t{0});
  ++data.null_count;
}

void LogRows::put_source(const LogColumn& column, ColumnData& data, const Request& request) {
  for_each_piece(request, column.source, [&](const TensorView& view, const std::byte* from, uint32_t rows) {
    if (view.dims == nullptr)
      put_missing_row(column, data);
    else if (column.kind == ColumnKind::kShape)
      put_shape_rows(column, data, view, rows);
    else
      put_tensor_rows(column, data, view, from, rows);
  });
}

// Where the request kept no timestamps of its own, its one stage's batches have them.
void LogRows::put_elapsed(ColumnData& data, const Request& request) {
  const size_t start = data.values.size();
  if (request.is_timed) {
    for_each_elapsed(request, [&](int64_t elapsed_ns) { data.values.append_value(static_cast<uint64_t>(elapsed_ns)); });
  } else {
    int64_t taken_ns = std::numeric_limits<int64_t>::max();
    int64_t done_ns = 0;
    for (const Segment& segment : request.segments) {
      taken_ns = std::min(taken_ns, segment.batch->timestamps.taken_ns);
      done_ns = std::max(done_ns, segment.batch->timestamps.run_end_ns);
    }
    data.values.append_value(span_ns(request.admitted_ns, taken_ns));
    data.values.append_value(span_ns(std::max(request.admitted_ns, taken_ns), done_ns));
  }
  const size_t row_bytes = data.values.size() - start;
  for (uint32_t row = 1; row < request.rows; ++row) {
    std::byte* const target = data.values.extend(row_bytes);
    std::memcpy(target, data.values.data() + start, row_bytes);
  }
  bytes_ += row_bytes * request.rows;
}

void LogRows::put_routes(ColumnData& data, const Request& request) {
  const int32_t split = request.plan->route_split;
  if (split < 0) return put_repeated(data, kNoRoute, request.rows);
  const uint16_t* const routes = request.routes.data() + static_cast<size_t>(split) * request.rows;
  for (uint32_t row = 0; row < request.rows; ++row) put_repeated(data, static_cast<int16_t>(routes[row]), 1);
}

void LogRows::put_cache(ColumnData& data, const Request& request) {
  put_repeated(data, cache_value(request), request.rows);
}

void LogRows::put_no_keys(ColumnData& data, uint32_t rows) {
  std::memset(data.validity.extend(rows), 0, rows);
  data.null_count += rows;
  put_ends(data, static_cast<int32_t>(data.values.size()), rows);
}

void LogRows::put_ends(ColumnData& data, int32_t end, uint32_t rows) {
  std::byte* const target = data.offsets.extend(rows * sizeof(int32_t));
  for (uint32_t row = 0; row < rows; ++row) std::memcpy(target + row * sizeof(int32_t), &end, sizeof(int32_t));
  bytes_ += rows * (sizeof(int32_t) + 1);
}

void LogRows::put_keys(const LogColumn& column, ColumnData& data, const Request& request) {
  if (!request.has_keys || !request.keys.has(column.check)) return put_no_keys(data, request.rows);
  std::memset(data.validity.extend(request.rows), 1, request.rows);
  for (uint32_t row = 0; row < request.rows; ++row) {
    const std::string_view text = request.keys.text(column.check, row);
    data.values.append(text.data(), text.size());
    bytes_ += text.size();
    put_ends(data, static_cast<int32_t>(data.values.size()), 1);
  }
}

// Neighbours without keys, which most are, cost two fills.
void LogRows::put_run_keys(const LogColumn& column, ColumnData& data, std::span<const LogItem> items) {
  const Entry* const entries = items.front().batch->entries.data();
  uint32_t rows = 0;
  for (const LogItem& item : items) {
    if (!item.request->has_keys) {
      rows += entries[item.entry].count;
      continue;
    }
    if (rows > 0) put_no_keys(data, std::exchange(rows, 0));
    put_keys(column, data, *item.request);
  }
  if (rows > 0) put_no_keys(data, rows);
}

void LogRows::append_request(const Request& request, uint64_t number, WallClock clock) {
  const int64_t ms = clock.ms_of(request.admitted_ns);
  note_time(ms);
  for (size_t c = 0; c < data_.size(); ++c) {
    const LogColumn& column = (*columns_)[c];
    ColumnData& data = data_[c];
    switch (column.kind) {
      case ColumnKind::kTime:
        put_repeated(data, ms, request.rows);
        break;
      case ColumnKind::kTensor:
      case ColumnKind::kShape:
        put_source(column, data, request);
        break;
      case ColumnKind::kAnomalyCount:
        for (uint32_t row = 0; row < request.rows; ++row) put_repeated(data, count_of_failed(request, row), 1);
        break;
      case ColumnKind::kAnomaly:
        for (uint32_t row = 0; row < request.rows; ++row) put_repeated(data, has_failed(request, row, column.check), 1);
        break;
      case ColumnKind::kElapsed:
        put_elapsed(data, request);
        break;
      case ColumnKind::kRequestNumber:
        put_repeated(data, number, request.rows);
        break;
      case ColumnKind::kRoute:
        put_routes(data, request);
        break;
      case ColumnKind::kCache:
        put_cache(data, request);
        break;
      case ColumnKind::kKey:
        put_keys(column, data, request);
        break;
    }
  }
  row_count_ += request.rows;
}

// value_of(i, row): of row `row` of item i. The loops are all that a row costs besides the copies of its tensors.
template <typename T, typename ValueOf>
void LogRows::put_each(ColumnData& data, std::span<const LogItem> items, uint32_t rows, ValueOf&& value_of) {
  std::byte* target = data.values.extend(rows * sizeof(T));
  const Entry* const entries = items.front().batch->entries.data();
  for (size_t i = 0; i < items.size(); ++i) {
    const uint32_t count = entries[items[i].entry].count;
    for (uint32_t row = 0; row < count; ++row, target += sizeof(T)) {
      const T value = value_of(i, row);
      std::memcpy(target, &value, sizeof(T));
    }
  }
  bytes_ += rows * sizeof(T);
}

void LogRows::put_run_times(ColumnData& data, std::span<const LogItem> items, uint32_t rows, WallClock clock) {
  const std::vector<Entry>& entries = items.front().batch->entries;
  int64_t known_ns = std::numeric_limits<int64_t>::min();  // entries of one burst have one timestamp
  int64_t ms = 0;
  put_each<int64_t>(data, items, rows, [&](size_t i, uint32_t) {
    const int64_t due_ns = entries[items[i].entry].due_ns;
    if (due_ns != known_ns) note_time(ms = clock.ms_of(known_ns = due_ns));
    return ms;
  });
}

void LogRows::put_run_elapsed(ColumnData& data, std::span<const LogItem> items, uint32_t rows) {
  const Batch& batch = *items.front().batch;
  const uint64_t run_ns = span_ns(batch.timestamps.taken_ns, batch.timestamps.run_end_ns);
  using Elapsed = std::array<uint64_t, 2>;
  put_each<Elapsed>(data, items, rows, [&](size_t i, uint32_t) {
    Elapsed elapsed = {span_ns(batch.entries[items[i].entry].due_ns, batch.timestamps.taken_ns), run_ns};
    // Its answer reports the times that the request kept: the same ones are logged.
    if (items[i].request->is_timed) {
      size_t count = 0;
      for_each_elapsed(*items[i].request,
                       [&](int64_t elapsed_ns) { elapsed[count++] = static_cast<uint64_t>(elapsed_ns); });
    }
    return elapsed;
  });
}

void LogRows::append_run(std::span<const LogItem> items, std::span<const uint64_t> numbers, WallClock clock) {
  const Batch& batch = *items.front().batch;
  const Entry& first = batch.entries[items.front().entry];
  const Entry& last = batch.entries[items.back().entry];
  const uint32_t rows = last.batch_row + last.count - first.batch_row;
  for (size_t c = 0; c < data_.size(); ++c) {
    const LogColumn& column = (*columns_)[c];
    ColumnData& data = data_[c];
    const bool is_source = column.kind == ColumnKind::kTensor || column.kind == ColumnKind::kShape;
    const TensorView view = is_source ? batch.view(column.source.side, column.source.slots[0]) : TensorView{};
    switch (column.kind) {
      case ColumnKind::kTime:
        put_run_times(data, items, rows, clock);
        break;
      case ColumnKind::kTensor:
        put_tensor_rows(column, data, view, view.data + first.batch_row * view.row_bytes, rows);
        break;
      case ColumnKind::kShape:
        put_shape_rows(column, data, view, rows);
        break;
      case ColumnKind::kAnomalyCount:
        put_each<uint32_t>(data, items, rows,
                           [&](size_t i, uint32_t row) { return count_of_failed(*items[i].request, row); });
        break;
      case ColumnKind::kAnomaly:
        put_each<uint8_t>(data, items, rows,
                          [&](size_t i, uint32_t row) { return has_failed(*items[i].request, row, column.check); });
        break;
      case ColumnKind::kElapsed:
        put_run_elapsed(data, items, rows);
        break;
      case ColumnKind::kRequestNumber:
        put_each<uint64_t>(data, items, rows, [&](size_t i, uint32_t) { return numbers[i]; });
        break;
      case ColumnKind::kRoute:
        put_repeated(data, kNoRoute, rows);
        break;
      case ColumnKind::kCache:
        put_each<int16_t>(data, items, rows, [&](size_t i, uint32_t) { return cache_value(*items[i].request); });
        break;
      case ColumnKind::kKey:
        put_run_keys(column, data, items);
        break;
    }
  }
  row_count_ += rows;
}
}  // namespace penstock
