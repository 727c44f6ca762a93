#include "ort/batch_run.hpp"

#include <algorithm>
#include <utility>

#include "core/clock.hpp"
#include "ort/batch_outputs.hpp"
#include "ort/tensor_run.hpp"
#include "queue/model_queue.hpp"
#include "runtime/executor.hpp"

namespace penstock::ort {
namespace {
bool is_whole(const Batch& batch) {
  return batch.bucket.queue.options.batching == Batching::kWhole;
}

std::string shape_text(const std::vector<int64_t>& dims) {
  std::string text = "[";
  for (size_t d = 0; d < dims.size(); ++d) text += (d == 0 ? "" : ", ") + std::to_string(dims[d]);
  return text + "]";
}
}  // namespace

// The run of a batch is unheard when no caller of its rows is left.
class BatchRunner::BatchStop final : public Stoppable {
 public:
  using Stoppable::Stoppable;
  bool is_unheard() const noexcept override { return batch != nullptr && !has_callers(*batch, now_ns() / 1000); }
  const Batch* batch = nullptr;
};

BatchRunner::BatchRunner(const Library& library) : library_(library) {}
BatchRunner::~BatchRunner() = default;

std::string BatchRunner::run(const Session& session, WorkerSlot& slot, const RunRows& rows) {
  std::string refusal;
  for (uint32_t row = 0; row < rows.count; row += rows.part_rows_max) {
    const uint32_t count = std::min(rows.part_rows_max, rows.count - row);
    const bool has_run = run_part(session, slot, rows.first + row, count, refusal);
    release_values();
    if (!has_run) return refusal;
  }
  return refusal;
}

bool BatchRunner::run_part(const Session& session, WorkerSlot& slot, uint32_t first, uint32_t count,
                           std::string& refusal) {
  Batch& batch = *slot.batch;
  if (!bind(session, batch, first, count, refusal)) return false;
  // Made anew after a run that was ended: its flag may be set at any time until `end`.
  if (stop_ == nullptr) {
    stop_ = std::make_unique<BatchStop>(library_);
    if (!stop_->prepare(refusal)) return false;
  }
  stop_->batch = &batch;
  if (!slot.stop.begin(*stop_)) {
    refusal = kStoppedText;
    return false;
  }
  Status* const status =
      library_.api().run(session.handle(), stop_->options(), session.input_names().data(), inputs_.data(),
                         inputs_.size(), session.output_names().data(), outputs_.size(), outputs_.data());
  slot.stop.end();
  const bool was_stopped = slot.stop.is_wanted();
  if (was_stopped) stop_.reset();
  if (take_failure(library_.api(), status, refusal)) {
    if (was_stopped) refusal = kStoppedText;
    return false;
  }
  return take_outputs(session, batch, first, count, refusal);
}

bool BatchRunner::bind(const Session& session, const Batch& batch, uint32_t first, uint32_t count,
                       std::string& refusal) {
  const BatchLayout& layout = batch.bucket.layout;
  if (layout.inputs.size() != session.inputs().size() || layout.outputs.size() != session.outputs().size()) {
    refusal = "the file has other inputs and outputs than it was added with";
    return false;
  }
  inputs_.assign(layout.inputs.size(), nullptr);
  outputs_.assign(layout.outputs.size(), nullptr);
  auto& memory = const_cast<Batch&>(batch);
  for (size_t i = 0; i < inputs_.size(); ++i)
    if (!bind_tensor(layout.inputs[i], memory, first, count, &inputs_[i], refusal)) return false;
  for (size_t i = 0; i < outputs_.size(); ++i)
    if (layout.outputs[i].offset_bytes != TensorLayout::kUnknown &&
        !bind_tensor(layout.outputs[i], memory, first, count, &outputs_[i], refusal))
      return false;
  return true;
}

bool BatchRunner::bind_tensor(const TensorLayout& tensor, Batch& batch, uint32_t first, uint32_t count, Value** value,
                              std::string& refusal) {
  const Api& api = library_.api();
  dims_.clear();
  if (!is_whole(batch)) dims_.push_back(count);
  dims_.insert(dims_.end(), tensor.dims.begin(), tensor.dims.end());
  std::byte* const data = batch.block->data() + tensor.offset_bytes + size_t{first} * tensor.row_bytes;
  return !take_failure(api,
                       api.create_tensor_over(library_.cpu_memory(), data, tensor.row_bytes * count, dims_.data(),
                                              dims_.size(), static_cast<int>(tensor.dtype), value),
                       refusal);
}

bool BatchRunner::take_outputs(const Session& session, Batch& batch, uint32_t first, uint32_t count,
                               std::string& refusal) {
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (batch.bucket.layout.outputs[i].offset_bytes != TensorLayout::kUnknown) continue;
    if (!take_output(session.output_names()[i], i, outputs_[i], batch, first, count, refusal)) return false;
  }
  return true;
}

bool BatchRunner::take_output(const char* name, size_t output, Value* value, Batch& batch, uint32_t first,
                              uint32_t count, std::string& refusal) {
  const Api& api = library_.api();
  ValueInfo info;
  void* data = nullptr;
  if (!read_value_info(api, value, info, refusal) || take_failure(api, api.tensor_data(value, &data), refusal))
    return false;
  const std::string shape = shape_text(info.dims);
  const auto refuse = [&](std::string text) {
    refusal = std::move(text);
    return false;
  };
  if (info.element_type != static_cast<int>(batch.bucket.layout.outputs[output].dtype))
    return refuse(std::string("Expected output ") + name + " to be of the dtype that it was added with");
  if (!is_whole(batch) && (info.dims.empty() || info.dims[0] != count))
    return refuse(std::string("Expected output ") + name + " to have " + std::to_string(count) +
                  " rows but the model gave shape " + shape);
  const size_t bytes = info.element_count * dtype_size_bytes(batch.bucket.layout.outputs[output].dtype);
  switch (store_output(batch, output, static_cast<const std::byte*>(data), bytes, std::move(info.dims), first)) {
    case Stored::kOk:
      return true;
    case Stored::kDiffers:
      return refuse(std::string("Output ") + name + " has shape " + shape + ", unlike the other requests of its batch");
    case Stored::kNoMemory:
      return refuse("There is no memory for an output of " + std::to_string(bytes) + " bytes");
  }
  return false;
}

void BatchRunner::release_values() noexcept {
  for (auto* values : {&inputs_, &outputs_})
    for (Value*& value : *values)
      if (value != nullptr) library_.api().release_value(std::exchange(value, nullptr));
}
}  // namespace penstock::ort
