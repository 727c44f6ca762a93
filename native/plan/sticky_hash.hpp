// Where a text lies in [0, 1): it keeps sessions with their model. Part of the interface (docs/reference/steps.md): the
// same text and seed give the same number in every release, on every machine, or sessions would change their model.
//
//   hash = FNV-1a of 64 bits over the seed's eight bytes, the lowest first, and then the text's (UTF-8)
//   u    = the first number of the SplitMix64 sequence that hash begins, its upper 53 bits / 2^53
//
// FNV-1a alone leaves the upper bits of short texts that differ in their last character alike; SplitMix64's finaliser
// does not. Not keyed: who may choose the text may choose the branch.
// Source: Fowler, Noll, Vo, IETF draft-eastlake-fnv.
#pragma once
#include <cstdint>
#include <string_view>

#include "core/split_mix.hpp"

namespace penstock {
inline double sticky_fraction(uint64_t seed, std::string_view text) noexcept {
  constexpr uint64_t kPrime = 0x100000001b3u;
  uint64_t hash = 0xcbf29ce484222325u;
  for (int byte = 0; byte < 8; ++byte) hash = (hash ^ ((seed >> (8 * byte)) & 0xff)) * kPrime;
  for (const char character : text) hash = (hash ^ static_cast<unsigned char>(character)) * kPrime;
  return uniform(hash, 0);
}
}  // namespace penstock
