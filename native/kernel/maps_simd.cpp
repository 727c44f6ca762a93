// maps.hpp in vectors: the loops of round and threshold, which the compiler makes of them. The calls of log1p and
// sigmoid stay calls: a polynomial of our own would be another function than the reference's.
#include "kernel/maps.hpp"
#include "kernel/simd.hpp"

namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE {
namespace {
template <typename T>
void log1p(T* target, const T* source, size_t count) noexcept {
  for (size_t i = 0; i < count; ++i) target[i] = static_cast<T>(__builtin_log1p(static_cast<double>(source[i])));
}

template <typename T>
void sigmoid(T* target, const T* source, size_t count) noexcept {
  for (size_t i = 0; i < count; ++i) {
    const auto x = static_cast<double>(source[i]);
    // exp of a negative number alone: the other overflows.
    const double e = __builtin_exp(x < 0.0 ? x : -x);
    target[i] = static_cast<T>(x < 0.0 ? e / (1.0 + e) : 1.0 / (1.0 + e));
  }
}

[[gnu::always_inline]] inline float rint_of(float x) noexcept {
  return __builtin_rintf(x);
}
[[gnu::always_inline]] inline double rint_of(double x) noexcept {
  return __builtin_rint(x);
}

template <typename T>
void round(T* target, const T* source, size_t count, T factor, bool is_coarse) noexcept {
  if (is_coarse) {
    PENSTOCK_INDEPENDENT
    for (size_t i = 0; i < count; ++i) target[i] = rint_of(source[i] / factor) * factor;
    return;
  }
  PENSTOCK_INDEPENDENT
  for (size_t i = 0; i < count; ++i) target[i] = rint_of(source[i] * factor) / factor;
}

template <typename T>
void threshold(T* target, const T* source, size_t count, T bound) noexcept {
  PENSTOCK_INDEPENDENT
  for (size_t i = 0; i < count; ++i) {
    const T x = source[i];
    const T above = x > bound ? T{1} : T{0};
    target[i] = x != x ? x : above;
  }
}

template <typename T>
constexpr ElementMaps<T> kMaps = {log1p<T>, sigmoid<T>, round<T>, threshold<T>};
}  // namespace

extern const MapKernels map_kernels = {kMaps<float>, kMaps<double>};
}  // namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE
