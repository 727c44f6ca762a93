// One Arrow IPC record batch message, in pieces that a single writev puts into a file.
//
//   | 0xFFFFFFFF | metadata bytes | Message (FlatBuffers) | body: each buffer of each column, padded to 8 |
//
// The metadata has one form (a Message with a RecordBatch of so many nodes and buffers), so that it is laid out by hand
// at fixed places: a FlatBuffers builder would be a dependency for two tables. Compression is none: segments become
// Parquet in the background.
// Source: https://arrow.apache.org/docs/format/Columnar.html (format/Message.fbs, version V5).
// Memory: the body's pieces point into the rows, which stay as they are until the message is written.
#pragma once
#include <sys/uio.h>

#include <vector>

#include "core/boundary_codes.hpp"
#include "log/log_rows.hpp"

namespace penstock {
class RecordBatchMessage {
 public:
  void build(const LogRows& rows);

  const std::vector<iovec>& parts() const noexcept { return parts_; }
  size_t size_bytes() const noexcept { return prefix_.size() + body_bytes_; }

 private:
  struct Place {
    int64_t offset;
    int64_t length;
  };

  void add_column(const LogColumn& column, const ColumnData& data, uint64_t row_count);
  void add_node(uint64_t length, uint64_t null_count);
  void add_buffer(const std::byte* data, size_t bytes);
  // Bytes of 0 and 1, as bits.
  void add_bits(const std::byte* data, size_t count);
  void write_prefix(uint64_t row_count);

  std::vector<iovec> parts_;
  std::vector<std::byte> prefix_;
  std::vector<Place> nodes_;  // length and null count
  std::vector<Place> buffers_;
  std::vector<std::byte> bits_;
  size_t bits_used_ = 0;
  size_t body_bytes_ = 0;
};

// Ends a stream: a continuation marker and no message.
constexpr size_t kEndOfStreamBytes = 8;
const std::byte* end_of_stream() noexcept;
}  // namespace penstock
