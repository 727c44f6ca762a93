// What an I/O isolate reads of requests that are answered or failed, and of jobs that are done.
#include <cstring>
#include <utility>

#include "addon/handles.hpp"
#include "addon/spec.hpp"
#include "addon/values.hpp"
#include "core/clock.hpp"

namespace penstock::addon {
Request* find_request(const Napi::CallbackInfo& info, PortBox& box) {
  const double number = info[1].ToNumber().DoubleValue();
  return number >= 1 && number < 9007199254740992.0 ? box.port->find(static_cast<uint64_t>(number)) : nullptr;
}

Request& open_request(const Napi::CallbackInfo& info, PortBox& box) {
  Request* const request = find_request(info, box);
  if (request == nullptr) throw_handle_error(info.Env(), "request", "is unknown or already released");
  return *request;
}

namespace {
Napi::Value elapsed_ns(Napi::Env env, const Request& request) {
  auto elapsed = Napi::Float64Array::New(env, request.plan->stages.size() + 1);
  size_t count = 0;
  for_each_elapsed(request, [&](int64_t elapsed_ns) { elapsed[count++] = static_cast<double>(elapsed_ns); });
  return elapsed;
}

// {values: as write_timing has them, models: the label of each}, or null.
Napi::Value timing_of(Napi::Env env, const Request& request) {
  if (!request.has_timing) return env.Null();
  auto values = Napi::Float64Array::New(env, timing_length(request));
  write_timing(request, now_ns(), values.Data());
  Napi::Array models = Napi::Array::New(env, request.steps.size());
  for (uint32_t i = 0; i < request.steps.size(); ++i) {
    const StepTiming& step = request.steps[i];
    models.Set(i, Napi::String::New(env, label_of(*request.plan, step)));
  }
  Napi::Object timing = Napi::Object::New(env);
  timing.Set("values", values);
  timing.Set("models", models);
  return timing;
}

Napi::Object describe(Napi::Env env, const Request& request) {
  Napi::Object answer = Napi::Object::New(env);
  answer.Set("rows", Napi::Number::New(env, request.rows));
  if (request.check_bits.empty()) {
    answer.Set("checkFailures", env.Null());
  } else {
    auto bits = Napi::BigUint64Array::New(env, request.check_bits.size());
    std::memcpy(bits.Data(), request.check_bits.data(), request.check_bits.size() * 8);
    answer.Set("checkFailures", bits);
  }
  if (request.plan->route_split < 0) {
    answer.Set("routes", env.Null());
  } else {
    auto routes = Napi::Uint16Array::New(env, request.rows);
    const size_t first = static_cast<size_t>(request.plan->route_split) * request.rows;
    std::memcpy(routes.Data(), request.routes.data() + first, size_t{request.rows} * 2);
    answer.Set("routes", routes);
  }
  answer.Set("elapsedNs", elapsed_ns(env, request));
  answer.Set("timing", timing_of(env, request));
  if (request.has_cache) answer.Set("isCached", Napi::Boolean::New(env, request.is_cached));
  return answer;
}

// Null when the source has no rows. @throws Error when its rows have different shapes.
Napi::Value copy_source(Napi::Env env, const Request& request, const Source& source, TensorShape& shape) {
  if (!shape_of(request, source, shape)) return env.Null();
  auto buffer = Napi::ArrayBuffer::New(env, shape.row_bytes * request.rows);
  if (buffer.ByteLength() > 0) gather(request, source, shape.row_bytes, static_cast<std::byte*>(buffer.Data()));
  return buffer;
}

// {data, shapes} of the sources, null where one has no rows.
Napi::Object copy_sources(Napi::Env env, const Request& request, const std::vector<Source>& sources) {
  Napi::Array data = Napi::Array::New(env, sources.size());
  Napi::Array shapes = Napi::Array::New(env, sources.size());
  for (uint32_t i = 0; i < sources.size(); ++i) {
    TensorShape shape;
    data.Set(i, copy_source(env, request, sources[i], shape));
    shapes.Set(i, shape.dims == nullptr ? env.Null()
                                        : shape_array(env, !request.plan->is_non_batching, request.rows, *shape.dims));
  }
  Napi::Object copies = Napi::Object::New(env);
  copies.Set("data", data);
  copies.Set("shapes", shapes);
  return copies;
}

Napi::Value read_answer(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  PortBox& box = open_box<PortBox>(info, 0);
  const auto held = box.lock();
  Request& request = open_request(info, box);
  Napi::Object answer = describe(env, request);
  const Napi::Object outputs = copy_sources(env, request, request.plan->answer);
  answer.Set("outputs", outputs.Get("data"));
  answer.Set("shapes", outputs.Get("shapes"));
  if (request.has_audited_outputs)
    answer.Set("others", copy_sources(env, request, request.plan->audited_outputs));
  else
    answer.Set("others", env.Null());
  Port::unref(request);
  return answer;
}

Napi::Value read_failure(const Napi::CallbackInfo& info) {
  PortBox& box = open_box<PortBox>(info, 0);
  const auto held = box.lock();
  Request& request = open_request(info, box);
  const Failure failure = failure_of(request);
  const Origin origin = request.origin;
  if (origin.is_wire) box.gateway->count_delivered(origin);
  Port::unref(request);
  return failure_detail(info.Env(), failure, origin.is_wire ? origin.channel : -1,
                        origin.is_wire ? int64_t{origin.wire_id} : -1);
}

Napi::Value read_job(const Napi::CallbackInfo& info) {
  PortBox& box = open_box<PortBox>(info, 0);
  const auto job =
      static_cast<size_t>(read_integer(info[1], "job", 0, static_cast<int64_t>(box.emitted_replies.size()) - 1));
  const std::vector<uint8_t>& payload = box.emitted_replies[job].second;
  auto bytes = Napi::Uint8Array::New(info.Env(), payload.size());
  if (!payload.empty()) std::memcpy(bytes.Data(), payload.data(), payload.size());
  return bytes;
}

}  // namespace

void register_answers(Napi::Env env, Napi::Object exports) {
  export_function<read_answer>(env, exports, "readAnswer");
  export_function<read_failure>(env, exports, "readFailure");
  export_function<read_job>(env, exports, "readJob");
}
}  // namespace penstock::addon
