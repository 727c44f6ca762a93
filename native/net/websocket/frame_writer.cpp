#include "net/websocket/frame_writer.hpp"

#include "core/assert.hpp"
#include "core/utf8.hpp"

namespace penstock::net {

char* write_frame_header(char* target, Opcode opcode, uint64_t payload_bytes) noexcept {
  *target++ = static_cast<char>(0x80 | static_cast<unsigned>(opcode));
  const size_t header_bytes = frame_header_bytes(payload_bytes);
  if (header_bytes == 2) {
    *target++ = static_cast<char>(payload_bytes);
    return target;
  }
  *target++ = header_bytes == 4 ? 126 : 127;
  for (int shift = header_bytes == 4 ? 8 : 56; shift >= 0; shift -= 8)
    *target++ = static_cast<char>(payload_bytes >> shift & 0xFF);
  return target;
}

void append_control_frame(std::string& out, Opcode opcode, std::string_view payload) {
  PENSTOCK_ASSERT(payload.size() <= kControlBytesMax);
  char header[kFrameHeaderBytesMax];
  out.append(header, write_frame_header(header, opcode, payload.size()));
  out.append(payload);
}

void append_close_frame(std::string& out, uint16_t code, std::string_view reason) {
  if (code == kCloseCodeNone) return append_control_frame(out, Opcode::kClose, {});
  size_t reason_bytes = reason.size();
  if (reason_bytes > kControlBytesMax - 2) {
    reason_bytes = kControlBytesMax - 2;
    while (reason_bytes > 0 && is_utf8_tail(reason[reason_bytes])) --reason_bytes;
  }
  char header[kFrameHeaderBytesMax];
  out.append(header, write_frame_header(header, Opcode::kClose, reason_bytes + 2));
  out.push_back(static_cast<char>(code >> 8));
  out.push_back(static_cast<char>(code & 0xFF));
  out.append(reason.substr(0, reason_bytes));
}

}  // namespace penstock::net
