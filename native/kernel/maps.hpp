// Maps of single elements, float32 or float64: log1p, the logistic function, rounding, a threshold. float32 goes
// through float64 where a function of the C library is called, and is rounded once. target == source is allowed. round
// and threshold are memory-bound and give the same bits everywhere; log1p and sigmoid are bound by the library's calls,
// and another library may differ in the last bit of a float64.
#pragma once
#include <cstddef>

#include "kernel/variants.hpp"

namespace penstock::kernel {
template <typename T>
struct ElementMaps {
  // numpy.log1p: log(1 + x); -Inf at -1, NaN below.
  void (*log1p)(T* target, const T* source, size_t count) noexcept;
  // scipy.special.expit: 1 / (1 + exp(-x)).
  void (*sigmoid)(T* target, const T* source, size_t count) noexcept;
  // numpy.round: rint(x * factor) / factor, or with is_coarse rint(x / factor) * factor; half to even.
  void (*round)(T* target, const T* source, size_t count, T factor, bool is_coarse) noexcept;
  // Binarizer: 1 where x > bound, else 0; NaN stays NaN.
  void (*threshold)(T* target, const T* source, size_t count, T bound) noexcept;
};

struct MapKernels {
  ElementMaps<float> floats;
  ElementMaps<double> doubles;
};

PENSTOCK_KERNEL_VARIANTS(MapKernels, map_kernels)
}  // namespace penstock::kernel
