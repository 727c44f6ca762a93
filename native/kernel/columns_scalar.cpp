// The reference of columns.hpp.
#include "kernel/columns.hpp"

namespace penstock::kernel::scalar {
namespace {
void normalise(float* target, const float* source, size_t rows, size_t columns, const float* mean,
               const float* deviation) noexcept {
  for (size_t r = 0; r < rows; ++r)
    for (size_t c = 0; c < columns; ++c) {
      const size_t i = r * columns + c;
      target[i] = (source[i] - mean[c]) / deviation[c];
    }
}

void scale(float* target, const float* source, size_t rows, size_t columns, const float* factor,
           const float* offset) noexcept {
  for (size_t r = 0; r < rows; ++r)
    for (size_t c = 0; c < columns; ++c) {
      const size_t i = r * columns + c;
      target[i] = source[i] * factor[c] + offset[c];
    }
}

void impute(float* target, const float* source, size_t rows, size_t columns, const float* fill) noexcept {
  for (size_t r = 0; r < rows; ++r)
    for (size_t c = 0; c < columns; ++c) {
      const size_t i = r * columns + c;
      target[i] = source[i] != source[i] ? fill[c] : source[i];
    }
}

void clip(float* target, const float* source, size_t rows, size_t columns, const float* low,
          const float* high) noexcept {
  for (size_t r = 0; r < rows; ++r)
    for (size_t c = 0; c < columns; ++c) {
      const size_t i = r * columns + c;
      const float value = source[i];
      target[i] = value < low[c] ? low[c] : value > high[c] ? high[c] : value;
    }
}
}  // namespace

extern const ColumnKernels column_kernels = {normalise, scale, impute, clip};
}  // namespace penstock::kernel::scalar
