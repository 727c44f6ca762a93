#include "log/record_batch.hpp"

#include <array>
#include <cstring>

#include "core/assert.hpp"
#include "core/block.hpp"
#include "core/boundary_codes.hpp"

namespace penstock {
namespace {
alignas(8) constexpr std::array<std::byte, kArrowAlignmentBytes> kPadding{};

// Offsets from the first byte of the metadata. Vectors of 16-byte structs follow each other behind the two tables.
constexpr size_t kMessageVtable = kFlatbufferRootBytes;
constexpr size_t kMessageTable = 16;
constexpr size_t kBatchVtable = 36;
constexpr size_t kBatchTable = 48;
constexpr size_t kNodes = 68;

size_t packed_bytes(size_t count) noexcept {
  return align_up((count + 7) / 8, kArrowAlignmentBytes);
}

// Multiplying gathers the low bit of each byte in the highest one, the first byte's lowest.
void pack_bits(std::byte* target, const std::byte* source, size_t count) noexcept {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    uint64_t bytes;
    std::memcpy(&bytes, source + i, 8);
    target[i / 8] = static_cast<std::byte>((bytes & 0x0101010101010101u) * 0x0102040810204080u >> 56);
  }
  if (i == count) return;
  unsigned rest = 0;
  for (size_t bit = 0; i + bit < count; ++bit) rest |= (std::to_integer<unsigned>(source[i + bit]) & 1u) << bit;
  target[i / 8] = static_cast<std::byte>(rest);
}

size_t bits_of(const LogColumn& column, const ColumnData& data) noexcept {
  const bool is_bits =
      column.kind == ColumnKind::kAnomaly || (column.kind == ColumnKind::kTensor && column.dtype == Dtype::kBool);
  const size_t values = is_bits ? packed_bytes(data.values.size()) : 0;
  return values + (data.null_count > 0 ? packed_bytes(data.validity.size()) : 0);
}

template <typename T>
void put(std::byte* at, T value) noexcept {
  std::memcpy(at, &value, sizeof(T));
}
}  // namespace

const std::byte* end_of_stream() noexcept {
  static constexpr std::array<uint32_t, 2> kMarker = {0xFFFFFFFFu, 0u};
  static_assert(sizeof kMarker == kEndOfStreamBytes);
  return reinterpret_cast<const std::byte*>(kMarker.data());
}

void RecordBatchMessage::build(const LogRows& rows) {
  parts_.assign(1, iovec{});  // the prefix, which is known last
  nodes_.clear();
  buffers_.clear();
  body_bytes_ = 0;
  bits_used_ = 0;
  // Parts point into the bits: they must not move while columns are added.
  size_t bit_bytes = 0;
  for (size_t c = 0; c < rows.columns().size(); ++c) bit_bytes += bits_of(rows.columns()[c], rows.data(c));
  if (bits_.size() < bit_bytes) bits_.resize(bit_bytes);
  for (size_t c = 0; c < rows.columns().size(); ++c) add_column(rows.columns()[c], rows.data(c), rows.row_count());
  write_prefix(rows.row_count());
}

void RecordBatchMessage::add_column(const LogColumn& column, const ColumnData& data, uint64_t row_count) {
  const bool is_list = column.kind == ColumnKind::kTensor && column.elements == 0;
  const bool is_nested =
      column.kind == ColumnKind::kTensor || column.kind == ColumnKind::kElapsed || column.kind == ColumnKind::kShape;
  add_node(row_count, data.null_count);
  if (data.null_count > 0)
    add_bits(data.validity.data(), row_count);
  else
    add_buffer(nullptr, 0);
  if (column.kind == ColumnKind::kKey) add_buffer(data.offsets.data(), data.offsets.size());
  size_t width = 1;
  if (is_nested) {
    if (is_list) add_buffer(data.offsets.data(), data.offsets.size());
    width = column.kind == ColumnKind::kTensor ? dtype_size_bytes(column.dtype)
                                               : data.values.size() / (row_count * column.elements);
    add_node(data.values.size() / width, 0);
    add_buffer(nullptr, 0);
  }
  if (column.kind == ColumnKind::kAnomaly || (column.kind == ColumnKind::kTensor && column.dtype == Dtype::kBool))
    add_bits(data.values.data(), data.values.size());
  else
    add_buffer(data.values.data(), data.values.size());
}

