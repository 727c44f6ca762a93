// Channels last to channels first and back: numpy.transpose of images [count, pixels, channels] to
// [count, channels, pixels]; NHWC -> NCHW with pixels = height * width, and NCHW -> NHWC with the two exchanged.
// Elements are 1, 2, 4 or 8 bytes, aligned to their size; target and source do not overlap. Memory-bound; exact.
#pragma once
#include <array>
#include <cstddef>

#include "kernel/variants.hpp"

namespace penstock::kernel {
struct LayoutKernels {
  using Transpose = void (*)(std::byte* target, const std::byte* source, size_t count, size_t pixels,
                             size_t channels) noexcept;
  // The kernels for elements of 1, 2, 4 and 8 bytes: `transpose` finds the one.
  std::array<Transpose, 4> transposes;
};

PENSTOCK_KERNEL_VARIANTS(LayoutKernels, layout_kernels)

// Defined with the dispatch, not here: code of this header would be compiled for each level, and the linker keeps one.
void transpose(const LayoutKernels& kernels, std::byte* target, const std::byte* source, size_t count, size_t pixels,
               size_t channels, size_t element_bytes) noexcept;
}  // namespace penstock::kernel
