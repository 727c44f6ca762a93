// columns.hpp in vectors. A row of 29 floats leaves a tail of 5 behind every three vectors of 8: tails would cost more
// than the rest. So the parameters are repeated until they span many whole vectors, and the matrix is walked as one
// flat array in strides of that span, from the first address on that is aligned: a vector that lies in two cache lines
// costs two accesses. Wide rows are walked row by row.
#include "kernel/columns.hpp"
#include "kernel/simd.hpp"

namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE {
namespace {
constexpr size_t kSpanMax =
    2048;  // elements of one repeated parameter: 8 or 16 KiB of stack, and it stays in the cache
constexpr size_t kWideColumns = 128;  // up to here kSumLanes rows fit a span, so that spans are whole vectors

// Elements in front of the first one that is aligned to a vector.
template <typename T>
size_t lead_of(const T* target, size_t count) noexcept {
  const size_t beyond = reinterpret_cast<uintptr_t>(target) % kVectorBytes;
  const size_t lead = beyond == 0 ? 0 : (kVectorBytes - beyond) / sizeof(T);
  return lead < count ? lead : count;
}

template <typename T>
void repeat(T* span, size_t length, const T* values, size_t columns, size_t first) noexcept {
  size_t c = first % columns;
  for (size_t i = 0; i < length; ++i) {
    span[i] = values[c];
    c = c + 1 == columns ? 0 : c + 1;
  }
}

// Calls `map(x, a, b)` element by element, a and b being the parameters of its column.
template <typename T, typename Map>
[[gnu::always_inline]] inline void map_span(T* target, const T* source, size_t length, const T* first, const T* second,
                                            Map map) noexcept {
  PENSTOCK_INDEPENDENT
  for (size_t i = 0; i < length; ++i) target[i] = map(source[i], first[i], second[i]);
}

// The same of a single column: its parameters are in registers.
template <typename T, typename Map>
[[gnu::always_inline]] inline void map_column(T* target, const T* source, size_t length, T first, T second,
                                              Map map) noexcept {
  PENSTOCK_INDEPENDENT
  for (size_t i = 0; i < length; ++i) target[i] = map(source[i], first, second);
}

template <typename T, typename Map>
[[gnu::always_inline]] inline void map_columns(T* target, const T* source, size_t rows, size_t columns, const T* first,
                                               const T* second, Map map) noexcept {
  if (columns == 1) return map_column(target, source, rows, first[0], second[0], map);
  if (columns > kWideColumns || rows < kSumLanes || columns == 0) {
    for (size_t r = 0; r < rows; ++r) map_span(target + r * columns, source + r * columns, columns, first, second, map);
    return;
  }
  T first_span[kSpanMax];
  T second_span[kSpanMax];
  const size_t count = rows * columns;
  const size_t lead = lead_of(target, count);
  const size_t repeats = kSpanMax / columns / kSumLanes * kSumLanes;
  const size_t length = (repeats < rows ? repeats : rows / kSumLanes * kSumLanes) * columns;
  repeat(first_span, length, first, columns, lead);
  repeat(second_span, length, second, columns, lead);
  for (size_t i = 0; i < lead; ++i) target[i] = map(source[i], first[i % columns], second[i % columns]);
  for (size_t done = lead; done < count; done += length)
    map_span(target + done, source + done, count - done < length ? count - done : length, first_span, second_span, map);
}

template <typename T>
void normalise(T* target, const T* source, size_t rows, size_t columns, const T* mean, const T* deviation) noexcept {
  map_columns(target, source, rows, columns, mean, deviation,
              [](T x, T mean_c, T deviation_c) { return (x - mean_c) / deviation_c; });
}

template <typename T>
void scale(T* target, const T* source, size_t rows, size_t columns, const T* factor, const T* offset) noexcept {
  map_columns(target, source, rows, columns, factor, offset,
              [](T x, T factor_c, T offset_c) { return x * factor_c + offset_c; });
}

template <typename T>
void impute(T* target, const T* source, size_t rows, size_t columns, const T* fill) noexcept {
  map_columns(target, source, rows, columns, fill, fill, [](T x, T fill_c, T) { return x != x ? fill_c : x; });
}

template <typename T>
void clip(T* target, const T* source, size_t rows, size_t columns, const T* low, const T* high) noexcept {
  map_columns(target, source, rows, columns, low, high, [](T x, T low_c, T high_c) {
    const T raised = x < low_c ? low_c : x;
    return raised > high_c ? high_c : raised;
  });
}
}  // namespace

extern const ColumnKernels column_kernels = {{normalise<float>, scale<float>, impute<float>, clip<float>},
                                             {normalise<double>, scale<double>, impute<double>, clip<double>}};
}  // namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE
