// Column-wise maps of a row-major float32 matrix [rows, columns] with one parameter per column: what scikit-learn's
// scalers and imputer do at inference time. Results are those of float32 arithmetic, one rounding per operation, no
// FMA, so every variant gives the same bits. target == source is allowed; any other overlap is not. Memory-bound.
#pragma once
#include <cstddef>

#include "kernel/variants.hpp"

namespace penstock::kernel {
struct ColumnKernels {
  // StandardScaler.transform: (x - mean[c]) / deviation[c]. NaN and infinities follow IEEE 754.
  void (*normalise)(float* target, const float* source, size_t rows, size_t columns, const float* mean,
                    const float* deviation) noexcept;
  // MinMaxScaler.transform: x * factor[c] + offset[c], which scikit-learn calls scale_ and min_.
  void (*scale)(float* target, const float* source, size_t rows, size_t columns, const float* factor,
                const float* offset) noexcept;
  // SimpleImputer.transform: fill[c] where x is NaN.
  void (*impute)(float* target, const float* source, size_t rows, size_t columns, const float* fill) noexcept;
  // numpy.clip: min(max(x, low[c]), high[c]); NaN stays NaN, and a value equal to a bound stays as it is (-0 too).
  // low[c] <= high[c], neither is NaN.
  void (*clip)(float* target, const float* source, size_t rows, size_t columns, const float* low,
               const float* high) noexcept;
};

PENSTOCK_KERNEL_VARIANTS(ColumnKernels, column_kernels)
}  // namespace penstock::kernel
