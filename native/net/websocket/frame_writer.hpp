// The headers of frames that a server sends (RFC 6455 section 5.2): unmasked, in one piece, without extensions. A
// payload is sent from where it lies, behind its header, so nothing here copies one; control frames are short and come
// whole.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::net {

enum class Opcode : uint8_t { kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10 };

inline constexpr size_t kFrameHeaderBytesMax = 10;
inline constexpr size_t kControlBytesMax = 125;
// No code was sent: stands in no frame (RFC 6455 section 7.4.1).
inline constexpr uint16_t kCloseCodeNone = 1005;

// Bytes of the header before `payload_bytes`.
constexpr size_t frame_header_bytes(uint64_t payload_bytes) noexcept {
  return payload_bytes < 126 ? 2 : payload_bytes <= 0xffff ? 4 : 10;
}

// Writes the header of a whole message to `target`, which has frame_header_bytes(payload_bytes) bytes of room.
// Returns the byte behind it.
char* write_frame_header(char* target, Opcode opcode, uint64_t payload_bytes) noexcept;

// A whole ping or pong; payload: at most kControlBytesMax bytes.
void append_control_frame(std::string& out, Opcode opcode, std::string_view payload);

// A whole close frame. kCloseCodeNone: without code and reason. Of a longer reason the first 123 bytes go, cut between
// characters.
void append_close_frame(std::string& out, uint16_t code, std::string_view reason);

// Whether the code may stand in a frame: those that RFC 6455 and the registry behind it give to endpoints, and
// 3000..4999.
constexpr bool is_close_code(uint16_t code) noexcept {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

}  // namespace penstock::net
