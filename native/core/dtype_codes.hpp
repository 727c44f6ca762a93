// Generated from src/tensor/dtypes.json by tools/codegen: do not edit, run `npm run codegen`.
// ONNX TensorProto.DataType codes.
// clang-format off
#pragma once

#include <cstddef>
#include <cstdint>

namespace penstock {

enum class Dtype : uint8_t {
  kFloat32 = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kFloat64 = 11,
  kUint32 = 12,
  kUint64 = 13,
  kBfloat16 = 16,
};

// Bytes of one element; 0 for strings, which have no fixed size, and for numbers that are no dtype.
constexpr size_t dtype_size_bytes(Dtype dtype) noexcept {
  switch (dtype) {
    case Dtype::kFloat32:
      return 4;
    case Dtype::kUint8:
      return 1;
    case Dtype::kInt8:
      return 1;
    case Dtype::kUint16:
      return 2;
    case Dtype::kInt16:
      return 2;
    case Dtype::kInt32:
      return 4;
    case Dtype::kInt64:
      return 8;
    case Dtype::kString:
      return 0;
    case Dtype::kBool:
      return 1;
    case Dtype::kFloat16:
      return 2;
    case Dtype::kFloat64:
      return 8;
    case Dtype::kUint32:
      return 4;
    case Dtype::kUint64:
      return 8;
    case Dtype::kBfloat16:
      return 2;
  }
  return 0;
}

}  // namespace penstock
