// FlatBuffers by hand; see wire.hpp. Layout used by both directions:
//
//   table  : i32 distance back to its vtable, then the fields      vtable : u16 bytes, u16 table bytes, u16 per field
//   vector : u32 count, elements                                   offset : u32 forward from where it is stored
#include "wire.hpp"

#include <bit>
#include <cstring>

#include "wire/wire_slots.hpp"

static_assert(std::endian::native == std::endian::little, "frames are little endian and are read in place");

namespace flood::wire {
namespace {

namespace slots = penstock::slots;
using penstock::Body;

uint16_t load_u16(const uint8_t* at) noexcept {
  uint16_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

bool fits(Bytes frame, size_t position, size_t size_bytes) noexcept {
  return position <= frame.size() && size_bytes <= frame.size() - position;
}

std::string_view text_of(const std::optional<Bytes>& bytes) noexcept {
  if (!bytes) return {};
  return {reinterpret_cast<const char*>(bytes->data()), bytes->size()};
}

bool is_body(const Message& message, Body type) noexcept { return message.body_type == static_cast<uint8_t>(type); }

// Appends little-endian fields in address order; offsets are patched once their target's place is known.
class Writer {
 public:
  size_t u8(uint8_t value) { return append(&value, sizeof value); }
  size_t u16(uint16_t value) { return append(&value, sizeof value); }
  size_t u32(uint32_t value) { return append(&value, sizeof value); }
  size_t bytes(Bytes value) { return append(value.data(), value.size()); }
  void align4() { bytes_.resize((bytes_.size() + 3) / 4 * 4); }
  size_t size() const noexcept { return bytes_.size(); }
  void point(size_t offset_position, size_t target) {
    store_u32(bytes_.data() + offset_position, static_cast<uint32_t>(target - offset_position));
  }
  std::vector<uint8_t> take() { return std::move(bytes_); }

  // A vtable for a table that follows at once; `field_offsets[i]` belongs to the i-th slot. Returns the table's place.
  size_t open_table(std::initializer_list<uint16_t> field_offsets, uint16_t table_bytes) {
    align4();
    // A table starts on a multiple of four, so a vtable with an odd number of slots is preceded by two spare bytes.
    if (field_offsets.size() % 2 == 1) u16(0);
    const auto vtable_bytes = static_cast<uint16_t>(4 + 2 * field_offsets.size());
    u16(vtable_bytes);
    u16(table_bytes);
    for (const uint16_t offset : field_offsets) u16(offset);
    return u32(vtable_bytes);
  }

 private:
  size_t append(const void* data, size_t size_bytes) {
    const size_t position = bytes_.size();
    bytes_.resize(position + size_bytes);
    std::memcpy(bytes_.data() + position, data, size_bytes);
    return position;
  }

  std::vector<uint8_t> bytes_;
};

// The root table Message; returns where the offset of its body is to be pointed.
size_t open_message(Writer& writer, Body type) {
  static_assert(slots::message::body_type == 4 && slots::message::body == 6);
  const size_t root = writer.u32(0);
  const size_t table = writer.open_table({8, 4}, 12);
  writer.point(root, table);
  const size_t body = writer.u32(0);
  writer.u8(static_cast<uint8_t>(type));
  writer.align4();
  return body;
}

}  // namespace

uint32_t load_u32(const uint8_t* at) noexcept {
  uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

void store_u32(uint8_t* at, uint32_t value) noexcept { std::memcpy(at, &value, sizeof value); }

Table::Table(Bytes frame, size_t position) noexcept : frame_(frame), position_(position) {
  if (!fits(frame, position, 4)) return;
  // The distance is signed: unsigned wrap-around gives the same place, and `fits` refuses what is outside.
  const auto distance = static_cast<int32_t>(load_u32(frame.data() + position));
  const int64_t vtable = static_cast<int64_t>(position) - distance;
  if (vtable < 0 || !fits(frame, static_cast<size_t>(vtable), 4)) return;
  vtable_ = static_cast<size_t>(vtable);
  vtable_bytes_ = load_u16(frame.data() + vtable_);
  table_bytes_ = load_u16(frame.data() + vtable_ + 2);
  is_valid_ = vtable_bytes_ >= 4 && fits(frame, vtable_, vtable_bytes_) && fits(frame, position, table_bytes_);
}

size_t Table::field(unsigned slot, size_t size_bytes) const noexcept {
  if (!is_valid_ || slot + 2 > vtable_bytes_) return 0;
  const size_t offset = load_u16(frame_.data() + vtable_ + slot);
  if (offset == 0 || offset + size_bytes > table_bytes_) return 0;
  return position_ + offset;
}

uint32_t Table::u32(unsigned slot, uint32_t fallback) const noexcept {
  const size_t at = field(slot, 4);
  return at == 0 ? fallback : load_u32(frame_.data() + at);
}

uint8_t Table::u8(unsigned slot, uint8_t fallback) const noexcept {
  const size_t at = field(slot, 1);
  return at == 0 ? fallback : frame_[at];
}

std::optional<Bytes> Table::vector(unsigned slot, size_t element_bytes) const noexcept {
  const size_t at = field(slot, 4);
  if (at == 0) return Bytes{};
  const size_t start = at + load_u32(frame_.data() + at);
  if (!fits(frame_, start, 4)) return std::nullopt;
  const size_t size_bytes = size_t{load_u32(frame_.data() + start)} * element_bytes;
  if (!fits(frame_, start + 4, size_bytes)) return std::nullopt;
  return frame_.subspan(start + 4, size_bytes);
}

std::optional<size_t> Table::table_position(unsigned slot) const noexcept {
  const size_t at = field(slot, 4);
  if (at == 0) return std::nullopt;
  return at + load_u32(frame_.data() + at);
}

std::optional<Message> read_message(Bytes frame) noexcept {
  if (frame.size() < 8) return std::nullopt;
  const Table root(frame, load_u32(frame.data()));
  const std::optional<size_t> body = root.table_position(slots::message::body);
  if (!body) return std::nullopt;
  const Message message{root.u8(slots::message::body_type, 0), Table(frame, *body)};
  if (!message.body.is_valid()) return std::nullopt;
  return message;
}

std::optional<Results> read_results(const Table& body) noexcept {
  const auto requests = body.vector(slots::results::requests, 4);
  const auto rows = body.vector(slots::results::rows, 4);
  const auto data = body.vector(slots::results::data, 1);
  if (!requests || !rows || !data || requests->empty()) return std::nullopt;
  if (!rows->empty() && rows->size() != requests->size()) return std::nullopt;
  return Results{*requests, *rows, *data};
}

std::optional<Failure> read_failure(const Table& body) noexcept {
  const auto code = body.vector(slots::failure::code, 1);
  const auto message = body.vector(slots::failure::message, 1);
  if (!code || !message) return std::nullopt;
  return Failure{body.u32(slots::failure::request, 0), text_of(code), text_of(message)};
}

uint32_t hello_window(const Table& body) noexcept { return body.u32(slots::hello::window_requests, 0); }

bool is_hello(const Message& message) noexcept { return is_body(message, Body::kHello); }
bool is_opened(const Message& message) noexcept { return is_body(message, Body::kOpened); }
bool is_results(const Message& message) noexcept { return is_body(message, Body::kResults); }
bool is_failure(const Message& message) noexcept { return is_body(message, Body::kFailure); }

std::vector<uint8_t> encode_open(uint32_t channel, std::string_view pipeline) {
  static_assert(slots::open::channel == 4 && slots::open::pipeline == 6);
  Writer writer;
  const size_t body = open_message(writer, Body::kOpen);
  const size_t table = writer.open_table({4, 8}, 12);
  writer.point(body, table);
  writer.u32(channel);
  const size_t name = writer.u32(0);
  writer.point(name, writer.u32(static_cast<uint32_t>(pipeline.size())));
  writer.bytes({reinterpret_cast<const uint8_t*>(pipeline.data()), pipeline.size()});
  writer.u8(0);  // strings end in a zero that their length does not count
  return writer.take();
}

std::vector<uint8_t> encode_infer(uint32_t channel, uint32_t rows, Bytes data, size_t& request_position) {
  static_assert(slots::infer::channel == 4 && slots::infer::request == 6 && slots::infer::rows == 8 &&
                slots::infer::data == 10);
  Writer writer;
  const size_t body = open_message(writer, Body::kInfer);
  const size_t table = writer.open_table({4, 8, 12, 16}, 20);
  writer.point(body, table);
  writer.u32(channel);
  request_position = writer.u32(0);
  writer.u32(rows);
  const size_t vector = writer.u32(0);
  writer.point(vector, writer.u32(static_cast<uint32_t>(data.size())));
  writer.bytes(data);
  return writer.take();
}

}  // namespace flood::wire
