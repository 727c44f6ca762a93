// The reference of one_hot.hpp.
#include "kernel/one_hot.hpp"

namespace penstock::kernel::scalar {
namespace {
template <typename T>
void one_hot(float* target, const T* source, size_t rows, size_t columns, const T* categories,
             const uint32_t* ends) noexcept {
  for (size_t r = 0; r < rows; ++r) {
    size_t k = 0;
    for (size_t c = 0; c < columns; ++c) {
      const T value = *source++;
      for (; k < ends[c]; ++k) {
        const bool is_both_nan = value != value && categories[k] != categories[k];
        *target++ = value == categories[k] || is_both_nan ? 1.0f : 0.0f;
      }
    }
  }
}
}  // namespace

extern const OneHotKernels one_hot_kernels = {one_hot<float>, one_hot<int32_t>};
}  // namespace penstock::kernel::scalar
