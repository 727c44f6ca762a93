// Element casts between numeric dtypes: what a pipeline may do between two steps without being asked (float column ->
// double input), and what transforms.cast does when asked. Which pairs a pipeline allows is decided once, in TypeScript
// (src/tensor/dtype.ts); here every pair of fixed-width dtypes is defined. Rules.
// 1. Integer to integer wraps, as numpy's astype. Number to bool is `!= 0`, so NaN is true; bool to number is 0 or 1.
// 2. Float to integer truncates toward zero and saturates; NaN becomes 0 (numpy leaves both open).
// 3. Into a float: rounded once, to nearest, ties to even (IEEE 754-2019 section 4.3.1), subnormals and overflow
// included;
//    only integers beyond 2^53 go into bfloat16 through float64.
// 4. NaN between float16, bfloat16 and float32 keeps its sign and the payload that fits, and becomes quiet; bfloat16 to
//    float32 changes no bit. Through float64 only "is NaN" is kept.
// Functions are noexcept and touch only their arguments. Memory-bound; every variant gives the same bits.
#pragma once
#include <cstddef>
#include <cstdint>

#include "core/dtype_codes.hpp"
#include "kernel/variants.hpp"

namespace penstock {
// target and source do not overlap and need no alignment.
void cast_elements(std::byte* target, Dtype target_dtype, const std::byte* source, Dtype source_dtype,
                   size_t count) noexcept;
// One element as float64; int64 and uint64 beyond 2^53 lose low bits.
double load_as_double(const std::byte* element, Dtype dtype) noexcept;

float half_to_float(uint16_t bits) noexcept;
uint16_t float_to_half(float value) noexcept;
float bfloat16_to_float(uint16_t bits) noexcept;
uint16_t float_to_bfloat16(float value) noexcept;

namespace kernel {
struct CastKernels {
  void (*elements)(std::byte* target, Dtype target_dtype, const std::byte* source, Dtype source_dtype,
                   size_t count) noexcept;
};
PENSTOCK_KERNEL_VARIANTS(CastKernels, cast_kernels)
}  // namespace kernel
}  // namespace penstock
