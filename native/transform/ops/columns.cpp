// Maps with parameters for each element of a row: what imputers and scalers do. kernel/columns.hpp computes the floats.
#include "kernel/columns.hpp"

#include <cstring>
#include <limits>

#include "kernel/dispatch.hpp"
#include "transform/ops/ops.hpp"

namespace penstock::transform {
namespace {
const kernel::ColumnMaps<float>& column_maps_of(float) noexcept {
  return kernel::kernels().columns;
}
const kernel::ColumnMaps<double>& column_maps_of(double) noexcept {
  return kernel::kernels().columns.doubles;
}

const char* check_fill(const OpShape& shape) {
  if (!is_real_map(shape)) return "floats that become others";
  return shape.instruction.numbers.size() == shape.input().width ? nullptr : "other than one number an element";
}
void impute_floats(const Frame& frame) noexcept {
  with_real(frame.input_type().dtype, [&]<typename T>(T zero) {
    // One value, as a request of one row has a column: less than the call of a kernel takes.
    if (frame.rows == 1 && frame.input_type().width == 1) {
      const T value = *frame.input<T>();
      *frame.output<T>() = value != value ? *constants<T>(frame.instruction) : value;
      return;
    }
    column_maps_of(zero).impute(frame.output<T>(), frame.input<T>(), frame.rows, frame.input_type().width,
                                constants<T>(frame.instruction));
  });
}

const char* check_pairs(const OpShape& shape) {
  if (!is_real_map(shape)) return "floats that become others";
  const bool is_fit = shape.instruction.numbers.size() == 2 * size_t{shape.input().width};
  return is_fit ? nullptr : "other than two numbers an element";
}
void normalise(const Frame& frame) noexcept {
  const size_t width = frame.input_type().width;
  with_real(frame.input_type().dtype, [&]<typename T>(T zero) {
    const T* const mean = constants<T>(frame.instruction);
    column_maps_of(zero).normalise(frame.output<T>(), frame.input<T>(), frame.rows, width, mean, mean + width);
  });
}
void scale(const Frame& frame) noexcept {
  const size_t width = frame.input_type().width;
  with_real(frame.input_type().dtype, [&]<typename T>(T zero) {
    const T* const factor = constants<T>(frame.instruction);
    column_maps_of(zero).scale(frame.output<T>(), frame.input<T>(), frame.rows, width, factor, factor + width);
  });
}

template <typename T>
bool is_ordered(const std::vector<T>& bounds, size_t width) noexcept {
  for (size_t e = 0; e < width; ++e)
    if (!(bounds[e] <= bounds[width + e])) return false;
  return true;
}
const char* check_clip(const OpShape& shape) {
  if (!shape.is_unary() || !is_same_type(shape.input(), shape.output())) return "a clip that changes the type";
  const Instruction& instruction = shape.instruction;
  const size_t width = shape.input().width;
  if (is_real(shape.input().dtype))
    return instruction.numbers.size() == 2 * width && is_ordered(instruction.numbers, width) ? nullptr
                                                                                             : "bounds out of order";
  if (!is_integer(shape.input().dtype)) return "a clip of other than numbers";
  return instruction.integers.size() == 2 * width && is_ordered(instruction.integers, width) ? nullptr
                                                                                             : "bounds out of order";
}

template <typename T>
T bound_of(int64_t bound) noexcept {
  if constexpr (std::is_same_v<T, uint64_t>) return bound < 0 ? 0 : static_cast<uint64_t>(bound);
  constexpr auto kMin = static_cast<int64_t>(std::numeric_limits<T>::min());
  constexpr auto kMax = sizeof(T) == 8 ? INT64_MAX : static_cast<int64_t>(std::numeric_limits<T>::max());
  return static_cast<T>(bound < kMin ? kMin : bound > kMax ? kMax : bound);
}
template <typename T>
void clip_integers(const Frame& frame) noexcept {
  const uint32_t width = frame.input_type().width;
  const int64_t* const bounds = frame.instruction.integers.data();
  const T* const source = frame.input<T>();
  T* const target = frame.output<T>();
  for (uint32_t c = 0; c < width; ++c) {
    const T low = bound_of<T>(bounds[c]), high = bound_of<T>(bounds[width + c]);
    for (size_t e = c; e < frame.input_elements(); e += width)
      target[e] = source[e] < low ? low : source[e] > high ? high : source[e];
  }
  if (frame.input_valid() != nullptr) std::memcpy(frame.output_valid(), frame.input_valid(), frame.rows);
}
void clip(const Frame& frame) noexcept {
  const ValueType& type = frame.input_type();
  if (!is_real(type.dtype)) return with_integer(type.dtype, [&]<typename T>(T) { clip_integers<T>(frame); });
  with_real(type.dtype, [&]<typename T>(T zero) {
    const T* const low = constants<T>(frame.instruction);
    column_maps_of(zero).clip(frame.output<T>(), frame.input<T>(), frame.rows, type.width, low, low + type.width);
  });
}

const char* check_values(const OpShape& shape) {
  if (!shape.is_unary()) return "other than one column to one";
  const ValueType &from = shape.input(), &to = shape.output();
  if (!from.is_nullable || to.is_nullable || from.dtype != to.dtype || from.width != to.width)
    return "other than a nullable column whose values are all there behind it";
  if (from.is_text()) return shape.instruction.texts.size() == 1 ? nullptr : "other than one text";
  return shape.instruction.table.size() == from.element_bytes() ? nullptr : "other than one value";
}
template <typename T>
void fill(const Frame& frame, const T& value) noexcept {
  const T* const source = frame.input<T>();
  T* const target = frame.output<T>();
  const uint8_t* const valid = frame.input_valid();
  for (uint32_t r = 0; r < frame.rows; ++r) target[r] = valid[r] != 0 ? source[r] : value;
}
void impute_values(const Frame& frame) noexcept {
  const ValueType& type = frame.input_type();
  if (type.is_text()) return fill(frame, frame.instruction.text_views[0]);
  with_integer(type.dtype, [&]<typename T>(T value) {
    std::memcpy(&value, frame.instruction.table.data(), sizeof(T));
    fill(frame, value);
  });
}
}  // namespace

extern const OpEntry kImputeFloatsOp = {check_fill, impute_floats};
extern const OpEntry kImputeValuesOp = {check_values, impute_values};
extern const OpEntry kNormaliseOp = {check_pairs, normalise};
extern const OpEntry kScaleOp = {check_pairs, scale};
extern const OpEntry kClipOp = {check_clip, clip};
}  // namespace penstock::transform
