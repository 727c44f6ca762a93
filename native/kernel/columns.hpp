// Column-wise maps of a row-major matrix [rows, columns] of float32 or float64 with one parameter per column: what
// scikit-learn's scalers and imputer do at inference time, which compute in the dtype of the matrix. One rounding per
// operation, no FMA, so every variant gives the same bits. target == source is allowed; any other overlap is not.
// Memory-bound.
#pragma once
#include <cstddef>

#include "kernel/variants.hpp"

namespace penstock::kernel {
template <typename T>
struct ColumnMaps {
  // StandardScaler.transform: (x - mean[c]) / deviation[c]. NaN and infinities follow IEEE 754.
  void (*normalise)(T* target, const T* source, size_t rows, size_t columns, const T* mean,
                    const T* deviation) noexcept;
  // MinMaxScaler.transform: x * factor[c] + offset[c], which scikit-learn calls scale_ and min_.
  void (*scale)(T* target, const T* source, size_t rows, size_t columns, const T* factor, const T* offset) noexcept;
  // SimpleImputer.transform: fill[c] where x is NaN.
  void (*impute)(T* target, const T* source, size_t rows, size_t columns, const T* fill) noexcept;
  // numpy.clip: min(max(x, low[c]), high[c]); NaN stays NaN, and a value equal to a bound stays as it is (-0 too).
  // low[c] <= high[c], neither is NaN.
  void (*clip)(T* target, const T* source, size_t rows, size_t columns, const T* low, const T* high) noexcept;
};

struct ColumnKernels : ColumnMaps<float> {
  ColumnMaps<double> doubles;
};

PENSTOCK_KERNEL_VARIANTS(ColumnKernels, column_kernels)
}  // namespace penstock::kernel
