#include "trees/kernel/forest_levels.hpp"

#include "core/assert.hpp"

namespace penstock::kernel {
const TreeKernels& tree_kernels_at(SimdLevel level) noexcept {
  PENSTOCK_ASSERT(level <= machine_level());
#if defined(__x86_64__)
  if (level == SimdLevel::kAvx512) return avx512::tree_kernels;
  if (level == SimdLevel::kAvx2) return avx2::tree_kernels;
#endif
  return level == SimdLevel::kScalar ? scalar::tree_kernels : baseline::tree_kernels;
}
}  // namespace penstock::kernel
