// Doubles to 16 bits, rounded once, ties to even; the twin of encode() in tensor/float16.ts.
#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace penstock {
template <int kFractionBits, int kExponentMax>
struct HalfFormat {
  static constexpr uint32_t kInfinity = uint32_t{2 * kExponentMax + 1} << kFractionBits;
  static constexpr uint16_t kNan = kInfinity | 1 << (kFractionBits - 1);

  // False, with nothing written: not finite, or rounded to an infinity.
  static bool narrow(double value, uint16_t& element) noexcept {
    const auto bits = std::bit_cast<uint64_t>(value);
    const int exponent = std::max(static_cast<int>((bits >> 52) & 0x7ff) - 1023, 1 - kExponentMax);
    if (exponent > kExponentMax) return false;
    // Scaling by a power of two is exact; adding and taking away 2^52 rounds to an integer.
    constexpr double round = 4503599627370496.0;
    const double scaled = std::ldexp(std::fabs(value), kFractionBits - exponent);
    const volatile double sum = scaled + round;
    const auto significand = static_cast<uint32_t>(sum - round);
    const uint32_t magnitude = (static_cast<uint32_t>(exponent + kExponentMax - 1) << kFractionBits) + significand;
    if (magnitude >= kInfinity) return false;
    element = static_cast<uint16_t>((bits >> 63 != 0 ? 0x8000u : 0u) | magnitude);
    return true;
  }
};

using Float16 = HalfFormat<10, 15>;
using Bfloat16 = HalfFormat<7, 127>;
}  // namespace penstock
