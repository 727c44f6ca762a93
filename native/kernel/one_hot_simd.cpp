// one_hot.hpp in vectors. Columns have few categories, so a tail would be most of the work: whole vectors are compared
// and written from the start of a column on, and what they write beyond its end the next column overwrites. Only the
// last vectors of the matrix are written element by element. Comparing bits makes NaN equal NaN once all NaNs are one.
#include "kernel/one_hot.hpp"
#include "kernel/simd.hpp"

namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE {
namespace {
constexpr size_t kCategoriesMax = 4096;  // more of them: the vectors' reads beyond the end could leave the scratch
constexpr int32_t kNan = 0x7fc00000;

typedef int32_t IntsAnywhere __attribute__((vector_size(kVectorBytes), aligned(4), may_alias));

int32_t key_of(int32_t value) noexcept {
  return value;
}
// Equal floats get equal keys: one NaN, one zero.
int32_t key_of(float value) noexcept {
  if (value != value) return kNan;
  return value == 0.0f ? 0 : __builtin_bit_cast(int32_t, value);
}

void write_some(float* target, int32_t key, const int32_t* keys, size_t count) noexcept {
  for (size_t k = 0; k < count; ++k) target[k] = key == keys[k] ? 1.0f : 0.0f;
}

template <typename T>
[[gnu::always_inline]] inline void one_hot(float* target, const T* source, size_t rows, size_t columns,
                                           const T* categories, const uint32_t* ends) noexcept {
  const size_t width = columns == 0 ? 0 : ends[columns - 1];
  int32_t keys[kCategoriesMax + kLanes];
  for (size_t k = 0; k < width; ++k) keys[k] = key_of(categories[k]);
  for (size_t k = 0; k < kLanes; ++k) keys[width + k] = 0;
  const Ints one = reinterpret_cast<Ints>(splat(1.0f));
  float* const end = target + rows * width;
  for (size_t r = 0; r < rows; ++r) {
    size_t k = 0;
    for (size_t c = 0; c < columns; ++c) {
      const int32_t key = key_of(source[r * columns + c]);
      const Ints value = Ints{} + key;
      for (size_t at = k; at < ends[c]; at += kLanes) {
        float* const to = target + r * width + at;
        if (static_cast<size_t>(end - to) < kLanes) {
          write_some(to, key, keys + at, ends[c] - at);
          break;
        }
        const Ints known = *reinterpret_cast<const IntsAnywhere*>(keys + at);
        *reinterpret_cast<IntsAnywhere*>(to) = (value == known) & one;
      }
      k = ends[c];
    }
  }
}

void floats(float* target, const float* source, size_t rows, size_t columns, const float* categories,
            const uint32_t* ends) noexcept {
  if (columns > 0 && ends[columns - 1] > kCategoriesMax)
    scalar::one_hot_kernels.floats(target, source, rows, columns, categories, ends);
  else
    one_hot(target, source, rows, columns, categories, ends);
}

void int32s(float* target, const int32_t* source, size_t rows, size_t columns, const int32_t* categories,
            const uint32_t* ends) noexcept {
  if (columns > 0 && ends[columns - 1] > kCategoriesMax)
    scalar::one_hot_kernels.int32s(target, source, rows, columns, categories, ends);
  else
    one_hot(target, source, rows, columns, categories, ends);
}
}  // namespace

extern const OneHotKernels one_hot_kernels = {floats, int32s};
}  // namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE
