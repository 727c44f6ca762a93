// Reads one JSON number (RFC 8259) as the nearest double, as JavaScript's Number does, from bytes that a stranger sent.
//
// Three ways, the first that is surely exact:
// 1. m * 10^e with m <= 2^53 and |e| <= 22: both are doubles, so one operation rounds once (W. D. Clinger, "How to read
//    floating point numbers accurately", PLDI 1990).
// 2. The same in the 64-bit significand of an x87 long double, m < 2^63 and |e| <= 27 (5^27 < 2^64): rounded to 64 bits
//    and then to 53. That is rounding twice, which differs from once only where the first result lies exactly halfway
//    between two doubles; then the third way decides. Printed doubles have 16 or 17 digits, so this is the common case.
// 3. std::from_chars (Eisel and Lemire in libstdc++ 12 and libc++).
// A float, which is what JavaScript's Float32Array makes of that double, needs it to a few units in the last place
// only: read_float. Digits are found sixteen and read eight at a time (SWAR; D. Lemire, "Quickly parsing eight digits",
// 2018). No read beyond `end`.
#pragma once
#include <array>
#include <bit>
#include <cfloat>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

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

// Nonzero bytes are those that hold no digit; what lies above the first of them means nothing.
inline uint64_t no_digits(uint64_t bytes) noexcept {
  constexpr uint64_t kHigh = 0xf0f0f0f0f0f0f0f0u;
  constexpr uint64_t kZeros = 0x3030303030303030u;
  return ((bytes & kHigh) ^ kZeros) | (((bytes + 0x0606060606060606u) & kHigh) ^ kZeros);
}
// The first byte in memory is the most significant digit and, little-endian, the lowest byte.
inline uint64_t eight_digits(uint64_t bytes) noexcept {
  bytes -= 0x3030303030303030u;
  bytes = bytes * 10 + (bytes >> 8);
  return ((bytes & 0x000000ff000000ffu) * 0x000f424000000064u +
          ((bytes >> 16) & 0x000000ff000000ffu) * 0x0000271000000001u) >>
         32;
}

// The first `count` of the bytes, which are digits and fewer than eight, behind those of `mantissa`.
inline uint64_t append_some(uint64_t mantissa, uint64_t bytes, int count) noexcept {
  constexpr std::array<uint64_t, 8> kTens = {1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000};
  // Zeros before them: a shift by all 64 bits is none, so there are two.
  bytes = (bytes << (8 * (7 - count)) << 8) | (0x3030303030303030u >> (8 * count));
  return mantissa * kTens[static_cast<size_t>(count)] + eight_digits(bytes);
}

inline uint64_t append_eight(uint64_t mantissa, uint64_t bytes) noexcept {
  return mantissa * 100'000'000 + eight_digits(bytes);
}

// Appends digits to `mantissa` (which may wrap: the caller counts them) and returns the first byte that is none. The
// rest that is shorter than eight is not walked: its length is what a branch would guess wrong for every other number.
inline const char* read_digits(const char* at, const char* end, uint64_t& mantissa) noexcept {
  if constexpr (std::endian::native == std::endian::little) {
    while (end - at >= 8) {
      uint64_t bytes;
      std::memcpy(&bytes, at, 8);
      if (const uint64_t others = no_digits(bytes); others != 0) {
        const int count = std::countr_zero(others) / 8;
        mantissa = append_some(mantissa, bytes, count);
        return at + count;
      }
      mantissa = append_eight(mantissa, bytes);
      at += 8;
#if defined(__SSE2__)
      // Printed doubles have eight more and some: where they end is what the next number waits for, so it is found at
      // once.
      if (end - at >= 16) {
        const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
        const __m128i digits = _mm_sub_epi8(text, _mm_set1_epi8('0'));
        const __m128i are_digits = _mm_cmpeq_epi8(_mm_min_epu8(digits, _mm_set1_epi8(9)), digits);
        const int count = std::countr_one(static_cast<uint32_t>(_mm_movemask_epi8(are_digits)));
        uint64_t next;
        std::memcpy(&bytes, at, 8);
        std::memcpy(&next, at + 8, 8);
        if (count < 8)
          mantissa = append_some(mantissa, bytes, count);
        else if (count < 16)
          mantissa = append_some(append_eight(mantissa, bytes), next, count - 8);
        if (count < 16) return at + count;
      }
#endif
    }
  }
  for (; at < end && is_digit(*at); ++at) mantissa = mantissa * 10 + static_cast<uint64_t>(*at - '0');
  return at;
}

