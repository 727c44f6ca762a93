// The limits of callers: made once a key, counted once a request. WebSocket frames are counted in
// websocket/gateway.cpp.
#include "addon/handles.hpp"
#include "addon/spec.hpp"
#include "core/clock.hpp"

namespace penstock::addon {
namespace {
// A period of an hour and a bucket of one second's worth at the highest rate stay far from 2^63 together.
constexpr int64_t kPeriodNsMax = int64_t{3600} * 1000 * 1000 * 1000;
constexpr int64_t kBurstMax = 1 << 20;

// makeLimit(periodNs, burst, inFlightMax)
Napi::Value make_limit(const Napi::CallbackInfo& info) {
  const int64_t period_ns = read_integer(info[0], "periodNs", 0, kPeriodNsMax);
  const int64_t burst = read_integer(info[1], "burst", 1, kBurstMax);
  const auto in_flight_max = static_cast<uint32_t>(read_integer(info[2], "inFlightMax", 0, INT32_MAX));
  auto box = std::make_unique<LimitBox>();
  box->limit = std::make_shared<CallerLimit>(period_ns, burst, in_flight_max);
  return make_handle(info.Env(), std::move(box));
}

// 0: counted. > 0: nanoseconds to wait. -1: too many in flight.
Napi::Value take_limit(const Napi::CallbackInfo& info) {
  const int64_t wait_ns = open_box<LimitBox>(info, 0).limit->try_take(now_ns());
  return Napi::Number::New(info.Env(), static_cast<double>(wait_ns));
}

Napi::Value release_limit(const Napi::CallbackInfo& info) {
  open_box<LimitBox>(info, 0).limit->release(1);
  return info.Env().Undefined();
}

Napi::Value give_back_limit(const Napi::CallbackInfo& info) {
  open_box<LimitBox>(info, 0).limit->give_back();
  return info.Env().Undefined();
}

// setConnectionLimit(port, connection, limit): before the connection's first frame.
Napi::Value set_connection_limit(const Napi::CallbackInfo& info) {
  PortBox& box = open_box<PortBox>(info, 0);
  const auto id = static_cast<uint32_t>(read_integer(info[1], "connection", 0, UINT32_MAX));
  const auto held = box.lock();
  websocket::Connection* const connection = box.gateway->find(id);
  if (connection == nullptr || connection->in_flight > 0)
    throw_handle_error(info.Env(), "connection", "is closed or in use");
  connection->limit = open_box<LimitBox>(info, 2).limit;
  return info.Env().Undefined();
}
}  // namespace

void register_limits(Napi::Env env, Napi::Object exports) {
  export_function<make_limit>(env, exports, "makeLimit");
  export_function<take_limit>(env, exports, "takeLimit");
  export_function<release_limit>(env, exports, "releaseLimit");
  export_function<give_back_limit>(env, exports, "giveBackLimit");
  export_function<set_connection_limit>(env, exports, "setConnectionLimit");
}
}  // namespace penstock::addon
