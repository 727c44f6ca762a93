#include "ort/library.hpp"

#include <dlfcn.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <mutex>
#include <utility>

namespace penstock::ort {
namespace {
// What the library's one exported entry point gives; its two members never move.
struct ApiBase {
  const void* (*table)(uint32_t version);
  const char* (*version)();
};

std::atomic<const Library*> opened{nullptr};

// Empty: it is that status with that text.
std::string try_statuses(const Api& api) {
  constexpr int kInvalidArgument = 2;
  constexpr const char* kText = "penstock";
  Status* const status = api.create_status(kInvalidArgument, kText);
  if (status == nullptr) return "CreateStatus gives nothing";
  const bool is_right = api.error_code(status) == kInvalidArgument && std::strcmp(api.error_text(status), kText) == 0;
  api.release_status(status);
  return is_right ? "" : "a status does not say what it was made of";
}
}  // namespace

const Library* Library::instance() noexcept {
  return opened.load(std::memory_order_acquire);
}

std::string Library::open(const std::string& path, const std::string& version) {
  static std::mutex mutex;
  static bool is_tried = false;
  static std::string found;
  std::lock_guard lock(mutex);
  if (std::exchange(is_tried, true)) return found;
  opened.store(try_open(path.c_str(), version, found), std::memory_order_release);
  return found;
}

const Library* Library::try_open(const char* path, const std::string& version, std::string& refusal) {
  refusal.clear();
  void* const handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* const why = dlerror();
    refusal = why == nullptr ? "it cannot be opened" : why;
    return nullptr;
  }
  // Kept for good where it is used, and by whoever else has opened it.
  std::unique_ptr<Library> library(new Library);
  refusal = library->read_table(handle, version);
  if (refusal.empty()) refusal = try_statuses(library->api_);
  if (refusal.empty()) refusal = library->make_parts();
  if (refusal.empty()) refusal = try_functions(*library);
  return refusal.empty() ? library.release() : nullptr;
}

// A pointer into another file, or none, is no function of this table.
std::string Library::read_table(void* handle, const std::string& version) {
  void* const entry = dlsym(handle, "OrtGetApiBase");
  if (entry == nullptr) return "it has no function OrtGetApiBase";
  const auto* const base = reinterpret_cast<const ApiBase* (*)()>(entry)();
  if (base == nullptr || base->version == nullptr || base->table == nullptr) return "OrtGetApiBase gives nothing";
  version_ = base->version();
  if (version_ != version) return "it is version " + version_ + ", where the package is version " + version;
  const void* const table = base->table(kApiVersion);
  if (table == nullptr) return "it has no function table of version " + std::to_string(kApiVersion);
  Dl_info own{};
  if (dladdr(entry, &own) == 0) return "its own address is not known";
  std::string fault;
  api_.for_each([&](size_t slot, auto& function) {
    void* address = nullptr;
    std::memcpy(&address, static_cast<const std::byte*>(table) + slot * sizeof(void*), sizeof(void*));
    Dl_info info{};
    if (address == nullptr || dladdr(address, &info) == 0 || info.dli_fbase != own.dli_fbase)
      fault = "entry " + std::to_string(slot) + " of its function table is no function of it";
    std::memcpy(&function, &address, sizeof(void*));
  });
  return fault;
}

std::string Library::make_parts() {
  std::string text;
  if (take_failure(api_, api_.create_env(kSeverityWarning, "penstock", &env_), text)) return text;
  if (take_failure(api_, api_.create_cpu_memory_info(kDeviceAllocator, kDefaultMemory, &cpu_memory_), text))
    return text;
  if (take_failure(api_, api_.default_allocator(&allocator_), text)) return text;
  const char* name = nullptr;
  if (take_failure(api_, api_.memory_info_name(cpu_memory_, &name), text)) return text;
  if (name == nullptr || std::strcmp(name, "Cpu") != 0) return "its memory of the CPU has another name";
  return env_ == nullptr || allocator_ == nullptr ? "it gives no environment" : "";
}
}  // namespace penstock::ort
