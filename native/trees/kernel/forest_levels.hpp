// The tree kernels of a level of kernel/dispatch.hpp, which finds the machine's.
#pragma once
#include "kernel/dispatch.hpp"
#include "trees/kernel/forest.hpp"

namespace penstock::kernel {
// `level` is at most machine_level().
const TreeKernels& tree_kernels_at(SimdLevel level) noexcept;
}  // namespace penstock::kernel