void RecordBatchMessage::add_node(uint64_t length, uint64_t null_count) {
  nodes_.push_back({static_cast<int64_t>(length), static_cast<int64_t>(null_count)});
}

void RecordBatchMessage::add_buffer(const std::byte* data, size_t bytes) {
  buffers_.push_back({static_cast<int64_t>(body_bytes_), static_cast<int64_t>(bytes)});
  if (bytes == 0) return;
  parts_.push_back({const_cast<std::byte*>(data), bytes});
  const size_t padding = align_up(bytes, kArrowAlignmentBytes) - bytes;
  if (padding > 0) parts_.push_back({const_cast<std::byte*>(kPadding.data()), padding});
  body_bytes_ += bytes + padding;
}

void RecordBatchMessage::add_bits(const std::byte* data, size_t count) {
  std::byte* const target = bits_.data() + bits_used_;
  pack_bits(target, data, count);
  bits_used_ += packed_bytes(count);
  PENSTOCK_ASSERT(bits_used_ <= bits_.size());
  add_buffer(target, (count + 7) / 8);
}

// Each table points back to its vtable and forward to what it refers to; a vtable lists its own size, the table's, and
// where in the table each field lies.
void RecordBatchMessage::write_prefix(uint64_t row_count) {
  const size_t nodes = nodes_.size();
  const size_t buffers = buffers_.size();
  const size_t buffers_at = kNodes + 4 + nodes * sizeof(Place) + 4;  // so that elements are aligned
  const size_t metadata_bytes = buffers_at + 4 + buffers * sizeof(Place);
  PENSTOCK_ASSERT(metadata_bytes % kArrowAlignmentBytes == 0);
  prefix_.assign(8 + metadata_bytes, std::byte{0});
  put(prefix_.data(), uint32_t{0xFFFFFFFFu});
  put(prefix_.data() + 4, static_cast<uint32_t>(metadata_bytes));
  std::byte* const metadata = prefix_.data() + 8;
  put(metadata, static_cast<uint32_t>(kMessageTable));
  const std::array<uint16_t, 6> message_vtable = {12, 20, 16, 18, 4, 8};  // version, header_type, header, bodyLength
  std::memcpy(metadata + kMessageVtable, message_vtable.data(), sizeof message_vtable);
  std::byte* const message = metadata + kMessageTable;
  put(message, static_cast<int32_t>(kMessageTable - kMessageVtable));
  put(message + 4, static_cast<uint32_t>(kBatchTable - (kMessageTable + 4)));
  put(message + 8, static_cast<int64_t>(body_bytes_));
  put(message + 16, int16_t{kArrowVersionV5});
  put(message + 18, kArrowHeaderRecordBatch);
  const std::array<uint16_t, 5> batch_vtable = {10, 20, 8, 4, 16};  // length, nodes, buffers
  std::memcpy(metadata + kBatchVtable, batch_vtable.data(), sizeof batch_vtable);
  std::byte* const batch = metadata + kBatchTable;
  put(batch, static_cast<int32_t>(kBatchTable - kBatchVtable));
  put(batch + 4, static_cast<uint32_t>(kNodes - (kBatchTable + 4)));
  put(batch + 8, static_cast<int64_t>(row_count));
  put(batch + 16, static_cast<uint32_t>(buffers_at - (kBatchTable + 16)));
  put(metadata + kNodes, static_cast<uint32_t>(nodes));
  std::memcpy(metadata + kNodes + 4, nodes_.data(), nodes * sizeof(Place));
  put(metadata + buffers_at, static_cast<uint32_t>(buffers));
  std::memcpy(metadata + buffers_at + 4, buffers_.data(), buffers * sizeof(Place));
  parts_[0] = {prefix_.data(), prefix_.size()};
}
}  // namespace penstock
