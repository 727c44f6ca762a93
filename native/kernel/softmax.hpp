// Softmax along the last axis of [rows, columns], float32: exp(x - max) / sum(exp(x - max)), as scipy.special.softmax.
// A row with NaN or +Inf, and one of -Inf alone, becomes NaN throughout, as there. target == source is allowed.
// x - max is rounded to float32, everything after it is float64 in the reference. Tolerance to it: 4e-7 relative, plus
// 1e-7 for each doubling of the columns beyond 16, plus 1.2e-38 absolute (below the least normal float32 terms are 0);
// all SIMD levels give equal bits. Compute-bound.
#pragma once
#include <cstddef>

#include "kernel/variants.hpp"

namespace penstock::kernel {
struct SoftmaxKernels {
  void (*rows)(float* target, const float* source, size_t rows, size_t columns) noexcept;
};

PENSTOCK_KERNEL_VARIANTS(SoftmaxKernels, softmax_kernels)
}  // namespace penstock::kernel
