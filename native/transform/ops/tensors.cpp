// Rows put together, cut apart and turned. Bytes move as they are, so that each works on every dtype, texts included:
// a text is where its bytes lie. resize alone computes, on float32.
#include <algorithm>
#include <array>
#include <cstring>

#include "kernel/dispatch.hpp"
#include "transform/ops/ops.hpp"

namespace penstock::transform {
namespace {
constexpr size_t kDimsMax = kRankMax;

const char* check_concat(const OpShape& shape) {
  if (shape.input_count() == 0 || shape.output_count() != 1 || shape.output().is_nullable)
    return "other than columns to one";
  size_t width = 0;
  for (size_t i = 0; i < shape.input_count(); ++i) {
    if (shape.input(i).dtype != shape.output().dtype || shape.input(i).is_nullable) return "columns of other types";
    width += shape.input(i).width;
  }
  return width == shape.output().width ? nullptr : "a width that is not the sum of all";
}
void concat(const Frame& frame) noexcept {
  const size_t row_bytes = frame.output_type().row_bytes();
  size_t offset = 0;
  for (size_t i = 0; i < frame.instruction.inputs.size(); ++i) {
    const size_t bytes = frame.input_type(i).row_bytes();
    // The parts of a single row are short, and many.
    if (frame.rows == 1)
      std::memcpy(frame.output() + offset, frame.input(i), bytes);
    else
      kernel::kernels().rows.place(frame.output(), row_bytes, offset, frame.input(i), bytes, frame.rows);
    offset += bytes;
  }
}

const char* check_slice(const OpShape& shape) {
  if (!shape.is_unary() || shape.input().dtype != shape.output().dtype) return "a slice that changes the dtype";
  if (shape.input().is_nullable != shape.output().is_nullable) return "a slice that loses missing values";
  const std::vector<int64_t>& integers = shape.instruction.integers;
  const bool is_inside = integers.size() == 1 && integers[0] >= 0 && integers[0] <= shape.input().width &&
                         shape.output().width <= shape.input().width - integers[0];
  return is_inside ? nullptr : "a slice beyond its row";
}
void slice(const Frame& frame) noexcept {
  const size_t element = frame.input_type().element_bytes();
  kernel::kernels().rows.slice(frame.output(), frame.output_type().row_bytes(), frame.input(),
                               frame.input_type().row_bytes(),
                               static_cast<size_t>(frame.instruction.integers[0]) * element, frame.rows);
  if (frame.input_valid() != nullptr) std::memcpy(frame.output_valid(), frame.input_valid(), frame.rows);
}

// Whether integers[from, from + rank) are dims whose product is `width`.
bool are_dims(const std::vector<int64_t>& integers, size_t from, size_t rank, uint32_t width) noexcept {
  uint64_t product = 1;
  for (size_t axis = 0; axis < rank; ++axis) {
    const int64_t dim = integers[from + axis];
    if (dim < 1 || dim > UINT32_MAX) return false;
    product *= static_cast<uint64_t>(dim);
    if (product > UINT32_MAX) return false;
  }
  return product == width;
}
const char* check_move(const OpShape& shape) {
  if (!shape.is_unary() || shape.input().dtype != shape.output().dtype) return "a move that changes the dtype";
  return shape.input().is_nullable || shape.output().is_nullable ? "a move of what may be missing" : nullptr;
}

const char* check_transpose(const OpShape& shape) {
  if (const char* const fault = check_move(shape)) return fault;
  const std::vector<int64_t>& integers = shape.instruction.integers;
  const size_t rank = integers.size() / 2;
  if (rank == 0 || rank > kDimsMax || integers.size() % 2 != 0 || shape.input().width != shape.output().width)
    return "no dims and axes";
  if (!are_dims(integers, 0, rank, shape.input().width)) return "dims that are not the row's";
  std::vector<int64_t> axes(integers.begin() + static_cast<ptrdiff_t>(rank), integers.end());
  std::sort(axes.begin(), axes.end());
  for (size_t axis = 0; axis < rank; ++axis)
    if (axes[axis] != static_cast<int64_t>(axis)) return "axes that are no permutation";
  return nullptr;
}
// Elements of a row in the order of the permuted axes, the last one fastest.
void transpose_any(const Frame& frame, size_t rank) noexcept {
  const int64_t* const dims = frame.instruction.integers.data();
  const int64_t* const axes = dims + rank;
  const size_t element = frame.input_type().element_bytes(), row_bytes = frame.input_type().row_bytes();
  std::array<size_t, kDimsMax> strides{}, steps{}, counts{}, at{};
  size_t stride = element;
  for (size_t axis = rank; axis-- > 0;) {
    strides[axis] = stride;
    stride *= static_cast<size_t>(dims[axis]);
  }
  for (size_t i = 0; i < rank; ++i) {
    steps[i] = strides[static_cast<size_t>(axes[i])];
    counts[i] = static_cast<size_t>(dims[axes[i]]);
  }
  for (uint32_t r = 0; r < frame.rows; ++r) {
    const std::byte* source = frame.input() + r * row_bytes;
    std::byte* target = frame.output() + r * row_bytes;
    at.fill(0);
    for (size_t e = 0; e < frame.input_type().width; ++e, target += element) {
      std::memcpy(target, source, element);
      for (size_t axis = rank; axis-- > 0;) {
        source += steps[axis];
        if (++at[axis] < counts[axis]) break;
        source -= steps[axis] * counts[axis];
        at[axis] = 0;
      }
    }
  }
}
void transpose(const Frame& frame) noexcept {
  const std::vector<int64_t>& integers = frame.instruction.integers;
  const size_t rank = integers.size() / 2;
  const auto first = static_cast<size_t>(integers[rank]);
  bool is_rotation = !frame.input_type().is_text();
  size_t before = 1;
  for (size_t i = 0; i < rank; ++i) {
    is_rotation = is_rotation && static_cast<size_t>(integers[rank + i]) == (first + i) % rank;
    if (i < first) before *= static_cast<size_t>(integers[i]);
  }
  if (!is_rotation) return transpose_any(frame, rank);
  // Two groups of axes exchanged, channels last to first among them.
  kernel::transpose(kernel::kernels().layout, frame.output(), frame.input(), frame.rows, before,
                    frame.input_type().width / before, frame.input_type().element_bytes());
}

const char* check_window(const OpShape& shape) {
  if (const char* const fault = check_move(shape)) return fault;
  const std::vector<int64_t>& integers = shape.instruction.integers;
  const size_t rank = integers.size() / 3;
  if (rank == 0 || rank > kDimsMax || integers.size() % 3 != 0) return "no dims and box";
  if (!are_dims(integers, 0, rank, shape.input().width) || !are_dims(integers, 2 * rank, rank, shape.output().width))
    return "dims that are not the row's";
  for (size_t axis = 0; axis < rank; ++axis)
    if (integers[rank + axis] < -int64_t{UINT32_MAX} || integers[rank + axis] > UINT32_MAX) return "a box far away";
  if (shape.input().is_text()) return shape.instruction.texts.size() == 1 ? nullptr : "no text to pad with";
  return shape.instruction.table.size() == shape.input().element_bytes() ? nullptr : "no value to pad with";
}
// Fills the box, then copies what of the row lies in it, a run of the last axis at a time.
void window(const Frame& frame) noexcept {
  const Instruction& instruction = frame.instruction;
  const size_t rank = instruction.integers.size() / 3, element = frame.input_type().element_bytes();
  const int64_t *const dims = instruction.integers.data(), *const starts = dims + rank, *const sizes = starts + rank;
  const auto* const fill = frame.input_type().is_text()
                               ? reinterpret_cast<const std::byte*>(instruction.text_views.data())
                               : instruction.table.data();
  // The part of the box that lies in the row, as coordinates of the box.
  std::array<int64_t, kDimsMax> low{}, high{}, at{};
  bool is_apart = false, is_inside = true;
  for (size_t axis = 0; axis < rank; ++axis) {
    low[axis] = std::max<int64_t>(0, -starts[axis]);
    high[axis] = std::min(sizes[axis], dims[axis] - starts[axis]);
    is_apart = is_apart || low[axis] >= high[axis];
    is_inside = is_inside && low[axis] == 0 && high[axis] == sizes[axis];
  }
  const size_t source_bytes = frame.input_type().row_bytes(), target_bytes = frame.output_type().row_bytes();
  if (!is_inside)
    for (size_t e = 0; e < size_t{frame.rows} * frame.output_type().width; ++e)
      std::memcpy(frame.output() + e * element, fill, element);
  if (is_apart) return;
  const auto run_bytes = static_cast<size_t>(high[rank - 1] - low[rank - 1]) * element;
  for (uint32_t r = 0; r < frame.rows; ++r) {
    at = low;
    for (bool is_done = false; !is_done;) {
      int64_t source = 0, target = 0;
      for (size_t axis = 0; axis < rank; ++axis) {
        source = source * dims[axis] + at[axis] + starts[axis];
        target = target * sizes[axis] + at[axis];
      }
      std::memcpy(frame.output() + r * target_bytes + static_cast<size_t>(target) * element,
                  frame.input() + r * source_bytes + static_cast<size_t>(source) * element, run_bytes);
      is_done = true;
      for (size_t axis = rank - 1; axis-- > 0;) {
        if (++at[axis] < high[axis]) {
          is_done = false;
          break;
        }
        at[axis] = low[axis];
      }
    }
  }
}

kernel::ResizeShape resize_shape(const Instruction& instruction, size_t rows) noexcept {
  const auto dim = [&](size_t i) { return static_cast<size_t>(instruction.integers[i]); };
  return {rows * dim(0), dim(1), dim(2), dim(3), dim(4), dim(5)};
}
const char* check_resize(const OpShape& shape) {
  if (const char* const fault = check_move(shape)) return fault;
  const std::vector<int64_t>& integers = shape.instruction.integers;
  if (shape.input().dtype != Dtype::kFloat32 || integers.size() != 7) return "other than images of float32";
  for (size_t i = 0; i < 6; ++i)
    if (integers[i] < 1 || integers[i] > kImageSideMax) return "a side beyond its limits";
  const std::vector<int64_t> target = {integers[0], integers[4], integers[5], integers[3]};
  const bool is_fit = are_dims(integers, 0, 4, shape.input().width) && are_dims(target, 0, 4, shape.output().width);
  return is_fit ? nullptr : "dims that are not the row's";
}
void resize(const Frame& frame) noexcept {
  const auto& kernels = kernel::kernels().resize;
  const auto kernel = frame.instruction.integers[6] != 0 ? kernels.linear : kernels.nearest;
  kernel(frame.output<float>(), frame.input<float>(), resize_shape(frame.instruction, frame.rows), frame.workspace);
}
size_t resize_workspace(const OpShape& shape) {
  return resize_shape(shape.instruction, 1).scratch_bytes();
}
}  // namespace

extern const OpEntry kConcatOp = {check_concat, concat};
extern const OpEntry kSliceOp = {check_slice, slice};
extern const OpEntry kTransposeOp = {check_transpose, transpose};
extern const OpEntry kWindowOp = {check_window, window};
extern const OpEntry kResizeOp = {check_resize, resize, resize_workspace};
}  // namespace penstock::transform
