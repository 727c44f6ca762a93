// rank.hpp in vectors. Arg-max: the largest value first, whose lanes need no order, then the first column that holds
// it. Top-k: most elements do not reach the list, so blocks are compared with its last entry at once and only a block
// that beats it is looked at element by element.
#include "kernel/rank.hpp"
#include "kernel/simd.hpp"

namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE {
namespace {
constexpr size_t kUnroll = 4;
constexpr size_t kBlock = kUnroll * kLanes;

struct Largest {
  float value;
  bool has_nan;
};

Largest largest_of(const float* row, size_t columns) noexcept {
  Floats best[kUnroll];
  Ints nans[kUnroll] = {};
  for (Floats& lanes : best) lanes = splat(-__builtin_inff());
  size_t c = 0;
  for (; c + kBlock <= columns; c += kBlock)
    for (size_t v = 0; v < kUnroll; ++v) {
      const Floats x = load(row + c + v * kLanes);
      best[v] = x > best[v] ? x : best[v];
      nans[v] |= x != x;
    }
  Largest largest{-__builtin_inff(), any(nans[0] | nans[1] | nans[2] | nans[3])};
  for (const Floats& lanes : best)
    for (size_t i = 0; i < kLanes; ++i) largest.value = lanes[i] > largest.value ? lanes[i] : largest.value;
  for (; c < columns; ++c) {
    largest.value = row[c] > largest.value ? row[c] : largest.value;
    largest.has_nan |= row[c] != row[c];
  }
  return largest;
}

size_t first_nan(const float* row) noexcept {
  size_t c = 0;
  while (row[c] == row[c]) ++c;
  return c;
}

// `value` is in the row.
size_t first_equal(const float* row, size_t columns, float value) noexcept {
  size_t c = 0;
  while (c + kLanes <= columns && !any(load(row + c) == value)) c += kLanes;
  while (row[c] != value) ++c;
  return c;
}

void arg_max(int32_t* target, const float* source, size_t rows, size_t columns) noexcept {
  for (size_t r = 0; r < rows; ++r) {
    const float* const row = source + r * columns;
    const Largest largest = largest_of(row, columns);
    target[r] = static_cast<int32_t>(largest.has_nan ? first_nan(row) : first_equal(row, columns, largest.value));
  }
}

bool ranks_before(float a, float b) noexcept {
  return a > b || (b != b && a == a);
}

struct Best {
  float* values;
  int32_t* indices;
  size_t k;
  size_t count;

  void offer(float value, size_t column) noexcept {
    if (count == k && !ranks_before(value, values[k - 1])) return;
    size_t at = count < k ? count++ : k - 1;
    for (; at > 0 && ranks_before(value, values[at - 1]); --at) {
      values[at] = values[at - 1];
      indices[at] = indices[at - 1];
    }
    values[at] = value;
    indices[at] = static_cast<int32_t>(column);
  }
};

void top_k(float* values, int32_t* indices, const float* source, size_t rows, size_t columns, size_t k) noexcept {
  for (size_t r = 0; r < rows; ++r) {
    const float* const row = source + r * columns;
    Best best{values + r * k, indices + r * k, k, 0};
    size_t c = 0;
    for (; c < k; ++c) best.offer(row[c], c);
    for (; c + kBlock <= columns; c += kBlock) {
      // Not (x <= last): also where the last is NaN, which anything beats.
      const Floats last = splat(best.values[k - 1]);
      Ints misses = load(row + c) <= last;
      for (size_t v = 1; v < kUnroll; ++v) misses &= load(row + c + v * kLanes) <= last;
      if (!any(~misses)) continue;
      for (size_t i = 0; i < kBlock; ++i) best.offer(row[c + i], c + i);
    }
    for (; c < columns; ++c) best.offer(row[c], c);
  }
}
}  // namespace

extern const RankKernels rank_kernels = {arg_max, top_k};
}  // namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE
