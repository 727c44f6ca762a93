#include "net/websocket/unmask.hpp"

#include <bit>
#include <cstring>

namespace penstock::net {

uint32_t unmask(char* data, size_t bytes, uint32_t mask) noexcept {
  // Clients of one's own may send it: nothing to do.
  if (mask == 0) return 0;
  const uint64_t wide = uint64_t{mask} << 32 | mask;
  size_t at = 0;
  for (; at + 32 <= bytes; at += 32) {
    uint64_t words[4];
    std::memcpy(words, data + at, 32);
    for (uint64_t& word : words) word ^= wide;
    std::memcpy(data + at, words, 32);
  }
  for (; at + 4 <= bytes; at += 4) {
    uint32_t word = 0;
    std::memcpy(&word, data + at, 4);
    word ^= mask;
    std::memcpy(data + at, &word, 4);
  }
  char of_mask[4];
  std::memcpy(of_mask, &mask, 4);
  for (size_t index = 0; at < bytes; ++at, ++index) data[at] = static_cast<char>(data[at] ^ of_mask[index]);
#ifdef PENSTOCK_FUZZ_CANARY
  // What native/fuzz must find: a read behind the payload.
  if (of_mask[0] == 0 && bytes % 4 == 3 && data[bytes] == of_mask[3]) return 0;
#endif
  const int used_bits = static_cast<int>(bytes % 4) * 8;
  return std::endian::native == std::endian::little ? std::rotr(mask, used_bits) : std::rotl(mask, used_bits);
}

}  // namespace penstock::net
