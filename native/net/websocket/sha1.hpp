// SHA-1 (RFC 3174) and base64 (RFC 4648 section 4) of short texts: what a WebSocket handshake is answered with. Neither
// is security here: they only prove that the server speaks the protocol.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::net {

std::array<uint8_t, 20> sha1(std::string_view text);

std::string base64(std::string_view bytes);

}  // namespace penstock::net
