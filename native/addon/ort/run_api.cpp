// Runs of a worker through ONNX Runtime's C API: rows of the batch in hand, and tensors of JavaScript. Both block the
// calling thread, and both can be ended by another (stopRun).
#include <cmath>
#include <cstring>

#include "addon/handles.hpp"
#include "addon/ort/ort_handles.hpp"
#include "addon/spec.hpp"
#include "addon/values.hpp"
#include "core/clock.hpp"
#include "ort/batch_run.hpp"
#include "ort/tensor_run.hpp"

namespace penstock::addon {
namespace {
WorkerBox& worker_with_batch(const Napi::CallbackInfo& info) {
  WorkerBox& box = open_box<WorkerBox>(info, 0);
  if (!box.has_batch) throw_handle_error(info.Env(), "worker", "has no batch in hand: take one first");
  return box;
}

// Rows of one run: those whose inputs fit into `bytes_max`, one at least; all, where tensors have no row axis.
uint32_t part_rows(const Batch& batch, double bytes_max, uint32_t rows) {
  if (batch.bucket.queue.options.batching == Batching::kWhole) return rows;
  size_t row_bytes = 0;
  for (const TensorLayout& input : batch.bucket.layout.inputs) row_bytes += input.row_bytes;
  const double fitting = std::floor(bytes_max / static_cast<double>(row_bytes));  // infinite, or no number: all
  return fitting < static_cast<double>(rows) ? static_cast<uint32_t>(std::max(1.0, fitting)) : rows;
}

std::string run(WorkerBox& box, const ort::Session& session, uint32_t first, uint32_t count, double bytes_max) {
  if (box.runner == nullptr) box.runner = std::make_unique<ort::BatchRunner>(session.library());
  const uint32_t part_rows_max = part_rows(*box.slot.batch, bytes_max, count);
  std::string refusal = box.runner->run(session, box.slot, {first, count, part_rows_max});
  box.info_values[WorkerInfoSlot::kIsStopped] = box.slot.stop.is_wanted() ? 1 : 0;
  return refusal;
}

// runBatch(worker, session, inputBytesMax, completes)
Napi::Value run_batch(const Napi::CallbackInfo& info) {
  WorkerBox& box = worker_with_batch(info);
  const ort::Session& session = *open_box<SessionBox>(info, 1).session;
  const int64_t start_ns = now_ns();
  const std::string refusal = run(box, session, 0, box.slot.batch->rows, info[2].ToNumber().DoubleValue());
  if (refusal.empty() && info[3].ToBoolean()) {
    box.has_batch = false;
    complete_batch(box.slot, RunSpan{start_ns, now_ns()});
  }
  return Napi::String::New(info.Env(), refusal);
}

// runRows(worker, session, firstRow, rowCount, inputBytesMax)
Napi::Value run_rows(const Napi::CallbackInfo& info) {
  WorkerBox& box = worker_with_batch(info);
  const ort::Session& session = *open_box<SessionBox>(info, 1).session;
  const auto rows = static_cast<int64_t>(box.slot.batch->rows);
  const int64_t first = read_integer(info[2], "firstRow", 0, rows - 1);
  const int64_t count = read_integer(info[3], "rowCount", 1, rows - first);
  const std::string refusal =
      run(box, session, static_cast<uint32_t>(first), static_cast<uint32_t>(count), info[4].ToNumber().DoubleValue());
  return Napi::String::New(info.Env(), refusal);
}

Napi::Value watch_anew(const Napi::CallbackInfo& info) {
  WorkerBox& box = worker_with_batch(info);
  box.runtime->scheduler.watch_anew(box.slot);
  return info.Env().Undefined();
}

// Rows of an output that was copied into the batch: { data, dims }; null: it has none yet.
Napi::Value copied_output(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Batch& batch = *worker_with_batch(info).slot.batch;
  const auto last = static_cast<int64_t>(batch.dynamic_outputs.size()) - 1;
  const auto& output = batch.dynamic_outputs[static_cast<size_t>(read_integer(info[1], "output", 0, last))];
  const auto row = static_cast<size_t>(read_integer(info[2], "row", 0, batch.rows - 1));
  if (!output.is_set) return env.Null();
  Napi::ArrayBuffer data = Napi::ArrayBuffer::New(env, output.row_bytes);
  if (output.row_bytes > 0) std::memcpy(data.Data(), output.data() + row * output.row_bytes, output.row_bytes);
  Napi::Object result = Napi::Object::New(env);
  result.Set("data", data);
  result.Set("dims", shape_array(env, true, 1, output.dims));
  return result;
}

ort::GivenTensor read_tensor(Napi::Env env, const Napi::Object& given, const ort::Session& session) {
  ort::GivenTensor tensor;
  const auto last = static_cast<int64_t>(session.inputs().size()) - 1;
  tensor.input = static_cast<size_t>(read_integer(given.Get("input"), "input", 0, last));
  tensor.element_type = static_cast<int>(read_integer(given.Get("dtype"), "dtype", 1, 16));
  const Napi::Array dims = given.Get("dims").As<Napi::Array>();
  for (uint32_t d = 0; d < dims.Length(); ++d) tensor.dims.push_back(read_integer(dims.Get(d), "dims", 0, INT32_MAX));
  const Napi::Value data = given.Get("data");
  if (data.IsArray()) {
    const Napi::Array texts = data.As<Napi::Array>();
    for (uint32_t i = 0; i < texts.Length(); ++i) tensor.strings.push_back(texts.Get(i).ToString().Utf8Value());
    return tensor;
  }
  const ByteSpan bytes = read_bytes(env, data, "data");
  if (row_bytes_of(static_cast<Dtype>(tensor.element_type), tensor.dims) != bytes.size)
    throw Napi::RangeError::New(env, "Expected data to have as many elements as its shape.");
  static const std::byte kNothing{};
  tensor.data = bytes.size == 0 ? &kNothing : reinterpret_cast<const std::byte*>(bytes.data);
  tensor.size_bytes = bytes.size;
  return tensor;
}

Napi::Object result_object(Napi::Env env, const ort::ResultTensor& tensor) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("dtype", Napi::Number::New(env, tensor.element_type));
  Napi::Array dims = Napi::Array::New(env, tensor.dims.size());
  for (uint32_t d = 0; d < tensor.dims.size(); ++d)
    dims.Set(d, Napi::Number::New(env, static_cast<double>(tensor.dims[d])));
  result.Set("dims", dims);
  if (tensor.element_type == static_cast<int>(Dtype::kString)) {
    Napi::Array texts = Napi::Array::New(env, tensor.strings.size());
    for (uint32_t i = 0; i < tensor.strings.size(); ++i) texts.Set(i, Napi::String::New(env, tensor.strings[i]));
    result.Set("data", texts);
    return result;
  }
  Napi::ArrayBuffer data = Napi::ArrayBuffer::New(env, tensor.bytes.size());
  if (!tensor.bytes.empty()) std::memcpy(data.Data(), tensor.bytes.data(), tensor.bytes.size());
  result.Set("data", data);
  return result;
}

// runTensors(worker, session, inputs): a list of results, or the text of a refusal. The worker is null where no other
// thread is to end the run.
Napi::Value run_tensors_js(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  RunStop* const stop = info[0].IsNull() ? nullptr : &open_box<WorkerBox>(info, 0).slot.stop;
  const ort::Session& session = *open_box<SessionBox>(info, 1).session;
  const Napi::Array given = info[2].As<Napi::Array>();
  std::vector<ort::GivenTensor> inputs;
  for (uint32_t i = 0; i < given.Length(); ++i)
    inputs.push_back(read_tensor(env, given.Get(i).As<Napi::Object>(), session));
  std::vector<ort::ResultTensor> results;
  const std::string refusal = ort::run_tensors(session, inputs, stop, results);
  if (!refusal.empty()) return Napi::String::New(env, refusal);
  Napi::Array list = Napi::Array::New(env, results.size());
  for (uint32_t i = 0; i < results.size(); ++i) list.Set(i, result_object(env, results[i]));
  return list;
}

Napi::Value stop_run(const Napi::CallbackInfo& info) {
  const auto runtime =
      Registry::instance().runtime(static_cast<uint32_t>(read_integer(info[0], "runtime", 1, INT32_MAX)));
  const auto worker = static_cast<uint32_t>(read_integer(info[1], "worker", 0, 4095));
  const auto start_ns = static_cast<int64_t>(info[2].ToNumber().DoubleValue());
  return Napi::Boolean::New(info.Env(), runtime != nullptr && runtime->scheduler.stop_run(worker, start_ns));
}
}  // namespace

void register_runs(Napi::Env env, Napi::Object exports) {
  export_function<run_batch>(env, exports, "runBatch");
  export_function<run_rows>(env, exports, "runRows");
  export_function<watch_anew>(env, exports, "watchAnew");
  export_function<copied_output>(env, exports, "copiedOutput");
  export_function<run_tensors_js>(env, exports, "runTensors");
  export_function<stop_run>(env, exports, "stopRun");
}
}  // namespace penstock::addon