// sign * mantissa * 10^exponent, if there are at most 19 digits; the text of the magnitude decides otherwise.
struct Decimal {
  const char* first;
  const char* end;
  uint64_t mantissa;
  int64_t exponent;
  bool fits;             // the mantissa: 19 digits fit 64 bits
  uint32_t is_negative;  // 1 or 0
};

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
// False: no number.
inline bool scan_number(const char* at, const char* end, Decimal& decimal) noexcept {
  if (at == end) return false;
  // The character's bits, for a compiler makes a branch of a comparison, and half of its guesses would be wrong: 0 only
  // for a minus.
  const auto other = static_cast<uint32_t>(static_cast<unsigned char>(*at) ^ '-');
  const uint32_t minus = (other - 1) >> 31;
  decimal.is_negative = minus;
  at += minus;
  const char* next = at;
  uint64_t mantissa = 0;
  // Zeros before the first digit that counts do not use up the mantissa; those of a fraction are counted nevertheless.
  int64_t digits = 0;
  if (next < end && *next == '0') {
    ++next;
  } else {
    next = read_digits(next, end, mantissa);
    digits = next - at;
    if (digits == 0) return false;
  }
  int64_t exponent = 0;
  if (next < end && *next == '.') {
    const char* const fraction = ++next;
    next = read_digits(next, end, mantissa);
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
  decimal.first = at;
  decimal.end = next;
  decimal.mantissa = mantissa;
  decimal.exponent = exponent;
  decimal.fits = digits <= 19;
  return true;
}

// One rounding when the mantissa is a double, two when it is not.
inline double scale(uint64_t mantissa, int64_t exponent) noexcept {
  const auto magnitude = static_cast<double>(static_cast<int64_t>(mantissa));
  return exponent < 0 ? magnitude / kPowers[static_cast<size_t>(-exponent)]
                      : magnitude * kPowers[static_cast<size_t>(exponent)];
}

// False: none that a double can hold.
inline bool to_double(const Decimal& decimal, double& value) noexcept {
  const auto& [first, end, mantissa, exponent, fits, is_negative] = decimal;
  if (fits && mantissa <= (uint64_t{1} << 53) && exponent >= -22 && exponent <= 22) {
    value = scale(mantissa, exponent);
  } else if (!fits || !scale_extended(mantissa, exponent, value)) {
    const auto result = std::from_chars(first, end, value);
    if (result.ec != std::errc{} || result.ptr != end || !std::isfinite(value)) return false;
  }
  if (is_negative != 0) value = -value;
  return true;
}

// The float that the nearest double rounds to. Both roundings of `scale` together move it by at most two units of a
// double's last place, so the nearest double lies on the same side of every boundary between two floats, unless one is
// within some of those units; floats below 1e-22 do not get here.
inline bool to_float(const Decimal& decimal, float& value) noexcept {
  const auto& [first, end, mantissa, exponent, fits, is_negative] = decimal;
  if (fits && mantissa <= INT64_MAX && exponent >= -22 && exponent <= 22) {
    constexpr uint64_t kBelowFloat = (uint64_t{1} << 29) - 1;
    constexpr uint64_t kBoundary = uint64_t{1} << 28;
    constexpr uint64_t kDoubt = 8;
    const double near = scale(mantissa, exponent);
    const uint64_t rest = std::bit_cast<uint64_t>(near) & kBelowFloat;
    if (rest - (kBoundary - kDoubt) > 2 * kDoubt && near < 3.4e38) {
      const auto magnitude = std::bit_cast<uint32_t>(static_cast<float>(near));
      value = std::bit_cast<float>(magnitude | is_negative << 31);
      return true;
    }
  }
  double exact;
  if (!to_double(decimal, exact)) return false;
  value = static_cast<float>(exact);
  return std::isfinite(value);
}
}  // namespace detail

// Moves `at` behind the number. False, with `at` where it was: no number, or none that a double can hold.
inline bool read_number(const char*& at, const char* end, double& value) noexcept {
  detail::Decimal decimal;
  if (!detail::scan_number(at, end, decimal) || !detail::to_double(decimal, value)) return false;
  at = decimal.end;
  return true;
}

// The same as that double's float. False also when it is beyond a float's range.
inline bool read_float(const char*& at, const char* end, float& value) noexcept {
  detail::Decimal decimal;
  if (!detail::scan_number(at, end, decimal) || !detail::to_float(decimal, value)) return false;
  at = decimal.end;
  return true;
}
// A number of at most 15 characters and no exponent, as most are: where it ends, and the point in it, is seen in one
// load of sixteen bytes instead of by two loops, of which each would wait for the one before.
struct ShortNumber {
  int64_t mantissa = 0;   // fewer than 16 digits, so that it is a double
  uint32_t fraction = 0;  // digits behind the point
  uint32_t minus = 0;     // 1 or 0
};

