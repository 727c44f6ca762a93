// The reference of quantize.hpp.
#include "kernel/quantize.hpp"

#include <cmath>
#include <limits>

namespace penstock::kernel::scalar {
namespace {
template <typename T>
void quantize(T* target, const float* source, size_t rows, size_t columns, const float* scale,
              const T* zero_point) noexcept {
  constexpr float kMin = std::numeric_limits<T>::min();
  constexpr float kMax = std::numeric_limits<T>::max();
  for (size_t r = 0; r < rows; ++r)
    for (size_t c = 0; c < columns; ++c) {
      const size_t i = r * columns + c;
      const auto zero = static_cast<float>(zero_point[c]);
      // The mode of the process is round half to even, and nobody changes it.
      const float value = std::nearbyint(source[i] / scale[c]) + zero;
      target[i] = std::isnan(value) ? zero_point[c] : static_cast<T>(value < kMin ? kMin : value > kMax ? kMax : value);
    }
}

template <typename T>
void dequantize(float* target, const T* source, size_t rows, size_t columns, const float* scale,
                const T* zero_point) noexcept {
  for (size_t r = 0; r < rows; ++r)
    for (size_t c = 0; c < columns; ++c) {
      const size_t i = r * columns + c;
      target[i] = static_cast<float>(source[i] - zero_point[c]) * scale[c];
    }
}
}  // namespace

extern const QuantizeKernels quantize_kernels = {quantize<int8_t>, quantize<uint8_t>, dequantize<int8_t>,
                                                 dequantize<uint8_t>};
}  // namespace penstock::kernel::scalar
