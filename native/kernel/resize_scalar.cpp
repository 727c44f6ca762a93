// The reference of resize.hpp.
#include "kernel/resize.hpp"

#include <algorithm>
#include <cmath>

namespace penstock::kernel {
namespace {
double coordinate(size_t i, size_t source, size_t target) noexcept {
  return (static_cast<double>(i) + 0.5) * static_cast<double>(source) / static_cast<double>(target) - 0.5;
}
}  // namespace

ResizeTap linear_tap(size_t i, size_t source, size_t target) noexcept {
  if (source == 1) return {0, 0.0f};
  const double at = std::clamp(coordinate(i, source, target), 0.0, static_cast<double>(source - 1));
  const double low = std::min(std::floor(at), static_cast<double>(source - 2));
  return {static_cast<uint32_t>(low), static_cast<float>(at - low)};
}

uint32_t nearest_tap(size_t i, size_t source, size_t target) noexcept {
  const double at = std::ceil(coordinate(i, source, target) - 0.5);
  return static_cast<uint32_t>(std::clamp(at, 0.0, static_cast<double>(source - 1)));
}

namespace scalar {
namespace {
float blend(float low, float high, float weight) noexcept {
  return low * (1.0f - weight) + high * weight;
}

void linear(float* target, const float* source, const ResizeShape& shape, std::byte*) noexcept {
  for (size_t n = 0; n < shape.count; ++n) {
    const float* const image = source + n * shape.height * shape.width * shape.channels;
    for (size_t y = 0; y < shape.target_height; ++y)
      for (size_t x = 0; x < shape.target_width; ++x) {
        const ResizeTap row = linear_tap(y, shape.height, shape.target_height);
        const ResizeTap column = linear_tap(x, shape.width, shape.target_width);
        const size_t below = row.low + (shape.height > 1 ? 1 : 0), right = column.low + (shape.width > 1 ? 1 : 0);
        for (size_t c = 0; c < shape.channels; ++c) {
          const auto pixel = [&](size_t py, size_t px) { return image[(py * shape.width + px) * shape.channels + c]; };
          const float upper = blend(pixel(row.low, column.low), pixel(row.low, right), column.weight);
          const float lower = blend(pixel(below, column.low), pixel(below, right), column.weight);
          *target++ = blend(upper, lower, row.weight);
        }
      }
  }
}

void nearest(float* target, const float* source, const ResizeShape& shape, std::byte*) noexcept {
  for (size_t n = 0; n < shape.count; ++n) {
    const float* const image = source + n * shape.height * shape.width * shape.channels;
    for (size_t y = 0; y < shape.target_height; ++y)
      for (size_t x = 0; x < shape.target_width; ++x) {
        const size_t py = nearest_tap(y, shape.height, shape.target_height);
        const size_t px = nearest_tap(x, shape.width, shape.target_width);
        for (size_t c = 0; c < shape.channels; ++c) *target++ = image[(py * shape.width + px) * shape.channels + c];
      }
  }
}
}  // namespace

extern const ResizeKernels resize_kernels = {linear, nearest};
}  // namespace scalar
}  // namespace penstock::kernel
