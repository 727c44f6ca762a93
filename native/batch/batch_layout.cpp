#include "batch/batch_layout.hpp"

#include <algorithm>

#include "core/assert.hpp"
#include "core/block.hpp"

namespace penstock {
std::optional<size_t> row_bytes_of(Dtype dtype, const std::vector<int64_t>& dims) noexcept {
  if (std::any_of(dims.begin(), dims.end(), [](int64_t dim) { return dim < 0; })) return std::nullopt;
  // First: the dims beside a 0 may be of any size, and their product may overflow.
  if (std::find(dims.begin(), dims.end(), 0) != dims.end()) return 0;
  size_t bytes = dtype_size_bytes(dtype);
  for (const int64_t dim : dims)
    if (__builtin_mul_overflow(bytes, static_cast<size_t>(dim), &bytes)) return std::nullopt;
  if (bytes > (size_t{1} << 40)) return std::nullopt;
  return bytes;
}

namespace {
size_t place(std::vector<TensorLayout>& tensors, size_t offset, uint32_t rows_max) {
  for (TensorLayout& tensor : tensors) {
    if (tensor.offset_bytes == TensorLayout::kUnknown) continue;
    tensor.offset_bytes = offset;
    offset = align_up(offset + tensor.row_bytes * rows_max, kAlignmentBytes);
  }
  return offset;
}

// Rows of `row_bytes` that fit into `bytes_max`; as many as there may be when they take none.
size_t rows_in(size_t bytes_max, size_t row_bytes) {
  return row_bytes == 0 ? std::numeric_limits<size_t>::max() : bytes_max / row_bytes;
}
}  // namespace

std::optional<BatchLayout> make_layout(const std::vector<Field>& inputs, const std::vector<Field>& outputs,
                                       const int64_t* free_dims, const BatchBounds& bounds) {
  PENSTOCK_ASSERT(bounds.rows_max >= 1);
  PENSTOCK_ASSERT(!inputs.empty());
  BatchLayout layout;
  size_t free_index = 0;
  size_t row_bytes_sum = 0;
  for (const Field& field : inputs) {
    TensorLayout tensor{.dtype = field.dtype, .dims = field.dims};
    for (int64_t& dim : tensor.dims)
      if (dim < 0) dim = free_dims[free_index++];
    const auto bytes = row_bytes_of(tensor.dtype, tensor.dims);
    if (!bytes) return std::nullopt;
    tensor.row_bytes = *bytes;
    tensor.offset_bytes = 0;
    row_bytes_sum += *bytes;
    layout.inputs.push_back(std::move(tensor));
  }
  const size_t input_row_bytes = row_bytes_sum;
  for (const Field& field : outputs) {
    TensorLayout tensor{.dtype = field.dtype, .dims = field.dims};
    if (field.is_static() && !field.is_copied) {
      const auto bytes = row_bytes_of(tensor.dtype, tensor.dims);
      if (!bytes) return std::nullopt;
      tensor.row_bytes = *bytes;
      tensor.offset_bytes = 0;
      row_bytes_sum += *bytes;
    }
    layout.outputs.push_back(std::move(tensor));
  }
  if (row_bytes_sum > bounds.bytes_max) return std::nullopt;
  const size_t rows =
      std::min(rows_in(bounds.bytes_max, row_bytes_sum), rows_in(bounds.input_bytes_max, input_row_bytes));
  layout.rows_max = static_cast<uint32_t>(std::clamp<size_t>(rows, 1, bounds.rows_max));
  const size_t placed_bytes = place(layout.outputs, place(layout.inputs, 0, layout.rows_max), layout.rows_max);
  layout.block_bytes = std::max(placed_bytes, kAlignmentBytes);
  return layout;
}
}  // namespace penstock
