// softmax.hpp in vectors. exp as in Cephes' expf (Moshier): 2^n times a polynomial on [-ln2/2, ln2/2], about one unit
// in the last place. Three passes over a row that is still in the cache: the maximum, the exponentials with their sum
// in kSumLanes lanes (Rule 3 of simd.hpp), the division.
#include "kernel/simd.hpp"
#include "kernel/softmax.hpp"

namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE {
namespace {
constexpr size_t kVectors = kSumLanes / kLanes;
// Blocks whose sums are added up before they join the row's: a float that has grown swallows the low bits of what is
// added to it, and a thousand columns in one go are off by more than the exponentials are.
constexpr size_t kBlocksAFold = 16;

// e^x for x <= 0. Below -87.33 the result would not be a normal number: 0. NaN stays NaN.
[[gnu::always_inline]] inline Floats exp_of(Floats x) noexcept {
  constexpr float kLeast = -87.33f;
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  const Floats safe = x < kLeast ? splat(kLeast) : x;
  const Floats shifted = safe * 1.44269504088896341f + kRound;
  const Floats n = shifted - kRound;
  const Floats r = (safe - n * 0.693359375f) - n * -2.12194440e-4f;
  Floats p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  // The low bits of `shifted` are n: into the exponent with them. p is in [0.7, 1.42], n >= -126.
  const Words exponent = reinterpret_cast<Words>(shifted) << 23;
  const auto scaled = reinterpret_cast<Floats>(reinterpret_cast<Words>(p) + exponent);
  const Floats finite = x < kLeast ? splat(0.0f) : scaled;
  return x != x ? x : finite;
}

float max_of(const float* source, size_t columns) noexcept {
  Floats best[4];
  for (Floats& lane : best) lane = splat(-__builtin_inff());
  size_t c = 0;
  for (; c + 4 * kLanes <= columns; c += 4 * kLanes)
    for (size_t v = 0; v < 4; ++v) {
      const Floats x = load(source + c + v * kLanes);
      best[v] = x > best[v] ? x : best[v];
    }
  float max = -__builtin_inff();
  for (const Floats& lanes : best)
    for (size_t i = 0; i < kLanes; ++i) max = lanes[i] > max ? lanes[i] : max;
  for (; c < columns; ++c) max = source[c] > max ? source[c] : max;
  return max;
}

// Writes exp(source - max) and returns the sum.
float exp_row(float* target, const float* source, size_t columns, float max) noexcept {
  Floats folded[kVectors] = {};
  Floats sums[kVectors] = {};
  size_t c = 0;
  for (size_t block = 1; c + kSumLanes <= columns; c += kSumLanes, ++block) {
    for (size_t v = 0; v < kVectors; ++v) {
      const size_t at = c + v * kLanes;
      const Floats value = exp_of(load(source + at) - max);
      *reinterpret_cast<FloatsAnywhere*>(target + at) = value;
      sums[v] += value;
    }
    if (block % kBlocksAFold != 0) continue;
    for (size_t v = 0; v < kVectors; ++v) {
      folded[v] += sums[v];
      sums[v] = splat(0.0f);
    }
  }
  if (c < columns) {
    // The rest as a whole block: -Inf adds nothing.
    float rest[kSumLanes];
    for (float& value : rest) value = -__builtin_inff();
    __builtin_memcpy(rest, source + c, (columns - c) * sizeof(float));
    for (size_t v = 0; v < kVectors; ++v) {
      const bool is_filler = v * kLanes >= columns - c;
      if (is_filler) break;
      const Floats shifted = load(rest + v * kLanes) - max;
      // max is -Inf in a row of -Inf alone; there the filler is NaN, and so is the row.
      const Floats value = exp_of(shifted);
      *reinterpret_cast<FloatsAnywhere*>(rest + v * kLanes) = value;
      sums[v] += value;
    }
    __builtin_memcpy(target + c, rest, (columns - c) * sizeof(float));
  }
  float lanes[kSumLanes];
  for (size_t i = 0; i < kSumLanes; ++i) lanes[i] = folded[i / kLanes][i % kLanes] + sums[i / kLanes][i % kLanes];
  for (size_t width = kSumLanes / 2; width > 0; width /= 2)
    for (size_t i = 0; i < width; ++i) lanes[i] += lanes[i + width];
  return lanes[0];
}

void rows(float* target, const float* source, size_t row_count, size_t columns) noexcept {
  for (size_t r = 0; r < row_count; ++r) {
    float* const to = target + r * columns;
    const float* const from = source + r * columns;
    const float sum = exp_row(to, from, columns, max_of(from, columns));
    PENSTOCK_INDEPENDENT
    for (size_t c = 0; c < columns; ++c) to[c] = to[c] / sum;
  }
}
}  // namespace

extern const SoftmaxKernels softmax_kernels = {rows};
}  // namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE
