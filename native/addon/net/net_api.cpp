// What the socket backend of src/transport/socket/native calls. Commands are posted: none of these calls waits for an
// I/O thread but close, which joins them.
#include "addon/known_box.hpp"
#include "addon/spec.hpp"
#include "addon/net/io_box.hpp"
#include "addon/values.hpp"
#include "net/listener.hpp"
#include "net/websocket/frame_writer.hpp"

namespace penstock::addon {
namespace {
using net::AnswerFraming;
using net::Command;
using net::CommandKind;
using net::IoEvent;

constexpr int64_t kIdMax = (int64_t{1} << 53) - 1;
constexpr size_t kEventsOfOneTake = 512;

bool has_flag(int64_t flags, AnswerFlag flag) noexcept {
  return (flags & static_cast<int64_t>(flag)) != 0;
}

uint64_t io_id(const Napi::CallbackInfo& info) {
  return static_cast<uint64_t>(read_integer(info[1], "id", 0, kIdMax));
}

std::string io_text(const Napi::Value& value) {
  return value.IsString() ? value.As<Napi::String>().Utf8Value() : std::string{};
}

// Text or the bytes of a view; '' for anything else.
std::string io_bytes(const Napi::Value& value) {
  if (value.IsString() || !value.IsObject()) return io_text(value);
  const ByteSpan bytes = read_bytes(value.Env(), value, "body");
  return {reinterpret_cast<const char*>(bytes.data), bytes.size};
}

int64_t io_option(const Napi::Object& options, const char* name, int64_t max) {
  return read_integer(options.Get(name), name, 0, max);
}

net::LoopOptions loop_options(const Napi::Object& options) {
  net::LoopOptions result;
  result.websocket_path = io_text(options.Get("websocketPath"));
  result.message_bytes_max = static_cast<size_t>(io_option(options, "messageBytesMax", INT32_MAX));
  result.idle_ms = io_option(options, "idleMs", INT32_MAX);
  result.silence_ms = io_option(options, "silenceMs", INT32_MAX);
  result.head_ms = io_option(options, "headMs", INT32_MAX);
  result.body_ms = io_option(options, "bodyMs", INT32_MAX);
  result.body_bytes_min = static_cast<uint64_t>(io_option(options, "bodyBytesMin", INT32_MAX));
  result.linger_ms = io_option(options, "lingerMs", INT32_MAX);
  result.unhandled_bytes_max = io_option(options, "unhandledBytesMax", INT32_MAX);
  return result;
}

std::shared_ptr<Waker> open_waker(Napi::Env env, const Napi::Value& callback) {
  napi_threadsafe_function function = nullptr;
  const napi_status status =
      napi_create_threadsafe_function(env, callback, nullptr, Napi::String::New(env, "penstock.io"), 0, 1, nullptr,
                                      nullptr, nullptr, nullptr, &function);
  if (status != napi_ok) throw Napi::TypeError::New(env, "Expected onEvents to be a function.");
  napi_unref_threadsafe_function(env, function);
  auto waker = std::make_shared<Waker>(function);
  // Registered after the function: hooks run last in, first out, so the waker is cut off before the function dies.
  napi_add_env_cleanup_hook(
      env,
      [](void* data) {
        auto* const hooked = static_cast<std::shared_ptr<Waker>*>(data);
        (*hooked)->cut_off();
        delete hooked;
      },
      new std::shared_ptr<Waker>(waker));
  return waker;
}

// openIo(threads, options, onEvents)
Napi::Value open_io(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto threads = static_cast<uint32_t>(read_integer(info[0], "threads", 1, net::IoLoop::kLoopsMax));
  const net::LoopOptions options = loop_options(info[1].As<Napi::Object>());
  auto box = std::make_unique<IoBox>();
  box->waker = open_waker(env, info[2]);
  box->events = std::make_unique<net::EventQueue>([waker = box->waker] { waker->wake(); });
  box->shares.resize(threads);
  for (uint32_t number = 0; number < threads; ++number) {
    box->loops.push_back(std::make_unique<net::IoLoop>(number, options, *box->events));
    if (!box->loops.back()->is_ready()) throw_handle_error(env, "io", "found no descriptor for its event loop");
  }
  return make_handle(env, std::move(box));
}

// ioServe(io, ports): a port for each thread, by which it serves without JavaScript; before it listens.
Napi::Value io_serve(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  IoBox& box = open_box<IoBox>(info, 0);
  const auto ports = info[1].As<Napi::Array>();
  if (box.is_started || !box.services.empty() || ports.Length() != box.loops.size())
    throw Napi::RangeError::New(env, "Expected one port for each I/O thread, once, before it listens.");
  for (uint32_t number = 0; number < ports.Length(); ++number) {
    const PortBox& port = open_box<PortBox>(env, ports.Get(number));
    if (port.io == nullptr) throw_handle_error(env, "port", "is not an I/O thread's");
    box.services.push_back(port.io);
  }
  for (size_t number = 0; number < box.loops.size(); ++number) {
    box.services[number]->attach(box.loops[number].get());
    box.loops[number]->set_handler(box.services[number].get());
  }
  return env.Undefined();
}

// ioListen(io, host, port): the bound port, or null.
Napi::Value io_listen(const Napi::CallbackInfo& info) {
  IoBox& box = open_box<IoBox>(info, 0);
  const auto port = static_cast<uint16_t>(read_integer(info[2], "port", 0, UINT16_MAX));
  const net::Listener listener = net::open_listener(io_text(info[1]), port);
  if (listener.fd < 0) return info.Env().Null();
  if (!std::exchange(box.is_started, true)) {
    std::vector<net::IoLoop*> peers;
    for (const auto& loop : box.loops) peers.push_back(loop.get());
    box.loops.front()->set_peers(std::move(peers));
    for (const auto& loop : box.loops) loop->start();
  }
  box.loops.front()->post({.kind = CommandKind::kListen, .number = static_cast<uint64_t>(listener.fd)});
  return Napi::Number::New(info.Env(), listener.port);
}

Napi::Value io_stop_listening(const Napi::CallbackInfo& info) {
  open_box<IoBox>(info, 0).loops.front()->post({.kind = CommandKind::kStopListening});
  return info.Env().Undefined();
}

Napi::Value close_io(const Napi::CallbackInfo& info) {
  open_box<IoBox>(info, 0, true).close();
  return info.Env().Undefined();
}

void release_handled(IoBox& box) {
  for (const auto& [id, bytes] : box.handling) {
    net::ConnectionShare* const share = box.share_of(id);
    if (share == nullptr) continue;
    share->unhandled_bytes.fetch_sub(static_cast<int64_t>(bytes));
    if (share->unhandled_bytes.load() <= 0 && share->is_paused.exchange(false))
      box.loop_of(id)->post({.kind = CommandKind::kResume, .id = id});
  }
  box.handling.clear();
}

void keep_share(IoBox& box, IoEvent& event) {
  auto& shares = box.shares[net::IoLoop::loop_of(event.id)];
  const uint32_t slot = net::IoLoop::slot_of(event.id);
  if (slot >= shares.size()) shares.resize(slot + 1);
  shares[slot] = std::move(event.share);
}

void set_field(napi_env env, napi_value array, size_t index, napi_value value) {
  napi_set_element(env, array, static_cast<uint32_t>(index), value);
}

void add_event(napi_env env, napi_value array, size_t begin, const IoEvent& event) {
  napi_value value = nullptr;
  napi_create_uint32(env, static_cast<uint32_t>(event.kind), &value);
  set_field(env, array, begin + IoEventSlot::kKind, value);
  napi_create_double(env, static_cast<double>(event.id), &value);
  set_field(env, array, begin + IoEventSlot::kId, value);
  napi_create_double(env, static_cast<double>(event.number), &value);
  set_field(env, array, begin + IoEventSlot::kNumber, value);
  napi_get_boolean(env, event.flag, &value);
  set_field(env, array, begin + IoEventSlot::kFlag, value);
  if (!event.text.empty()) {
    napi_create_string_utf8(env, event.text.data(), event.text.size(), &value);
    set_field(env, array, begin + IoEventSlot::kText, value);
  }
  if (!event.bytes.empty()) {
    void* data = nullptr;
    napi_create_arraybuffer(env, event.bytes.size(), &data, &value);
    std::copy(event.bytes.begin(), event.bytes.end(), static_cast<char*>(data));
    set_field(env, array, begin + IoEventSlot::kBytes, value);
  }
}

// ioTake(io): what was given out before counts as handled.
Napi::Value io_take(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  IoBox& box = known_box<IoBox>(env, info[0]);
  release_handled(box);
  if (box.given == box.taken.size()) {
    box.taken.clear();
    box.given = 0;
    box.events->take(box.taken);
  }
  const size_t count = std::min(box.taken.size() - box.given, kEventsOfOneTake);
  napi_value array = nullptr;
  napi_create_array_with_length(env, count * IoEventSlot::kLength, &array);
  for (size_t index = 0; index < count; ++index) {
    IoEvent& event = box.taken[box.given++];
    if (event.kind == IoEventKind::kOpened) keep_share(box, event);
    if (!event.bytes.empty()) box.handling.emplace_back(event.id, event.bytes.size());
    if (event.kind == IoEventKind::kGone)
      box.shares[net::IoLoop::loop_of(event.id)][net::IoLoop::slot_of(event.id)].reset();
    add_event(env, array, index * IoEventSlot::kLength, event);
    event = {};
  }
  return {env, array};
}

double buffered_of(const IoBox& box, uint64_t id) {
  const net::ConnectionShare* const share = box.share_of(id);
  return share == nullptr ? 0 : static_cast<double>(share->buffered_bytes());
}

// Posts a command; `counted_bytes` of it go to the socket. Returns what waits for the kernel now, these included.
Napi::Value io_post(const Napi::CallbackInfo& info, IoBox& box, Command command, size_t counted_bytes = 0) {
  const uint64_t id = command.id;
  net::IoLoop* const loop = box.loop_of(id);
  net::ConnectionShare* const share = box.share_of(id);
  if (share != nullptr) share->queued_bytes.fetch_add(counted_bytes);
  if (loop != nullptr && !box.is_closed) loop->post(std::move(command));
  return Napi::Number::New(info.Env(), buffered_of(box, id));
}

// ioAnswer(io, id, status, headers, totalBytes, body, flags)
Napi::Value io_answer(const Napi::CallbackInfo& info) {
  IoBox& box = known_box<IoBox>(info.Env(), info[0]);
  const int64_t flags = read_integer(info[6], "flags", 0, 15);
  Command command{.kind = CommandKind::kAnswer, .id = io_id(info)};
  command.status = static_cast<uint16_t>(read_integer(info[2], "status", 0, 599));
  command.text = io_text(info[3]);
  command.bytes = io_bytes(info[5]);
  const int64_t total_bytes = read_integer(info[4], "totalBytes", -1, kIdMax);
  command.number = total_bytes < 0 ? command.bytes.size() : static_cast<uint64_t>(total_bytes);
  command.framing = has_flag(flags, AnswerFlag::kChunked) ? AnswerFraming::kChunked : AnswerFraming::kLength;
  command.flag = has_flag(flags, AnswerFlag::kLast);
  command.closes = has_flag(flags, AnswerFlag::kCloses);
  command.wants_writable = has_flag(flags, AnswerFlag::kWantsWritable);
  const size_t bytes = command.bytes.size();
  return io_post(info, box, std::move(command), bytes);
}

template <CommandKind kind>
Napi::Value post_kind(const Napi::CallbackInfo& info) {
  IoBox& box = open_box<IoBox>(info, 0, true);
  return io_post(info, box, {.kind = kind, .id = io_id(info), .text = io_text(info[2])});
}

// ioSend(io, id, bytes, isBinary): what waited before, 0: nothing does; the socket's drain is reported otherwise.
Napi::Value io_send(const Napi::CallbackInfo& info) {
  IoBox& box = known_box<IoBox>(info.Env(), info[0]);
  Command command{.kind = CommandKind::kSend, .id = io_id(info), .flag = info[3].ToBoolean()};
  command.bytes = io_bytes(info[2]);
  const double waiting = buffered_of(box, command.id);
  if (waiting > 0) {
    if (net::ConnectionShare* const share = box.share_of(command.id)) share->wants_drain.store(true);
  }
  const size_t bytes = command.bytes.size() + net::frame_header_bytes(command.bytes.size());
  io_post(info, box, std::move(command), bytes);
  return Napi::Number::New(info.Env(), waiting);
}

Napi::Value io_buffered(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), buffered_of(known_box<IoBox>(info.Env(), info[0]), io_id(info)));
}

