// What the dtypes of a contract have in common: one traits class each, and a switch over them.
//
// Bounds and accepted values are of the dtype as well, rounded as a value would be, and are compared with what is
// stored: so JSON 0.1 is inside a float32 maximum of 0.1, and the same row as Arrow or JSON meets the same rules.
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "core/dtype_codes.hpp"
#include "core/half.hpp"
#include "json/text/fit.hpp"
#include "kernel/cast.hpp"

namespace penstock::contract {
template <typename Number>
struct Plain {
  using Type = Number;
  using Compared = Number;  // as what it is compared
  static constexpr bool kIsFloat = std::is_floating_point_v<Number>;
  static Compared compared(Type element) noexcept { return element; }
  static constexpr Compared kLowest = std::numeric_limits<Number>::lowest();
  static constexpr Compared kHighest = std::numeric_limits<Number>::max();
  static constexpr Type kMissing = kIsFloat ? std::numeric_limits<Number>::quiet_NaN() : Number{0};
};

struct Float : Plain<float> {
  static constexpr Dtype kDtype = Dtype::kFloat32;
  static json::NumberFit fit(const char*& at, const char* end, float& element) noexcept {
    return json::fit_float(at, end, element);
  }
};
struct Double : Plain<double> {
  static constexpr Dtype kDtype = Dtype::kFloat64;
  static json::NumberFit fit(const char*& at, const char* end, double& element) noexcept {
    return json::fit_float(at, end, element);
  }
};
template <typename Number, Dtype kCode>
struct Whole : Plain<Number> {
  static constexpr Dtype kDtype = kCode;
  static json::NumberFit fit(const char*& at, const char* end, Number& element) noexcept {
    return json::fit_integer(at, end, element);
  }
};
using Int8 = Whole<int8_t, Dtype::kInt8>;
using Uint8 = Whole<uint8_t, Dtype::kUint8>;
using Int16 = Whole<int16_t, Dtype::kInt16>;
using Uint16 = Whole<uint16_t, Dtype::kUint16>;
using Int32 = Whole<int32_t, Dtype::kInt32>;
using Uint32 = Whole<uint32_t, Dtype::kUint32>;
using Int64 = Whole<int64_t, Dtype::kInt64>;
using Uint64 = Whole<uint64_t, Dtype::kUint64>;
struct Half {
  static constexpr Dtype kDtype = Dtype::kFloat16;
  using Type = uint16_t;
  using Compared = float;
  static constexpr bool kIsFloat = true;
  static Compared compared(Type element) noexcept { return half_to_float(element); }
  static constexpr Compared kLowest = -65504;
  static constexpr Compared kHighest = 65504;
  static constexpr Type kMissing = Float16::kNan;
  static json::NumberFit fit(const char*& at, const char* end, uint16_t& element) noexcept {
    return json::fit_half(at, end, element);
  }
};

template <typename T>
T load(const std::byte* memory) noexcept {
  T value;
  std::memcpy(&value, memory, sizeof(T));
  return value;
}

// Equal for equal values: of a float the bits of its double, with one zero.
template <typename Element>
uint64_t element_key(typename Element::Type element) noexcept {
  if constexpr (Element::kIsFloat)
    return std::bit_cast<uint64_t>(static_cast<double>(Element::compared(element)) + 0.0);
  else
    return static_cast<uint64_t>(element);
}

// Calls `visit` with the traits of a number's dtype. Bools and strings have none.
template <typename Visit>
void with_number(Dtype dtype, Visit&& visit) {
  switch (dtype) {
    case Dtype::kFloat32:
      return visit(Float{});
    case Dtype::kFloat64:
      return visit(Double{});
    case Dtype::kFloat16:
      return visit(Half{});
    case Dtype::kInt8:
      return visit(Int8{});
    case Dtype::kUint8:
      return visit(Uint8{});
    case Dtype::kInt16:
      return visit(Int16{});
    case Dtype::kUint16:
      return visit(Uint16{});
    case Dtype::kInt32:
      return visit(Int32{});
    case Dtype::kUint32:
      return visit(Uint32{});
    case Dtype::kInt64:
      return visit(Int64{});
    case Dtype::kUint64:
      return visit(Uint64{});
    default:
      return;
  }
}

constexpr bool is_float(Dtype dtype) noexcept {
  return dtype == Dtype::kFloat32 || dtype == Dtype::kFloat64 || dtype == Dtype::kFloat16;
}
constexpr bool is_number(Dtype dtype) noexcept {
  return dtype != Dtype::kBool && dtype != Dtype::kString && dtype != Dtype::kBfloat16;
}
}  // namespace penstock::contract
