#include "load/websocket/many_frame.hpp"

#include <algorithm>
#include <cstring>

#include "core/block.hpp"
#include "core/dtype_codes.hpp"
#include "load/websocket/websocket_frame.hpp"

namespace penstock::load {
namespace {

constexpr size_t kEnvelopeAt = 12, kFieldsAt = 24, kTableAt = 44, kTableSize = 32, kDataCountAt = 76, kDataAt = 80;
constexpr size_t kRequestsField = 8, kRowsField = 12, kDataField = 16;

template <typename T>
void store(uint8_t* frame, size_t at, T value) noexcept {
  std::memcpy(frame + at, &value, sizeof value);
}

void write_head(uint8_t* frame, uint32_t channel, bool has_rows) noexcept {
  std::memset(frame, 0, kDataAt);
  store<uint32_t>(frame, 0, kEnvelopeAt);
  store<uint16_t>(frame, 4, 8);
  store<uint16_t>(frame, 6, 12);
  store<uint16_t>(frame, 4 + slots::message::body_type, 8);
  store<uint16_t>(frame, 4 + slots::message::body, 4);
  store<int32_t>(frame, kEnvelopeAt, kEnvelopeAt - 4);
  store<uint32_t>(frame, kEnvelopeAt + 4, kTableAt - (kEnvelopeAt + 4));
  store<uint8_t>(frame, kEnvelopeAt + 8, static_cast<uint8_t>(Body::kInferMany));
  store<uint16_t>(frame, kFieldsAt, slots::infer_many::request_ids + 2);
  store<uint16_t>(frame, kFieldsAt + 2, kTableSize);
  store<uint16_t>(frame, kFieldsAt + slots::infer_many::channel, 4);
  store<uint16_t>(frame, kFieldsAt + slots::infer_many::requests, kRequestsField);
  store<uint16_t>(frame, kFieldsAt + slots::infer_many::rows, has_rows ? kRowsField : 0);
  store<uint16_t>(frame, kFieldsAt + slots::infer_many::data, kDataField);
  store<int32_t>(frame, kTableAt, kTableAt - kFieldsAt);
  store<uint32_t>(frame, kTableAt + 4, channel);
  store<uint32_t>(frame, kTableAt + kDataField, kDataCountAt - (kTableAt + kDataField));
}

}  // namespace

std::optional<ManyItem> read_many_item(ByteSpan infer) noexcept {
  const std::optional<Message> message = read_message(infer);
  websocket::InferFrame read;
  if (!message || message->type != Body::kInfer) return std::nullopt;
  if (websocket::read_infer(message->table, read) != FrameFault::kNone) return std::nullopt;
  const bool says_more = read.dims.count > 0 || read.texts.count > 0 || !read.meta.is_empty() ||
                         read.deadline_ms != 0 || read.priority != 0 || read.timing != 0 || read.request_id != 0;
  if (says_more) return std::nullopt;
  return ManyItem{0, read.rows, {read.data.begin(), read.data.count}};
}

std::vector<size_t> read_row_bytes(const flatbuffers::Table& opened) {
  uint8_t is_offered = 0;
  uint8_t is_non_batching = 0;
  flatbuffers::Vector inputs;
  std::vector<size_t> row_bytes;
  if (!opened.scalar(slots::opened::infer_many, is_offered) || is_offered == 0) return {};
  if (!opened.scalar(slots::opened::is_non_batching, is_non_batching)) return {};
  if (!opened.vector(slots::opened::inputs, 4, inputs)) return {};
  for (size_t input = 0; input < inputs.count; ++input) {
    flatbuffers::Table field;
    flatbuffers::Vector shape;
    uint8_t dtype = 0;
    if (!flatbuffers::Table::open_at_offset(inputs.bytes, inputs.at + input * 4, field)) return {};
    if (!field.scalar(slots::field::dtype, dtype) || !field.vector(slots::field::shape, 4, shape)) return {};
    size_t bytes = dtype_size_bytes(static_cast<Dtype>(dtype));
    for (size_t axis = is_non_batching != 0 ? 0 : 1; axis < shape.count; ++axis) {
      const auto dim = shape.get<int32_t>(axis);
      if (dim < 0) return {};
      bytes *= static_cast<size_t>(dim);
    }
    if (bytes == 0) return {};
    row_bytes.push_back(bytes);
  }
  return row_bytes;
}

void append_many_frame(Connection& connection, uint32_t channel, std::span<const ManyItem> items,
                       std::span<const size_t> row_bytes) {
  size_t data_bytes = 0;
  for (const ManyItem& item : items) data_bytes += item.data.size();
  const bool has_rows = std::any_of(items.begin(), items.end(), [](const ManyItem& item) { return item.rows != 1; });
  const size_t requests = align_up(kDataAt + data_bytes, 4);
  const size_t rows = requests + 4 + 4 * items.size();
  const size_t frame_bytes = has_rows ? rows + 4 + 4 * items.size() : rows;
  std::vector<uint8_t> header;
  append_frame_header(header, kOpcodeBinary, frame_bytes);
  uint8_t* const start = connection.append(header.size() + frame_bytes);
  std::memcpy(start, header.data(), header.size());
  uint8_t* const frame = start + header.size();
  write_head(frame, channel, has_rows);
  store(frame, kDataCountAt, static_cast<uint32_t>(data_bytes));
  uint8_t* at = frame + kDataAt;
  size_t before = 0;  // bytes of a row of the inputs before
  for (const size_t bytes : row_bytes) {
    for (const ManyItem& item : items) {
      std::memcpy(at, item.data.data() + before * item.rows, bytes * item.rows);
      at += bytes * item.rows;
    }
    before += bytes;
  }
  std::memset(at, 0, static_cast<size_t>(frame + requests - at));
  store(frame, kTableAt + kRequestsField, static_cast<uint32_t>(requests - (kTableAt + kRequestsField)));
  store(frame, requests, static_cast<uint32_t>(items.size()));
  for (size_t i = 0; i < items.size(); ++i) store(frame, requests + 4 + 4 * i, items[i].request);
  if (!has_rows) return;
  store(frame, kTableAt + kRowsField, static_cast<uint32_t>(rows - (kTableAt + kRowsField)));
  store(frame, rows, static_cast<uint32_t>(items.size()));
  for (size_t i = 0; i < items.size(); ++i) store(frame, rows + 4 + 4 * i, items[i].rows);
}

}  // namespace penstock::load
