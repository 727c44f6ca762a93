// Arg-max and top-k along the last axis of [rows, columns], float32. Bound by the reads; exact.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernel/variants.hpp"

namespace penstock::kernel {
struct RankKernels {
  // numpy.argmax: the first of the largest; NaN counts as largest, so the first NaN wins. columns > 0.
  void (*arg_max)(int32_t* target, const float* source, size_t rows, size_t columns) noexcept;
  // The k largest in descending order with their columns: numpy.argsort(-x, kind='stable')[:k]. Of equal values the one
  // of the lower column comes first; -0 equals 0; NaN ranks behind everything. 0 < k <= columns.
  void (*top_k)(float* values, int32_t* indices, const float* source, size_t rows, size_t columns, size_t k) noexcept;
};

PENSTOCK_KERNEL_VARIANTS(RankKernels, rank_kernels)
}  // namespace penstock::kernel
