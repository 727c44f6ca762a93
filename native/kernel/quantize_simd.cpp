// quantize.hpp in vectors. Clamping to whole bounds before rounding gives what rounding before clamping gives, and
// keeps the value where adding 1.5 * 2^23 rounds it to an integer, half to even (SSE2 has no rounding instruction),
// which then stands in the low bits of the sum. Parameters are repeated over spans of whole vectors, as in
// columns_simd.cpp.
#include "kernel/quantize.hpp"
#include "kernel/simd.hpp"

namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE {
namespace {
constexpr float kRound = 12582912.0f;  // 1.5 * 2^23
constexpr size_t kSpanMax = 1024;      // elements: 16 KiB of stack for the four
constexpr size_t kWideColumns = 64;    // up to here kSumLanes rows fit a span

// By element of a span: the bounds are those of x / scale.
struct Parameters {
  float scale[kSpanMax];
  float low[kSpanMax];
  float high[kSpanMax];
  int32_t zero[kSpanMax];
  size_t length = 0;
};

// The columns from `first` on, as many as fit; narrow rows are repeated.
template <typename T>
[[gnu::always_inline]] inline void fill(Parameters& parameters, const float* scale, const T* zero_point, size_t first,
                                        size_t columns, size_t rows) noexcept {
  constexpr int32_t kMin = static_cast<T>(-1) < T{0} ? -128 : 0;
  size_t repeats = columns <= kWideColumns ? kSpanMax / columns / kSumLanes * kSumLanes : 1;
  if (repeats > rows) repeats = rows;
  const size_t width = columns - first < kSpanMax ? columns - first : kSpanMax;
  for (size_t r = 0; r < repeats; ++r)
    for (size_t c = 0; c < width; ++c) {
      const int32_t zero = zero_point[first + c];
      parameters.scale[r * width + c] = scale[first + c];
      parameters.low[r * width + c] = static_cast<float>(kMin - zero);
      parameters.high[r * width + c] = static_cast<float>(kMin + 255 - zero);
      parameters.zero[r * width + c] = zero;
    }
  parameters.length = repeats * width;
}

// Calls `stretch(offset, length, parameters)` for flat stretches that cover the matrix once.
template <typename T, typename Stretch>
[[gnu::always_inline]] inline void for_each_span(size_t rows, size_t columns, const float* scale, const T* zero_point,
                                                 Stretch stretch) noexcept {
  if (rows == 0 || columns == 0) return;
  Parameters parameters;
  if (columns <= kWideColumns) {
    fill(parameters, scale, zero_point, 0, columns, rows);
    const size_t count = rows * columns;
    for (size_t done = 0; done < count; done += parameters.length)
      stretch(done, count - done < parameters.length ? count - done : parameters.length, parameters);
    return;
  }
  for (size_t first = 0; first < columns; first += kSpanMax) {
    fill(parameters, scale, zero_point, first, columns, 1);
    for (size_t r = 0; r < rows; ++r) stretch(r * columns + first, parameters.length, parameters);
  }
}

template <typename T>
[[gnu::always_inline]] inline void quantize(T* target, const float* source, size_t rows, size_t columns,
                                            const float* scale, const T* zero_point) noexcept {
  for_each_span(rows, columns, scale, zero_point, [=](size_t offset, size_t length, const Parameters& parameters) {
    T* const to = target + offset;
    const float* const from = source + offset;
    PENSTOCK_INDEPENDENT
    for (size_t i = 0; i < length; ++i) {
      float value = from[i] / parameters.scale[i];
      value = value != value ? 0.0f : value;
      value = value < parameters.low[i] ? parameters.low[i] : value;
      value = value > parameters.high[i] ? parameters.high[i] : value;
      to[i] = static_cast<T>(__builtin_bit_cast(uint32_t, value + kRound) + static_cast<uint32_t>(parameters.zero[i]));
    }
  });
}

template <typename T>
[[gnu::always_inline]] inline void dequantize(float* target, const T* source, size_t rows, size_t columns,
                                              const float* scale, const T* zero_point) noexcept {
  for_each_span(rows, columns, scale, zero_point, [=](size_t offset, size_t length, const Parameters& parameters) {
    float* const to = target + offset;
    const T* const from = source + offset;
    PENSTOCK_INDEPENDENT
    for (size_t i = 0; i < length; ++i)
      to[i] = static_cast<float>(static_cast<int32_t>(from[i]) - parameters.zero[i]) * parameters.scale[i];
  });
}

void to_int8(int8_t* target, const float* source, size_t rows, size_t columns, const float* scale,
             const int8_t* zero_point) noexcept {
  quantize(target, source, rows, columns, scale, zero_point);
}
void to_uint8(uint8_t* target, const float* source, size_t rows, size_t columns, const float* scale,
              const uint8_t* zero_point) noexcept {
  quantize(target, source, rows, columns, scale, zero_point);
}
void from_int8(float* target, const int8_t* source, size_t rows, size_t columns, const float* scale,
               const int8_t* zero_point) noexcept {
  dequantize(target, source, rows, columns, scale, zero_point);
}
void from_uint8(float* target, const uint8_t* source, size_t rows, size_t columns, const float* scale,
                const uint8_t* zero_point) noexcept {
  dequantize(target, source, rows, columns, scale, zero_point);
}
}  // namespace

extern const QuantizeKernels quantize_kernels = {to_int8, to_uint8, from_int8, from_uint8};
}  // namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE
