// Rows of the log, column by column as Arrow lays them out, while they wait for the disk. What a column holds is
// decided once, at deploy (src/log/log-columns.ts); here it is found in the memory of the batches and copied, many rows
// at a time.
//
//   entries of one batch, side by side ── append_run ──► one memcpy per column for all of them
//   a request whose rows lie anywhere ── append_request ──► one memcpy per column and segment of rows
//
// Booleans are kept as a byte each and packed when they are written. Memory: the rows' own, bounded by whoever appends.
// Offsets of lists are int32: has_room_for says whether they can count what is to come.
// Thread: one at a time (the log's mutex while they are filled, the writer while they are written).
#pragma once
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "core/boundary_codes.hpp"
#include "log/byte_buffer.hpp"
#include "plan/request_log.hpp"
#include "runtime/request.hpp"

namespace penstock {
struct LogColumn {
  ColumnKind kind = ColumnKind::kTime;
  Source source;                  // of tensors and shapes
  Dtype dtype = Dtype::kFloat32;  // of tensors
  uint32_t elements = 0;          // of a row: tensors (0: as many as it has, a list), shapes, elapsed
  uint16_t check = 0;             // of an anomaly; of a key: its index among LogOptions::keys
  bool is_nullable = false;       // only tensors
};

struct ColumnData {
  ByteBuffer values;
  ByteBuffer offsets;   // int32, of lists and keys: where each row ends, behind a leading 0
  ByteBuffer validity;  // a byte per row, of nullable columns
  uint64_t null_count = 0;
};

// Timestamps of the monotonic clock as milliseconds since 1970.
struct WallClock {
  int64_t offset_ns = 0;
  static WallClock now() noexcept;
  int64_t ms_of(int64_t moment_ns) const noexcept { return (moment_ns + offset_ns) / 1'000'000; }
};

class LogRows {
 public:
  static constexpr size_t kListElementsMax = std::numeric_limits<int32_t>::max();

  // `list_elements_max`: of a column of lists, all rows together.
  explicit LogRows(const std::vector<LogColumn>& columns, size_t list_elements_max = kListElementsMax);

  // Whether the rows can be appended to those that are here: the request's, or `rows` rows of a batch.
  bool has_room_for(const Request& request) const noexcept;
  bool has_room_for(const Batch& batch, uint32_t rows) const noexcept;
  // Items of one batch whose rows lie side by side there, in order. `numbers`: of each item's request.
  void append_run(std::span<const LogItem> items, std::span<const uint64_t> numbers, WallClock clock);
  void append_request(const Request& request, uint64_t number, WallClock clock);
  void clear();

  size_t bytes() const noexcept { return bytes_; }
  uint64_t row_count() const noexcept { return row_count_; }
  int64_t first_ms() const noexcept { return first_ms_; }
  int64_t last_ms() const noexcept { return last_ms_; }
  const std::vector<LogColumn>& columns() const noexcept { return *columns_; }
  const ColumnData& data(size_t column) const noexcept { return data_[column]; }

 private:
  void note_time(int64_t ms) noexcept;
  void put_tensor_rows(const LogColumn& column, ColumnData& data, const TensorView& view, const std::byte* from,
                       uint32_t rows);
  void put_shape_rows(const LogColumn& column, ColumnData& data, const TensorView& view, uint32_t rows);
  void put_missing_row(const LogColumn& column, ColumnData& data);
  void put_source(const LogColumn& column, ColumnData& data, const Request& request);
  void put_elapsed(ColumnData& data, const Request& request);
  void put_routes(ColumnData& data, const Request& request);
  void put_cache(ColumnData& data, const Request& request);
  void put_keys(const LogColumn& column, ColumnData& data, const Request& request);
  void put_ends(ColumnData& data, int32_t end, uint32_t rows);
  void put_no_keys(ColumnData& data, uint32_t rows);
  void put_run_keys(const LogColumn& column, ColumnData& data, std::span<const LogItem> items);
  template <typename T, typename ValueOf>
  void put_each(ColumnData& data, std::span<const LogItem> items, uint32_t rows, ValueOf&& value_of);
  void put_run_times(ColumnData& data, std::span<const LogItem> items, uint32_t rows, WallClock clock);
  void put_run_elapsed(ColumnData& data, std::span<const LogItem> items, uint32_t rows);
  template <typename T>
  void put_repeated(ColumnData& data, T value, uint32_t rows);

  size_t list_elements(size_t column) const noexcept;

  const std::vector<LogColumn>* columns_;
  size_t list_elements_max_;
  bool has_lists_ = false;
  std::vector<ColumnData> data_;
  size_t bytes_ = 0;
  uint64_t row_count_ = 0;
  int64_t first_ms_ = std::numeric_limits<int64_t>::max();
  int64_t last_ms_ = std::numeric_limits<int64_t>::min();
};
}  // namespace penstock
