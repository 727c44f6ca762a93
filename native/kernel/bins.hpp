// numpy.digitize with bins that do not descend: the number of edges at or below x, or with is_right below x; NaN goes
// behind the last edge. Edges are no NaN. Bound by the reads up to a few dozen edges, then by the search; exact.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernel/variants.hpp"

namespace penstock::kernel {
struct BinKernels {
  void (*digitise)(int32_t* target, const double* source, size_t count, const double* edges, size_t edge_count,
                   bool is_right) noexcept;
};

PENSTOCK_KERNEL_VARIANTS(BinKernels, bin_kernels)
}  // namespace penstock::kernel
