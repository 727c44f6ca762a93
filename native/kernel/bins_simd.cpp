// bins.hpp in vectors: few edges are each compared with all elements, which needs no branch; of many edges, a binary
// search that moves its lower end by a conditional move finds the bin.
#include "kernel/bins.hpp"
#include "kernel/simd.hpp"

namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE {
namespace {
constexpr size_t kComparedMax = 24;
constexpr size_t kBlock = 256;  // elements whose bins stay in the nearest cache while the edges pass

template <bool kIsRight>
[[gnu::always_inline]] inline bool is_above(double x, double edge) noexcept {
  return kIsRight ? !(x <= edge) : !(x < edge);
}

template <bool kIsRight>
void compare_all(int32_t* target, const double* source, size_t count, const double* edges, size_t edge_count) noexcept {
  for (size_t start = 0; start < count; start += kBlock) {
    const size_t length = count - start < kBlock ? count - start : kBlock;
    int32_t* const to = target + start;
    const double* const from = source + start;
    for (size_t i = 0; i < length; ++i) to[i] = 0;
    for (size_t e = 0; e < edge_count; ++e) {
      const double edge = edges[e];
      PENSTOCK_INDEPENDENT
      for (size_t i = 0; i < length; ++i) to[i] += is_above<kIsRight>(from[i], edge) ? 1 : 0;
    }
  }
}

template <bool kIsRight>
void search(int32_t* target, const double* source, size_t count, const double* edges, size_t edge_count) noexcept {
  for (size_t i = 0; i < count; ++i) {
    const double x = source[i];
    size_t low = 0;
    size_t length = edge_count;
    while (length > 1) {
      const size_t half = length / 2;
      low = is_above<kIsRight>(x, edges[low + half - 1]) ? low + half : low;
      length -= half;
    }
    target[i] = static_cast<int32_t>(low + (is_above<kIsRight>(x, edges[low]) ? 1 : 0));
  }
}

template <bool kIsRight>
void digitise_by(int32_t* target, const double* source, size_t count, const double* edges, size_t edge_count) noexcept {
  if (edge_count <= kComparedMax)
    compare_all<kIsRight>(target, source, count, edges, edge_count);
  else
    search<kIsRight>(target, source, count, edges, edge_count);
}

void digitise(int32_t* target, const double* source, size_t count, const double* edges, size_t edge_count,
              bool is_right) noexcept {
  if (is_right)
    digitise_by<true>(target, source, count, edges, edge_count);
  else
    digitise_by<false>(target, source, count, edges, edge_count);
}
}  // namespace

extern const BinKernels bin_kernels = {digitise};
}  // namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE
