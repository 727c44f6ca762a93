// Sessions of ONNX Runtime: the library is opened, and models are loaded, on a thread of their own each, so that
// nobody's requests wait for it; what comes of it is a handle, and a number by which other isolates adopt the same
// session.
#include <chrono>
#include <condition_variable>
#include <thread>

#include "addon/handles.hpp"
#include "addon/ort/ort_handles.hpp"
#include "addon/spec.hpp"
#include "addon/values.hpp"
#include "ort/tensor_run.hpp"

namespace penstock::addon {
namespace {
// Threads that this isolate has started and that are inside ONNX Runtime. When the isolate ends, it waits for them: on
// the main thread the library's own static objects go next.
class Pending {
 public:
  static std::shared_ptr<Pending> of(napi_env env) {
    static thread_local std::shared_ptr<Pending> pending;
    if (pending == nullptr) {
      pending = std::make_shared<Pending>();
      const auto wait = [](void* data) { static_cast<Pending*>(data)->wait(); };
      napi_add_env_cleanup_hook(env, wait, pending.get());
    }
    return pending;
  }
  void begin() {
    std::lock_guard lock(mutex_);
    ++count_;
  }
  void end() {
    std::lock_guard lock(mutex_);
    if (--count_ == 0) ended_.notify_all();
  }

 private:
  static constexpr std::chrono::seconds kWaitMax{10};
  void wait() {
    std::unique_lock lock(mutex_);
    ended_.wait_for(lock, kWaitMax, [&] { return count_ == 0; });
  }

  std::mutex mutex_;
  std::condition_variable ended_;
  int count_ = 0;
};

// Work for a thread of its own, and the promise that it settles on its isolate's.
class ThreadTask {
 public:
  explicit ThreadTask(Napi::Env env) : deferred_(Napi::Promise::Deferred::New(env)) {}
  virtual ~ThreadTask() = default;
  virtual void work() = 0;
  virtual Napi::Value result(Napi::Env env) = 0;

  // An isolate that has ended meanwhile hears nothing.
  static Napi::Promise start(Napi::Env env, std::unique_ptr<ThreadTask> task) {
    const Napi::Promise promise = task->deferred_.Promise();
    const auto nothing = [](const Napi::CallbackInfo&) {};
    auto settled = Napi::ThreadSafeFunction::New(env, Napi::Function::New(env, nothing), "penstock.session", 0, 1);
    const auto pending = Pending::of(env);
    pending->begin();
    std::thread([settled, pending, owned = std::move(task)]() mutable {
      owned->work();
      ThreadTask* const done = owned.release();
      const auto settle = [](Napi::Env isolate, Napi::Function, ThreadTask* data) {
        const std::unique_ptr<ThreadTask> finished(data);
        if (static_cast<napi_env>(isolate) != nullptr) finished->deferred_.Resolve(finished->result(isolate));
      };
      if (settled.BlockingCall(done, settle) != napi_ok) delete done;
      settled.Release();
      pending->end();
    }).detach();
    return promise;
  }

 private:
  Napi::Promise::Deferred deferred_;
};

class OpenLibrary final : public ThreadTask {
 public:
  OpenLibrary(Napi::Env env, std::string path, std::string version)
      : ThreadTask(env), path_(std::move(path)), version_(std::move(version)) {}
  void work() override { refusal_ = ort::Library::open(path_, version_); }
  Napi::Value result(Napi::Env env) override { return Napi::String::New(env, refusal_); }

 private:
  std::string path_, version_, refusal_;
};

// Dims of its inputs, a run each.
using WarmUpRuns = std::vector<std::vector<std::vector<int64_t>>>;

// A run on zeros that the model refuses is nobody's failure.
void warm_up(const ort::Session& session, const WarmUpRuns& runs) {
  for (const auto& run : runs) {
    if (run.size() != session.inputs().size()) continue;
    std::vector<ort::GivenTensor> inputs(run.size());
    std::vector<std::vector<std::byte>> zeros(run.size());
    for (size_t i = 0; i < run.size(); ++i) {
      const auto dtype = static_cast<Dtype>(session.inputs()[i].element_type);
      zeros[i].resize(row_bytes_of(dtype, run[i]).value_or(0) + 1);  // has an address whatever its size
      inputs[i] = {i, static_cast<int>(dtype), run[i], zeros[i].data(), zeros[i].size() - 1, {}};
    }
    std::vector<ort::ResultTensor> ignored;
    ort::run_tensors(session, inputs, nullptr, ignored);
  }
}

class CreateSession final : public ThreadTask {
 public:
  CreateSession(Napi::Env env, ort::SessionSpec spec, WarmUpRuns runs)
      : ThreadTask(env), spec_(std::move(spec)), runs_(std::move(runs)) {
    bytes_.SuppressDestruct();  // an isolate that has ended meanwhile has freed it
  }
  // The contents of the file stay where they are, and stay there until the session does not need them any more.
  void hold(const Napi::Object& bytes) { bytes_.Reset(bytes, 1); }
  void work() override {
    const ort::Library* const library = ort::Library::instance();
    if (library == nullptr) {
      refusal_ = "ONNX Runtime's library is not open";
      return;
    }
    session_ = ort::Session::create(*library, spec_, refusal_);
    if (session_ != nullptr) warm_up(*session_, runs_);
  }
  Napi::Value result(Napi::Env env) override {
    bytes_.Reset();
    if (session_ == nullptr) return Napi::String::New(env, refusal_);
    auto box = std::make_unique<SessionBox>();
    box->session = std::move(session_);
    return make_handle(env, std::move(box));
  }

