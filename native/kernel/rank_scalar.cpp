// The reference of rank.hpp.
#include "kernel/rank.hpp"

#include <cmath>

namespace penstock::kernel::scalar {
namespace {
void arg_max(int32_t* target, const float* source, size_t rows, size_t columns) noexcept {
  for (size_t r = 0; r < rows; ++r) {
    const float* const row = source + r * columns;
    size_t best = 0;
    for (size_t c = 1; c < columns && !std::isnan(row[best]); ++c)
      if (row[c] > row[best] || std::isnan(row[c])) best = c;
    target[r] = static_cast<int32_t>(best);
  }
}

bool ranks_before(float a, float b) noexcept {
  return a > b || (std::isnan(b) && !std::isnan(a));
}

// Insertion into the sorted list of the best so far: O(columns * k), k is small.
void top_k(float* values, int32_t* indices, const float* source, size_t rows, size_t columns, size_t k) noexcept {
  for (size_t r = 0; r < rows; ++r) {
    const float* const row = source + r * columns;
    float* const best = values + r * k;
    int32_t* const where = indices + r * k;
    size_t count = 0;
    for (size_t c = 0; c < columns; ++c) {
      if (count == k && !ranks_before(row[c], best[k - 1])) continue;
      size_t at = count < k ? count++ : k - 1;
      for (; at > 0 && ranks_before(row[c], best[at - 1]); --at) {
        best[at] = best[at - 1];
        where[at] = where[at - 1];
      }
      best[at] = row[c];
      where[at] = static_cast<int32_t>(c);
    }
  }
}
}  // namespace

extern const RankKernels rank_kernels = {arg_max, top_k};
}  // namespace penstock::kernel::scalar
