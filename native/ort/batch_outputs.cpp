#include "ort/batch_outputs.hpp"

#include <cstring>
#include <optional>

#include "queue/model_queue.hpp"

namespace penstock::ort {
namespace {
// Checks that `dims` fit the field and finds the bytes of a row. Empty when they do not.
std::optional<size_t> dynamic_row_bytes(const Field& field, const std::vector<int64_t>& dims) {
  if (dims.size() != field.dims.size()) return std::nullopt;
  for (size_t d = 0; d < dims.size(); ++d)
    if (field.dims[d] >= 0 && field.dims[d] != dims[d]) return std::nullopt;
  return row_bytes_of(field.dtype, dims);
}
}  // namespace

Stored store_output(Batch& batch, size_t output, const std::byte* data, size_t size_bytes, std::vector<int64_t> dims,
                    uint32_t batch_row) {
  ModelQueue& queue = batch.bucket.queue;
  uint32_t rows = 1;
  if (queue.options.batching != Batching::kWhole) {
    if (dims.empty() || dims[0] < 1 || dims[0] > batch.rows - batch_row) return Stored::kDiffers;
    rows = static_cast<uint32_t>(dims[0]);
    dims.erase(dims.begin());
  }
  const auto row_bytes = dynamic_row_bytes(queue.options.outputs[output], dims);
  if (!row_bytes || *row_bytes * rows != size_bytes) return Stored::kDiffers;
  if (batch.bucket.layout.outputs[output].offset_bytes != TensorLayout::kUnknown) return Stored::kDiffers;
  DynamicOutput& target = batch.dynamic_outputs[output];
  if (target.is_set && (target.dims != dims || target.row_bytes != *row_bytes)) return Stored::kDiffers;
  target.dims = std::move(dims);
  target.row_bytes = *row_bytes;
  if (!target.reserve(*row_bytes * batch.rows)) return Stored::kNoMemory;
  target.is_set = true;
  if (size_bytes > 0) std::memcpy(target.data() + *row_bytes * batch_row, data, size_bytes);
  queue.note_resident(batch);
  return Stored::kOk;
}
}  // namespace penstock::ort
