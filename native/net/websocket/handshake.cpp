#include "net/websocket/handshake.hpp"

#include <array>

#include "core/assert.hpp"
#include "net/http/characters.hpp"
#include "net/websocket/sha1.hpp"

namespace penstock::net {
namespace {

constexpr std::array<HandshakeFaultInfo, 6> kHandshakeFaults = {{
    {HandshakeFault::kNone, "none", 0, ""},
    {HandshakeFault::kMethod, "method", 405, "Expected a WebSocket handshake to be a GET but received another method"},
    {HandshakeFault::kProtocol, "protocol", 400,
     "Expected a WebSocket handshake to be of HTTP/1.1 and without a body but received another"},
    {HandshakeFault::kUpgrade, "upgrade", 426,
     "Expected the headers Upgrade: websocket and Connection: Upgrade but received others"},
    {HandshakeFault::kVersion, "version", 426, "Expected Sec-WebSocket-Version to be 13 but received another"},
    {HandshakeFault::kKey, "key", 400, "Expected Sec-WebSocket-Key to be 16 bytes as base64 but received another"},
}};

bool names_websocket(const RequestParser& head, std::string_view received) noexcept {
  for (size_t index = 0; head.has(HeaderName::kUpgrade) && index < head.header_count(); ++index) {
    if (head.header(index).known != HeaderName::kUpgrade) continue;
    std::string_view list = head.header(index).value.in(received);
    while (true) {
      const size_t comma = list.find(',');
      if (is_same_without_case(without_blanks(list.substr(0, comma)), "websocket")) return true;
      if (comma == std::string_view::npos) break;
      list.remove_prefix(comma + 1);
    }
  }
  return false;
}

// 22 characters and the padding of 16 bytes.
bool is_key(std::string_view key) noexcept {
  return key.size() == 24 && key.ends_with("==") && is_all_of(key.substr(0, 22), kBase64Character);
}

}  // namespace

bool asks_for_websocket(const RequestParser& head, std::string_view received) noexcept {
  return head.has(HeaderName::kSecWebSocketKey) || names_websocket(head, received);
}

HandshakeFault check_handshake(const RequestParser& head, std::string_view received) noexcept {
  if (head.method() != HttpMethod::kGet) return HandshakeFault::kMethod;
  const bool has_body = head.framing() == BodyFraming::kChunked || head.content_bytes() > 0;
  if (head.minor_version() == 0 || has_body) return HandshakeFault::kProtocol;
  if (!head.wants_upgrade() || !names_websocket(head, received)) return HandshakeFault::kUpgrade;
  if (head.is_repeated(HeaderName::kSecWebSocketVersion) ||
      head.value(HeaderName::kSecWebSocketVersion, received) != "13")
    return HandshakeFault::kVersion;
  if (head.is_repeated(HeaderName::kSecWebSocketKey) || !is_key(head.value(HeaderName::kSecWebSocketKey, received)))
    return HandshakeFault::kKey;
  return HandshakeFault::kNone;
}

const HandshakeFaultInfo& handshake_fault_info(HandshakeFault fault) noexcept {
  return kHandshakeFaults[static_cast<size_t>(fault)];
}

void append_handshake_refusal(std::string& out, HandshakeFault fault) {
  PENSTOCK_ASSERT(fault != HandshakeFault::kNone);
  const HandshakeFaultInfo& info = handshake_fault_info(fault);
  std::string_view more;
  // 426 must say what to upgrade to (RFC 9110 section 15.5.22), and a wrong version which one is right.
  if (info.status == 426) more = "upgrade: websocket\r\nsec-websocket-version: 13\r\n";
  if (fault == HandshakeFault::kMethod) more = "allow: GET\r\n";
  append_error_response(out, info.status, fault == HandshakeFault::kMethod ? "ERR_METHOD" : "ERR_ARGUMENT",
                        info.sentence, more);
}

std::string accept_value(std::string_view key) {
  std::string text{key};
  text.append("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
  const std::array<uint8_t, 20> digest = sha1(text);
  return base64({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

bool append_handshake_answer(std::string& out, std::string_view key, std::string_view subprotocol) {
  if (!subprotocol.empty() && !is_token(subprotocol)) return false;
  out.append("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ");
  out.append(accept_value(key)).append("\r\n");
  if (!subprotocol.empty()) out.append("sec-websocket-protocol: ").append(subprotocol).append("\r\n");
  out.append("\r\n");
  return true;
}

}  // namespace penstock::net
