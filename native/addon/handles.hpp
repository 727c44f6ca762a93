// What JavaScript holds: a plain object with a type tag and a wrapped box. A value of another kind, from another
// isolate (structured clone drops tag and box) or closed throws TypeError with code ERR_HANDLE; it is never a wild
// pointer. Rules.
// 1. Every entry into the addon passes through open_box; nobody unwraps by hand.
// 2. A box may outlive its close (JavaScript still holds it): methods check is_closed.
// 3. Boxes are made, closed and finalised on their isolate's thread.
#pragma once
#include <algorithm>
#include <memory>
#include <string>

#include "addon/napi_setup.hpp"
#include "comparison/answer_comparison.hpp"
#include "core/boundary_codes.hpp"
#include "core/caller_limit.hpp"
#include "json/gateway.hpp"
#include "log/logging_runtime.hpp"
#include "net/service/io_service.hpp"
#include "ort/batch_run.hpp"
#include "runtime/answer_counters.hpp"
#include "runtime/port.hpp"
#include "websocket/gateway.hpp"

namespace penstock::addon {
struct QueueBox {
  static constexpr napi_type_tag kTag{0x5c1f2a6d93e04b71, 0x8e7a41c2b9d05f36};
  static constexpr const char* kName = "queue";
  std::shared_ptr<ModelQueue> queue;
  bool is_closed = false;
};

struct PlanBox {
  static constexpr napi_type_tag kTag{0x1d83b7f0462c9ae5, 0xa4f6093d7be2185c};
  static constexpr const char* kName = "plan";
  std::shared_ptr<Plan> plan;
  bool is_closed = false;
};

struct PipelineBox {
  static constexpr napi_type_tag kTag{0x7b4e90d2c6f8135a, 0x93d1e5702b6c4a8f};
  static constexpr const char* kName = "pipeline";
  std::shared_ptr<Pipeline> pipeline;
  bool is_closed = false;
};

struct LogBox {
  static constexpr napi_type_tag kTag{0x4be7c01a96d25f83, 0xb85d3f60e1a9427c};
  static constexpr const char* kName = "log";
  std::shared_ptr<RowLog> log;
  bool is_closed = false;
};

struct ComparisonBox {
  static constexpr napi_type_tag kTag{0x27d0f4a95be18c63, 0xc1a86e03f57b924d};
  static constexpr const char* kName = "comparison";
  std::shared_ptr<ComparisonCounts> counts;
  bool is_closed = false;
};

struct LimitBox {
  static constexpr napi_type_tag kTag{0x9e2d61f7b3c8405a, 0x57a04f1ce86b92d3};
  static constexpr const char* kName = "limit";
  std::shared_ptr<CallerLimit> limit;
  bool is_closed = false;
};

struct WorkerBox {
  static constexpr napi_type_tag kTag{0xe20c5b9fd7413a68, 0x6f8b2d14c03e97a5};
  static constexpr const char* kName = "worker";
  ~WorkerBox();
  void close();

  std::shared_ptr<Runtime> runtime;
  WorkerSlot slot;
  Napi::Reference<Napi::Int32Array> info;
  int32_t* info_values = nullptr;
  std::unique_ptr<ort::BatchRunner> runner;  // from the first run on
  bool has_batch = false;
  bool is_closed = false;
};

// The wake-up of one isolate. Cut off by an env cleanup hook before the isolate takes the function down, so that a
// worker that finishes late wakes nobody instead of touching freed memory.
class Waker {
 public:
  explicit Waker(napi_threadsafe_function function) : function_(function) {}
  void wake() {
    std::lock_guard lock(mutex_);
    if (function_ != nullptr) napi_call_threadsafe_function(function_, nullptr, napi_tsfn_nonblocking);
  }
  void cut_off() {
    std::lock_guard lock(mutex_);
    if (function_ == nullptr) return;
    napi_release_threadsafe_function(function_, napi_tsfn_abort);
    function_ = nullptr;
  }

 private:
  std::mutex mutex_;
  napi_threadsafe_function function_;
};

struct PortBox {
  static constexpr napi_type_tag kTag{0x38a6f1c40e5d7b92, 0xd0751b8e9fa2c643};
  static constexpr const char* kName = "port";
  static constexpr size_t kEventsMax = 2048;  // of one drain
  ~PortBox();
  void close();

  napi_env env = nullptr;
  // What follows is shared with an I/O thread, where there is one: `io`, and then only touched under its lock.
  std::shared_ptr<net::service::IoService> io;
  std::unique_lock<std::mutex> lock() const {
    return io == nullptr ? std::unique_lock<std::mutex>() : io->context().lock();
  }
  std::shared_ptr<Port> port;
  std::shared_ptr<websocket::Gateway> gateway;
  std::shared_ptr<json::Gateway> http;
  std::shared_ptr<Waker> waker;
  Napi::Reference<Napi::Float64Array> events;
  double* event_values = nullptr;
  Napi::Reference<Napi::Uint8Array> outbox;
  const Block* outbox_block = nullptr;
  const Block* json_outbox_block = nullptr;  // of the HTTP answer that was emitted last
  std::shared_ptr<AnswerCounters> counters;
  int64_t ready_ns = 0;  // of the answer that was emitted last
  Failure last_failure;
  int64_t last_channel = -1;
  int64_t last_wire_id = -1;
  // What JavaScript must know of a frame or body that was refused, without a call or an object: details, channel,
  // request.
  Napi::Reference<Napi::Float64Array> refusal;
  double* refusal_values = nullptr;
  void note_refusal(int64_t channel, int64_t wire_id) {
    last_channel = channel;
    last_wire_id = wire_id;
    std::copy(last_failure.details.begin(), last_failure.details.end(), refusal_values + RefusalSlot::kDetail0);
    refusal_values[RefusalSlot::kChannel] = static_cast<double>(channel);
    refusal_values[RefusalSlot::kWireId] = static_cast<double>(wire_id);
  }
  // What JavaScript says of the request that it submits next, in numbers: SubmissionSlot.
  Napi::Reference<Napi::Float64Array> submission;
  const double* submission_values = nullptr;
  // Scratch of submit: keeps its capacity.
  std::vector<const std::byte*> submitted_inputs;
  std::vector<size_t> submitted_row_bytes;
  std::vector<int64_t> submitted_dims;
  // Drained from the completion queue, not yet emitted to JavaScript.
  Request* answers = nullptr;
  std::deque<JobReply> replies;
  std::vector<std::pair<double, std::vector<uint8_t>>> emitted_replies;  // by job number of this drain
  std::vector<websocket::Send> sends;
  std::vector<net::service::RefusedFrame> refused;  // of an I/O thread's frames: emitted, to be read by place
  bool is_closed = false;
};

[[noreturn]] void throw_handle_error(Napi::Env env, const char* kind, const char* fault);

template <typename Box>
Napi::Object make_handle(Napi::Env env, std::unique_ptr<Box> box) {
  Napi::Object handle = Napi::Object::New(env);
  if (napi_type_tag_object(env, handle, &Box::kTag) != napi_ok)
    throw_handle_error(env, Box::kName, "could not be tagged");
  const auto finalize = [](napi_env, void* data, void*) { delete static_cast<Box*>(data); };
  if (napi_wrap(env, handle, box.get(), finalize, nullptr, nullptr) != napi_ok)
    throw_handle_error(env, Box::kName, "could not be wrapped");
  box.release();
  return handle;
}

// Rule 1.
template <typename Box>
Box& open_box(napi_env env, napi_value value, bool may_be_closed = false) {
  bool is_ours = false;
  void* data = nullptr;
  if (napi_check_object_type_tag(env, value, &Box::kTag, &is_ours) != napi_ok || !is_ours ||
      napi_unwrap(env, value, &data) != napi_ok) {
    // A failed check leaves an exception of its own pending in some versions.
    napi_value ignored;
    napi_get_and_clear_last_exception(env, &ignored);
    throw_handle_error(env, Box::kName, "is not one of this isolate");
  }
  Box& box = *static_cast<Box*>(data);
  if (box.is_closed && !may_be_closed) throw_handle_error(env, Box::kName, "is closed");
  return box;
}
template <typename Box>
Box& open_box(const Napi::CallbackInfo& info, size_t argument, bool may_be_closed = false) {
  return open_box<Box>(info.Env(), info[argument], may_be_closed);
}

// The request that argument 1 names, or null: its number carries a generation, so that a stale one finds nothing.
Request* find_request(const Napi::CallbackInfo& info, PortBox& box);
// The same. @throws TypeError with ERR_HANDLE when there is none.
Request& open_request(const Napi::CallbackInfo& info, PortBox& box);

// Resources of the process that cross isolates by number.
class Registry {
 public:
  static Registry& instance();
  uint32_t add_runtime(std::shared_ptr<LoggingRuntime> runtime);
  std::shared_ptr<LoggingRuntime> runtime(uint32_t id);
  void close_runtime(uint32_t id);
  void close_runtimes();
  double share(std::shared_ptr<ModelQueue> queue);
  double share(std::shared_ptr<Pipeline> pipeline);
  std::shared_ptr<ModelQueue> adopt_queue(double id);
  std::shared_ptr<Pipeline> adopt_pipeline(double id);

 private:
  std::mutex mutex_;
  std::vector<std::shared_ptr<LoggingRuntime>> runtimes_;
  std::vector<std::weak_ptr<ModelQueue>> queues_;
  std::vector<std::weak_ptr<Pipeline>> pipelines_;
};

void register_control(Napi::Env env, Napi::Object exports);
void register_memory(Napi::Env env, Napi::Object exports);
void register_workers(Napi::Env env, Napi::Object exports);
void register_ports(Napi::Env env, Napi::Object exports);
void register_answers(Napi::Env env, Napi::Object exports);
void register_net(Napi::Env env, Napi::Object exports);
void register_logs(Napi::Env env, Napi::Object exports);
void register_websocket(Napi::Env env, Napi::Object exports);
void register_io_ports(Napi::Env env, Napi::Object exports);
void register_json(Napi::Env env, Napi::Object exports);
void register_kernels(Napi::Env env, Napi::Object exports);
void register_limits(Napi::Env env, Napi::Object exports);
void register_transforms(Napi::Env env, Napi::Object exports);
void register_columns(Napi::Env env, Napi::Object exports);
void register_trees(Napi::Env env, Napi::Object exports);
void register_tree_batches(Napi::Env env, Napi::Object exports);
void register_contracts(Napi::Env env, Napi::Object exports);
void register_rows_forms(Napi::Env env, Napi::Object exports);
void register_sessions(Napi::Env env, Napi::Object exports);
void register_runs(Napi::Env env, Napi::Object exports);

template <Napi::Value (*function)(const Napi::CallbackInfo&)>
void export_function(Napi::Env env, Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<function>(env, name));
}
}  // namespace penstock::addon
