// The reference of bins.hpp.
#include "kernel/bins.hpp"

namespace penstock::kernel::scalar {
namespace {
void digitise(int32_t* target, const double* source, size_t count, const double* edges, size_t edge_count,
              bool is_right) noexcept {
  for (size_t i = 0; i < count; ++i) {
    int32_t bin = 0;
    for (size_t e = 0; e < edge_count; ++e) {
      const bool is_below = is_right ? source[i] <= edges[e] : source[i] < edges[e];
      if (!is_below) ++bin;
    }
    target[i] = bin;
  }
}
}  // namespace

extern const BinKernels bin_kernels = {digitise};
}  // namespace penstock::kernel::scalar
