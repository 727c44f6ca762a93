#include "load/websocket/websocket_frame.hpp"

namespace penstock::load {
namespace {

constexpr size_t kPayloadBytesMax = size_t{256} << 20;

}  // namespace

void append_frame_header(std::vector<uint8_t>& out, uint8_t opcode, size_t payload_bytes) {
  out.push_back(static_cast<uint8_t>(0x80 | opcode));
  const int length_bits = payload_bytes < 126 ? 0 : payload_bytes <= 0xffff ? 16 : 64;
  const size_t code = length_bits == 0 ? payload_bytes : length_bits == 16 ? 126 : 127;
  out.push_back(static_cast<uint8_t>(0x80 | code));
  for (int shift = length_bits - 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<uint8_t>(uint64_t{payload_bytes} >> shift));
  }
  out.insert(out.end(), 4, 0);
}

FrameProgress next_frame(Connection& connection, Frame& frame) noexcept {
  const ByteSpan bytes = connection.received();
  if (bytes.size() < 2) return FrameProgress::kIncomplete;
  // A server must not mask.
  if ((bytes[1] & 0x80u) != 0) return FrameProgress::kBroken;
  size_t header_bytes = 2;
  size_t payload_bytes = bytes[1];
  if (payload_bytes >= 126) {
    header_bytes += payload_bytes == 126 ? 2 : 8;
    if (bytes.size() < header_bytes) return FrameProgress::kIncomplete;
    payload_bytes = 0;
    for (size_t index = 2; index < header_bytes; ++index) payload_bytes = payload_bytes << 8 | bytes[index];
  }
  if (payload_bytes > kPayloadBytesMax) return FrameProgress::kBroken;
  if (bytes.size() - header_bytes < payload_bytes) {
    connection.expect_message(header_bytes + payload_bytes);
    return FrameProgress::kIncomplete;
  }
  frame = {static_cast<uint8_t>(bytes[0] & 0x0f), (bytes[0] & 0x80) != 0, bytes.subspan(header_bytes, payload_bytes)};
  connection.consume(header_bytes + payload_bytes);
  return FrameProgress::kWhole;
}

}  // namespace penstock::load
