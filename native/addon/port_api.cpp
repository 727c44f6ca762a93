// What an I/O isolate calls: submit, flush, drain, read.
#include <cstring>
#include <utility>

#include "addon/handles.hpp"
#include "addon/known_box.hpp"
#include "addon/spec.hpp"
#include "addon/values.hpp"
#include "core/boundary_codes.hpp"
#include "core/clock.hpp"

namespace penstock::addon {
namespace {
using enum PortEvent;
constexpr auto kAllInputs = static_cast<int64_t>(ShapeInput::kAll);

// An array of zeros that both sides keep. Its memory is JavaScript's, and lives as long as `reference`.
double* share_array(Napi::Env env, size_t length, Napi::Reference<Napi::Float64Array>& reference) {
  auto array = Napi::Float64Array::New(env, length);
  reference = Napi::Persistent(array);
  reference.SuppressDestruct();  // the isolate frees it at teardown, after the box
  return array.Data();
}

// openPort(runtime, onReady, requestsMax, isOfIoThread)
Napi::Value open_port(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto runtime = Registry::instance().runtime(static_cast<uint32_t>(read_integer(info[0], "runtime", 1, INT32_MAX)));
  if (runtime == nullptr) throw_handle_error(env, "runtime", "is closed");
  const auto requests_max = static_cast<uint32_t>(read_integer(info[2], "requestsMax", 1, kRequestsInFlightCeiling));
  napi_threadsafe_function function = nullptr;
  const napi_status status =
      napi_create_threadsafe_function(env, info[1], nullptr, Napi::String::New(env, "penstock.port"), 0, 1, nullptr,
                                      nullptr, nullptr, nullptr, &function);
  if (status != napi_ok) throw Napi::TypeError::New(env, "Expected onReady to be a function.");
  napi_unref_threadsafe_function(env, function);

  auto box = std::make_unique<PortBox>();
  box->env = env;
  box->waker = std::make_shared<Waker>(function);
  // Registered after the function: hooks run last in, first out, so the waker is cut off before the function dies.
  auto* const hooked = new std::shared_ptr<Waker>(box->waker);
  napi_add_env_cleanup_hook(
      env,
      [](void* data) {
        auto* const waker = static_cast<std::shared_ptr<Waker>*>(data);
        (*waker)->cut_off();
        delete waker;
      },
      hooked);
  const bool is_of_io_thread = info[3].ToBoolean();
  const auto loop = is_of_io_thread ? std::make_shared<net::service::LoopWaker>() : nullptr;
  box->port = std::make_shared<Port>(std::move(runtime), requests_max, [waker = box->waker, loop] {
    if (loop == nullptr)
      waker->wake();
    else
      loop->wake();
  });
  if (box->port->writer == WriterNumbers::kNone)
    throw_handle_error(env, "runtime", "has as many ports as it can count for");
  box->gateway = std::make_shared<websocket::Gateway>(*box->port);
  box->http = std::make_shared<json::Gateway>(*box->port);
  box->counters = std::make_shared<AnswerCounters>(box->port->writer);
  if (is_of_io_thread)
    box->io = std::make_shared<net::service::IoService>(box->port, loop, box->gateway, box->http, box->counters,
                                                        [waker = box->waker] { waker->wake(); });
  box->event_values = share_array(env, PortBox::kEventsMax * PortEventSlot::kLength, box->events);
  box->refusal_values = share_array(env, RefusalSlot::kLength, box->refusal);
  box->submission_values = share_array(env, SubmissionSlot::kLength, box->submission);
  box->sends.reserve(PortBox::kEventsMax);
  return make_handle(env, std::move(box));
}

Napi::Value close_port(const Napi::CallbackInfo& info) {
  open_box<PortBox>(info, 0, true).close();
  return info.Env().Undefined();
}

// The bytes of one row of each input; `dims` supplies the free ones. False with kShape.
bool read_row_bytes(const Plan& plan, const Napi::Value& dims, PortBox& box) {
  std::vector<int64_t>& free_dims = box.submitted_dims;
  std::vector<size_t>& row_bytes = box.submitted_row_bytes;
  free_dims.clear();
  row_bytes.clear();
  if (plan.has_free_dims) {
    if (!dims.IsTypedArray() || dims.As<Napi::TypedArray>().TypedArrayType() != napi_int32_array ||
        dims.As<Napi::Int32Array>().ElementLength() != plan.free_dim_count) {
      box.last_failure.set(ShapeDetail{.input = kAllInputs, .expected = static_cast<int64_t>(plan.free_dim_count)});
      return false;
    }
    const auto values = dims.As<Napi::Int32Array>();
    for (size_t i = 0; i < plan.free_dim_count; ++i) free_dims.push_back(values[i]);
  }
  size_t free_index = 0;
  for (size_t i = 0; i < plan.inputs.size(); ++i) {
    std::optional<size_t> bytes;
    if (plan.inputs[i].is_static()) {
      bytes = row_bytes_of(plan.inputs[i].dtype, plan.inputs[i].dims);
    } else {
      std::vector<int64_t> full = plan.inputs[i].dims;
      for (int64_t& dim : full)
        if (dim < 0) dim = free_dims[free_index++];
      bytes = row_bytes_of(plan.inputs[i].dtype, full);
    }
    if (!bytes) {
      box.last_failure.set(ShapeDetail{.input = static_cast<int64_t>(i), .expected = 1});
      return false;
    }
    row_bytes.push_back(*bytes);
  }
  return true;
}

// Where the inputs lie, which are `rows` rows of what read_row_bytes found. False with kShape.
bool read_inputs(const Plan& plan, const Napi::Array& inputs, double rows, PortBox& box) {
  box.submitted_inputs.clear();
  for (uint32_t i = 0; i < plan.inputs.size(); ++i) {
    const ByteSpan bytes = read_bytes(inputs.Env(), inputs.Get(i), "inputs");
    size_t expected_bytes = 0;
    const bool is_huge = __builtin_mul_overflow(box.submitted_row_bytes[i], static_cast<size_t>(rows), &expected_bytes);
    if (is_huge || bytes.size != expected_bytes) {
      box.last_failure.set(ShapeDetail{
          .input = i, .expected = static_cast<int64_t>(expected_bytes), .received = static_cast<int64_t>(bytes.size)});
      return false;
    }
    box.submitted_inputs.push_back(reinterpret_cast<const std::byte*>(bytes.data));
  }
  return true;
}

Napi::Value refuse(Napi::Env env, PortBox& box) {
  box.last_channel = box.last_wire_id = -1;
  return Napi::Number::New(env, -static_cast<double>(box.last_failure.code));
}

// The tensors of a request are read, and fit its plan. False with the reason.
bool read_tensors(const Plan& plan, const Napi::Array& inputs, const Napi::Value& dims, double rows, PortBox& box) {
  if (inputs.Length() != plan.inputs.size()) {
    box.last_failure.set(ShapeDetail{
        .input = kAllInputs, .expected = static_cast<int64_t>(plan.inputs.size()), .received = inputs.Length()});
    return false;
  }
  if (!(rows >= 0) || rows > UINT32_MAX) {
    box.last_failure.set(ShapeDetail{.expected = 1, .received = static_cast<int64_t>(rows >= 0 ? UINT32_MAX : 0)});
    return false;
  }
  return read_row_bytes(plan, dims, box) && read_inputs(plan, inputs, rows, box);
}

// submit(port, pipeline, inputs, dims, meta), with the numbers of SubmissionSlot
Napi::Value submit_js(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  PortBox& box = known_box<PortBox>(env, info[0]);
  Pipeline& pipeline = *open_box<PipelineBox>(info, 1).pipeline;
  const double* const numbers = box.submission_values;
  Failure& failure = box.last_failure;
  failure.set(StatusCode::kOk);
  std::shared_ptr<Plan> plan = pipeline.plan();
  if (plan == nullptr) {
    failure.set(StatusCode::kPipelineNotDeployed);
    return refuse(env, box);
  }
  const double rows = numbers[SubmissionSlot::kRows];
  if (!read_tensors(*plan, info[2].As<Napi::Array>(), info[3], rows, box)) return refuse(env, box);
  Submission submission;
  submission.inputs = box.submitted_inputs.data();
  submission.row_bytes = box.submitted_row_bytes.data();
  submission.free_dims = box.submitted_dims.data();
  submission.rows = static_cast<uint32_t>(rows);
  if (!read_meta(info[4], submission.meta)) {
    failure.set(StatusCode::kArgument);
    return refuse(env, box);
  }
  submission.deadline_us = static_cast<int64_t>(numbers[SubmissionSlot::kDeadlineUs]);
  submission.priority = numbers[SubmissionSlot::kPriority] == 1 ? Priority::kBackground : Priority::kInteractive;
  submission.origin.tag = numbers[SubmissionSlot::kTag];
  submission.origin.request_number = read_number(env, numbers, SubmissionSlot::kRequestNumber, 0, kSubmittedNumberMax);
  submission.has_timing = numbers[SubmissionSlot::kHasTiming] != 0;
  submission.has_audited_outputs = numbers[SubmissionSlot::kHasAuditedOutputs] != 0;
  Request* const request = submit(*box.port, pipeline, std::move(plan), submission, failure);
  if (request == nullptr) return refuse(env, box);
  return Napi::Number::New(env, static_cast<double>(box.port->number_of(*request)));
}

Napi::Value submission(const Napi::CallbackInfo& info) {
  return open_box<PortBox>(info, 0).submission.Value();
}

Napi::Value last_failure(const Napi::CallbackInfo& info) {
  const PortBox& box = open_box<PortBox>(info, 0);
  return failure_detail(info.Env(), box.last_failure, box.last_channel, box.last_wire_id);
}

Napi::Value refusal_facts(const Napi::CallbackInfo& info) {
  return open_box<PortBox>(info, 0).refusal.Value();
}

Napi::Value flush(const Napi::CallbackInfo& info) {
  PortBox& box = open_box<PortBox>(info, 0);
  const auto held = box.lock();
  box.port->flush();
  return info.Env().Undefined();
}

Napi::Value cancel(const Napi::CallbackInfo& info) {
  PortBox& box = open_box<PortBox>(info, 0);
  const auto held = box.lock();
  Request* const request = find_request(info, box);
  Completions completions;
  const bool is_cancelled = request != nullptr && end_request(*request, StatusCode::kAborted, completions);
  completions.flush();
  return Napi::Boolean::New(info.Env(), is_cancelled);
}

Napi::Value expire(const Napi::CallbackInfo& info) {
  PortBox& box = open_box<PortBox>(info, 0);
  const auto held = box.lock();
  const int64_t now = now_us();
  const int64_t next = expire_requests(*box.port, now);
  return Napi::Number::New(info.Env(), next == 0 ? -1.0 : static_cast<double>((next - now + 999) / 1000));
}

struct EventWriter {
  double* values;
  size_t count = 0;

