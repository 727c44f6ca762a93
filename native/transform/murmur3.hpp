// MurmurHash3_x86_32 of Austin Appleby (public domain, smhasher), the hash of scikit-learn's FeatureHasher.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace penstock::transform {
inline uint32_t murmur3(std::string_view bytes, uint32_t seed) noexcept {
  constexpr uint32_t kFirst = 0xcc9e2d51u, kSecond = 0x1b873593u;
  const size_t blocks = bytes.size() / 4;
  uint32_t hash = seed;
  const auto mixed = [](uint32_t k) { return std::rotl(k * kFirst, 15) * kSecond; };
  for (size_t i = 0; i < blocks; ++i) {
    uint32_t k = 0;
    std::memcpy(&k, bytes.data() + 4 * i, 4);
    hash = std::rotl(hash ^ mixed(k), 13) * 5 + 0xe6546b64u;
  }
  uint32_t tail = 0;
  for (size_t i = bytes.size(); i > 4 * blocks; --i) tail = (tail << 8) | static_cast<unsigned char>(bytes[i - 1]);
  if (bytes.size() % 4 != 0) hash ^= mixed(tail);
  hash ^= static_cast<uint32_t>(bytes.size());
  hash = (hash ^ (hash >> 16)) * 0x85ebca6bu;
  hash = (hash ^ (hash >> 13)) * 0xc2b2ae35u;
  return hash ^ (hash >> 16);
}
}  // namespace penstock::transform
