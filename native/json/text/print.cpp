#include "json/text/print.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/assert.hpp"
#include "core/boundary_codes.hpp"
#include "kernel/cast.hpp"

namespace penstock::json {
namespace {
constexpr std::array<double, 23> kPowers = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                            1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

char* put(char* text, const char* characters, size_t count) noexcept {
  std::memcpy(text, characters, count);
  return text + count;
}
char* put_zeros(char* text, int count) noexcept {
  std::memset(text, '0', static_cast<size_t>(count));
  return text + count;
}
char* put_null(char* text) noexcept {
  return put(text, "null", 4);
}

// Number::toString of ECMA-262 (6.1.6.1.20): `count` digits, the point behind the first `point` of them.
char* lay_out(const char* digits, int count, int point, char* text) noexcept {
  const auto length = static_cast<size_t>(count);
  if (point > 21 || point <= -6) {
    *text++ = digits[0];
    if (count > 1) {
      *text++ = '.';
      text = put(text, digits + 1, length - 1);
    }
    *text++ = 'e';
    const int exponent = point - 1;
    *text++ = exponent < 0 ? '-' : '+';
    return std::to_chars(text, text + 4, std::abs(exponent)).ptr;
  }
  if (point <= 0) {
    text = put(text, "0.", 2);
    return put(put_zeros(text, -point), digits, length);
  }
  if (count <= point) return put_zeros(put(text, digits, length), point - count);
  text = put(text, digits, static_cast<size_t>(point));
  *text++ = '.';
  return put(text, digits + point, length - static_cast<size_t>(point));
}

// An integer of at most ten digits times a power of ten.
char* print_decimal(uint64_t integer, int exponent, char* text) noexcept {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), integer).ptr;
  const auto all = static_cast<int>(end - digits.data());
  int count = all;
  while (count > 1 && digits[static_cast<size_t>(count) - 1] == '0') --count;
  return lay_out(digits.data(), count, all + exponent, text);
}

// floor(log10(magnitude)) for 1e-13 <= magnitude < 1e21, or thereabouts: no float32 lies so near to a power of ten that
// the rounding of the power could matter.
int decimal_exponent(double magnitude) noexcept {
  int exponent = (std::ilogb(magnitude) * 1233) >> 12;
  const auto reaches = [magnitude](int power) {
    return power >= 0 ? magnitude >= kPowers[static_cast<size_t>(power)]
                      : magnitude >= 1.0 / kPowers[static_cast<size_t>(-power)];
  };
  while (!reaches(exponent)) --exponent;
  while (reaches(exponent + 1)) ++exponent;
  return exponent;
}

// Subnormals, which have fewer than 6 digits, and where powers of ten are not exact.
char* print_float32_slowly(double magnitude, char* text) noexcept {
  std::array<char, 40> decimal;
  for (int digits = 1; digits <= 9; ++digits) {
    std::snprintf(decimal.data(), decimal.size(), "%.*e", digits - 1, magnitude);
    const double candidate = std::strtod(decimal.data(), nullptr);
    if (static_cast<double>(static_cast<float>(candidate)) == magnitude) return print_float64(candidate, text);
  }
  return print_float64(magnitude, text);
}

template <typename T>
T load(const std::byte* element) noexcept {
  T value;
  std::memcpy(&value, element, sizeof(T));
  return value;
}
template <typename T>
char* print_integer(const std::byte* element, char* text) noexcept {
  return std::to_chars(text, text + kElementCharactersMax, load<T>(element)).ptr;
}
}  // namespace

char* print_float32(double value, char* text) noexcept {
  if (value - value != 0) return put_null(text);
  if (std::signbit(value)) *text++ = '-';
  const double magnitude = std::fabs(value);
  // Whole numbers of up to 6 digits, zeros among them.
  if (magnitude < 1e6 && magnitude == static_cast<double>(static_cast<uint32_t>(magnitude)))
    return std::to_chars(text, text + 8, static_cast<uint32_t>(magnitude)).ptr;
  if (magnitude < 1e-13 || magnitude >= 1e21) return print_float32_slowly(magnitude, text);
  // A decimal of up to 6 digits survives float32, so the first of 6, 7, 8, 9 digits that reads back is the shortest.
  // digits / 10^k is rounded once while both are exact in float64.
  const int exponent = decimal_exponent(magnitude);
  for (int count = 6; count <= 9; ++count) {
    const int scale = count - 1 - exponent;
    const double power = kPowers[static_cast<size_t>(std::abs(scale))];
    // Math.round: to the nearest, a half upwards. Of a negative value it goes the other way; see below.
    const double scaled = scale >= 0 ? magnitude * power : magnitude / power;
    double digits = std::floor(scaled);
    const double rest = scaled - digits;
    if (std::signbit(value) ? rest > 0.5 : rest >= 0.5) digits += 1;
    const double candidate = scale >= 0 ? digits / power : digits * power;
    if (static_cast<double>(static_cast<float>(candidate)) == magnitude)
      return print_decimal(static_cast<uint64_t>(digits), -scale, text);
  }
  return print_float32_slowly(magnitude, text);
}

