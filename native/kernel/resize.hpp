// Resizing images, float32, as ONNX Resize with coordinate_transformation_mode half_pixel: output pixel i lies at
// (i + 0.5) * in / out - 0.5 of the input. linear blends the two nearest pixels of each axis, edges repeated,
// horizontally first; nearest takes round_prefer_floor. No antialiasing: ONNX's default, and what models exported with
// Resize expect. Coordinates are float64 and weights float32; every variant gives the same bits. An infinite or NaN
// pixel makes NaN of the outputs that it touches, with weight 0 too. Sides are 1..2^24. linear is compute-bound,
// nearest memory-bound.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernel/variants.hpp"

namespace penstock::kernel {
// `count` images of [height, width, channels]; channels == 1 with count * channels images is NCHW.
struct ResizeShape {
  size_t count;
  size_t height;
  size_t width;
  size_t channels;
  size_t target_height;
  size_t target_width;

  size_t target_row() const noexcept { return target_width * channels; }
  // Scratch of one call: two blended rows of floats (with room for a vector that reaches beyond the last pixel), and
  // for each pixel of a row where it reads and its weight.
  size_t scratch_bytes() const noexcept {
    return (2 * (target_row() + 4)) * sizeof(float) + target_width * (sizeof(uint32_t) + sizeof(float));
  }
};

// Where output index `i` of an axis reads: pixel `low` and the one after it, blended as low * (1 - weight) + next *
// weight. At the far edge that is the last pixel but one with weight 1; an axis of one pixel reads it alone.
struct ResizeTap {
  uint32_t low;
  float weight;
};

ResizeTap linear_tap(size_t i, size_t source, size_t target) noexcept;
uint32_t nearest_tap(size_t i, size_t source, size_t target) noexcept;

struct ResizeKernels {
  // `scratch`: scratch_bytes(), aligned to 4; the reference leaves it alone.
  void (*linear)(float* target, const float* source, const ResizeShape& shape, std::byte* scratch) noexcept;
  void (*nearest)(float* target, const float* source, const ResizeShape& shape, std::byte* scratch) noexcept;
};

PENSTOCK_KERNEL_VARIANTS(ResizeKernels, resize_kernels)
}  // namespace penstock::kernel
