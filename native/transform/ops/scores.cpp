// What is read from a row of scores or of an embedding. Sums go from the first element to the last in float64, so that
// a row's result depends on nothing but the row.
#include <cmath>

#include "kernel/dispatch.hpp"
#include "transform/ops/ops.hpp"

namespace penstock::transform {
namespace {
bool are_scores(const OpShape& shape) noexcept {
  return shape.input_count() == 1 && shape.input().dtype == Dtype::kFloat32;
}

const char* check_softmax(const OpShape& shape) {
  return are_scores(shape) && is_real_map(shape) ? nullptr : "other than scores of float32";
}
void softmax(const Frame& frame) noexcept {
  kernel::kernels().softmax.rows(frame.output<float>(), frame.input<float>(), frame.rows, frame.input_type().width);
}

const char* check_arg_max(const OpShape& shape) {
  if (!are_scores(shape) || shape.output_count() != 1) return "other than scores of float32";
  const ValueType& to = shape.output();
  return to.dtype == Dtype::kInt32 && to.width == 1 && !to.is_nullable ? nullptr : "other than one int32 a row";
}
void arg_max(const Frame& frame) noexcept {
  kernel::kernels().rank.arg_max(frame.output<int32_t>(), frame.input<float>(), frame.rows, frame.input_type().width);
}

const char* check_top_k(const OpShape& shape) {
  if (!are_scores(shape) || shape.output_count() != 2) return "other than scores of float32";
  const ValueType &values = shape.output(0), &indices = shape.output(1);
  if (values.dtype != Dtype::kFloat32 || indices.dtype != Dtype::kInt32 || indices.is_nullable)
    return "other than values and their elements";
  return values.width == indices.width && values.width <= shape.input().width ? nullptr : "more than there are";
}
void top_k(const Frame& frame) noexcept {
  kernel::kernels().rank.top_k(frame.output<float>(0), frame.output<int32_t>(1), frame.input<float>(), frame.rows,
                               frame.input_type().width, frame.output_type().width);
}

const char* check_mean_pool(const OpShape& shape) {
  const bool has_mask = shape.input_count() == 2;
  if ((shape.input_count() != 1 && !has_mask) || shape.output_count() != 1) return "other than steps to one";
  const std::vector<int64_t>& integers = shape.instruction.integers;
  if (integers.size() != 1 || integers[0] < 1 || integers[0] > UINT32_MAX) return "no steps";
  const ValueType &from = shape.input(), &to = shape.output();
  if (!is_real(from.dtype) || to.dtype != from.dtype) return "other than floats";
  if (uint64_t{to.width} * static_cast<uint64_t>(integers[0]) != from.width) return "steps that are not the row's";
  if (!has_mask) return nullptr;
  const ValueType& mask = shape.input(1);
  const bool is_mask = mask.dtype == Dtype::kInt64 && mask.width == integers[0] && !mask.is_nullable;
  return is_mask ? nullptr : "a mask that is not the steps'";
}
template <typename T>
void pool_row(T* target, const T* source, const int64_t* mask, size_t steps, size_t width) noexcept {
  for (size_t c = 0; c < width; ++c) {
    double sum = 0.0;
    size_t count = 0;
    for (size_t s = 0; s < steps; ++s) {
      if (mask != nullptr && mask[s] == 0) continue;
      sum += static_cast<double>(source[s * width + c]);
      ++count;
    }
    target[c] = static_cast<T>(count == 0 ? 0.0 : sum / static_cast<double>(count));
  }
}
void mean_pool(const Frame& frame) noexcept {
  const auto steps = static_cast<size_t>(frame.instruction.integers[0]);
  const bool has_mask = frame.instruction.inputs.size() == 2;
  const size_t width = frame.output_type().width;
  with_real(frame.input_type().dtype, [&]<typename T>(T) {
    for (uint32_t r = 0; r < frame.rows; ++r)
      pool_row(frame.output<T>() + r * width, frame.input<T>() + r * width * steps,
               has_mask ? frame.input<int64_t>(1) + r * steps : nullptr, steps, width);
  });
}

const char* check_l2(const OpShape& shape) {
  return is_real_map(shape) ? nullptr : "floats that become others";
}
void l2_normalise(const Frame& frame) noexcept {
  const size_t width = frame.input_type().width;
  with_real(frame.input_type().dtype, [&]<typename T>(T) {
    for (uint32_t r = 0; r < frame.rows; ++r) {
      const T* const source = frame.input<T>() + r * width;
      T* const target = frame.output<T>() + r * width;
      double squares = 0.0;
      for (size_t c = 0; c < width; ++c) squares += static_cast<double>(source[c]) * static_cast<double>(source[c]);
      // A row of zeros stays one, as scikit-learn's.
      const double norm = squares == 0.0 ? 1.0 : std::sqrt(squares);
      for (size_t c = 0; c < width; ++c) target[c] = static_cast<T>(static_cast<double>(source[c]) / norm);
    }
  });
}
}  // namespace

extern const OpEntry kSoftmaxOp = {check_softmax, softmax};
extern const OpEntry kArgMaxOp = {check_arg_max, arg_max};
extern const OpEntry kTopKOp = {check_top_k, top_k};
extern const OpEntry kMeanPoolOp = {check_mean_pool, mean_pool};
extern const OpEntry kL2NormaliseOp = {check_l2, l2_normalise};
}  // namespace penstock::transform
