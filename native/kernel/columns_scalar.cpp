// The reference of columns.hpp.
#include "kernel/columns.hpp"

namespace penstock::kernel::scalar {
namespace {
template <typename T>
void normalise(T* target, const T* source, size_t rows, size_t columns, const T* mean, const T* deviation) noexcept {
  for (size_t r = 0; r < rows; ++r)
    for (size_t c = 0; c < columns; ++c) {
      const size_t i = r * columns + c;
      target[i] = (source[i] - mean[c]) / deviation[c];
    }
}

template <typename T>
void scale(T* target, const T* source, size_t rows, size_t columns, const T* factor, const T* offset) noexcept {
  for (size_t r = 0; r < rows; ++r)
    for (size_t c = 0; c < columns; ++c) {
      const size_t i = r * columns + c;
      target[i] = source[i] * factor[c] + offset[c];
    }
}

template <typename T>
void impute(T* target, const T* source, size_t rows, size_t columns, const T* fill) noexcept {
  for (size_t r = 0; r < rows; ++r)
    for (size_t c = 0; c < columns; ++c) {
      const size_t i = r * columns + c;
      target[i] = source[i] != source[i] ? fill[c] : source[i];
    }
}

template <typename T>
void clip(T* target, const T* source, size_t rows, size_t columns, const T* low, const T* high) noexcept {
  for (size_t r = 0; r < rows; ++r)
    for (size_t c = 0; c < columns; ++c) {
      const size_t i = r * columns + c;
      const T value = source[i];
      target[i] = value < low[c] ? low[c] : value > high[c] ? high[c] : value;
    }
}
}  // namespace

extern const ColumnKernels column_kernels = {{normalise<float>, scale<float>, impute<float>, clip<float>},
                                             {normalise<double>, scale<double>, impute<double>, clip<double>}};
}  // namespace penstock::kernel::scalar
