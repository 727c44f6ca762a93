// Frames of a client by a table: what it sends, and what becomes of it. Every case is fed whole, byte by byte, and cut
// at random; the outcome must be the same.
#include "net/websocket/message_reader.hpp"

#include <cstdint>
#include <cstdio>
#include <string>

#include "core/boundary_codes.hpp"
#include "fuzz/websocket_session.hpp"
#include "net/websocket/unmask.hpp"
#include "test/testing.hpp"

namespace {

constexpr uint8_t kFinal = 0x80;
constexpr uint8_t kMask = 0x80;
constexpr size_t kMessageBytesMax = 1 << 20;

// A frame with these first bytes and bytes of the length, masked.
std::string raw_frame(unsigned first, unsigned second, const std::string& length, const std::string& payload) {
  const std::string mask = "\x12\x34\x56\x78";
  std::string frame{static_cast<char>(first), static_cast<char>(second)};
  frame += length + mask;
  for (size_t index = 0; index < payload.size(); ++index) frame += static_cast<char>(payload[index] ^ mask[index % 4]);
  return frame;
}

std::string big_endian(uint64_t value, int bytes) {
  std::string text;
  for (int shift = bytes * 8 - 8; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift & 0xFF);
  return text;
}

std::string frame(unsigned first, const std::string& payload) {
  const size_t size = payload.size();
  if (size < 126) return raw_frame(first, kMask | static_cast<unsigned>(size), "", payload);
  if (size <= 0xFFFF) return raw_frame(first, kMask | 126, big_endian(size, 2), payload);
  return raw_frame(first, kMask | 127, big_endian(size, 8), payload);
}
std::string text(const std::string& payload) {
  return frame(kFinal | 1, payload);
}
std::string binary(const std::string& payload) {
  return frame(kFinal | 2, payload);
}
std::string close(unsigned code, const std::string& reason) {
  return frame(kFinal | 8, big_endian(code, 2) + reason);
}

void claim_outcome(const std::string& sent, const std::string& expected, size_t message_bytes_max = kMessageBytesMax) {
  const auto claim = [&](size_t piece_bytes_max, uint64_t seed) {
    const std::string outcome = penstock::fuzz::websocket_outcome(sent, message_bytes_max, piece_bytes_max, seed);
    if (outcome == expected) return true;
    std::printf("expected: %.300s\nreceived: %.300s\npieces of at most %zu bytes, seed %llu\n", expected.c_str(),
                outcome.c_str(), piece_bytes_max, static_cast<unsigned long long>(seed));
    return false;
  };
  CLAIM(claim(0, 0));
  CLAIM(claim(1, 0));
  for (uint64_t seed = 1; seed <= 20; ++seed) CLAIM(claim(1 + sent.size() / 2, seed));
}

TEST("messages of every length, in one frame") {
  for (const size_t size : {0, 1, 2, 3, 4, 5, 7, 8, 31, 32, 33, 125, 126, 127, 128, 65'535, 65'536, 100'000}) {
    std::string payload;
    for (size_t index = 0; index < size; ++index) payload += static_cast<char>(index * 7);
    claim_outcome(binary(payload), "binary " + payload + "\n");
  }
  claim_outcome(text("hello") + binary("x") + text(""), "text hello\nbinary x\ntext \n");
}

TEST("fragments are joined, with control frames between them") {
  claim_outcome(frame(1, "a") + frame(0, "b") + frame(kFinal, "c"), "text abc\n");
  claim_outcome(frame(2, "") + frame(0, "") + frame(kFinal, ""), "binary \n");
  claim_outcome(frame(2, "") + frame(kFinal, "abc") + binary("d"), "binary abc\nbinary d\n");
  claim_outcome(frame(1, "a") + frame(kFinal | 9, "p") + frame(0, "b") + frame(kFinal | 10, "") + frame(kFinal, "c"),
                "ping p\npong \ntext abc\n");
  claim_outcome(frame(1, "a") + close(1000, "bye"), "close 1000 bye\n");
}

TEST("reserved bits: what nobody agreed on is refused, permessage-deflate among it") {
  for (const unsigned bit : {0x40u, 0x20u, 0x10u}) {
    claim_outcome(frame(kFinal | bit | 1, "x"), "refused reserved-bits\n");
    claim_outcome(frame(kFinal | bit | 9, "x"), "refused reserved-bits\n");
  }
  claim_outcome(text("a") + frame(kFinal | 0x40 | 1, "\xCA\x49\x04"), "text a\nrefused reserved-bits\n");
}

TEST("opcodes: those of the standard") {
  for (const unsigned opcode : {3u, 4u, 5u, 6u, 7u, 11u, 12u, 13u, 14u, 15u})
    claim_outcome(frame(kFinal | opcode, "x"), "refused opcode\n");
}

TEST("masks: clients must") {
  claim_outcome(std::string("\x81\x01x", 3), "refused unmasked\n");
  claim_outcome(std::string("\x89\x00", 2), "refused unmasked\n");
}

TEST("lengths: in as few bytes as they fit, below 2^63") {
  claim_outcome(raw_frame(kFinal | 2, kMask | 126, big_endian(125, 2), std::string(125, 'x')), "refused length\n");
  claim_outcome(raw_frame(kFinal | 2, kMask | 127, big_endian(65'535, 8), ""), "refused length\n");
  claim_outcome(raw_frame(kFinal | 2, kMask | 127, big_endian(0, 8), ""), "refused length\n");
  claim_outcome(raw_frame(kFinal | 2, kMask | 127, big_endian(uint64_t{1} << 63, 8), ""), "refused length-top-bit\n");
  claim_outcome(raw_frame(kFinal | 2, kMask | 127, big_endian(~uint64_t{0}, 8), ""), "refused length-top-bit\n");
  claim_outcome(raw_frame(kFinal | 2, kMask | 127, big_endian((uint64_t{1} << 63) - 1, 8), ""),
                "refused message-bytes\n");
}

TEST("message size: of all fragments together, refused when it is announced") {
  claim_outcome(binary("12345678"), "binary 12345678\n", 8);
  claim_outcome(binary("123456789"), "refused message-bytes\n", 8);
  claim_outcome(raw_frame(kFinal | 2, kMask | 126, big_endian(1000, 2), ""), "refused message-bytes\n", 999);
  claim_outcome(frame(2, "12345") + frame(kFinal, "678"), "binary 12345678\n", 8);
  claim_outcome(frame(2, "12345") + frame(kFinal, "6789"), "refused message-bytes\n", 8);
  // Control frames do not count, and the next message begins anew.
  claim_outcome(frame(2, "12345") + frame(kFinal | 9, "1234") + frame(kFinal, "678") + binary("12345678"),
                "ping 1234\nbinary 12345678\nbinary 12345678\n", 8);
}

TEST("fragments: a message has so many, and empty ones count") {
  std::string sent = frame(2, "");
  for (uint32_t index = 1; index < penstock::kWebsocketFragmentsMax; ++index) sent += frame(0, "");
  CLAIM(penstock::fuzz::websocket_outcome(sent, 10, 0, 0).empty());
  CLAIM(penstock::fuzz::websocket_outcome(sent + frame(0, ""), 10, 0, 0) == "refused fragment-count\n");
}

TEST("continuation: of a message that has begun, and nothing else before it ends") {
  claim_outcome(frame(kFinal, "x"), "refused continuation\n");
  claim_outcome(frame(0, "x"), "refused continuation\n");
  claim_outcome(text("a") + frame(kFinal, "x"), "text a\nrefused continuation\n");
  claim_outcome(frame(1, "a") + text("b"), "refused unfinished\n");
  claim_outcome(frame(2, "a") + frame(2, "b"), "refused unfinished\n");
}

TEST("control frames: whole and short") {
  claim_outcome(frame(kFinal | 9, std::string(125, 'p')), "ping " + std::string(125, 'p') + "\n");
  claim_outcome(frame(kFinal | 10, "q"), "pong q\n");
  claim_outcome(frame(kFinal | 9, std::string(126, 'p')), "refused control-bytes\n");
  claim_outcome(raw_frame(kFinal | 8, kMask | 127, big_endian(5, 8), ""), "refused control-bytes\n");
  claim_outcome(frame(9, "p"), "refused control-fragment\n");
  claim_outcome(frame(8, ""), "refused control-fragment\n");
}

TEST("text: UTF-8, and refused at the first byte that cannot be") {
  claim_outcome(text("\xCE\xBA\xE1\xBD\xB9\xF0\x9F\x98\x80 and a lot of ASCII behind it \xC3\xA9"),
                "text \xCE\xBA\xE1\xBD\xB9\xF0\x9F\x98\x80 and a lot of ASCII behind it \xC3\xA9\n");
  // A character may be cut by fragments, and by a control frame.
  claim_outcome(frame(1, "\xF0\x9F") + frame(kFinal | 9, "") + frame(0, "") + frame(0, "\x98") + frame(kFinal, "\x80"),
                "ping \ntext \xF0\x9F\x98\x80\n");
  for (const char* const wrong :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC3", "\xC3(", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xED\xA0\x80",
        "\xED\xBF\xBF", "\xF0\x80\x80\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFE", "\xFF",
        "\xE2\x82", "\xF0\x9F\x98", "12345678901234567\xFF"})
    claim_outcome(text(wrong), "refused text\n");
  // Not yet whole, and wrong already: nothing more is waited for.
  claim_outcome(frame(1, "a\xFF"), "refused text\n");
  claim_outcome(raw_frame(kFinal | 1, kMask | 100, "", "a\xFF"), "refused text\n");
  claim_outcome(binary("\xFF"), "binary \xFF\n");
  claim_outcome(frame(1, "\xC3") + frame(kFinal, "") + text("x"), "refused text\n");
}

TEST("close: codes that may be sent, reasons in UTF-8, nothing behind it") {
  claim_outcome(frame(kFinal | 8, ""), "close 1005 \n");
  for (const unsigned code : {1000u, 1001u, 1002u, 1003u, 1007u, 1011u, 1012u, 1014u, 3000u, 4999u})
    claim_outcome(close(code, "r"), "close " + std::to_string(code) + " r\n");
  for (const unsigned code : {0u, 999u, 1004u, 1005u, 1006u, 1015u, 1016u, 2999u, 5000u, 65'535u})
    claim_outcome(close(code, ""), "refused close-code\n");
  claim_outcome(frame(kFinal | 8, "\x03"), "refused close-bytes\n");
  claim_outcome(close(1000, "\xC3"), "refused close-reason\n");
  claim_outcome(close(1000, std::string(123, 'r')), "close 1000 " + std::string(123, 'r') + "\n");
  claim_outcome(close(1000, "") + text("ignored") + "garbage", "close 1000 \n");
  claim_outcome(frame(kFinal, "x") + text("ignored"), "refused continuation\n");
}

TEST("a message that comes whole is lent where it lies; one that does not is held as it comes, and given back") {
  penstock::net::MessageReader reader(kMessageBytesMax);
  std::string sent = binary(std::string(100, 'x'));
  std::span<char> bytes{sent};
  const penstock::net::MessageEvent event = reader.next(bytes);
  CLAIM(event.payload.data() == sent.data() + 6 && reader.held_bytes() == 0);
  // 1 MiB is announced, and nothing is held until it comes.
  std::string announced = raw_frame(kFinal | 2, kMask | 127, big_endian(kMessageBytesMax, 8), std::string(1000, 'x'));
  bytes = announced;
  CLAIM(reader.next(bytes).kind == penstock::net::MessageEvent::Kind::kNone);
  CLAIM(reader.held_bytes() >= 1000 && reader.held_bytes() < 4000);
  reader.trim(0);
  CLAIM(reader.held_bytes() >= 1000);
  std::string rest(kMessageBytesMax - 1000, 'y');
  bytes = rest;
  CLAIM(reader.next(bytes).payload.size() == kMessageBytesMax);
  CLAIM(reader.next(bytes).kind == penstock::net::MessageEvent::Kind::kNone);
  reader.trim(kMessageBytesMax * 4);
  CLAIM(reader.held_bytes() >= kMessageBytesMax);
  reader.trim(4096);
  CLAIM(reader.held_bytes() == 0);
}

TEST("unmasking in parts is unmasking at once") {
  std::string payload;
  for (int index = 0; index < 203; ++index) payload += static_cast<char>(index);
  constexpr uint32_t kSomeMask = 0xA1B2C3D4;
  std::string expected = payload;
  const char* const of_mask = reinterpret_cast<const char*>(&kSomeMask);
  for (size_t index = 0; index < expected.size(); ++index)
    expected[index] = static_cast<char>(expected[index] ^ of_mask[index % 4]);
  for (size_t cut = 0; cut <= payload.size(); ++cut) {
    std::string parts = payload;
    const uint32_t mask = penstock::net::unmask(parts.data(), cut, kSomeMask);
    penstock::net::unmask(parts.data() + cut, parts.size() - cut, mask);
    CLAIM(parts == expected);
  }
}
}  // namespace

int main() {
  return penstock::testing::run_all();
}
