// Reads one JSON number as a value of a dtype, and says what is wrong where it is none: the slower and wordier twin of
// read_number for readers that tell their callers. Integers are exact whatever the number of digits: 7, 7.0 and 0.7e1
// are 7, and 9007199254740993 is not its neighbour.
#pragma once
#include <cstdint>
#include <limits>
#include <type_traits>

#include "core/half.hpp"
#include "json/text/number.hpp"

namespace penstock::json {
enum class NumberFit : uint8_t {
  kFits,
  kNone,      // no number begins here
  kFraction,  // no integer
  kBelow,     // beyond the range of the dtype, on the negative side
  kAbove,
};

namespace detail {
// The digits of a number with the place of its point: 0.d1 d2 d3 … * 10^point.
struct Digits {
  const char* first;
  const char* end;
  int64_t count = 0;  // the point among the text left out
  int64_t point = 0;

  explicit Digits(const Decimal& decimal) noexcept : first(decimal.first), end(decimal.end) {
    const char* at = first;
    while (at < end && is_digit(*at)) ++at;
    point = count = at - first;
    if (at < end && *at == '.') {
      const char* const fraction = ++at;
      while (at < end && is_digit(*at)) ++at;
      count += at - fraction;
    }
    const char* const digits_end = at;
    if (at < end) {
      // Decimal caps its exponent; a number of a million digits may need all of it.
      const bool is_negative = *++at == '-';
      if (*at == '-' || *at == '+') ++at;
      int64_t exponent = 0;
      for (; at < end; ++at)
        if (exponent < (int64_t{1} << 40)) exponent = exponent * 10 + (*at - '0');
      point += is_negative ? -exponent : exponent;
    }
    end = digits_end;
  }
};

// The magnitude of an integer of any form. kAbove: beyond 64 bits.
inline NumberFit to_magnitude(const Decimal& decimal, uint64_t& magnitude) noexcept {
  if (decimal.fits && decimal.exponent == 0) {
    magnitude = decimal.mantissa;
    return NumberFit::kFits;
  }
  const Digits digits(decimal);
  const auto append = [&](uint64_t digit) {
    return !__builtin_mul_overflow(magnitude, uint64_t{10}, &magnitude) &&
           !__builtin_add_overflow(magnitude, digit, &magnitude);
  };
  magnitude = 0;
  int64_t index = 0;
  for (const char* at = digits.first; at < digits.end; ++at) {
    if (*at == '.') continue;
    const auto digit = static_cast<uint64_t>(*at - '0');
    if (index++ < digits.point) {
      if (!append(digit)) return NumberFit::kAbove;
    } else if (digit != 0) {
      return NumberFit::kFraction;
    }
  }
  for (; magnitude != 0 && index < digits.point; ++index)
    if (!append(0)) return NumberFit::kAbove;
  return NumberFit::kFits;
}

// Whether a number that no double holds is too large; else it is too small and rounds to zero.
inline bool is_large(const Decimal& decimal) noexcept {
  const Digits digits(decimal);
  int64_t zeros = 0;
  for (const char* at = digits.first; at < digits.end; ++at) {
    if (*at == '.') continue;
    if (*at != '0') return digits.point > zeros;
    ++zeros;
  }
  return false;
}
}  // namespace detail

// Moves `at` behind the number, unless there is none.
template <typename Integer>
NumberFit fit_integer(const char*& at, const char* end, Integer& value) noexcept {
  detail::Decimal decimal;
  if (!detail::scan_number(at, end, decimal)) return NumberFit::kNone;
  at = decimal.end;
  const bool is_negative = decimal.is_negative != 0;
  uint64_t magnitude = 0;
  NumberFit fit = detail::to_magnitude(decimal, magnitude);
  if (fit == NumberFit::kFraction) return fit;
  constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<Integer>::max());
  // That of the minimum is one more, or none.
  const uint64_t limit = is_negative ? (std::is_unsigned_v<Integer> ? 0 : kMax + 1) : kMax;
  if (magnitude > limit) fit = NumberFit::kAbove;
  if (fit != NumberFit::kFits) return is_negative ? NumberFit::kBelow : NumberFit::kAbove;
  value = static_cast<Integer>(is_negative ? uint64_t{0} - magnitude : magnitude);
  return fit;
}

// Any number rounds to a double; only what rounds to an infinity does not fit.
inline NumberFit fit_float(const char*& at, const char* end, double& value) noexcept {
  detail::Decimal decimal;
  if (!detail::scan_number(at, end, decimal)) return NumberFit::kNone;
  at = decimal.end;
  if (detail::to_double(decimal, value)) return NumberFit::kFits;
  if (detail::is_large(decimal)) return decimal.is_negative != 0 ? NumberFit::kBelow : NumberFit::kAbove;
  value = decimal.is_negative != 0 ? -0.0 : 0.0;
  return NumberFit::kFits;
}

// The nearest double rounded once more, as a Float32Array stores it.
inline NumberFit fit_float(const char*& at, const char* end, float& value) noexcept {
  double wide;
  const NumberFit fit = fit_float(at, end, wide);
  if (fit != NumberFit::kFits) return fit;
  value = static_cast<float>(wide);
  if (std::isfinite(value)) return fit;
  return wide < 0 ? NumberFit::kBelow : NumberFit::kAbove;
}

inline NumberFit fit_half(const char*& at, const char* end, uint16_t& value) noexcept {
  double wide;
  const NumberFit fit = fit_float(at, end, wide);
  if (fit != NumberFit::kFits || Float16::narrow(wide, value)) return fit;
  return wide < 0 ? NumberFit::kBelow : NumberFit::kAbove;
}
}  // namespace penstock::json
