// The entries of all instructions, by family, and what their checks and loops share.
#pragma once
#include <type_traits>

#include "transform/op.hpp"

namespace penstock::transform {
// cast.cpp
extern const OpEntry kCastOp;
// columns.cpp
extern const OpEntry kImputeFloatsOp, kImputeValuesOp, kNormaliseOp, kScaleOp, kClipOp;
// elements.cpp
extern const OpEntry kLog1pOp, kSigmoidOp, kRoundOp, kThresholdOp, kBinsOp;
// categories.cpp
extern const OpEntry kLookupOp, kGatherOp, kOneHotOp, kHashOp;
// tensors.cpp
extern const OpEntry kConcatOp, kSliceOp, kTransposeOp, kWindowOp, kResizeOp;
// scores.cpp
extern const OpEntry kSoftmaxOp, kArgMaxOp, kTopKOp, kMeanPoolOp, kL2NormaliseOp;

inline bool is_real(Dtype dtype) noexcept {
  return dtype == Dtype::kFloat32 || dtype == Dtype::kFloat64;
}
inline bool is_integer(Dtype dtype) noexcept {
  switch (dtype) {
    case Dtype::kInt8:
    case Dtype::kUint8:
    case Dtype::kInt16:
    case Dtype::kUint16:
    case Dtype::kInt32:
    case Dtype::kUint32:
    case Dtype::kInt64:
    case Dtype::kUint64:
      return true;
    default:
      return false;
  }
}
inline bool is_same_type(const ValueType& a, const ValueType& b) noexcept {
  return a.dtype == b.dtype && a.width == b.width && a.is_nullable == b.is_nullable;
}
// One float32 or float64 column in, one of the same type out.
inline bool is_real_map(const OpShape& shape) noexcept {
  return shape.is_unary() && is_real(shape.input().dtype) && is_same_type(shape.input(), shape.output());
}

// Calls `visit` with a value of the C++ type of an integer; of a bool as the byte that it is.
template <typename Visitor>
void with_integer(Dtype dtype, Visitor&& visit) noexcept {
  switch (dtype) {
    case Dtype::kInt8:
      return visit(int8_t{});
    case Dtype::kUint8:
    case Dtype::kBool:
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
    default:
      return;
  }
}
// Calls `visit` with float{} or double{}.
template <typename Visitor>
void with_real(Dtype dtype, Visitor&& visit) noexcept {
  if (dtype == Dtype::kFloat32)
    visit(float{});
  else
    visit(double{});
}
template <typename T>
const T* constants(const Instruction& instruction) noexcept {
  if constexpr (std::is_same_v<T, float>)
    return instruction.floats.data();
  else
    return instruction.numbers.data();
}
}  // namespace penstock::transform
