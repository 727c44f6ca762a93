// Channels last to channels first and back: numpy.transpose of images [count, pixels, channels] to
// [count, channels, pixels]; NHWC -> NCHW with pixels = height * width, and NCHW -> NHWC with the two exchanged.
// Elements are 1, 2, 4 or 8 bytes, aligned to their size; target and source do not overlap. Memory-bound; exact.
#pragma once
#include <cstddef>

#include "kernel/variants.hpp"

namespace penstock::kernel {
struct LayoutKernels {
  void (*transpose)(std::byte* target, const std::byte* source, size_t count, size_t pixels, size_t channels,
                    size_t element_bytes) noexcept;
};

PENSTOCK_KERNEL_VARIANTS(LayoutKernels, layout_kernels)
}  // namespace penstock::kernel
