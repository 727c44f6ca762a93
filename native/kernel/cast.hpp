// Element casts between numeric dtypes: what a pipeline may do between two steps without being asked (float column ->
// double input). Which pairs are allowed is decided once, in TypeScript (src/tensor/dtype.ts); here every pair of
// fixed-width dtypes is defined: C++ conversion rules, float to integer saturates, NaN becomes 0, halves round to
// nearest even (IEEE 754-2008 section 4.3.1). Functions are noexcept and touch only their arguments.
#pragma once
#include <cstddef>
#include <cstdint>

#include "core/dtype_codes.hpp"

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
}  // namespace penstock
