// The opening handshake of RFC 6455 section 4.2, server side: whether a request asks for a WebSocket rightly, and the
// answer that opens it. Extensions are never accepted: an offer of permessage-deflate is declined by leaving it out of
// the answer, as section 9.1 has it, and a client that compresses all the same breaks a reserved bit later.
// Whose origin, key and subprotocol may connect is the caller's decision.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "net/http/request_parser.hpp"
#include "net/http/response_writer.hpp"

namespace penstock::net {

enum class HandshakeFault : uint8_t {
  kNone,
  kMethod,    // not GET: 405
  kProtocol,  // HTTP/1.0, or a body: 400
  kUpgrade,   // Upgrade does not name websocket, or Connection not upgrade: 426
  kVersion,   // Sec-WebSocket-Version is not 13: 426, with the version that is spoken
  kKey,       // Sec-WebSocket-Key is missing, repeated, or not the base64 of 16 bytes: 400
};

// Whether the request asks for a WebSocket at all: Upgrade names websocket, or it sends a key. Only then is
// check_handshake worth a call; a request that upgrades to anything else is served as if it did not ask (RFC 9110 7.8).
bool asks_for_websocket(const RequestParser& head, std::string_view received) noexcept;

HandshakeFault check_handshake(const RequestParser& head, std::string_view received) noexcept;

struct HandshakeFaultInfo {
  HandshakeFault fault;
  const char* name;
  int status;
  const char* sentence;
};
const HandshakeFaultInfo& handshake_fault_info(HandshakeFault fault) noexcept;

// The refusal as a whole response, which closes the connection.
void append_handshake_refusal(std::string& out, HandshakeFault fault);

// 28 characters for the key of a handshake that was checked.
std::string accept_value(std::string_view key);

// The whole 101 response. `subprotocol` is left out when it is empty. False: the subprotocol is no token, so that
// nothing was appended.
bool append_handshake_answer(std::string& out, std::string_view key, std::string_view subprotocol);

}  // namespace penstock::net
