// What JavaScript does to the port of an I/O thread beyond what it does to its own: connections of sockets, frames that
// were left to it, failures that it wrote once for many.
#include "addon/handles.hpp"
#include "addon/spec.hpp"
#include "addon/values.hpp"
#include "core/boundary_codes.hpp"
#include "core/clock.hpp"

namespace penstock::addon {
namespace {
// A socket's number is exact in a JavaScript number.
uint64_t socket_of(const Napi::CallbackInfo& info) {
  return static_cast<uint64_t>(read_integer(info[1], "socket", 0, int64_t{1} << 53));
}

PortBox& open_io_box(const Napi::CallbackInfo& info) {
  PortBox& box = open_box<PortBox>(info, 0);
  if (box.io == nullptr) throw_handle_error(info.Env(), "port", "is not an I/O thread's");
  return box;
}

// openSocketConnection(port, socket, windowRequests) → the connection
Napi::Value open_socket_connection(const Napi::CallbackInfo& info) {
  PortBox& box = open_io_box(info);
  const auto window = static_cast<uint32_t>(read_integer(info[2], "windowRequests", 1, 1 << 20));
  const auto held = box.lock();
  return Napi::Number::New(info.Env(), box.io->frames().open_connection(socket_of(info), window));
}

// frameHandled(port, socket)
Napi::Value frame_handled(const Napi::CallbackInfo& info) {
  PortBox& box = open_io_box(info);
  const auto held = box.lock();
  box.io->frames().handled(socket_of(info));
  return info.Env().Undefined();
}

// readFrameFailure(port, place): of the last drain
Napi::Value read_frame_failure(const Napi::CallbackInfo& info) {
  PortBox& box = open_io_box(info);
  const auto last = static_cast<int64_t>(box.refused.size()) - 1;
  const auto& frame = box.refused[static_cast<size_t>(read_integer(info[1], "place", 0, last))];
  return failure_detail(info.Env(), frame.failure, frame.channel, frame.request);
}

// keepRefusal(port, place, message, channelAt, requestAt): how the failure at that place was written
Napi::Value keep_refusal(const Napi::CallbackInfo& info) {
  PortBox& box = open_io_box(info);
  const auto last = static_cast<int64_t>(box.refused.size()) - 1;
  const auto place = static_cast<size_t>(read_integer(info[1], "place", 0, last));
  const ByteSpan message = read_bytes(info.Env(), info[2], "message");
  const auto position_max = static_cast<int64_t>(message.size) - 4;
  net::service::RefusalTemplate refusal;
  refusal.failure = box.refused[place].failure;
  refusal.channel_at = static_cast<size_t>(read_integer(info[3], "channelAt", 0, position_max));
  refusal.request_at = static_cast<size_t>(read_integer(info[4], "requestAt", 0, position_max));
  const auto* const bytes = reinterpret_cast<const std::byte*>(message.data);
  refusal.message.assign(bytes, bytes + message.size);
  refusal.until_us = now_us() + kRefusalMomentUs;
  const auto held = box.lock();
  box.io->frames().keep_refusal(std::move(refusal));
  return info.Env().Undefined();
}
// keepHead(port, key, pipeline, plan, limit or null, route): what JavaScript has found a head to mean
Napi::Value keep_head(const Napi::CallbackInfo& info) {
  PortBox& box = open_io_box(info);
  if (!info[1].IsString()) throw Napi::TypeError::New(info.Env(), "Expected key to be a string.");
  net::service::JudgedHead head;
  head.pipeline = open_box<PipelineBox>(info, 2).pipeline;
  head.plan_key = open_box<PlanBox>(info, 3).plan->key;
  if (!info[4].IsNull()) head.limit = open_box<LimitBox>(info, 4).limit;
  head.route = static_cast<uint32_t>(read_integer(info[5], "route", 0, net::service::JsonService::kRoutesMax - 1));
  head.until_us = now_us() + net::service::Heads::kMomentUs;
  const auto held = box.lock();
  box.io->json().keep_head(info[1].As<Napi::String>().Utf8Value(), std::move(head));
  return info.Env().Undefined();
}

// replyLater(port, ticket, status, headers, body)
Napi::Value reply_later(const Napi::CallbackInfo& info) {
  PortBox& box = open_io_box(info);
  const auto ticket = static_cast<uint32_t>(read_integer(info[1], "ticket", 0, INT32_MAX));
  const auto status = static_cast<int>(read_integer(info[2], "status", 200, 599));
  if (!info[3].IsString()) throw Napi::TypeError::New(info.Env(), "Expected headers to be a string.");
  const ByteSpan given = read_bytes(info.Env(), info[4], "body");
  const auto* const bytes = reinterpret_cast<const std::byte*>(given.data);
  {
    const auto held = box.lock();
    if (!box.io->json().is_answered(ticket)) throw_handle_error(info.Env(), "ticket", "was replied to already");
    box.io->json().reply_later(ticket, status, info[3].As<Napi::String>().Utf8Value(), {bytes, bytes + given.size});
  }
  box.io->context().waker->wake();
  return info.Env().Undefined();
}

// answeredRequests(port, route): those that the thread answered with 200
Napi::Value answered_requests(const Napi::CallbackInfo& info) {
  PortBox& box = open_io_box(info);
  const auto route = static_cast<size_t>(read_integer(info[1], "route", 0, net::service::JsonService::kRoutesMax - 1));
  const auto held = box.lock();
  return Napi::Number::New(info.Env(), static_cast<double>(box.io->json().answered(route)));
}
}  // namespace

void register_io_ports(Napi::Env env, Napi::Object exports) {
  export_function<open_socket_connection>(env, exports, "openSocketConnection");
  export_function<frame_handled>(env, exports, "frameHandled");
  export_function<read_frame_failure>(env, exports, "readFrameFailure");
  export_function<keep_refusal>(env, exports, "keepRefusal");
  export_function<keep_head>(env, exports, "keepHead");
  export_function<reply_later>(env, exports, "replyLater");
  export_function<answered_requests>(env, exports, "answeredRequests");
}
}  // namespace penstock::addon