// ioEnd(io, id, code, reason)
Napi::Value io_end(const Napi::CallbackInfo& info) {
  IoBox& box = open_box<IoBox>(info, 0, true);
  Command command{.kind = CommandKind::kEnd, .id = io_id(info)};
  command.number = static_cast<uint64_t>(read_integer(info[2], "code", 1000, 4999));
  command.text = io_text(info[3]);
  return io_post(info, box, std::move(command));
}
}  // namespace

void register_net(Napi::Env env, Napi::Object exports) {
  export_function<open_io>(env, exports, "openIo");
  export_function<io_serve>(env, exports, "ioServe");
  export_function<io_listen>(env, exports, "ioListen");
  export_function<io_stop_listening>(env, exports, "ioStopListening");
  export_function<close_io>(env, exports, "ioClose");
  export_function<io_take>(env, exports, "ioTake");
  export_function<io_answer>(env, exports, "ioAnswer");
  export_function<post_kind<CommandKind::kContinue>>(env, exports, "ioContinue");
  export_function<post_kind<CommandKind::kCut>>(env, exports, "ioCut");
  export_function<post_kind<CommandKind::kUpgrade>>(env, exports, "ioUpgrade");
  export_function<io_send>(env, exports, "ioSend");
  export_function<io_buffered>(env, exports, "ioBuffered");
  export_function<io_end>(env, exports, "ioEnd");
}
}  // namespace penstock::addon
