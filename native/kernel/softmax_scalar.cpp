// The reference of softmax.hpp.
#include "kernel/softmax.hpp"

#include <cmath>

namespace penstock::kernel::scalar {
namespace {
double exp_of(float difference) noexcept {
  return std::exp(static_cast<double>(difference));
}

void softmax_row(float* target, const float* source, size_t columns) noexcept {
  float max = source[0];
  for (size_t c = 1; c < columns; ++c)
    if (source[c] > max || std::isnan(source[c])) max = source[c];
  double sum = 0.0;
  for (size_t c = 0; c < columns; ++c) sum += exp_of(source[c] - max);
  for (size_t c = 0; c < columns; ++c) target[c] = static_cast<float>(exp_of(source[c] - max) / sum);
}

void rows(float* target, const float* source, size_t row_count, size_t columns) noexcept {
  if (columns == 0) return;
  for (size_t r = 0; r < row_count; ++r) softmax_row(target + r * columns, source + r * columns, columns);
}
}  // namespace

extern const SoftmaxKernels softmax_kernels = {rows};
}  // namespace penstock::kernel::scalar
