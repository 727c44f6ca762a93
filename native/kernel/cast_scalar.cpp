// The reference of cast.hpp: every pair of dtypes, one element at a time.
#include "kernel/cast.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

namespace penstock {
float half_to_float(uint16_t bits) noexcept {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1fu;
  uint32_t mantissa = bits & 0x3ffu;
  if (exponent == 0x1f) {
    const uint32_t quiet = mantissa != 0 ? 0x400000u : 0u;
    return std::bit_cast<float>(sign | 0x7f800000u | quiet | (mantissa << 13));
  }
  if (exponent != 0) return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
  if (mantissa == 0) return std::bit_cast<float>(sign);
  uint32_t shift = 0;  // a subnormal half is a normal float
  while ((mantissa & 0x400u) == 0) {
    mantissa <<= 1;
    ++shift;
  }
  return std::bit_cast<float>(sign | ((113 - shift) << 23) | ((mantissa & 0x3ffu) << 13));
}

uint16_t float_to_half(float value) noexcept {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000u);
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u | ((magnitude >> 13) & 0x1ffu));  // NaN
  if (magnitude >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);  // rounds to infinity
  if (magnitude >= 0x38800000u) {
    const uint32_t rounded = magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u);
    return static_cast<uint16_t>(sign | (rounded >> 13));
  }
  if (magnitude <= 0x33000000u) return sign;  // at most half the least subnormal: to even zero
  const uint32_t shift = 126 - (magnitude >> 23);
  const uint32_t mantissa = (magnitude & 0x7fffffu) | 0x800000u;
  const uint32_t kept = mantissa >> shift;
  const uint32_t rest = mantissa & ((1u << shift) - 1);
  const uint32_t middle = 1u << (shift - 1);
  const uint32_t up = rest > middle || (rest == middle && (kept & 1u) != 0) ? 1u : 0u;
  return static_cast<uint16_t>(sign | (kept + up));
}

float bfloat16_to_float(uint16_t bits) noexcept {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

uint16_t float_to_bfloat16(float value) noexcept {
  const auto bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

namespace {
struct Half {
  uint16_t bits;
};
struct Brain {
  uint16_t bits;
};
// Not C++ bool: a request may carry any byte, and loading 2 as bool is undefined.
struct Truth {
  uint8_t bits;
};

template <typename T>
double to_double(T value) noexcept {
  if constexpr (std::is_same_v<T, Half>)
    return static_cast<double>(half_to_float(value.bits));
  else if constexpr (std::is_same_v<T, Brain>)
    return static_cast<double>(bfloat16_to_float(value.bits));
  else if constexpr (std::is_same_v<T, Truth>)
    return value.bits != 0 ? 1.0 : 0.0;
  else
    return static_cast<double>(value);
}

// The float on the way from a double to a 16-bit float: rounded to odd, so that rounding it again to nearest gives what
// rounding once would (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums", theorem 3).
float narrow_to_odd(double value) noexcept {
  const auto nearest = static_cast<float>(value);
  if (static_cast<double>(nearest) == value || std::isnan(value)) return nearest;
  auto bits = std::bit_cast<uint32_t>(nearest);
  if (std::fabs(static_cast<double>(nearest)) > std::fabs(value)) --bits;
  return std::bit_cast<float>(bits | 1u);
}

template <typename T>
T from_double(double value) noexcept {
  if constexpr (std::is_same_v<T, Half>)
    return {float_to_half(narrow_to_odd(value))};
  else if constexpr (std::is_same_v<T, Brain>)
    return {float_to_bfloat16(narrow_to_odd(value))};
  else if constexpr (std::is_same_v<T, Truth>)
    return {static_cast<uint8_t>(value != 0.0 ? 1 : 0)};
  else if constexpr (std::is_floating_point_v<T>)
    return static_cast<T>(value);
  else {
    if (std::isnan(value)) return T{0};
    // 2^63 and 2^64 are exact doubles, the maxima are not: compare with >=.
    if (value >= std::ldexp(1.0, std::numeric_limits<T>::digits)) return std::numeric_limits<T>::max();
    if (value <= static_cast<double>(std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
    return static_cast<T>(value);
  }
}

template <typename Target, typename Source>
Target convert(Source value) noexcept {
  if constexpr (std::is_integral_v<Target> && std::is_integral_v<Source>) {
    return static_cast<Target>(value);
  } else if constexpr (std::is_floating_point_v<Target> && std::is_integral_v<Source>) {
    return static_cast<Target>(value);  // once: int64 through double to float would round twice
  } else {
    return from_double<Target>(to_double(value));
  }
}

template <typename Target, typename Source>
void cast_loop(std::byte* target, const std::byte* source, size_t count) noexcept {
  for (size_t i = 0; i < count; ++i) {
    Source in;
    std::memcpy(&in, source + i * sizeof(Source), sizeof(Source));
    const Target out = convert<Target>(in);
    std::memcpy(target + i * sizeof(Target), &out, sizeof(Target));
  }
}

// Calls `visit` with a value of the C++ type of `dtype`.
template <typename Visitor>
void with_type(Dtype dtype, Visitor&& visit) noexcept {
  switch (dtype) {
    case Dtype::kFloat32:
      return visit(float{});
    case Dtype::kFloat64:
      return visit(double{});
    case Dtype::kFloat16:
      return visit(Half{});
    case Dtype::kBfloat16:
      return visit(Brain{});
    case Dtype::kInt8:
      return visit(int8_t{});
    case Dtype::kUint8:
      return visit(uint8_t{});
    case Dtype::kInt16:
      return visit(int16_t{});
    case Dtype::kUint16:
      return visit(uint16_t{});
    case Dtype::kInt32:
      return visit(int32_t{});
    case Dtype::kUint32:
      return visit(uint32_t{});
    case Dtype::kInt64:
      return visit(int64_t{});
    case Dtype::kUint64:
      return visit(uint64_t{});
    case Dtype::kBool:
      return visit(Truth{});
    case Dtype::kString:
      return;  // never reaches the addon: strings take the string path
  }
}
}  // namespace

namespace kernel::scalar {
namespace {
void elements(std::byte* target, Dtype target_dtype, const std::byte* source, Dtype source_dtype,
              size_t count) noexcept {
  with_type(target_dtype, [&]<typename Target>(Target) {
    with_type(source_dtype, [&]<typename Source>(Source) { cast_loop<Target, Source>(target, source, count); });
  });
}
}  // namespace

extern const CastKernels cast_kernels = {elements};
}  // namespace kernel::scalar

double load_as_double(const std::byte* element, Dtype dtype) noexcept {
  double result = 0.0;
  with_type(dtype, [&]<typename Source>(Source value) {
    std::memcpy(&value, element, sizeof(value));
    result = to_double(value);
  });
  return result;
}
}  // namespace penstock
