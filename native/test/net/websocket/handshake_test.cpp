// The handshake against the vectors of its standards, each thing that can be wrong with one, and the frames of a
// server.
#include "net/websocket/handshake.hpp"

#include <string>

#include "net/websocket/frame_writer.hpp"
#include "net/websocket/sha1.hpp"
#include "test/testing.hpp"

namespace {
using penstock::net::HandshakeFault;

std::string hex(const std::array<uint8_t, 20>& digest) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

TEST("SHA-1: the vectors of RFC 3174 and the lengths at which a block is added") {
  CLAIM(hex(penstock::net::sha1("abc")) == "a9993e364706816aba3e25717850c26c9cd0d89d");
  CLAIM(hex(penstock::net::sha1("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")) ==
        "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  CLAIM(hex(penstock::net::sha1(std::string(1'000'000, 'a'))) == "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
  CLAIM(hex(penstock::net::sha1("")) == "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  CLAIM(hex(penstock::net::sha1(std::string(55, 'a'))) == "c1c8bbdc22796e28c0e15163d20899b65621d65a");
  CLAIM(hex(penstock::net::sha1(std::string(56, 'a'))) == "c2db330f6083854c99d4b5bfb6e8f29f201be699");
}

TEST("base64: the vectors of RFC 4648") {
  const char* const vectors[][2] = {{"", ""},
                                    {"f", "Zg=="},
                                    {"fo", "Zm8="},
                                    {"foo", "Zm9v"},
                                    {"foob", "Zm9vYg=="},
                                    {"fooba", "Zm9vYmE="},
                                    {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) CLAIM(penstock::net::base64(bytes) == text);
  CLAIM(penstock::net::base64("\xFB\xFF\xBF") == "+/+/");
}

const std::string kKey = "dGhlIHNhbXBsZSBub25jZQ==";

TEST("the accepted key of RFC 6455 section 1.3, and the answer around it") {
  CLAIM(penstock::net::accept_value(kKey) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  std::string out;
  CLAIM(penstock::net::append_handshake_answer(out, kKey, "penstock.v1"));
  CLAIM(out ==
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
        "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nsec-websocket-protocol: penstock.v1\r\n\r\n");
  out.clear();
  CLAIM(penstock::net::append_handshake_answer(out, kKey, ""));
  CLAIM(out.ends_with("xOo=\r\n\r\n"));
  out.clear();
  CLAIM(!penstock::net::append_handshake_answer(out, kKey, "a\r\nb: c"));
  CLAIM(out.empty());
}

struct Handshake {
  std::string method = "GET";
  std::string version = "HTTP/1.1";
  std::string connection = "Connection: keep-alive, Upgrade\r\n";
  std::string upgrade = "Upgrade: WebSocket\r\n";
  std::string key = "Sec-WebSocket-Key: " + kKey + "\r\n";
  std::string protocol = "Sec-WebSocket-Version: 13\r\n";
  std::string more = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
};

HandshakeFault check(const Handshake& asked, bool asks = true) {
  const std::string sent = asked.method + " /v1/socket " + asked.version + "\r\nHost: h\r\n" + asked.connection +
                           asked.upgrade + asked.key + asked.protocol + asked.more + "\r\n";
  penstock::net::RequestParser parser;
  CLAIM(parser.read(sent, penstock::net::HttpLimits{}) == penstock::net::RequestParser::Progress::kWhole);
  CLAIM(penstock::net::asks_for_websocket(parser, sent) == asks);
  return penstock::net::check_handshake(parser, sent);
}

TEST("a handshake is taken in every form that clients send, and its extensions are declined") {
  CLAIM(check({}) == HandshakeFault::kNone);
  CLAIM(check({.upgrade = "Upgrade: h2c, websocket\r\n"}) == HandshakeFault::kNone);
  CLAIM(check({.upgrade = "Upgrade: h2c\r\nUpgrade: websocket\r\n"}) == HandshakeFault::kNone);
  CLAIM(check({.connection = "Connection: upgrade\r\n"}) == HandshakeFault::kNone);
  CLAIM(check({.more = "Content-Length: 0\r\n"}) == HandshakeFault::kNone);
}

TEST("a handshake is refused for each thing that is wrong with it") {
  CLAIM(check({.method = "POST"}) == HandshakeFault::kMethod);
  CLAIM(check({.version = "HTTP/1.0"}) == HandshakeFault::kProtocol);
  CLAIM(check({.more = "Content-Length: 1\r\n"}) == HandshakeFault::kProtocol);
  CLAIM(check({.more = "Transfer-Encoding: chunked\r\n"}) == HandshakeFault::kProtocol);
  CLAIM(check({.connection = ""}) == HandshakeFault::kUpgrade);
  CLAIM(check({.connection = "Connection: close\r\n"}) == HandshakeFault::kUpgrade);
  CLAIM(check({.upgrade = ""}) == HandshakeFault::kUpgrade);
  CLAIM(check({.upgrade = "Upgrade: websockets\r\n"}) == HandshakeFault::kUpgrade);
  CLAIM(check({.upgrade = "", .key = ""}, false) == HandshakeFault::kUpgrade);
  CLAIM(check({.upgrade = "Upgrade: h2c\r\n", .key = ""}, false) == HandshakeFault::kUpgrade);
  CLAIM(check({.protocol = ""}) == HandshakeFault::kVersion);
  CLAIM(check({.protocol = "Sec-WebSocket-Version: 8\r\n"}) == HandshakeFault::kVersion);
  CLAIM(check({.protocol = "Sec-WebSocket-Version: 13, 8\r\n"}) == HandshakeFault::kVersion);
  CLAIM(check({.key = ""}) == HandshakeFault::kKey);
  CLAIM(check({.key = "Sec-WebSocket-Key: " + kKey + "\r\nSec-WebSocket-Key: " + kKey + "\r\n"}) ==
        HandshakeFault::kKey);
  for (const char* const key : {"", "abc", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQAA",
                                "dGhlIHNhbXBs!SBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ==AAAA"})
    CLAIM(check({.key = std::string("Sec-WebSocket-Key: ") + key + "\r\n"}) == HandshakeFault::kKey);
}

TEST("a refused handshake is a whole response, and says what would be right") {
  for (const auto fault : {HandshakeFault::kMethod, HandshakeFault::kProtocol, HandshakeFault::kUpgrade,
                           HandshakeFault::kVersion, HandshakeFault::kKey}) {
    CLAIM(penstock::net::handshake_fault_info(fault).fault == fault);
    std::string out;
    penstock::net::append_handshake_refusal(out, fault);
    CLAIM(out.starts_with("HTTP/1.1 " + std::to_string(penstock::net::handshake_fault_info(fault).status)));
    CLAIM((out.find("sec-websocket-version: 13\r\n") != std::string::npos) ==
          (penstock::net::handshake_fault_info(fault).status == 426));
    CLAIM(out.find("connection: close\r\n") != std::string::npos);
  }
}

TEST("frames of the server: headers of every length, control frames whole") {
  const auto header = [](penstock::net::Opcode opcode, uint64_t bytes) {
    char room[penstock::net::kFrameHeaderBytesMax];
    const char* const end = penstock::net::write_frame_header(room, opcode, bytes);
    CLAIM(static_cast<size_t>(end - room) == penstock::net::frame_header_bytes(bytes));
    return std::string(static_cast<const char*>(room), end);
  };
  using penstock::net::Opcode;
  CLAIM(header(Opcode::kBinary, 0) == std::string("\x82\x00", 2));
  CLAIM(header(Opcode::kText, 125) == "\x81\x7D");
  CLAIM(header(Opcode::kBinary, 126) == std::string("\x82\x7E\x00\x7E", 4));
  CLAIM(header(Opcode::kBinary, 65'535) == "\x82\x7E\xFF\xFF");
  CLAIM(header(Opcode::kBinary, 65'536) == std::string("\x82\x7F\x00\x00\x00\x00\x00\x01\x00\x00", 10));
  std::string out;
  penstock::net::append_control_frame(out, Opcode::kPong, "abc");
  CLAIM(out ==
        "\x8A\x03"
        "abc");
  out.clear();
  penstock::net::append_close_frame(out, 1000, "bye");
  CLAIM(out ==
        "\x88\x05\x03\xE8"
        "bye");
  out.clear();
  penstock::net::append_close_frame(out, penstock::net::kCloseCodeNone, "dropped");
  CLAIM(out == std::string("\x88\x00", 2));
  // 122 characters and one of two bytes, which does not fit.
  out.clear();
  penstock::net::append_close_frame(out, 1011, std::string(122, 'r') + "\xC3\xA9");
  CLAIM(out.size() == 4 + 122 && static_cast<uint8_t>(out[1]) == 124);
}
}  // namespace

int main() {
  return penstock::testing::run_all();
}
