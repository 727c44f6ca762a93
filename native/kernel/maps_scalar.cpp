// The reference of maps.hpp.
#include "kernel/maps.hpp"

#include <cmath>

namespace penstock::kernel::scalar {
namespace {
template <typename T>
void log1p(T* target, const T* source, size_t count) noexcept {
  for (size_t i = 0; i < count; ++i) target[i] = static_cast<T>(std::log1p(static_cast<double>(source[i])));
}

template <typename T>
void sigmoid(T* target, const T* source, size_t count) noexcept {
  for (size_t i = 0; i < count; ++i) {
    const auto x = static_cast<double>(source[i]);
    // exp of a negative number alone: the other overflows.
    const double e = std::exp(x < 0.0 ? x : -x);
    target[i] = static_cast<T>(x < 0.0 ? e / (1.0 + e) : 1.0 / (1.0 + e));
  }
}

template <typename T>
void round(T* target, const T* source, size_t count, T factor, bool is_coarse) noexcept {
  for (size_t i = 0; i < count; ++i)
    target[i] = is_coarse ? std::rint(source[i] / factor) * factor : std::rint(source[i] * factor) / factor;
}

template <typename T>
void threshold(T* target, const T* source, size_t count, T bound) noexcept {
  for (size_t i = 0; i < count; ++i)
    target[i] = std::isnan(source[i]) ? source[i] : static_cast<T>(source[i] > bound ? 1 : 0);
}

template <typename T>
constexpr ElementMaps<T> kMaps = {log1p<T>, sigmoid<T>, round<T>, threshold<T>};
}  // namespace

extern const MapKernels map_kernels = {kMaps<float>, kMaps<double>};
}  // namespace penstock::kernel::scalar
