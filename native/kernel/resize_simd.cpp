// resize.hpp in vectors. Where the columns of a row read from is the same for every row: it is worked out once, into
// scratch. A source row is blended horizontally once and kept while output rows still need it (two at a time); then an
// output row is a plain blend of two arrays. Scratch: [row a | row b | low | high | weight], each target_row() long.
#include "kernel/resize.hpp"
#include "kernel/simd.hpp"

namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE {
namespace {
struct Scratch {
  float* rows[2];
  uint32_t* low;
  uint32_t* high;
  float* weight;
};

Scratch divide(std::byte* scratch, size_t length) noexcept {
  auto* const floats = reinterpret_cast<float*>(scratch);
  auto* const words = reinterpret_cast<uint32_t*>(floats + 2 * length);
  return {{floats, floats + length}, words, words + length, reinterpret_cast<float*>(words + 2 * length)};
}

// `to` does not overlap the rest.
void blend_columns(float* __restrict to, const float* __restrict row, const Scratch& scratch, size_t length) noexcept {
  const uint32_t* const low = scratch.low;
  const uint32_t* const high = scratch.high;
  const float* const weight = scratch.weight;
  PENSTOCK_INDEPENDENT
  for (size_t i = 0; i < length; ++i) {
    const float w = weight[i];
    to[i] = row[static_cast<int32_t>(low[i])] * (1.0f - w) + row[static_cast<int32_t>(high[i])] * w;
  }
}

void linear(float* target, const float* source, const ResizeShape& shape, std::byte* scratch_bytes) noexcept {
  const size_t length = shape.target_width * shape.channels;
  const size_t row_length = shape.width * shape.channels;
  Scratch scratch = divide(scratch_bytes, length);
  for (size_t x = 0; x < shape.target_width; ++x) {
    const ResizeTap tap = linear_tap(x, shape.width, shape.target_width);
    for (size_t c = 0; c < shape.channels; ++c) {
      scratch.low[x * shape.channels + c] = static_cast<uint32_t>(tap.low * shape.channels + c);
      scratch.high[x * shape.channels + c] = static_cast<uint32_t>(tap.high * shape.channels + c);
      scratch.weight[x * shape.channels + c] = tap.weight;
    }
  }
  for (size_t n = 0; n < shape.count; ++n) {
    const float* const image = source + n * shape.height * row_length;
    size_t held[2] = {SIZE_MAX, SIZE_MAX};  // the source row that each scratch row holds
    for (size_t y = 0; y < shape.target_height; ++y) {
      const ResizeTap tap = linear_tap(y, shape.height, shape.target_height);
      // Coordinates ascend: the row that was below is above now, or both are new.
      if (held[0] != tap.low && held[1] == tap.low) {
        float* const kept = scratch.rows[1];
        scratch.rows[1] = scratch.rows[0];
        scratch.rows[0] = kept;
        held[1] = held[0];
        held[0] = tap.low;
      }
      if (held[0] != tap.low) blend_columns(scratch.rows[0], image + tap.low * row_length, scratch, length);
      held[0] = tap.low;
      const float* const upper = scratch.rows[0];
      const float* lower = upper;
      if (tap.high != tap.low) {
        if (held[1] != tap.high) blend_columns(scratch.rows[1], image + tap.high * row_length, scratch, length);
        held[1] = tap.high;
        lower = scratch.rows[1];
      }
      const float w = tap.weight;
      const float rest = 1.0f - w;
      PENSTOCK_INDEPENDENT
      for (size_t i = 0; i < length; ++i) target[i] = upper[i] * rest + lower[i] * w;
      target += length;
    }
  }
}

void nearest(float* target, const float* source, const ResizeShape& shape, std::byte* scratch_bytes) noexcept {
  const size_t length = shape.target_width * shape.channels;
  const size_t row_length = shape.width * shape.channels;
  const uint32_t* const from = divide(scratch_bytes, length).low;
  for (size_t x = 0; x < shape.target_width; ++x)
    for (size_t c = 0; c < shape.channels; ++c)
      divide(scratch_bytes, length).low[x * shape.channels + c] =
          static_cast<uint32_t>(nearest_tap(x, shape.width, shape.target_width) * shape.channels + c);
  for (size_t n = 0; n < shape.count; ++n) {
    const float* const image = source + n * shape.height * row_length;
    size_t held = SIZE_MAX;
    for (size_t y = 0; y < shape.target_height; ++y) {
      const size_t py = nearest_tap(y, shape.height, shape.target_height);
      const float* const row = image + py * row_length;
      if (py == held) {
        __builtin_memcpy(target, target - length, length * sizeof(float));
      } else {
        float* const __restrict to = target;
        PENSTOCK_INDEPENDENT
        for (size_t i = 0; i < length; ++i) to[i] = row[static_cast<int32_t>(from[i])];
      }
      held = py;
      target += length;
    }
  }
}
}  // namespace

extern const ResizeKernels resize_kernels = {linear, nearest};
}  // namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE
