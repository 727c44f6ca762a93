// Memory that is not needed any more goes back at once: free heap memory to the system, on a thread of libuv's pool so
// that no isolate waits for it; the memory of a buffer that JavaScript is done with, without its collector.
#include "addon/handles.hpp"
#include "core/free_memory.hpp"

namespace penstock::addon {
namespace {
class FreeMemoryWorker final : public Napi::AsyncWorker {
 public:
  explicit FreeMemoryWorker(Napi::Env env) : AsyncWorker(env), deferred_(Napi::Promise::Deferred::New(env)) {}
  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override { release_free_memory(); }
  void OnOK() override { deferred_.Resolve(Env().Undefined()); }

 private:
  Napi::Promise::Deferred deferred_;
};

Napi::Value release_free_memory_js(const Napi::CallbackInfo& info) {
  auto* worker = new FreeMemoryWorker(info.Env());  // deletes itself when it is done
  worker->Queue();
  return worker->promise();
}

Napi::Value keep_little_free_memory_js(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), keep_little_free_memory());
}

// detachBuffer(buffer): its memory is free when this returns, and every view of it is empty.
Napi::Value detach_buffer(const Napi::CallbackInfo& info) {
  if (!info[0].IsArrayBuffer()) throw Napi::TypeError::New(info.Env(), "Expected buffer to be an ArrayBuffer.");
  const auto buffer = info[0].As<Napi::ArrayBuffer>();
  if (!buffer.IsDetached()) Napi::ArrayBuffer(buffer).Detach();
  return info.Env().Undefined();
}
}  // namespace

void register_memory(Napi::Env env, Napi::Object exports) {
  export_function<release_free_memory_js>(env, exports, "releaseFreeMemory");
  export_function<keep_little_free_memory_js>(env, exports, "keepLittleFreeMemory");
  export_function<detach_buffer>(env, exports, "detachBuffer");
}
}  // namespace penstock::addon
