// Control path: runtimes, queues, plans, pipelines, counters.
#include <cstdlib>

#include "addon/handles.hpp"
#include "addon/spec.hpp"
#include "addon/values.hpp"
#include "core/boundary_codes.hpp"

namespace penstock::addon {
namespace {
std::shared_ptr<Runtime> open_runtime(const Napi::CallbackInfo& info, size_t argument) {
  const auto id = static_cast<uint32_t>(read_integer(info[argument], "runtime", 1, INT32_MAX));
  auto runtime = Registry::instance().runtime(id);
  if (runtime == nullptr) throw_handle_error(info.Env(), "runtime", "is closed");
  return runtime;
}

Napi::Value create_runtime(const Napi::CallbackInfo& info) {
  const int64_t budget_bytes = read_integer(info[2], "budgetBytes", 1, int64_t{1} << 53);
  auto runtime = std::make_shared<LoggingRuntime>(info[0].ToBoolean(), FileLayer::system(), budget_bytes);
  runtime->scheduler.spin_ns = read_integer(info[1], "watchUs", 0, 1'000'000) * 1000;
  return Napi::Number::New(info.Env(), Registry::instance().add_runtime(std::move(runtime)));
}

Napi::Value close_runtime(const Napi::CallbackInfo& info) {
  Registry::instance().close_runtime(static_cast<uint32_t>(read_integer(info[0], "runtime", 1, INT32_MAX)));
  return info.Env().Undefined();
}

Napi::Value close_runtimes(const Napi::CallbackInfo& info) {
  Registry::instance().close_runtimes();
  return info.Env().Undefined();
}

Napi::Value try_charge_bytes(const Napi::CallbackInfo& info) {
  const auto runtime = open_runtime(info, 0);
  const int64_t bytes = read_integer(info[1], "bytes", 0, int64_t{1} << 53);
  return Napi::Boolean::New(info.Env(), runtime->budget.try_charge(bytes));
}

Napi::Value charge_bytes(const Napi::CallbackInfo& info) {
  const auto runtime = open_runtime(info, 0);
  runtime->budget.charge(read_integer(info[1], "bytes", 0, int64_t{1} << 53));
  return info.Env().Undefined();
}

Napi::Value release_bytes(const Napi::CallbackInfo& info) {
  const auto runtime = open_runtime(info, 0);
  const int64_t bytes = read_integer(info[1], "bytes", 0, int64_t{1} << 53);
  if (bytes > runtime->budget.used_bytes())
    throw Napi::RangeError::New(info.Env(), "Expected to release what was charged, but it is more.");
  runtime->budget.release(bytes);
  return info.Env().Undefined();
}

Napi::Value used_bytes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(open_runtime(info, 0)->budget.used_bytes()));
}

Napi::Value trim_arenas(const Napi::CallbackInfo& info) {
  const auto runtime = open_runtime(info, 0);
  const int64_t idle_ms = read_integer(info[1], "idleMs", 0, INT32_MAX);
  runtime->trim_caches(now_ns());
  const int64_t freed_bytes = runtime->scheduler.arenas.trim(now_ns() - idle_ms * 1'000'000);
  return Napi::Number::New(info.Env(), static_cast<double>(freed_bytes));
}

// Ends the process without joining a thread: process.exit waits for a worker in the middle of a run, and that worker
// then meets an isolate that is gone. The kernel takes everything back. Does not return.
Napi::Value exit_now(const Napi::CallbackInfo& info) {
  std::_Exit(static_cast<int>(read_integer(info[0], "code", 0, 255)));
}

Napi::Value create_queue(const Napi::CallbackInfo& info) {
  const auto runtime = open_runtime(info, 0);
  QueueOptions options = read_queue_options(info[1].As<Napi::Object>());
  options.owner = runtime;
  auto box = std::make_unique<QueueBox>();
  box->queue = std::make_shared<ModelQueue>(runtime->scheduler, std::move(options));
  if (!box->queue->can_hold_a_row())
    throw Napi::RangeError::New(info.Env(),
                                "Expected one row of the model to fit into batchBytesMax, but it is larger.");
  return make_handle(info.Env(), std::move(box));
}

// How a queue's batches are run, as measured: may change while it serves.
Napi::Value limit_queue(const Napi::CallbackInfo& info) {
  ModelQueue& queue = *open_box<QueueBox>(info, 0).queue;
  const auto instances = static_cast<uint32_t>(read_integer(info[1], "instancesMax", 1, UINT32_MAX));
  const auto input_bytes = static_cast<size_t>(read_integer(info[2], "inputBytesMax", 1, int64_t{1} << 53));
  const double expected_us = info[3].IsUndefined() ? 0.0 : info[3].ToNumber().DoubleValue();
  queue.expected_run_us.store(expected_us, std::memory_order_relaxed);
  queue.limit_batches(input_bytes);
  queue.scheduler.limit_instances(queue, instances);
  return info.Env().Undefined();
}

