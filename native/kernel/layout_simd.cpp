// layout.hpp in vectors. Two shapes matter: images of 1 to 4 channels, where the compiler turns the strided loop of a
// fixed number of channels into shuffles, in either direction; and feature maps of many channels, transposed in square
// tiles that fit L1, so that each cache line is read and written whole.
#include "kernel/layout.hpp"
#include "kernel/simd.hpp"

namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE {
namespace {
constexpr size_t kTile = 32;

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

// A whole tile: constant bounds, so that it is unrolled.
template <typename T, size_t kSide>
[[gnu::always_inline]] inline void transpose_tile(T* __restrict to, const T* __restrict from, size_t to_stride,
                                                  size_t from_stride) noexcept {
  T tile[kSide][kSide];
  for (size_t p = 0; p < kSide; ++p)
    for (size_t c = 0; c < kSide; ++c) tile[p][c] = from[p * from_stride + c];
  for (size_t c = 0; c < kSide; ++c)
    for (size_t p = 0; p < kSide; ++p) to[c * to_stride + p] = tile[p][c];
}

template <typename T>
void transpose_tiles(T* __restrict to, const T* __restrict from, size_t pixels, size_t channels) noexcept {
  constexpr size_t kSide = 8;
  for (size_t p0 = 0; p0 < pixels; p0 += kTile)
    for (size_t c0 = 0; c0 < channels; c0 += kTile) {
      const size_t p1 = pixels - p0 < kTile ? pixels : p0 + kTile;
      const size_t c1 = channels - c0 < kTile ? channels : c0 + kTile;
      size_t p = p0;
      for (; p + kSide <= p1; p += kSide) {
        size_t c = c0;
        for (; c + kSide <= c1; c += kSide)
          transpose_tile<T, kSide>(to + c * pixels + p, from + p * channels + c, pixels, channels);
        for (; c < c1; ++c)
          for (size_t i = p; i < p + kSide; ++i) to[c * pixels + i] = from[i * channels + c];
      }
      for (; p < p1; ++p)
        for (size_t c = c0; c < c1; ++c) to[c * pixels + p] = from[p * channels + c];
    }
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
    transpose_tiles(to, from, pixels, channels);
}

template <typename T>
void transpose_images(std::byte* target, const std::byte* source, size_t count, size_t pixels,
                      size_t channels) noexcept {
  const size_t size = pixels * channels;
  for (size_t i = 0; i < count; ++i)
    transpose_image(reinterpret_cast<T*>(target) + i * size, reinterpret_cast<const T*>(source) + i * size, pixels,
                    channels);
}

void transpose(std::byte* target, const std::byte* source, size_t count, size_t pixels, size_t channels,
               size_t element_bytes) noexcept {
  if (element_bytes == 8)
    transpose_images<uint64_t>(target, source, count, pixels, channels);
  else if (element_bytes == 4)
    transpose_images<uint32_t>(target, source, count, pixels, channels);
  else if (element_bytes == 2)
    transpose_images<uint16_t>(target, source, count, pixels, channels);
  else
    transpose_images<uint8_t>(target, source, count, pixels, channels);
}
}  // namespace

extern const LayoutKernels layout_kernels = {transpose};
}  // namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE
