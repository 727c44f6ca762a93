#include "addon/handles.hpp"

#include "core/clock.hpp"
#include "core/page_lock.hpp"

namespace penstock::addon {
void throw_handle_error(Napi::Env env, const char* kind, const char* fault) {
  Napi::TypeError error = Napi::TypeError::New(
      env, std::string("Expected an open ") + kind + " handle but received one that " + fault + ".");
  error.Set("code", "ERR_HANDLE");
  throw error;
}

WorkerBox::~WorkerBox() {
  close();
}

void WorkerBox::close() {
  if (is_closed || runtime == nullptr) return;
  is_closed = true;
  if (has_batch) {
    fail_all_entries(*slot.batch, StatusCode::kWorkerLost, "");
    complete_batch(slot, std::nullopt);
    has_batch = false;
  }
  // Without bytes: it was in hand, and nobody will say what came of it.
  if (const auto port = slot.job.reply_to.lock(); port != nullptr) port->push_reply({slot.job.tag, {}});
  runtime->scheduler.remove_worker(slot);
}

PortBox::~PortBox() {
  close();
}

void PortBox::close() {
  if (is_closed || port == nullptr) return;
  is_closed = true;
  waker->cut_off();
  const auto held = lock();
  Completions completions;
  port->for_each_live([&](Request& request) { end_request(request, StatusCode::kAborted, completions); });
  port->close();
  completions.flush();  // into a closed port: every reference goes
  if (io != nullptr)
    for (Request* request = io->json().take_left(); request != nullptr;)
      Port::unref(*std::exchange(request, request->next_answer));
  while (answers != nullptr) Port::unref(*std::exchange(answers, answers->next_answer));
}

Registry& Registry::instance() {
  // Never destroyed: workers may still be inside a runtime when the process runs its static destructors.
  static Registry* const registry = new Registry;
  return *registry;
}

uint32_t Registry::add_runtime(std::shared_ptr<LoggingRuntime> runtime) {
  std::lock_guard lock(mutex_);
  runtimes_.push_back(std::move(runtime));
  return static_cast<uint32_t>(runtimes_.size());
}

std::shared_ptr<LoggingRuntime> Registry::runtime(uint32_t id) {
  std::lock_guard lock(mutex_);
  return id >= 1 && id <= runtimes_.size() ? runtimes_[id - 1] : nullptr;
}

void Registry::close_runtime(uint32_t id) {
  std::shared_ptr<LoggingRuntime> closing;
  {
    std::lock_guard lock(mutex_);
    if (id >= 1 && id <= runtimes_.size()) closing.swap(runtimes_[id - 1]);
  }
  if (closing != nullptr) closing->scheduler.close();
}

void Registry::close_runtimes() {
  std::vector<std::shared_ptr<LoggingRuntime>> closing;
  {
    std::lock_guard lock(mutex_);
    for (auto& runtime : runtimes_)
      if (runtime != nullptr) closing.push_back(std::move(runtime));
  }
  for (const auto& runtime : closing) runtime->scheduler.close();
}

// Queue numbers are even, pipeline numbers odd: adopting the wrong kind finds nothing.
double Registry::share(std::shared_ptr<ModelQueue> queue) {
  std::lock_guard lock(mutex_);
  queues_.push_back(queue);
  return static_cast<double>(queues_.size() * 2);
}

double Registry::share(std::shared_ptr<Pipeline> pipeline) {
  std::lock_guard lock(mutex_);
  pipelines_.push_back(pipeline);
  return static_cast<double>(pipelines_.size() * 2 + 1);
}

std::shared_ptr<ModelQueue> Registry::adopt_queue(double id) {
  std::lock_guard lock(mutex_);
  for (size_t i = 0; i < queues_.size(); ++i)
    if (static_cast<double>((i + 1) * 2) == id) return queues_[i].lock();
  return nullptr;
}

std::shared_ptr<Pipeline> Registry::adopt_pipeline(double id) {
  std::lock_guard lock(mutex_);
  for (size_t i = 0; i < pipelines_.size(); ++i)
    if (static_cast<double>((i + 1) * 2 + 1) == id) return pipelines_[i].lock();
  return nullptr;
}

namespace {
Napi::Value now_us_js(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(penstock::now_ns()) / 1000.0);
}

Napi::Value can_lock_pages_js(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), penstock::PageLock::cuda().is_available());
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  export_function<now_us_js>(env, exports, "nowUs");
  export_function<can_lock_pages_js>(env, exports, "canLockPages");
  register_control(env, exports);
  register_memory(env, exports);
  register_workers(env, exports);
  register_ports(env, exports);
  register_answers(env, exports);
  register_logs(env, exports);
#ifdef __linux__
  register_net(env, exports);
#endif
  register_websocket(env, exports);
  register_io_ports(env, exports);
  register_json(env, exports);
  register_kernels(env, exports);
  register_limits(env, exports);
  register_transforms(env, exports);
  register_columns(env, exports);
  register_trees(env, exports);
  register_tree_batches(env, exports);
  register_contracts(env, exports);
  register_rows_forms(env, exports);
  register_sessions(env, exports);
  register_runs(env, exports);
  return exports;
}
}  // namespace
NODE_API_MODULE(penstock, init)
}  // namespace penstock::addon