Napi::Value offload_queue(const Napi::CallbackInfo& info) {
  open_box<QueueBox>(info, 0).queue->is_in_background_workers.store(true, std::memory_order_relaxed);
  return info.Env().Undefined();
}

Napi::Value close_queue(const Napi::CallbackInfo& info) {
  QueueBox& box = open_box<QueueBox>(info, 0, true);
  box.is_closed = true;
  box.queue = nullptr;  // plans and batches in flight keep it until they are done
  return info.Env().Undefined();
}

Napi::Value queue_stats(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const ModelQueue& queue = *open_box<QueueBox>(info, 0).queue;
  Napi::Object stats = Napi::Object::New(env);
  Napi::Array pending = Napi::Array::New(env, kPriorityCount);
  for (uint32_t p = 0; p < kPriorityCount; ++p) pending.Set(p, queue.pending_rows[p].load(std::memory_order_relaxed));
  const auto set = [&](const char* name, double value) { stats.Set(name, Napi::Number::New(env, value)); };
  stats.Set("pendingRows", pending);
  set("failedRunCount", static_cast<double>(queue.failed_run_count.load()));
  set("batchesAllocated", static_cast<double>(queue.batches_allocated.load()));
  set("arenaBytes", static_cast<double>(queue.arena_bytes.load()));
  set("usPerRow", queue.us_per_row.load());
  const auto set_sum = [&](const char* name, Histogram PhaseTimes::* phase) {
    HistogramSum sum;
    queue.phases.for_each([&](const PhaseTimes& times) { sum.add(times.*phase); });
    stats.Set(name, histogram_snapshot(env, sum));
  };
  set_sum("batchRows", &PhaseTimes::batch_rows);
  set_sum("queueNs", &PhaseTimes::queue);
  set_sum("assembleNs", &PhaseTimes::assemble);
  set_sum("runNs", &PhaseTimes::run);
  set_sum("scatterNs", &PhaseTimes::scatter);
  return stats;
}

Napi::Value create_plan(const Napi::CallbackInfo& info) {
  auto box = std::make_unique<PlanBox>();
  box->plan = read_plan(info[0].As<Napi::Object>());
  return make_handle(info.Env(), std::move(box));
}

Napi::Value create_pipeline(const Napi::CallbackInfo& info) {
  auto box = std::make_unique<PipelineBox>();
  box->pipeline = std::make_shared<Pipeline>();
  return make_handle(info.Env(), std::move(box));
}

Napi::Value set_plan(const Napi::CallbackInfo& info) {
  PipelineBox& box = open_box<PipelineBox>(info, 0);
  box.pipeline->set_plan(info[1].IsNull() ? nullptr : open_box<PlanBox>(info, 1).plan);
  return info.Env().Undefined();
}

Napi::Value plan_in_flight(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), open_box<PlanBox>(info, 0).plan->in_flight.load(std::memory_order_acquire));
}

template <typename Counters>
Napi::Value counter_array(Napi::Env env, const Counters& counters) {
  auto array = Napi::Float64Array::New(env, counters.size());
  for (size_t i = 0; i < counters.size(); ++i)
    array[i] = static_cast<double>(counters[i].load(std::memory_order_relaxed));
  return array;
}

// Counters of all deployments, and what the current one's cache holds.
Napi::Object cache_stats(Napi::Env env, const Pipeline& pipeline) {
  const CacheCounters& counters = pipeline.stats->cache;
  Napi::Object stats = Napi::Object::New(env);
  const auto set = [&](const char* name, double value) { stats.Set(name, Napi::Number::New(env, value)); };
  set("hitCount", static_cast<double>(counters.hits.load(std::memory_order_relaxed)));
  set("missCount", static_cast<double>(counters.misses.load(std::memory_order_relaxed)));
  set("evictionCount", static_cast<double>(counters.evictions.load(std::memory_order_relaxed)));
  const std::shared_ptr<Plan> plan = pipeline.plan();
  const bool has_cache = plan != nullptr && plan->cache != nullptr;
  set("bytes", has_cache ? static_cast<double>(plan->cache->bytes()) : 0.0);
  set("entryCount", has_cache ? static_cast<double>(plan->cache->entries()) : 0.0);
  return stats;
}