namespace detail {
// The first `count` of the bytes, 1..8, which are digits.
[[gnu::always_inline]] inline uint64_t first_digits(uint64_t bytes, uint32_t count) noexcept {
  constexpr uint64_t kZeros = 0x3030303030303030u;
  return eight_digits(bytes << (8 * (8 - count)) | kZeros >> (8 * (count - 1)) >> 8);
}
}  // namespace detail

// False, with `at` where it was: any other number, or too near to the end.
[[gnu::always_inline]] inline bool scan_short(const char*& at, const char* end, ShortNumber& number) noexcept {
#if defined(__SSE2__)
  constexpr ptrdiff_t kReachBytes = 25;  // a sign, sixteen bytes that are looked at, and a word that begins in them
  if (end - at < kReachBytes) return false;
  const auto other = static_cast<uint32_t>(static_cast<unsigned char>(*at) ^ '-');
  number.minus = (other - 1) >> 31;
  const char* const first = at + number.minus;
  const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(first));
  const __m128i distance = _mm_sub_epi8(text, _mm_set1_epi8('0'));
  const __m128i are_digits = _mm_cmpeq_epi8(_mm_min_epu8(distance, _mm_set1_epi8(9)), distance);
  const auto others = ~static_cast<uint32_t>(_mm_movemask_epi8(are_digits));
  const auto whole = static_cast<uint32_t>(std::countr_zero(others));
  if (whole - 1 >= 7 || (*first == '0' && whole != 1)) return false;
  uint64_t bytes;
  std::memcpy(&bytes, first, 8);
  uint32_t fraction = 0;
  const char* behind = first + whole;
  if (*behind == '.') {
    fraction = static_cast<uint32_t>(std::countr_zero(others >> whole >> 1));
    if (fraction == 0 || whole + fraction >= 15) return false;
    // The digits without the point.
    uint64_t behind_point;
    std::memcpy(&behind_point, behind + 1, 8);
    const uint64_t whole_mask = (uint64_t{1} << (8 * whole)) - 1;
    bytes = (bytes & whole_mask) | behind_point << (8 * whole);
    behind += fraction + 1;
  }
  if ((*behind | 0x20) == 'e') return false;
  const uint32_t digits = whole + fraction;
  uint64_t mantissa = detail::first_digits(bytes, digits < 8 ? digits : 8);
  if (digits > 8) {
    constexpr std::array<uint64_t, 7> kTens = {1, 10, 100, 1'000, 10'000, 100'000, 1'000'000};
    std::memcpy(&bytes, first + 9, 8);
    mantissa = mantissa * kTens[digits - 8] + detail::first_digits(bytes, digits - 8);
  }
  number.mantissa = static_cast<int64_t>(mantissa);
  number.fraction = fraction;
  at = behind;
  return true;
#else
  static_cast<void>(at), static_cast<void>(end), static_cast<void>(number);
  return false;
#endif
}

// The nearest double: it and the power of ten are doubles, so one division rounds once.
inline double to_double(const ShortNumber& number) noexcept {
  const double magnitude = static_cast<double>(number.mantissa) / detail::kPowers[number.fraction];
  return std::bit_cast<double>(std::bit_cast<uint64_t>(magnitude) | uint64_t{number.minus} << 63);
}

// That double's float. A product with the inverse is ready three times as soon as the quotient and at most two units of
// a double's last place beside it: both lie on the same side of every boundary between two floats, unless one is near.
[[gnu::always_inline]] inline float to_float(const ShortNumber& number) noexcept {
  constexpr std::array<double, 15> kInverses = {1e0,  1e-1, 1e-2,  1e-3,  1e-4,  1e-5,  1e-6, 1e-7,
                                                1e-8, 1e-9, 1e-10, 1e-11, 1e-12, 1e-13, 1e-14};
  constexpr uint64_t kBelowFloat = (uint64_t{1} << 29) - 1;
  constexpr uint64_t kBoundary = uint64_t{1} << 28;
  constexpr uint64_t kDoubt = 8;
  const double near = static_cast<double>(number.mantissa) * kInverses[number.fraction];
  const uint64_t rest = std::bit_cast<uint64_t>(near) & kBelowFloat;
  if (rest - (kBoundary - kDoubt) <= 2 * kDoubt) return static_cast<float>(to_double(number));
  return std::bit_cast<float>(std::bit_cast<uint32_t>(static_cast<float>(near)) | number.minus << 31);
}

// Moves `at` behind a number that nobody reads. False: there is none.
inline bool skip_number(const char*& at, const char* end) noexcept {
  detail::Decimal decimal;
  if (!detail::scan_number(at, end, decimal)) return false;
  at = decimal.end;
  return true;
}
}  // namespace penstock::json
