#include "net/websocket/frame_fault.hpp"

#include <array>
#include <string_view>

namespace penstock::net {
namespace {

constexpr std::array<WebSocketFaultInfo, kWebSocketFaultCount> kWebSocketFaults = {{
    {WebSocketFault::kNone, "none", 0, ""},
    {WebSocketFault::kReservedBits, "reserved-bits", 1002,
     "Expected no reserved bit, as no extension was agreed on, but received one"},
    {WebSocketFault::kOpcode, "opcode", 1002, "Expected an opcode of RFC 6455 but received a reserved one"},
    {WebSocketFault::kUnmasked, "unmasked", 1002,
     "Expected frames of a client to be masked but received one that is not"},
    {WebSocketFault::kLength, "length", 1002, "Expected the length in as few bytes as it fits but received it in more"},
    {WebSocketFault::kLengthTopBit, "length-top-bit", 1002, "Expected a length below 2^63 but received a larger one"},
    {WebSocketFault::kMessageBytes, "message-bytes", 1009,
     "Expected a smaller message: this is larger than the server takes"},
    {WebSocketFault::kFragmentCount, "fragment-count", 1008, "Expected a message of fewer fragments: send larger ones"},
    {WebSocketFault::kContinuation, "continuation", 1002, "Expected a message to begin but received a continuation"},
    {WebSocketFault::kUnfinished, "unfinished", 1002,
     "Expected a continuation but received the beginning of a message"},
    {WebSocketFault::kControlFragment, "control-fragment", 1002,
     "Expected a control frame in one piece but received a fragment"},
    {WebSocketFault::kControlBytes, "control-bytes", 1002,
     "Expected at most 125 bytes in a control frame but received more"},
    {WebSocketFault::kText, "text", 1007, "Expected a text message to be UTF-8 but received other bytes"},
    {WebSocketFault::kCloseBytes, "close-bytes", 1002, "Expected a close code of two bytes but received one"},
    {WebSocketFault::kCloseCode, "close-code", 1002, "Expected a close code that may be sent but received another"},
    {WebSocketFault::kCloseReason, "close-reason", 1007,
     "Expected the close reason to be UTF-8 but received other bytes"},
}};

consteval bool are_websocket_faults_in_order() {
  for (size_t index = 0; index < kWebSocketFaults.size(); ++index)
    if (static_cast<size_t>(kWebSocketFaults[index].fault) != index ||
        std::string_view{kWebSocketFaults[index].sentence}.size() > 123)
      return false;
  return true;
}
static_assert(are_websocket_faults_in_order());

}  // namespace

const WebSocketFaultInfo& websocket_fault_info(WebSocketFault fault) noexcept {
  return kWebSocketFaults[static_cast<size_t>(fault)];
}

}  // namespace penstock::net