char* print_float64(double value, char* text) noexcept {
  if (value - value != 0) return put_null(text);
  if (std::signbit(value)) *text++ = '-';
  if (value == 0) return put(text, "0", 1);
  // d.ddde±xx: the shortest digits; their layout is JavaScript's.
  std::array<char, 40> decimal{};  // to_chars writes no end, atoi wants one
  const char* const end =
      std::to_chars(decimal.data(), decimal.data() + decimal.size(), std::fabs(value), std::chars_format::scientific)
          .ptr;
  std::array<char, 24> digits;
  int count = 0;
  const char* at = decimal.data();
  for (; at < end && *at != 'e'; ++at)
    if (*at != '.') digits[static_cast<size_t>(count++)] = *at;
  const int exponent = std::atoi(at + 1);
  return lay_out(digits.data(), count, exponent + 1, text);
}

char* print_element(const std::byte* element, Dtype dtype, char* text) noexcept {
  switch (dtype) {
    case Dtype::kFloat32:
      return print_float32(static_cast<double>(load<float>(element)), text);
    case Dtype::kFloat64:
      return print_float64(load<double>(element), text);
    case Dtype::kFloat16:
      return print_float32(static_cast<double>(half_to_float(load<uint16_t>(element))), text);
    case Dtype::kBfloat16:
      return print_float32(static_cast<double>(bfloat16_to_float(load<uint16_t>(element))), text);
    case Dtype::kInt8:
      return print_integer<int8_t>(element, text);
    case Dtype::kUint8:
      return print_integer<uint8_t>(element, text);
    case Dtype::kInt16:
      return print_integer<int16_t>(element, text);
    case Dtype::kUint16:
      return print_integer<uint16_t>(element, text);
    case Dtype::kInt32:
      return print_integer<int32_t>(element, text);
    case Dtype::kUint32:
      return print_integer<uint32_t>(element, text);
    case Dtype::kInt64:
      return print_integer<int64_t>(element, text);
    case Dtype::kUint64:
      return print_integer<uint64_t>(element, text);
    case Dtype::kBool:
      return load<uint8_t>(element) == 0 ? put(text, "false", 5) : put(text, "true", 4);
    case Dtype::kString:
      break;
  }
  PENSTOCK_ASSERT(false);
  return text;
}

char* print_nest(const std::byte* elements, Dtype dtype, const std::vector<int64_t>& dims, size_t axis,
                 char* text) noexcept {
  if (axis == dims.size()) return print_element(elements, dtype, text);
  size_t stride_bytes = dtype_size_bytes(dtype);
  for (size_t inner = axis + 1; inner < dims.size(); ++inner) stride_bytes *= static_cast<size_t>(dims[inner]);
  *text++ = '[';
  for (int64_t i = 0; i < dims[axis]; ++i) {
    if (i > 0) *text++ = ',';
    text = print_nest(elements + static_cast<size_t>(i) * stride_bytes, dtype, dims, axis + 1, text);
  }
  *text++ = ']';
  return text;
}

namespace {
// How many arrays of `dims` begin at element `index`, which is how many end before it.
size_t arrays_at(const std::vector<int64_t>& dims, size_t index) noexcept {
  size_t arrays = 0;
  size_t size = 1;
  for (auto dim = dims.rbegin(); dim != dims.rend(); ++dim, ++arrays) {
    size *= static_cast<size_t>(*dim);
    if (index % size != 0) break;
  }
  return arrays;
}
char* put_many(char* text, char bracket, size_t count) noexcept {
  std::memset(text, bracket, count);
  return text + count;
}
}  // namespace

char* print_nest_part(const std::byte* elements, Dtype dtype, const std::vector<int64_t>& dims, size_t start,
                      size_t count, char* text) noexcept {
  PENSTOCK_ASSERT(!dims.empty());
  const size_t element_bytes = dtype_size_bytes(dtype);
  const auto row_length = static_cast<size_t>(dims.back());
  const size_t end = start + count;
  for (size_t index = start; index < end;) {
    const size_t row_end = std::min(end, index - index % row_length + row_length);
    if (index > 0) *text++ = ',';
    text = put_many(text, '[', arrays_at(dims, index));
    for (bool is_first = true; index < row_end; ++index, is_first = false) {
      if (!is_first) *text++ = ',';
      text = print_element(elements + index * element_bytes, dtype, text);
    }
    text = put_many(text, ']', arrays_at(dims, index));
  }
  return text;
}

size_t nest_characters(const std::vector<int64_t>& dims) noexcept {
  // Brackets and commas of every level, elements of the last. Dims before a 0 may be of any size: no memory bounds
  // them.
  constexpr size_t kCountMax = kCharactersMany / kElementCharactersMax;
  size_t characters = 2;
  size_t count = 1;
  for (const int64_t dim : dims) {
    if (__builtin_mul_overflow(count, static_cast<size_t>(dim), &count) || count > kCountMax) return kCharactersMany;
    characters += 3 * count;
  }
  return characters + kElementCharactersMax * count;
}
}  // namespace penstock::json
