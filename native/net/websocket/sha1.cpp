#include "net/websocket/sha1.hpp"

#include <bit>
#include <cstddef>

namespace penstock::net {
namespace {

using Words = std::array<uint32_t, 5>;

// RFC 3174 section 6.1, method 1.
void add_block(Words& hash, const uint8_t* block) noexcept {
  std::array<uint32_t, 80> schedule;
  for (size_t index = 0; index < 16; ++index) {
    const uint8_t* const at = block + index * 4;
    schedule[index] = uint32_t{at[0]} << 24 | uint32_t{at[1]} << 16 | uint32_t{at[2]} << 8 | at[3];
  }
  for (size_t index = 16; index < 80; ++index)
    schedule[index] =
        std::rotl(schedule[index - 3] ^ schedule[index - 8] ^ schedule[index - 14] ^ schedule[index - 16], 1);
  auto [a, b, c, d, e] = hash;
  for (size_t index = 0; index < 80; ++index) {
    uint32_t mixed = 0;
    uint32_t constant = 0;
    if (index < 20) {
      mixed = (b & c) | (~b & d);
      constant = 0x5A827999;
    } else if (index < 40) {
      mixed = b ^ c ^ d;
      constant = 0x6ED9EBA1;
    } else if (index < 60) {
      mixed = (b & c) | (b & d) | (c & d);
      constant = 0x8F1BBCDC;
    } else {
      mixed = b ^ c ^ d;
      constant = 0xCA62C1D6;
    }
    const uint32_t next = std::rotl(a, 5) + mixed + e + schedule[index] + constant;
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  }
  hash = {hash[0] + a, hash[1] + b, hash[2] + c, hash[3] + d, hash[4] + e};
}

}  // namespace

std::array<uint8_t, 20> sha1(std::string_view text) {
  // The text, one bit, zeros, and its length in bits at the end of a block.
  std::string padded{text};
  padded.push_back(static_cast<char>(0x80));
  while (padded.size() % 64 != 56) padded.push_back('\0');
  for (int shift = 56; shift >= 0; shift -= 8)
    padded.push_back(static_cast<char>(uint64_t{text.size()} * 8 >> shift & 0xFF));

  Words hash = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
  for (size_t at = 0; at < padded.size(); at += 64)
    add_block(hash, reinterpret_cast<const uint8_t*>(padded.data()) + at);
  std::array<uint8_t, 20> digest;
  for (size_t index = 0; index < digest.size(); ++index)
    digest[index] = static_cast<uint8_t>(hash[index / 4] >> (24 - index % 4 * 8));
  return digest;
}

std::string base64(std::string_view bytes) {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    const auto byte = [&](size_t index) {
      return at + index < bytes.size() ? uint32_t{static_cast<uint8_t>(bytes[at + index])} : 0;
    };
    const uint32_t group = byte(0) << 16 | byte(1) << 8 | byte(2);
    text.push_back(kAlphabet[group >> 18]);
    text.push_back(kAlphabet[group >> 12 & 63]);
    text.push_back(at + 1 < bytes.size() ? kAlphabet[group >> 6 & 63] : '=');
    text.push_back(at + 2 < bytes.size() ? kAlphabet[group & 63] : '=');
  }
  return text;
}

}  // namespace penstock::net