 private:
  ort::SessionSpec spec_;
  WarmUpRuns runs_;
  std::string refusal_;
  std::shared_ptr<ort::Session> session_;
  Napi::ObjectReference bytes_;
};

std::vector<int64_t> read_dims(const Napi::Value& value) {
  const Napi::Array list = value.As<Napi::Array>();
  std::vector<int64_t> dims;
  for (uint32_t d = 0; d < list.Length(); ++d) dims.push_back(read_integer(list.Get(d), "dims", 0, INT32_MAX));
  return dims;
}

Napi::Value open_onnx_runtime(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return ThreadTask::start(
      env, std::make_unique<OpenLibrary>(env, info[0].ToString().Utf8Value(), info[1].ToString().Utf8Value()));
}

Napi::Value create_session(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Napi::Object given = info[0].As<Napi::Object>();
  ort::SessionSpec spec;
  const Napi::Value path = given.Get("path");
  const bool is_path = path.IsString();
  if (is_path) {
    spec.path = path.As<Napi::String>().Utf8Value();
  } else {
    const ByteSpan bytes = read_bytes(env, given.Get("bytes"), "bytes");
    spec.bytes = {bytes.data, bytes.size};
  }
  spec.intra_op_threads = static_cast<int>(read_integer(given.Get("intraOpThreads"), "intraOpThreads", 1, 256));
  spec.is_spinning = given.Get("spinning").ToBoolean();
  spec.is_optimized = !given.Get("isPrepared").ToBoolean();
  spec.cuda_device = static_cast<int>(read_integer(given.Get("cudaDevice"), "cudaDevice", -1, 255));
  WarmUpRuns runs;
  const Napi::Array list = given.Get("warmUpRuns").As<Napi::Array>();
  for (uint32_t r = 0; r < list.Length(); ++r) {
    const Napi::Array inputs = list.Get(r).As<Napi::Array>();
    auto& run = runs.emplace_back();
    for (uint32_t i = 0; i < inputs.Length(); ++i) run.push_back(read_dims(inputs.Get(i)));
  }
  auto task = std::make_unique<CreateSession>(env, std::move(spec), std::move(runs));
  if (!is_path) task->hold(given.Get("bytes").As<Napi::Object>());
  return ThreadTask::start(env, std::move(task));
}

Napi::Value session_id(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), SessionRegistry::instance().share(open_box<SessionBox>(info, 0).session));
}

Napi::Value adopt_session(const Napi::CallbackInfo& info) {
  auto box = std::make_unique<SessionBox>();
  box->session = SessionRegistry::instance().adopt(info[0].ToNumber().DoubleValue());
  if (box->session == nullptr) throw_handle_error(info.Env(), "session", "is closed");
  return make_handle(info.Env(), std::move(box));
}

Napi::Value close_session(const Napi::CallbackInfo& info) {
  SessionBox& box = open_box<SessionBox>(info, 0, true);
  box.is_closed = true;
  // Giving the memory of a large model back takes milliseconds: not on a thread that serves.
  if (box.session == nullptr || box.session.use_count() > 1) {
    box.session.reset();
    return info.Env().Undefined();
  }
  const auto pending = Pending::of(info.Env());
  pending->begin();
  std::thread([pending, last = std::move(box.session)]() mutable {
    last.reset();
    pending->end();
  }).detach();
  return info.Env().Undefined();
}

Napi::Array field_list(Napi::Env env, const std::vector<ort::FieldInfo>& fields) {
  Napi::Array list = Napi::Array::New(env, fields.size());
  for (uint32_t i = 0; i < fields.size(); ++i) {
    Napi::Object field = Napi::Object::New(env);
    field.Set("name", Napi::String::New(env, fields[i].name));
    field.Set("dtype", Napi::Number::New(env, fields[i].is_tensor ? fields[i].element_type : 0));
    list.Set(i, field);
  }
  return list;
}

Napi::Value session_fields(const Napi::CallbackInfo& info) {
  const ort::Session& session = *open_box<SessionBox>(info, 0).session;
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("inputs", field_list(info.Env(), session.inputs()));
  result.Set("outputs", field_list(info.Env(), session.outputs()));
  return result;
}
}  // namespace

SessionRegistry& SessionRegistry::instance() {
  // Never destroyed: as the sessions, which may live until the process ends.
  static SessionRegistry* const registry = new SessionRegistry;
  return *registry;
}

double SessionRegistry::share(const std::shared_ptr<ort::Session>& session) {
  std::lock_guard lock(mutex_);
  std::erase_if(sessions_, [](const auto& entry) { return entry.second.expired(); });
  sessions_[++last_id_] = session;
  return static_cast<double>(last_id_);
}

std::shared_ptr<ort::Session> SessionRegistry::adopt(double id) {
  std::lock_guard lock(mutex_);
  for (const auto& [known, session] : sessions_)
    if (static_cast<double>(known) == id) return session.lock();
  return nullptr;
}

void register_sessions(Napi::Env env, Napi::Object exports) {
  export_function<open_onnx_runtime>(env, exports, "openOnnxRuntime");
  export_function<create_session>(env, exports, "createSession");
  export_function<session_id>(env, exports, "sessionId");
  export_function<adopt_session>(env, exports, "adoptSession");
  export_function<close_session>(env, exports, "closeSession");
  export_function<session_fields>(env, exports, "sessionFields");
}
}  // namespace penstock::addon
