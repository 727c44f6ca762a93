// Reads one JSON number (RFC 8259) as the nearest double, as JavaScript's Number does, from bytes that a stranger sent.
//
// Three ways, the first that is surely exact:
// 1. m * 10^e with m <= 2^53 and |e| <= 22: both are doubles, so one operation rounds once (W. D. Clinger, "How to read
//    floating point numbers accurately", PLDI 1990).
// 2. The same in the 64-bit significand of an x87 long double, m < 2^63 and |e| <= 27 (5^27 < 2^64): rounded to 64 bits
//    and then to 53. That is rounding twice, which differs from once only where the first result lies exactly halfway
//    between two doubles; then the third way decides. Printed doubles have 16 or 17 digits, so this is the common case.
// 3. std::from_chars (Eisel and Lemire in libstdc++ 12 and libc++).
// Digits are read eight at a time (SWAR; D. Lemire, "Quickly parsing eight digits", 2018). No read beyond `end`.
#pragma once
#include <array>
#include <bit>
#include <cfloat>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace penstock::json {
inline bool is_digit(char c) noexcept {
  return static_cast<unsigned char>(c - '0') < 10;
}

namespace detail {
inline constexpr std::array<double, 23> kPowers = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
#if LDBL_MANT_DIG == 64
inline constexpr bool kHasExtended = true;
inline constexpr std::array<long double, 28> kExtendedPowers = {
    1e0L,  1e1L,  1e2L,  1e3L,  1e4L,  1e5L,  1e6L,  1e7L,  1e8L,  1e9L,  1e10L, 1e11L, 1e12L, 1e13L,
    1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L, 1e20L, 1e21L, 1e22L, 1e23L, 1e24L, 1e25L, 1e26L, 1e27L};
#else
inline constexpr bool kHasExtended = false;
inline constexpr std::array<long double, 28> kExtendedPowers = {};
#endif

inline bool are_eight_digits(uint64_t bytes) noexcept {
  return ((bytes & 0xf0f0f0f0f0f0f0f0u) | (((bytes + 0x0606060606060606u) & 0xf0f0f0f0f0f0f0f0u) >> 4)) ==
         0x3333333333333333u;
}
// The first byte in memory is the most significant digit and, little-endian, the lowest byte.
inline uint64_t eight_digits(uint64_t bytes) noexcept {
  bytes -= 0x3030303030303030u;
  bytes = bytes * 10 + (bytes >> 8);
  return ((bytes & 0x000000ff000000ffu) * 0x000f424000000064u +
          ((bytes >> 16) & 0x000000ff000000ffu) * 0x0000271000000001u) >>
         32;
}

// Appends digits to `mantissa` (which may wrap: the caller counts them) and returns the first byte that is none.
inline const char* read_digits(const char* at, const char* end, uint64_t& mantissa) noexcept {
  if constexpr (std::endian::native == std::endian::little) {
    while (end - at >= 8) {
      uint64_t bytes;
      std::memcpy(&bytes, at, 8);
      if (!are_eight_digits(bytes)) break;
      mantissa = mantissa * 100'000'000 + eight_digits(bytes);
      at += 8;
    }
  }
  for (; at < end && is_digit(*at); ++at) mantissa = mantissa * 10 + static_cast<uint64_t>(*at - '0');
  return at;
}

// False when the way does not apply, or the 64-bit result is a tie between two doubles.
inline bool scale_extended(uint64_t mantissa, int64_t exponent, double& value) noexcept {
  if constexpr (!kHasExtended) return false;
  if (mantissa > INT64_MAX || exponent < -27 || exponent > 27) return false;
  const auto digits = static_cast<long double>(static_cast<int64_t>(mantissa));
  const long double power = kExtendedPowers[static_cast<size_t>(exponent < 0 ? -exponent : exponent)];
  const long double result = exponent < 0 ? digits / power : digits * power;
  uint64_t significand;
  std::memcpy(&significand, &result, 8);
  if ((significand & 0x7ff) == 0x400) return false;
  value = static_cast<double>(result);
  return true;
}
}  // namespace detail

// Moves `at` behind the number. False, with `at` where it was: no number, or none that a double can hold.
inline bool read_number(const char*& at, const char* end, double& value) noexcept {
  const char* next = at;
  const bool is_negative = next < end && *next == '-';
  if (is_negative) ++next;
  const char* const first = next;
  uint64_t mantissa = 0;
  if (next < end && *next == '0')
    ++next;
  else
    next = detail::read_digits(next, end, mantissa);
  auto digits = next - first;
  if (digits == 0) return false;
  int64_t exponent = 0;
  if (next < end && *next == '.') {
    const char* const fraction = ++next;
    next = detail::read_digits(next, end, mantissa);
    exponent = fraction - next;
    if (exponent == 0) return false;
    digits += next - fraction;
  }
  if (next < end && (*next == 'e' || *next == 'E')) {
    ++next;
    const bool is_below = next < end && *next == '-';
    if (next < end && (*next == '-' || *next == '+')) ++next;
    const char* const power = next;
    int64_t exponent_read = 0;
    // Longer exponents are far out of range either way; from_chars decides.
    for (; next < end && is_digit(*next); ++next)
      if (exponent_read < 100'000) exponent_read = exponent_read * 10 + (*next - '0');
    if (next == power) return false;
    exponent += is_below ? -exponent_read : exponent_read;
  }
  // 19 digits fit 64 bits. Leading zeros of a fraction count as digits here: then the slow way is taken needlessly.
  if (digits <= 19 && mantissa <= (uint64_t{1} << 53) && exponent >= -22 && exponent <= 22) {
    const auto magnitude = static_cast<double>(mantissa);
    value = exponent < 0 ? magnitude / detail::kPowers[static_cast<size_t>(-exponent)]
                         : magnitude * detail::kPowers[static_cast<size_t>(exponent)];
  } else if (digits > 19 || !detail::scale_extended(mantissa, exponent, value)) {
    const auto result = std::from_chars(first, next, value);
    if (result.ec != std::errc{} || result.ptr != next || !std::isfinite(value)) return false;
  }
  if (is_negative) value = -value;
  at = next;
  return true;
}
}  // namespace penstock::json
