// float32 <-> int8 and uint8 as ONNX QuantizeLinear and DequantizeLinear, per column (per tensor is columns == 1).
// Quantising: round half to even of x / scale, plus zero_point, saturated. NaN becomes zero_point, the number that
// stands for 0 (ONNX leaves it open). Dequantising: (x - zero_point) * scale. scale > 0. Memory-bound, bits are equal.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernel/variants.hpp"

namespace penstock::kernel {
struct QuantizeKernels {
  void (*to_int8)(int8_t* target, const float* source, size_t rows, size_t columns, const float* scale,
                  const int8_t* zero_point) noexcept;
  void (*to_uint8)(uint8_t* target, const float* source, size_t rows, size_t columns, const float* scale,
                   const uint8_t* zero_point) noexcept;
  void (*from_int8)(float* target, const int8_t* source, size_t rows, size_t columns, const float* scale,
                    const int8_t* zero_point) noexcept;
  void (*from_uint8)(float* target, const uint8_t* source, size_t rows, size_t columns, const float* scale,
                     const uint8_t* zero_point) noexcept;
};

PENSTOCK_KERNEL_VARIANTS(QuantizeKernels, quantize_kernels)
}  // namespace penstock::kernel
