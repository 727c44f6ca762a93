// rank.hpp in vectors. Arg-max: the largest value first, whose lanes need no order, then the first column that holds
// it. Top-k: the k-th largest of the maxima of groups of elements is a bound that at least k elements reach, and few
// more do; only those are inserted. Each element is thus looked at twice and hardly ever branched on.
#include "kernel/rank.hpp"
#include "kernel/simd.hpp"

namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE {
namespace {
constexpr size_t kUnroll = 4;
constexpr size_t kBlock = kUnroll * kLanes;

// The maxima of the elements of each lane, NaN aside, and whether there was a NaN. Behind the last block: lane by lane.
struct Maxima {
  Floats lanes[kUnroll];
  bool has_nan;
};

Maxima maxima_of(const float* row, size_t columns) noexcept {
  Maxima maxima;
  Ints nans[kUnroll] = {};
  for (Floats& lanes : maxima.lanes) lanes = splat(-__builtin_inff());
  size_t c = 0;
  for (; c + kBlock <= columns; c += kBlock)
    for (size_t v = 0; v < kUnroll; ++v) {
      const Floats x = load(row + c + v * kLanes);
      maxima.lanes[v] = x > maxima.lanes[v] ? x : maxima.lanes[v];
      nans[v] |= x != x;
    }
  for (; c + kLanes <= columns; c += kLanes) {
    const Floats x = load(row + c);
    maxima.lanes[0] = x > maxima.lanes[0] ? x : maxima.lanes[0];
    nans[0] |= x != x;
  }
  maxima.has_nan = any(nans[0] | nans[1] | nans[2] | nans[3]);
  for (size_t lane = 0; c < columns; ++c, ++lane) {
    if (row[c] > maxima.lanes[0][lane]) maxima.lanes[0][lane] = row[c];
    maxima.has_nan |= row[c] != row[c];
  }
  return maxima;
}

Floats larger(Floats a, Floats b) noexcept {
  return a > b ? a : b;
}

float largest_of(const Maxima& maxima) noexcept {
  const Floats best = larger(larger(maxima.lanes[0], maxima.lanes[1]), larger(maxima.lanes[2], maxima.lanes[3]));
  float largest = best[0];
  for (size_t i = 1; i < kLanes; ++i) largest = best[i] > largest ? best[i] : largest;
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
    const Maxima maxima = maxima_of(row, columns);
    target[r] = static_cast<int32_t>(maxima.has_nan ? first_nan(row) : first_equal(row, columns, largest_of(maxima)));
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

// A value that at least k elements of the row reach: the k-th largest of as few groups as can tell. k <= kBlock.
float bound_of(const Maxima& maxima, size_t k) noexcept {
  float groups[kBlock];
  size_t count = kBlock;
  if (k * 2 <= kLanes) {
    const Floats folded = larger(larger(maxima.lanes[0], maxima.lanes[1]), larger(maxima.lanes[2], maxima.lanes[3]));
    __builtin_memcpy(groups, &folded, sizeof(folded));
    count = kLanes;
  } else {
    __builtin_memcpy(groups, maxima.lanes, sizeof(maxima.lanes));
  }
  float best[kBlock];
  size_t held = 0;
  for (size_t i = 0; i < count; ++i) {
    if (held == k && !(groups[i] > best[k - 1])) continue;
    size_t at = held < k ? held++ : k - 1;
    for (; at > 0 && groups[i] > best[at - 1]; --at) best[at] = best[at - 1];
    best[at] = groups[i];
  }
  return best[k - 1];
}

void offer_all(Best& best, const float* row, size_t columns) noexcept {
  best.count = 0;
  for (size_t c = 0; c < columns; ++c) best.offer(row[c], c);
}

void offer_from(Best& best, const float* row, size_t columns, float bound) noexcept {
  const Floats bounds = splat(bound);
  size_t c = 0;
  for (; c + kLanes <= columns; c += kLanes)
    for (uint32_t hits = bits_of(load(row + c) >= bounds); hits != 0; hits &= hits - 1) {
      const size_t at = c + static_cast<size_t>(__builtin_ctz(hits));
      best.offer(row[at], at);
    }
  for (; c < columns; ++c)
    if (row[c] >= bound) best.offer(row[c], c);
}

void top_k(float* values, int32_t* indices, const float* source, size_t rows, size_t columns, size_t k) noexcept {
  for (size_t r = 0; r < rows; ++r) {
    const float* const row = source + r * columns;
    Best best{values + r * k, indices + r * k, k, 0};
    if (k <= kBlock && columns >= 2 * kBlock) offer_from(best, row, columns, bound_of(maxima_of(row, columns), k));
    // Short rows, and those with fewer than k numbers: NaN reaches no bound.
    if (best.count < k) offer_all(best, row, columns);
  }
}
}  // namespace

extern const RankKernels rank_kernels = {arg_max, top_k};
}  // namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE
