// The logs of deployments: made at deploy, filled by workers and by the string path, written by their runtime's thread.
#include <utility>

#include "addon/handles.hpp"
#include "addon/spec.hpp"
#include "addon/values.hpp"

namespace penstock::addon {
namespace {
// createLog(runtime, pipeline, spec)
Napi::Value create_log(const Napi::CallbackInfo& info) {
  const auto runtime =
      Registry::instance().runtime(static_cast<uint32_t>(read_integer(info[0], "runtime", 1, INT32_MAX)));
  if (runtime == nullptr) throw_handle_error(info.Env(), "runtime", "is closed");
  const Pipeline& pipeline = *open_box<PipelineBox>(info, 1).pipeline;
  auto box = std::make_unique<LogBox>();
  box->log = runtime->log_writer.open(pipeline.log_stats, read_log_options(info[2].As<Napi::Object>()));
  return make_handle(info.Env(), std::move(box));
}

// Whom the reply with `tag` goes to.
LogWaiter waiter_of(const Napi::CallbackInfo& info, size_t port, size_t tag, bool is_for_sync) {
  return {open_box<PortBox>(info, port).port, info[tag].ToNumber().DoubleValue(), is_for_sync};
}

// appendLog(log, message, rows, firstMs, lastMs, port, tag)
Napi::Value append_log(const Napi::CallbackInfo& info) {
  RowLog& log = *open_box<LogBox>(info, 0).log;
  const ByteSpan message = read_bytes(info.Env(), info[1], "message");
  const MessageFacts facts{static_cast<uint64_t>(read_integer(info[2], "rows", 1, UINT32_MAX)),
                           info[3].ToNumber().Int64Value(), info[4].ToNumber().Int64Value()};
  log.append_encoded({reinterpret_cast<const std::byte*>(message.data), message.size}, facts,
                     waiter_of(info, 5, 6, log.is_committed()));
  return info.Env().Undefined();
}

Napi::Value draw_log_sample(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), open_box<LogBox>(info, 0).log->draws_sample());
}

Napi::Value log_fault(const Napi::CallbackInfo& info) {
  const RowLog& log = *open_box<LogBox>(info, 0).log;
  return Napi::Number::New(info.Env(), log.is_failing() ? log.last_fault() : 0);
}

// flushLog(log, port, tag)
Napi::Value flush_log(const Napi::CallbackInfo& info) {
  open_box<LogBox>(info, 0).log->flush(waiter_of(info, 1, 2, false));
  return info.Env().Undefined();
}

// closeLog(log, port, tag)
Napi::Value close_log(const Napi::CallbackInfo& info) {
  LogBox& box = open_box<LogBox>(info, 0);
  box.log->close(waiter_of(info, 1, 2, false));
  box.is_closed = true;
  box.log = nullptr;
  return info.Env().Undefined();
}

// logStats(pipeline)
Napi::Value log_stats(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const LogStats& counters = *open_box<PipelineBox>(info, 0).pipeline->log_stats;
  Napi::Object stats = Napi::Object::New(env);
  const auto set = [&](const char* name, double value) { stats.Set(name, Napi::Number::New(env, value)); };
  set("rowCount", static_cast<double>(counters.rows.load()));
  set("droppedRowCount", static_cast<double>(counters.dropped_rows.load()));
  set("changedKeyCount", static_cast<double>(counters.changed_keys.load()));
  set("byteCount", static_cast<double>(counters.bytes.load()));
  set("failingLogs", static_cast<double>(counters.failing_logs.load()));
  set("lastFault", counters.last_fault.load());
  HistogramSum commit;
  commit.add(counters.commit);
  stats.Set("commitNs", histogram_snapshot(env, commit));
  return stats;
}
}  // namespace

void register_logs(Napi::Env env, Napi::Object exports) {
  export_function<create_log>(env, exports, "createLog");
  export_function<append_log>(env, exports, "appendLog");
  export_function<draw_log_sample>(env, exports, "drawLogSample");
  export_function<log_fault>(env, exports, "logFault");
  export_function<flush_log>(env, exports, "flushLog");
  export_function<close_log>(env, exports, "closeLog");
  export_function<log_stats>(env, exports, "logStats");
}
}  // namespace penstock::addon
