// The reference of layout.hpp.
#include "kernel/layout.hpp"

#include <cstdint>

namespace penstock::kernel::scalar {
namespace {
template <typename T>
void transpose_images(std::byte* target, const std::byte* source, size_t count, size_t pixels,
                      size_t channels) noexcept {
  auto* to = reinterpret_cast<T*>(target);
  const auto* const from = reinterpret_cast<const T*>(source);
  for (size_t i = 0; i < count; ++i)
    for (size_t c = 0; c < channels; ++c)
      for (size_t p = 0; p < pixels; ++p) *to++ = from[(i * pixels + p) * channels + c];
}
}  // namespace

extern const LayoutKernels layout_kernels = {
    {transpose_images<uint8_t>, transpose_images<uint16_t>, transpose_images<uint32_t>, transpose_images<uint64_t>}};
}  // namespace penstock::kernel::scalar
