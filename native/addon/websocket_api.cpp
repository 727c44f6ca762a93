// What the WebSocket transport calls, once per socket event. `receive` is the hottest entry of the addon: it is written
// against Node-API itself, because a C++ wrapper around each argument costs as much as the work.
#include "addon/handles.hpp"
#include "addon/known_box.hpp"
#include "addon/spec.hpp"
#include "addon/values.hpp"
#include "core/boundary_codes.hpp"

namespace penstock::addon {
namespace {
uint32_t connection_of(const Napi::CallbackInfo& info) {
  return static_cast<uint32_t>(read_integer(info[1], "connection", 0, UINT32_MAX));
}
uint32_t channel_of(const Napi::CallbackInfo& info) {
  return static_cast<uint32_t>(read_integer(info[2], "channel", 0, UINT32_MAX));
}

websocket::Connection& open_connection_of(const Napi::CallbackInfo& info, PortBox& box) {
  websocket::Connection* const connection = box.gateway->find(connection_of(info));
  if (connection == nullptr) throw_handle_error(info.Env(), "connection", "is closed");
  return *connection;
}

Napi::Value open_connection(const Napi::CallbackInfo& info) {
  PortBox& box = open_box<PortBox>(info, 0);
  const auto held = box.lock();
  const auto window = static_cast<uint32_t>(read_integer(info[1], "windowRequests", 1, 1 << 20));
  return Napi::Number::New(info.Env(), box.gateway->open_connection(window));
}

Napi::Value close_connection(const Napi::CallbackInfo& info) {
  PortBox& box = open_box<PortBox>(info, 0);
  const auto held = box.lock();
  if (box.io == nullptr)
    box.gateway->close_connection(connection_of(info));
  else
    box.io->frames().close_connection(connection_of(info));
  return info.Env().Undefined();
}

Napi::Value open_channel(const Napi::CallbackInfo& info) {
  PortBox& box = open_box<PortBox>(info, 0);
  const auto held = box.lock();
  open_connection_of(info, box);
  const auto channel = static_cast<uint32_t>(read_integer(info[2], "channel", 0, kChannelsMax - 1));
  box.gateway->open_channel(connection_of(info), channel, open_box<PipelineBox>(info, 3).pipeline, info[4].ToBoolean());
  return info.Env().Undefined();
}

Napi::Value close_channel(const Napi::CallbackInfo& info) {
  PortBox& box = open_box<PortBox>(info, 0);
  const auto held = box.lock();
  box.gateway->close_channel(connection_of(info), channel_of(info));
  return info.Env().Undefined();
}

Napi::Value set_congested(const Napi::CallbackInfo& info) {
  PortBox& box = open_box<PortBox>(info, 0);
  const auto held = box.lock();
  const bool has_more = box.gateway->set_congested(open_connection_of(info, box), info[2].ToBoolean());
  return Napi::Boolean::New(info.Env(), has_more);
}

Napi::Value acknowledge(const Napi::CallbackInfo& info) {
  PortBox& box = open_box<PortBox>(info, 0);
  const auto held = box.lock();
  const auto frames = static_cast<size_t>(read_integer(info[2], "frames", 0, INT32_MAX));
  return Napi::Boolean::New(info.Env(), box.gateway->acknowledge(open_connection_of(info, box), frames));
}

Napi::Value ready_bytes(const Napi::CallbackInfo& info) {
  PortBox& box = open_box<PortBox>(info, 0);
  const auto held = box.lock();
  return Napi::Number::New(info.Env(), static_cast<double>(open_connection_of(info, box).ready_bytes));
}

Napi::Value cancel_websocket(const Napi::CallbackInfo& info) {
  PortBox& box = open_box<PortBox>(info, 0);
  const auto held = box.lock();
  const auto wire_id = static_cast<uint32_t>(read_integer(info[3], "wireId", 0, UINT32_MAX));
  return Napi::Boolean::New(info.Env(), box.gateway->cancel(connection_of(info), channel_of(info), wire_id));
}

int32_t receive_frame(napi_env env, napi_callback_info info) {
  size_t count = 3;
  napi_value arguments[3];
  uint32_t connection = 0;
  void* data = nullptr;
  size_t size = 0;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  PortBox& box = known_box<PortBox>(env, arguments[0]);
  if (count < 3 || napi_get_value_uint32(env, arguments[1], &connection) != napi_ok ||
      napi_get_arraybuffer_info(env, arguments[2], &data, &size) != napi_ok)
    throw Napi::TypeError::New(env, "Expected receive(port, connection, ArrayBuffer).");
  int64_t channel = -1;
  int64_t wire_id = -1;
  const auto held = box.lock();
  const int32_t result =
      box.gateway->receive(connection, {static_cast<const uint8_t*>(data), size}, box.last_failure, channel, wire_id);
  if (result < 0) box.note_refusal(channel, wire_id);
  if (box.io == nullptr || result != kReceivedWithRefusals) return result;
  // The next frame of the I/O thread forgets them: they go to where its own go.
  box.io->frames().take_refusals(connection);
  return 0;
}

// takeRefusal(port): the status of the next request that the last frame was refused, with its facts where `receive`
// leaves them; 0: there are no more.
Napi::Value take_refusal(const Napi::CallbackInfo& info) {
  PortBox& box = open_box<PortBox>(info, 0);
  int64_t channel = -1;
  int64_t wire_id = -1;
  if (!box.gateway->take_refusal(box.last_failure, channel, wire_id)) return Napi::Number::New(info.Env(), 0);
  box.note_refusal(channel, wire_id);
  return Napi::Number::New(info.Env(), static_cast<double>(box.last_failure.code));
}

napi_value receive(napi_env env, napi_callback_info info) {
  try {
    napi_value result = nullptr;
    napi_create_int32(env, receive_frame(env, info), &result);
    return result;
  } catch (const Napi::Error& error) {
    error.ThrowAsJavaScriptException();
    return nullptr;
  }
}
}  // namespace

void register_websocket(Napi::Env env, Napi::Object exports) {
  export_function<open_connection>(env, exports, "openConnection");
  export_function<close_connection>(env, exports, "closeConnection");
  export_function<open_channel>(env, exports, "openChannel");
  export_function<close_channel>(env, exports, "closeChannel");
  export_function<set_congested>(env, exports, "setCongested");
  export_function<acknowledge>(env, exports, "acknowledge");
  export_function<ready_bytes>(env, exports, "readyBytes");
  export_function<cancel_websocket>(env, exports, "cancelWebSocket");
  export_function<take_refusal>(env, exports, "takeRefusal");
  napi_value function = nullptr;
  napi_create_function(env, "receive", NAPI_AUTO_LENGTH, receive, nullptr, &function);
  exports.Set("receive", Napi::Value(env, function));
}
}  // namespace penstock::addon