  bool has_room(size_t events = 1) const noexcept { return count + events <= PortBox::kEventsMax; }
  void add(PortEvent kind, double a, double b, double c) noexcept {
    double* const event = values + PortEventSlot::kLength * count++;
    event[PortEventSlot::kKind] = static_cast<double>(kind);
    event[PortEventSlot::kA] = a;
    event[PortEventSlot::kB] = b;
    event[PortEventSlot::kC] = c;
  }
};

double wire_name(uint32_t channel, uint32_t wire_id) {
  return static_cast<double>(channel) * 4294967296.0 + wire_id;
}

// False: the outbox has no room for the answer until it was drained.
bool emit_json(PortBox& box, Request& request, double number, EventWriter& events) {
  const double exchange = request.origin.tag;
  size_t offset = 0;
  size_t bytes = 0;
  const json::Gateway::Answer answer = box.http->collect(request, offset, bytes);
  if (answer == json::Gateway::Answer::kNoRoom) return false;
  if (box.port->runtime->scheduler.is_measuring) box.counters->add(request, box.ready_ns);
  if (answer == json::Gateway::Answer::kFailed) {
    events.add(kHttpFailed, exchange, number, 0);
    return true;
  }
  if (answer == json::Gateway::Answer::kLarge) {
    events.add(kHttpLarge, exchange, number, static_cast<double>(request.origin.request_number));
    return true;
  }
  Port::unref(request);
  const Block* const block = box.http->outbox().get();
  if (std::exchange(box.json_outbox_block, block) != block) events.add(kJsonOutbox, 0, 0, 0);
  events.add(kHttpAnswered, exchange, static_cast<double>(offset), static_cast<double>(bytes));
  return true;
}

void emit_answers(PortBox& box, EventWriter& events) {
  const bool is_measuring = box.port->runtime->scheduler.is_measuring;
  box.http->reset_outbox();
  while (box.answers != nullptr && events.has_room(2)) {
    Request& request = *box.answers;
    Request* const next = request.next_answer;
    if (request.ready_ns != 0) box.ready_ns = request.ready_ns;
    if (request.has_timing) request.ready_ns = box.ready_ns;
    const auto number = static_cast<double>(box.port->number_of(request));
    const Origin& origin = request.origin;
    expect_answer_shapes(request);
    if (origin.is_http) {
      if (!emit_json(box, request, number, events)) return;
      box.answers = next;
      continue;
    }
    box.answers = next;
    if (is_measuring) box.counters->add(request, box.ready_ns);
    if (!origin.is_wire)
      events.add(request.status() == StatusCode::kOk ? kAnswered : kFailed, origin.tag, number, request.plan->key);
    else if (box.gateway->collect(request) == websocket::Gateway::Answer::kFailed)
      events.add(kSendFailed, origin.connection, number, wire_name(origin.channel, origin.wire_id));
  }
}

void emit_sends(PortBox& box, EventWriter& events) {
  box.gateway->reset_outbox();
  box.sends.clear();
  box.gateway->encode(box.sends, PortBox::kEventsMax - events.count);
  for (const websocket::Send& send : box.sends)
    events.add(send.is_held ? kSendHeld : kSend, send.connection, static_cast<double>(send.offset),
               static_cast<double>(send.bytes));
}

void emit_replies(PortBox& box, EventWriter& events) {
  while (!box.replies.empty() && events.has_room()) {
    JobReply reply = std::move(box.replies.front());
    box.replies.pop_front();
    events.add(kJob, reply.tag, static_cast<double>(box.emitted_replies.size()), 0);
    box.emitted_replies.emplace_back(reply.tag, std::move(reply.payload));
  }
}

// What an I/O thread leaves: failures to be written, and what waits for slow readers.
size_t emit_left(PortBox& box) {
  EventWriter events{box.event_values};
  const auto held = box.lock();
  box.io->context().script_is_here();
  net::service::FrameService& frames = box.io->frames();
  box.refused = frames.take_refused(PortBox::kEventsMax);
  for (size_t i = 0; i < box.refused.size(); ++i) {
    const net::service::RefusedFrame& frame = box.refused[i];
    events.add(kFrameFailed, frame.connection, static_cast<double>(i), wire_name(frame.channel, frame.request));
  }
  for (Request* request = box.io->json().take_left(); request != nullptr;) {
    // Few: there is room for them with the next drain.
    Request& left = *std::exchange(request, request->next_answer);
    if (!events.has_room()) {
      box.io->json().leave_again(left);
      continue;
    }
    events.add(kHttpFailed, left.origin.tag, static_cast<double>(box.port->number_of(left)),
               box.io->json().route_of(static_cast<uint32_t>(left.origin.tag)));
  }
  for (const net::service::HeldBytes& bytes : frames.take_held(PortBox::kEventsMax - events.count))
    events.add(kHeld, bytes.connection, static_cast<double>(bytes.buffered), static_cast<double>(bytes.ready));
  return events.count;
}

Napi::Value drain(const Napi::CallbackInfo& info) {
  PortBox& box = open_box<PortBox>(info, 0);
  if (box.io != nullptr) return Napi::Number::New(info.Env(), static_cast<double>(emit_left(box)));
  const int64_t now = now_ns();
  box.counters->record_handed_over(now);  // JavaScript has handed over what the drain before gave it
  PortCompletions completions = box.port->collect();
  Request** last_answer = &box.answers;
  while (*last_answer != nullptr) last_answer = &(*last_answer)->next_answer;
  *last_answer = completions.answers;
  for (JobReply& reply : completions.replies) box.replies.push_back(std::move(reply));
  box.emitted_replies.clear();
  EventWriter events{box.event_values};
  emit_answers(box, events);
  emit_sends(box, events);
  emit_replies(box, events);
  if (events.count == 0) box.counters->record_handed_over(now);  // nobody was left to hand anything to
  return Napi::Number::New(info.Env(), static_cast<double>(events.count));
}

Napi::Value events(const Napi::CallbackInfo& info) {
  return open_box<PortBox>(info, 0).events.Value();
}

Napi::Value outbox(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  PortBox& box = open_box<PortBox>(info, 0);
  const std::shared_ptr<Block>& block = box.gateway->outbox();
  if (box.outbox_block == block.get()) return box.outbox.Value();
  auto bytes = Napi::Uint8Array::New(env, block->size_bytes(), external_buffer(env, block), 0);
  box.outbox_block = block.get();
  box.outbox = Napi::Persistent(bytes);
  box.outbox.SuppressDestruct();
  return bytes;
}

Napi::Value in_flight(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), open_box<PortBox>(info, 0).port->in_flight());
}
}  // namespace

void register_ports(Napi::Env env, Napi::Object exports) {
  export_function<open_port>(env, exports, "openPort");
  export_function<close_port>(env, exports, "closePort");
  export_function<submission>(env, exports, "submission");
  export_function<submit_js>(env, exports, "submit");
  export_function<last_failure>(env, exports, "lastFailure");
  export_function<refusal_facts>(env, exports, "refusalFacts");
  export_function<flush>(env, exports, "flush");
  export_function<cancel>(env, exports, "cancel");
  export_function<expire>(env, exports, "expire");
  export_function<drain>(env, exports, "drain");
  export_function<events>(env, exports, "events");
  export_function<outbox>(env, exports, "outbox");
  export_function<in_flight>(env, exports, "inFlight");
}
}  // namespace penstock::addon
