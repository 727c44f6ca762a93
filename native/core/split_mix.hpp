// Draw `index` of the sequence that `seed` begins: any draw by its number, so that threads share a counter and no
// state. Source: SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators").
#pragma once
#include <cstdint>

namespace penstock {
// In [0, 1).
inline double uniform(uint64_t seed, uint64_t index) noexcept {
  uint64_t z = seed + (index + 1) * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  z ^= z >> 31;
  return static_cast<double>(z >> 11) * 0x1.0p-53;
}
}  // namespace penstock
