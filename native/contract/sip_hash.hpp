// SipHash-1-3 of a key that callers do not know: they choose what is hashed, and could else choose texts that all land
// in one slot. Source: J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast short-input PRF", INDOCRYPT 2012; one and
// three rounds as in the hash tables of Rust and Ruby.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace penstock::contract {
struct SipKey {
  uint64_t first = 0;
  uint64_t second = 0;
};

namespace detail {
struct SipState {
  uint64_t v0, v1, v2, v3;

  explicit SipState(const SipKey& key) noexcept
      : v0(key.first ^ 0x736f6d6570736575u),
        v1(key.second ^ 0x646f72616e646f6du),
        v2(key.first ^ 0x6c7967656e657261u),
        v3(key.second ^ 0x7465646279746573u) {}
  void round() noexcept {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void absorb(uint64_t word) noexcept {
    v3 ^= word;
    round();
    v0 ^= word;
  }
};
}  // namespace detail

inline uint64_t sip_hash(const SipKey& key, std::string_view bytes) noexcept {
  detail::SipState state(key);
  const char* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    uint64_t word;
    std::memcpy(&word, at, 8);
    state.absorb(word);
  }
  uint64_t last = 0;
  if (left > 0) std::memcpy(&last, at, left);
  state.absorb(last | static_cast<uint64_t>(bytes.size()) << 56);
  state.v2 ^= 0xff;
  for (int i = 0; i < 3; ++i) state.round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}
}  // namespace penstock::contract