Napi::Value pipeline_stats(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const PipelineStats& counters = *open_box<PipelineBox>(info, 0).pipeline->stats;
  Napi::Object stats = Napi::Object::New(env);
  stats.Set("inFlight", Napi::Number::New(env, counters.in_flight.load()));
  stats.Set("failureCounts", counter_array(env, counters.failure_counts));
  stats.Set("checkFailureCounts", counter_array(env, counters.check_failures));
  auto losses = Napi::Float64Array::New(env, kPositionsMax * kStatusCodeCount);
  for (size_t i = 0; i < kPositionsMax; ++i) {
    // No row is lost for kOk: its place has those that were shed.
    losses[i * kStatusCodeCount] = static_cast<double>(counters.shed_rows[i].load(std::memory_order_relaxed));
    for (size_t code = 1; code < kStatusCodeCount; ++code)
      losses[i * kStatusCodeCount + code] =
          static_cast<double>(counters.lost_rows[i][code].load(std::memory_order_relaxed));
  }
  stats.Set("backgroundLosses", losses);
  uint64_t results = 0;
  uint64_t rows = 0;
  HistogramSum total;
  HistogramSum send;
  counters.answers.for_each([&](const AnswerTimes& times) {
    results += times.results.get();
    rows += times.rows.get();
    total.add(times.total);
    send.add(times.send);
  });
  stats.Set("cache", cache_stats(env, *open_box<PipelineBox>(info, 0).pipeline));
  stats.Set("requestCount", Napi::Number::New(env, static_cast<double>(results)));
  stats.Set("rowCount", Napi::Number::New(env, static_cast<double>(rows)));
  stats.Set("totalNs", histogram_snapshot(env, total));
  stats.Set("sendNs", histogram_snapshot(env, send));
  return stats;
}

Napi::Value route(const Napi::CallbackInfo& info) {
  const Plan& plan = *open_box<PlanBox>(info, 0).plan;
  const auto split =
      static_cast<size_t>(read_integer(info[1], "split", 0, static_cast<int64_t>(plan.splits.size()) - 1));
  const auto rows = static_cast<uint32_t>(read_integer(info[2], "rows", 0, plan.request_rows_max));
  Failure failure;
  MetaView meta;
  if (!read_meta(info[3], meta)) failure.set(StatusCode::kArgument);
  auto routes = Napi::Uint16Array::New(info.Env(), rows);
  if (failure.code == StatusCode::kOk) route_rows(plan.splits[split], split, rows, meta, routes.Data(), failure);
  if (failure.code != StatusCode::kOk) return failure_detail(info.Env(), failure, -1, -1);
  return routes;
}

Napi::Value share_id(const Napi::CallbackInfo& info) {
  bool is_queue = false;
  napi_check_object_type_tag(info.Env(), info[0], &QueueBox::kTag, &is_queue);
  Registry& registry = Registry::instance();
  const double id = is_queue ? registry.share(open_box<QueueBox>(info, 0).queue)
                             : registry.share(open_box<PipelineBox>(info, 0).pipeline);
  return Napi::Number::New(info.Env(), id);
}

Napi::Value adopt_queue(const Napi::CallbackInfo& info) {
  auto box = std::make_unique<QueueBox>();
  box->queue = Registry::instance().adopt_queue(info[0].ToNumber().DoubleValue());
  if (box->queue == nullptr) throw_handle_error(info.Env(), "queue", "is closed");
  return make_handle(info.Env(), std::move(box));
}

Napi::Value adopt_pipeline(const Napi::CallbackInfo& info) {
  auto box = std::make_unique<PipelineBox>();
  box->pipeline = Registry::instance().adopt_pipeline(info[0].ToNumber().DoubleValue());
  if (box->pipeline == nullptr) throw_handle_error(info.Env(), "pipeline", "is closed");
  return make_handle(info.Env(), std::move(box));
}
}  // namespace

void register_control(Napi::Env env, Napi::Object exports) {
  export_function<create_runtime>(env, exports, "createRuntime");
  export_function<close_runtime>(env, exports, "closeRuntime");
  export_function<try_charge_bytes>(env, exports, "tryChargeBytes");
  export_function<charge_bytes>(env, exports, "chargeBytes");
  export_function<release_bytes>(env, exports, "releaseBytes");
  export_function<used_bytes>(env, exports, "usedBytes");
  export_function<trim_arenas>(env, exports, "trimArenas");
  export_function<close_runtimes>(env, exports, "closeRuntimes");
  export_function<exit_now>(env, exports, "exitNow");
  export_function<create_queue>(env, exports, "createQueue");
  export_function<limit_queue>(env, exports, "limitQueue");
  export_function<offload_queue>(env, exports, "offloadQueue");
  export_function<close_queue>(env, exports, "closeQueue");
  export_function<queue_stats>(env, exports, "queueStats");
  export_function<create_plan>(env, exports, "createPlan");
  export_function<create_pipeline>(env, exports, "createPipeline");
  export_function<set_plan>(env, exports, "setPlan");
  export_function<plan_in_flight>(env, exports, "planInFlight");
  export_function<pipeline_stats>(env, exports, "pipelineStats");
  export_function<route>(env, exports, "route");
  export_function<share_id>(env, exports, "shareId");
  export_function<adopt_queue>(env, exports, "adoptQueue");
  export_function<adopt_pipeline>(env, exports, "adoptPipeline");
}
}  // namespace penstock::addon
