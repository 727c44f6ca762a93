// Categories to indicator columns: scikit-learn's OneHotEncoder(handle_unknown='ignore', sparse_output=False,
// dtype=float32) at inference time. source is [rows, columns]; column c has the categories
// categories[ends[c - 1] .. ends[c]) in the order of their indicators (ends[-1] is 0), and target is
// [rows, ends[columns - 1]]: 1 where the value equals the category, else 0. A value equal to no category leaves zeros.
// As there, NaN equals NaN; -0 equals 0. Bound by the writes; exact.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernel/variants.hpp"

namespace penstock::kernel {
struct OneHotKernels {
  void (*floats)(float* target, const float* source, size_t rows, size_t columns, const float* categories,
                 const uint32_t* ends) noexcept;
  void (*int32s)(float* target, const int32_t* source, size_t rows, size_t columns, const int32_t* categories,
                 const uint32_t* ends) noexcept;
};

PENSTOCK_KERNEL_VARIANTS(OneHotKernels, one_hot_kernels)
}  // namespace penstock::kernel
