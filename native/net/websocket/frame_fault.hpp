// Why a WebSocket connection is failed (RFC 6455 section 7.1.7): a code that tests and logs name, the close code that
// the client gets, and the reason that goes with it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace penstock::net {

enum class WebSocketFault : uint8_t {
  kNone,
  kReservedBits,     // a bit of an extension that nobody agreed on
  kOpcode,           // 3..7, 11..15
  kUnmasked,         // clients must mask
  kLength,           // not written in as few bytes as it could be
  kLengthTopBit,     // 2^63 or more
  kMessageBytes,     // 1009
  kFragmentCount,    // 1008
  kContinuation,     // without a message to continue
  kUnfinished,       // a new message before the last one ended
  kControlFragment,  // a control frame in fragments
  kControlBytes,     // a control frame of more than 125 bytes
  kText,             // 1007: text that is no UTF-8
  kCloseBytes,       // a close frame of one byte
  kCloseCode,        // a code that nobody may send
  kCloseReason,      // 1007: a reason that is no UTF-8
};
inline constexpr size_t kWebSocketFaultCount = static_cast<size_t>(WebSocketFault::kCloseReason) + 1;

struct WebSocketFaultInfo {
  WebSocketFault fault;
  // "reserved-bits"
  const char* name;
  // 1002, 1007, 1008 or 1009; 0 for kNone.
  uint16_t close_code;
  // At most 123 bytes of printable ASCII: it travels in the close frame.
  const char* sentence;
};

const WebSocketFaultInfo& websocket_fault_info(WebSocketFault fault) noexcept;

}  // namespace penstock::net
