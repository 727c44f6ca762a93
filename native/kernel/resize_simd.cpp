// resize.hpp in vectors. Where the pixels of a row read from is the same for every row: it is worked out once, into
// scratch. A source row is blended horizontally once and kept while output rows still need it (two at a time); then
// an output row is a plain blend of two arrays. Horizontally, the two pixels of a blend are neighbours, so one load
// fetches both: with gather instructions the whole kernel took 1.6 ns an element, so it takes 0.6.
// Scratch: [row a | row b | low | weight].
#include "kernel/resize.hpp"
#include "kernel/simd.hpp"

namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE {
namespace {
typedef float Four __attribute__((vector_size(16)));
typedef float FourAnywhere __attribute__((vector_size(16), aligned(4), may_alias));

struct Scratch {
  float* rows[2];
  uint32_t* low;
  float* weight;
};

Scratch divide(std::byte* scratch, const ResizeShape& shape) noexcept {
  auto* const floats = reinterpret_cast<float*>(scratch);
  const size_t length = shape.target_width * shape.channels + 4;
  auto* const low = reinterpret_cast<uint32_t*>(floats + 2 * length);
  return {{floats, floats + length}, low, reinterpret_cast<float*>(low + shape.target_width)};
}

Four four_at(const float* source) noexcept {
  return *reinterpret_cast<const FourAnywhere*>(source);
}
// Two neighbours, then the two of the next pixel.
Four pairs_at(const float* first, const float* second) noexcept {
  typedef double TwoDoubles __attribute__((vector_size(16)));
  TwoDoubles pairs;
  __builtin_memcpy(&pairs, first, 8);
  __builtin_memcpy(reinterpret_cast<char*>(&pairs) + 8, second, 8);
  return reinterpret_cast<Four>(pairs);
}

void blend_pixel(float* to, const float* row, size_t low, size_t step, float weight, size_t channels) noexcept {
  for (size_t c = 0; c < channels; ++c)
    to[c] = row[low * channels + c] * (1.0f - weight) + row[low * channels + step + c] * weight;
}

// One channel: four pixels at a time.
void blend_grey(float* to, const float* row, const Scratch& scratch, const ResizeShape& shape) noexcept {
  size_t x = 0;
  if (shape.width > 1)
    for (; x + 4 <= shape.target_width; x += 4) {
      const uint32_t* const low = scratch.low + x;
      const Four front = pairs_at(row + low[0], row + low[1]), back = pairs_at(row + low[2], row + low[3]);
      const Four weight = four_at(scratch.weight + x);
      const Four left = __builtin_shufflevector(front, back, 0, 2, 4, 6);
      const Four right = __builtin_shufflevector(front, back, 1, 3, 5, 7);
      *reinterpret_cast<FourAnywhere*>(to + x) = left * (1.0f - weight) + right * weight;
    }
  for (; x < shape.target_width; ++x)
    blend_pixel(to + x, row, scratch.low[x], shape.width > 1 ? 1 : 0, scratch.weight[x], 1);
}

// Up to four channels: a pixel at a time, in a vector whose rest the next pixel overwrites.
void blend_colour(float* to, const float* row, const Scratch& scratch, const ResizeShape& shape) noexcept {
  const size_t channels = shape.channels, step = shape.width > 1 ? channels : 0;
  for (size_t x = 0; x < shape.target_width; ++x) {
    const size_t low = scratch.low[x];
    const float weight = scratch.weight[x];
    // The last pixels of a row: a vector would read beyond it.
    if ((low + 2) * channels + 4 > shape.width * channels) {
      blend_pixel(to + x * channels, row, low, step, weight, channels);
      continue;
    }
    const float* const left = row + low * channels;
    *reinterpret_cast<FourAnywhere*>(to + x * channels) =
        four_at(left) * (1.0f - weight) + four_at(left + channels) * weight;
  }
}

void blend_columns(float* to, const float* row, const Scratch& scratch, const ResizeShape& shape) noexcept {
  if (shape.channels == 1) return blend_grey(to, row, scratch, shape);
  if (shape.channels <= 4) return blend_colour(to, row, scratch, shape);
  const size_t step = shape.width > 1 ? shape.channels : 0;
  for (size_t x = 0; x < shape.target_width; ++x)
    blend_pixel(to + x * shape.channels, row, scratch.low[x], step, scratch.weight[x], shape.channels);
}

void linear(float* target, const float* source, const ResizeShape& shape, std::byte* scratch_bytes) noexcept {
  const size_t length = shape.target_width * shape.channels;
  const size_t row_length = shape.width * shape.channels;
  Scratch scratch = divide(scratch_bytes, shape);
  for (size_t x = 0; x < shape.target_width; ++x) {
    const ResizeTap tap = linear_tap(x, shape.width, shape.target_width);
    scratch.low[x] = tap.low;
    scratch.weight[x] = tap.weight;
  }
  for (size_t n = 0; n < shape.count; ++n) {
    const float* const image = source + n * shape.height * row_length;
    size_t held[2] = {SIZE_MAX, SIZE_MAX};  // the source row that each scratch row holds
    for (size_t y = 0; y < shape.target_height; ++y) {
      const ResizeTap tap = linear_tap(y, shape.height, shape.target_height);
      const size_t needed[2] = {tap.low, shape.height > 1 ? tap.low + size_t{1} : size_t{0}};
      // Coordinates ascend: the row that was below is above now, or both are new.
      if (held[1] == needed[0] && held[0] != needed[0]) {
        float* const kept = scratch.rows[1];
        scratch.rows[1] = scratch.rows[0];
        scratch.rows[0] = kept;
        held[1] = held[0];
        held[0] = needed[0];
      }
      for (size_t i = 0; i < 2; ++i) {
        if (held[i] != needed[i]) blend_columns(scratch.rows[i], image + needed[i] * row_length, scratch, shape);
        held[i] = needed[i];
      }
      const float* const upper = scratch.rows[0];
      const float* const lower = scratch.rows[1];
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
  // One position an element, in the room of the blended rows.
  auto* const from = reinterpret_cast<int32_t*>(scratch_bytes);
  for (size_t x = 0; x < shape.target_width; ++x)
    for (size_t c = 0; c < shape.channels; ++c)
      from[x * shape.channels + c] =
          static_cast<int32_t>(nearest_tap(x, shape.width, shape.target_width) * shape.channels + c);
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
        for (size_t i = 0; i < length; ++i) to[i] = row[from[i]];
      }
      held = py;
      target += length;
    }
  }
}
}  // namespace

extern const ResizeKernels resize_kernels = {linear, nearest};
}  // namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE
