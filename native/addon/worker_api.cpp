// What an inference worker calls: take, the memory of the batch in hand, complete; and jobs.
#include <cstring>
#include <limits>
#include <string>

#include "addon/handles.hpp"
#include "addon/spec.hpp"
#include "addon/values.hpp"
#include "core/boundary_codes.hpp"
#include "core/clock.hpp"
#include "core/thread_priority.hpp"
#include "ort/batch_outputs.hpp"

namespace penstock::addon {
namespace {
// The calling thread, and those it makes, for the rest of their lives.
Napi::Value yield_to_others(const Napi::CallbackInfo& info) {
  yield_thread(this_thread_id(), kNicest);
  return info.Env().Undefined();
}

Napi::Value open_worker(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto box = std::make_unique<WorkerBox>();
  box->runtime = Registry::instance().runtime(static_cast<uint32_t>(read_integer(info[0], "runtime", 1, INT32_MAX)));
  if (box->runtime == nullptr) throw_handle_error(env, "runtime", "is closed");
  box->slot.index = static_cast<uint32_t>(read_integer(info[1], "index", 0, 4095));
  box->slot.is_for_background = info[2].ToBoolean();
  auto values = Napi::Int32Array::New(env, WorkerInfoSlot::kLength);
  box->info_values = values.Data();
  box->info = Napi::Persistent(values);
  box->info.SuppressDestruct();  // the isolate frees it at teardown, after this box
  if (!box->runtime->scheduler.add_worker(box->slot))
    throw_handle_error(env, "runtime", "has as many workers as it can count for");
  return make_handle(env, std::move(box));
}

Napi::Value close_worker(const Napi::CallbackInfo& info) {
  open_box<WorkerBox>(info, 0, true).close();
  return info.Env().Undefined();
}

Napi::Value worker_info(const Napi::CallbackInfo& info) {
  return open_box<WorkerBox>(info, 0).info.Value();
}

Napi::Value take(const Napi::CallbackInfo& info) {
  WorkerBox& box = open_box<WorkerBox>(info, 0);
  if (box.has_batch) throw_handle_error(info.Env(), "worker", "still has a batch in hand: complete it first");
  const int64_t timeout_ms = read_integer(info[1], "timeoutMs", -1, INT32_MAX);
  for (;;) {
    const Take taken = box.runtime->scheduler.take(box.slot, timeout_ms);
    if (taken == Take::kBatch) {
      if (drop_dead_rows(box.slot) == 0) {
        complete_batch(box.slot, std::nullopt);
        continue;
      }
      const Batch& batch = *box.slot.batch;
      box.has_batch = true;
      box.info_values[WorkerInfoSlot::kModelKey] = static_cast<int32_t>(batch.bucket.queue.options.model_key);
      box.info_values[WorkerInfoSlot::kBatchId] = static_cast<int32_t>(batch.id);
      box.info_values[WorkerInfoSlot::kRows] = static_cast<int32_t>(batch.rows);
      box.info_values[WorkerInfoSlot::kEntryCount] = static_cast<int32_t>(batch.entries.size());
      box.info_values[WorkerInfoSlot::kBucketId] = static_cast<int32_t>(batch.bucket.id);
      box.info_values[WorkerInfoSlot::kIsAlone] = box.slot.is_alone ? 1 : 0;
      box.info_values[WorkerInfoSlot::kIsStopped] = 0;
      box.info_values[WorkerInfoSlot::kFreedBatches] = static_cast<int32_t>(Batch::freed_count());
    }
    return Napi::Number::New(info.Env(), static_cast<double>(taken));
  }
}

WorkerBox& with_batch(const Napi::CallbackInfo& info) {
  WorkerBox& box = open_box<WorkerBox>(info, 0);
  if (!box.has_batch) throw_handle_error(info.Env(), "worker", "has no batch in hand: take one first");
  return box;
}

Napi::Array tensor_layouts(Napi::Env env, const std::vector<TensorLayout>& tensors) {
  Napi::Array list = Napi::Array::New(env, tensors.size());
  for (uint32_t i = 0; i < tensors.size(); ++i) {
    const bool is_known = tensors[i].offset_bytes != TensorLayout::kUnknown;
    Napi::Object layout = Napi::Object::New(env);
    layout.Set("offsetBytes", Napi::Number::New(env, is_known ? static_cast<double>(tensors[i].offset_bytes) : -1.0));
    layout.Set("rowBytes", Napi::Number::New(env, static_cast<double>(tensors[i].row_bytes)));
    layout.Set("dims", shape_array(env, false, 0, tensors[i].dims));
    list.Set(i, layout);
  }
  return list;
}

Napi::Value bucket_layout(const Napi::CallbackInfo& info) {
  const BatchLayout& layout = with_batch(info).slot.batch->bucket.layout;
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("inputs", tensor_layouts(info.Env(), layout.inputs));
  result.Set("outputs", tensor_layouts(info.Env(), layout.outputs));
  result.Set("batchRowsMax", Napi::Number::New(info.Env(), layout.rows_max));
  return result;
}

Napi::Value batch_buffer(const Napi::CallbackInfo& info) {
  return external_buffer(info.Env(), with_batch(info).slot.batch->block);
}

Napi::Value batch_entries(const Napi::CallbackInfo& info) {
  const Batch& batch = *with_batch(info).slot.batch;
  auto pairs = Napi::Int32Array::New(info.Env(), batch.entries.size() * 2);
  const int64_t now_us = now_ns() / 1000;
  for (size_t i = 0; i < batch.entries.size(); ++i) {
    const Entry& entry = batch.entries[i];
    pairs[2 * i] = static_cast<int32_t>(entry.batch_row);
    pairs[2 * i + 1] = has_caller(entry, now_us) ? static_cast<int32_t>(entry.count) : 0;
  }
  return pairs;
}

Napi::Value set_output(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Batch& batch = *with_batch(info).slot.batch;
  const auto last = static_cast<int64_t>(batch.dynamic_outputs.size()) - 1;
  const auto output = static_cast<size_t>(read_integer(info[1], "output", 0, last));
  const ByteSpan data = read_bytes(env, info[2], "data");
  const Napi::Array shape = info[3].As<Napi::Array>();
  const auto batch_row = static_cast<uint32_t>(read_integer(info[4], "batchRow", 0, batch.rows - 1));
  std::vector<int64_t> dims;
  for (uint32_t d = 0; d < shape.Length(); ++d) dims.push_back(read_integer(shape.Get(d), "dims", 0, INT32_MAX));
  const auto* const bytes = reinterpret_cast<const std::byte*>(data.data);
  const ort::Stored stored = ort::store_output(batch, output, bytes, data.size, std::move(dims), batch_row);
  if (stored == ort::Stored::kNoMemory)
    throw Napi::Error::New(env, "There is no memory for an output of " + std::to_string(data.size) + " bytes");
  return Napi::Boolean::New(env, stored == ort::Stored::kOk);
}

Napi::Value fail_entry_js(const Napi::CallbackInfo& info) {
  Batch& batch = *with_batch(info).slot.batch;
  const auto entry =
      static_cast<size_t>(read_integer(info[1], "entry", 0, static_cast<int64_t>(batch.entries.size()) - 1));
  batch.bucket.queue.failed_run_count.fetch_add(1, std::memory_order_relaxed);
  const bool is_unheard = fail_entry(batch, entry, StatusCode::kRunFailed, info[2].ToString().Utf8Value());
  return Napi::Boolean::New(info.Env(), is_unheard);
}

Napi::Value complete_batch_js(const Napi::CallbackInfo& info) {
  WorkerBox& box = with_batch(info);
  const auto nanoseconds = [](const Napi::Value& us) {
    return static_cast<int64_t>(us.ToNumber().DoubleValue() * 1000.0);
  };
  const RunSpan run{nanoseconds(info[1]), nanoseconds(info[2])};
  box.has_batch = false;
  complete_batch(box.slot, run);
  return info.Env().Undefined();
}

Napi::Value begin_check(const Napi::CallbackInfo& info) {
  WorkerBox& box = open_box<WorkerBox>(info, 0);
  const auto model_key = static_cast<uint32_t>(read_integer(info[1], "modelKey", 0, UINT32_MAX));
  box.runtime->scheduler.begin_check(box.slot, model_key);
  return info.Env().Undefined();
}

std::shared_ptr<Runtime> runtime_of(const Napi::CallbackInfo& info) {
  return Registry::instance().runtime(static_cast<uint32_t>(read_integer(info[0], "runtime", 1, INT32_MAX)));
}

Napi::Object run_object(Napi::Env env, const RunInHand& run) {
  Napi::Object object = Napi::Object::New(env);
  const bool is_job = run.held == Held::kJob;
  object.Set("worker", Napi::Number::New(env, run.worker));
  object.Set("startNs", Napi::Number::New(env, static_cast<double>(run.start_ns)));
  object.Set("modelKey", is_job ? env.Null() : Napi::Number::New(env, run.model_key).As<Napi::Value>());
  object.Set("tag", Napi::Number::New(env, run.tag));
  object.Set("elapsedUs", Napi::Number::New(env, static_cast<double>(run.elapsed_ns) / 1000.0));
  object.Set("expectedUs", Napi::Number::New(env, run.expected_us));
  object.Set("isAside", Napi::Boolean::New(env, run.is_aside));
  object.Set("isUnheard", Napi::Boolean::New(env, run.is_unheard));
  return object;
}

Napi::Value look_at_workers(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::shared_ptr<Runtime> runtime = runtime_of(info);
  const WorkersLook look = runtime == nullptr ? WorkersLook{} : runtime->scheduler.look();
  const auto microseconds = [&](int64_t ns) {
    const double us = static_cast<double>(ns) / 1000.0;
    return Napi::Number::New(env, ns == INT64_MAX ? std::numeric_limits<double>::infinity() : us);
  };
  Napi::Array runs = Napi::Array::New(env, look.runs.size());
  for (uint32_t i = 0; i < look.runs.size(); ++i) runs.Set(i, run_object(env, look.runs[i]));
  Napi::Object result = Napi::Object::New(env);
  result.Set("withoutFreeUs", microseconds(look.without_free_ns));
  result.Set("waitingUs", microseconds(look.waiting_ns));
  result.Set("heldBackUs", microseconds(look.held_back_ns));
  result.Set("runs", runs);
  return result;
}

Napi::Value set_worker_aside(const Napi::CallbackInfo& info) {
  const std::shared_ptr<Runtime> runtime = runtime_of(info);
  const auto worker = static_cast<uint32_t>(read_integer(info[1], "worker", 0, 4095));
  const auto start_ns = static_cast<int64_t>(info[2].ToNumber().DoubleValue());
  return Napi::Boolean::New(info.Env(), runtime != nullptr && runtime->scheduler.set_aside(worker, start_ns));
}

Napi::Value retire_worker(const Napi::CallbackInfo& info) {
  const std::shared_ptr<Runtime> runtime = runtime_of(info);
  const auto worker = static_cast<uint32_t>(read_integer(info[1], "worker", 0, 4095));
  return Napi::Boolean::New(info.Env(), runtime != nullptr && runtime->scheduler.retire(worker));
}

Napi::Value take_job(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Job& job = open_box<WorkerBox>(info, 0).slot.job;
  Napi::Object result = Napi::Object::New(env);
  auto payload = Napi::Uint8Array::New(env, job.payload.size());
  if (!job.payload.empty()) std::memcpy(payload.Data(), job.payload.data(), job.payload.size());
  result.Set("tag", Napi::Number::New(env, job.tag));
  result.Set("payload", payload);
  return result;
}

Napi::Value complete_job(const Napi::CallbackInfo& info) {
  Job& job = open_box<WorkerBox>(info, 0).slot.job;
  const double tag = info[1].ToNumber().DoubleValue();
  const ByteSpan reply = read_bytes(info.Env(), info[2], "reply");
  if (const auto port = job.reply_to.lock(); port != nullptr && tag == job.tag)
    port->push_reply({tag, std::vector<uint8_t>(reply.data, reply.data + reply.size)});
  job = Job{};
  return info.Env().Undefined();
}

Napi::Value post_job(const Napi::CallbackInfo& info) {
  PortBox& box = open_box<PortBox>(info, 0);
  const auto worker = static_cast<int>(read_integer(info[1], "worker", -1, 4095));
  const ByteSpan payload = read_bytes(info.Env(), info[3], "payload");
  Job job{box.port, info[2].ToNumber().DoubleValue(), std::vector<uint8_t>(payload.data, payload.data + payload.size),
          info[4].ToBoolean()};
  if (!box.port->runtime->scheduler.post(worker, std::move(job))) throw_handle_error(info.Env(), "worker", "is closed");
  return info.Env().Undefined();
}
}  // namespace

void register_workers(Napi::Env env, Napi::Object exports) {
  export_function<yield_to_others>(env, exports, "yieldToOthers");
  export_function<open_worker>(env, exports, "openWorker");
  export_function<close_worker>(env, exports, "closeWorker");
  export_function<worker_info>(env, exports, "workerInfo");
  export_function<take>(env, exports, "take");
  export_function<begin_check>(env, exports, "beginCheck");
  export_function<look_at_workers>(env, exports, "lookAtWorkers");
  export_function<set_worker_aside>(env, exports, "setWorkerAside");
  export_function<retire_worker>(env, exports, "retireWorker");
  export_function<bucket_layout>(env, exports, "bucketLayout");
  export_function<batch_buffer>(env, exports, "batchBuffer");
  export_function<batch_entries>(env, exports, "batchEntries");
  export_function<set_output>(env, exports, "setOutput");
  export_function<fail_entry_js>(env, exports, "failEntry");
  export_function<complete_batch_js>(env, exports, "completeBatch");
  export_function<take_job>(env, exports, "takeJob");
  export_function<complete_job>(env, exports, "completeJob");
  export_function<post_job>(env, exports, "postJob");
}
}  // namespace penstock::addon
