// columns.hpp in vectors. A row of 29 floats leaves a tail of 5 behind every three vectors of 8: tails would cost more
// than the rest. So the parameters are repeated until they span many vectors, and the matrix is walked as one flat
// array in strides of that span. Wide rows are spans of their own.
#include "kernel/columns.hpp"
#include "kernel/simd.hpp"

namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE {
namespace {
constexpr size_t kSpanMax = 1024;     // floats of one repeated parameter: 4 KiB of stack, and it stays in L1
constexpr size_t kWideColumns = 256;  // from here on a tail is below 6 %

struct Span {
  const float* values;
  size_t length;
};

Span repeat(float* scratch, const float* values, size_t columns, size_t rows) noexcept {
  if (columns == 0 || columns >= kWideColumns || rows < 2) return {values, columns};
  size_t repeats = kSpanMax / columns;
  if (repeats > rows) repeats = rows;
  for (size_t r = 0; r < repeats; ++r)
    for (size_t c = 0; c < columns; ++c) scratch[r * columns + c] = values[c];
  return {scratch, repeats * columns};
}

// Calls `map(target, source, a, b)` element by element, a and b being the parameters of its column.
template <typename Map>
[[gnu::always_inline]] inline void map_columns(float* target, const float* source, size_t rows, size_t columns,
                                               const float* first, const float* second, Map map) noexcept {
  float first_scratch[kSpanMax];
  float second_scratch[kSpanMax];
  const Span a = repeat(first_scratch, first, columns, rows);
  const Span b = repeat(second_scratch, second, columns, rows);
  const size_t count = rows * columns;
  for (size_t done = 0; done < count; done += a.length) {
    const size_t length = count - done < a.length ? count - done : a.length;
    float* const to = target + done;
    const float* const from = source + done;
    const float* const p = a.values;
    const float* const q = b.values;
    PENSTOCK_INDEPENDENT
    for (size_t i = 0; i < length; ++i) to[i] = map(from[i], p[i], q[i]);
  }
}

void normalise(float* target, const float* source, size_t rows, size_t columns, const float* mean,
               const float* deviation) noexcept {
  map_columns(target, source, rows, columns, mean, deviation,
              [](float x, float mean_c, float deviation_c) { return (x - mean_c) / deviation_c; });
}

void scale(float* target, const float* source, size_t rows, size_t columns, const float* factor,
           const float* offset) noexcept {
  map_columns(target, source, rows, columns, factor, offset,
              [](float x, float factor_c, float offset_c) { return x * factor_c + offset_c; });
}

void impute(float* target, const float* source, size_t rows, size_t columns, const float* fill) noexcept {
  map_columns(target, source, rows, columns, fill, fill,
              [](float x, float fill_c, float) { return x != x ? fill_c : x; });
}

void clip(float* target, const float* source, size_t rows, size_t columns, const float* low,
          const float* high) noexcept {
  map_columns(target, source, rows, columns, low, high, [](float x, float low_c, float high_c) {
    const float raised = x < low_c ? low_c : x;
    return raised > high_c ? high_c : raised;
  });
}
}  // namespace

extern const ColumnKernels column_kernels = {normalise, scale, impute, clip};
}  // namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE
