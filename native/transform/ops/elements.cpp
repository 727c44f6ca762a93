// Functions of single elements, and bins: kernel/maps.hpp and kernel/bins.hpp.
#include <algorithm>
#include <cmath>

#include "kernel/dispatch.hpp"
#include "transform/ops/ops.hpp"

namespace penstock::transform {
namespace {
const kernel::ElementMaps<float>& element_maps_of(float) noexcept {
  return kernel::kernels().maps.floats;
}
const kernel::ElementMaps<double>& element_maps_of(double) noexcept {
  return kernel::kernels().maps.doubles;
}

const char* check_map(const OpShape& shape) {
  return is_real_map(shape) ? nullptr : "floats that become others";
}
void log1p(const Frame& frame) noexcept {
  with_real(frame.input_type().dtype, [&]<typename T>(T zero) {
    element_maps_of(zero).log1p(frame.output<T>(), frame.input<T>(), frame.input_elements());
  });
}
void sigmoid(const Frame& frame) noexcept {
  with_real(frame.input_type().dtype, [&]<typename T>(T zero) {
    element_maps_of(zero).sigmoid(frame.output<T>(), frame.input<T>(), frame.input_elements());
  });
}

const char* check_round(const OpShape& shape) {
  if (!is_real_map(shape)) return "floats that become others";
  const Instruction& instruction = shape.instruction;
  const bool is_fit = instruction.numbers.size() == 1 && instruction.integers.size() == 1;
  return is_fit && instruction.numbers[0] >= 1.0 ? nullptr : "no factor to round by";
}
void round(const Frame& frame) noexcept {
  with_real(frame.input_type().dtype, [&]<typename T>(T zero) {
    element_maps_of(zero).round(frame.output<T>(), frame.input<T>(), frame.input_elements(),
                                *constants<T>(frame.instruction), frame.instruction.integers[0] != 0);
  });
}

const char* check_threshold(const OpShape& shape) {
  if (!is_real_map(shape)) return "floats that become others";
  return shape.instruction.numbers.size() == 1 ? nullptr : "no bound";
}
void threshold(const Frame& frame) noexcept {
  with_real(frame.input_type().dtype, [&]<typename T>(T zero) {
    element_maps_of(zero).threshold(frame.output<T>(), frame.input<T>(), frame.input_elements(),
                                    *constants<T>(frame.instruction));
  });
}

const char* check_bins(const OpShape& shape) {
  if (!shape.is_unary() || shape.input().dtype != Dtype::kFloat64 || shape.output().dtype != Dtype::kInt32)
    return "bins of other than float64 to int32";
  if (shape.input().width != shape.output().width || shape.output().is_nullable) return "bins that change the width";
  const Instruction& instruction = shape.instruction;
  if (instruction.integers.size() != 2) return "no side of the bins";
  const bool has_nan =
      std::any_of(instruction.numbers.begin(), instruction.numbers.end(), [](double edge) { return std::isnan(edge); });
  const bool is_sorted = std::is_sorted(instruction.numbers.begin(), instruction.numbers.end());
  return !has_nan && is_sorted ? nullptr : "edges that descend";
}
void bins(const Frame& frame) noexcept {
  const Instruction& instruction = frame.instruction;
  const double* const source = frame.input<double>();
  int32_t* const target = frame.output<int32_t>();
  kernel::kernels().bins.digitise(target, source, frame.input_elements(), instruction.numbers.data(),
                                  instruction.numbers.size(), instruction.integers[0] != 0);
  if (instruction.integers[1] != 0) return;
  for (size_t e = 0; e < frame.input_elements(); ++e) {
    if (!std::isnan(source[e])) continue;
    frame.fail(static_cast<uint32_t>(e / frame.input_type().width), RowErrorKind::kMissing);
    target[e] = 0;
  }
}
bool bins_may_fail(const OpShape& shape) {
  return shape.instruction.integers[1] == 0;
}
}  // namespace

extern const OpEntry kLog1pOp = {check_map, log1p};
extern const OpEntry kSigmoidOp = {check_map, sigmoid};
extern const OpEntry kRoundOp = {check_round, round};
extern const OpEntry kThresholdOp = {check_threshold, threshold};
extern const OpEntry kBinsOp = {.check = check_bins, .run = bins, .may_fail = bins_may_fail};
}  // namespace penstock::transform
