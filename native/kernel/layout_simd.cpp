// layout.hpp in vectors. Two shapes matter: images of 1 to 4 channels, where the compiler turns the strided loop of a
// fixed number of channels into shuffles, in either direction; and feature maps of many channels, transposed in strips
// of 16 pixels, so that each cache line is written whole while the strip that is read stays in L1. Elements of 4 bytes
// go through registers, 4 x 4 at a time.
#include "kernel/layout.hpp"
#include "kernel/simd.hpp"

namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE {
namespace {
constexpr size_t kStrip = 16;  // pixels: 64 bytes of 4-byte elements
constexpr size_t kSquare = 4;

typedef uint32_t Quad __attribute__((vector_size(16), aligned(4), may_alias));

// [pixels, kChannels] -> [kChannels, pixels]
template <typename T, size_t kChannels>
void split_channels(T* __restrict to, const T* __restrict from, size_t pixels) noexcept {
  for (size_t p = 0; p < pixels; ++p)
    for (size_t c = 0; c < kChannels; ++c) to[c * pixels + p] = from[p * kChannels + c];
}

// [kChannels, pixels] -> [pixels, kChannels]
template <typename T, size_t kChannels>
void join_channels(T* __restrict to, const T* __restrict from, size_t pixels) noexcept {
  for (size_t p = 0; p < pixels; ++p)
    for (size_t c = 0; c < kChannels; ++c) to[p * kChannels + c] = from[c * pixels + p];
}

// 4 x 4 elements: row i of `from` becomes column i of `to`.
[[gnu::always_inline]] inline void transpose_square(uint32_t* to, const uint32_t* from, size_t to_stride,
                                                    size_t from_stride) noexcept {
  const Quad a = *reinterpret_cast<const Quad*>(from);
  const Quad b = *reinterpret_cast<const Quad*>(from + from_stride);
  const Quad c = *reinterpret_cast<const Quad*>(from + 2 * from_stride);
  const Quad d = *reinterpret_cast<const Quad*>(from + 3 * from_stride);
  const Quad ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Quad cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  *reinterpret_cast<Quad*>(to) = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
  *reinterpret_cast<Quad*>(to + to_stride) = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
  *reinterpret_cast<Quad*>(to + 2 * to_stride) = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
  *reinterpret_cast<Quad*>(to + 3 * to_stride) = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

template <typename T>
void transpose_strips(T* __restrict to, const T* __restrict from, size_t pixels, size_t channels) noexcept {
  size_t p = 0;
  for (; p + kStrip <= pixels; p += kStrip) {
    size_t c = 0;
    if constexpr (sizeof(T) == sizeof(uint32_t))
      for (; c + kSquare <= channels; c += kSquare)
        for (size_t i = 0; i < kStrip; i += kSquare)
          transpose_square(to + c * pixels + p + i, from + (p + i) * channels + c, pixels, channels);
    for (; c < channels; ++c)
      for (size_t i = 0; i < kStrip; ++i) to[c * pixels + p + i] = from[(p + i) * channels + c];
  }
  for (size_t c = 0; c < channels; ++c)
    for (size_t i = p; i < pixels; ++i) to[c * pixels + i] = from[i * channels + c];
}

template <typename T>
void transpose_image(T* to, const T* from, size_t pixels, size_t channels) noexcept {
  if (pixels == 1 || channels == 1)
    __builtin_memcpy(to, from, pixels * channels * sizeof(T));
  else if (channels == 2)
    split_channels<T, 2>(to, from, pixels);
  else if (channels == 3)
    split_channels<T, 3>(to, from, pixels);
  else if (channels == 4)
    split_channels<T, 4>(to, from, pixels);
  else if (pixels == 2)
    join_channels<T, 2>(to, from, channels);
  else if (pixels == 3)
    join_channels<T, 3>(to, from, channels);
  else if (pixels == 4)
    join_channels<T, 4>(to, from, channels);
  else
    transpose_strips(to, from, pixels, channels);
}

template <typename T>
void transpose_images(std::byte* target, const std::byte* source, size_t count, size_t pixels,
                      size_t channels) noexcept {
  const size_t size = pixels * channels;
  for (size_t i = 0; i < count; ++i)
    transpose_image(reinterpret_cast<T*>(target) + i * size, reinterpret_cast<const T*>(source) + i * size, pixels,
                    channels);
}
}  // namespace

extern const LayoutKernels layout_kernels = {
    {transpose_images<uint8_t>, transpose_images<uint16_t>, transpose_images<uint32_t>, transpose_images<uint64_t>}};
}  // namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE
