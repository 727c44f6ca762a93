#include "core/page_lock.hpp"

#include <dlfcn.h>

#include <initializer_list>

namespace penstock {
namespace {
// cudaHostRegisterPortable: locked for every GPU of the process, whichever the model runs on.
// Source: CUDA Runtime API, section 5.9, cudaHostRegister.
constexpr unsigned kPortable = 1;
constexpr const char* kLibraries[] = {"libcudart.so.12", "libcudart.so.13", "libcudart.so"};
}  // namespace

const PageLock& PageLock::cuda() noexcept {
  static const PageLock found = [] {
    PageLock lock;
    for (const int flags : {RTLD_NOW | RTLD_NOLOAD, RTLD_NOW})
      for (const char* library : kLibraries)
        if (lock.find(library, flags)) return lock;
    return lock;
  }();
  return found;
}

PageLock::PageLock(const char* library) noexcept {
  find(library, RTLD_NOW);
}

// The library stays loaded: memory may be registered until the process ends.
bool PageLock::find(const char* library, int flags) noexcept {
  void* const handle = dlopen(library, flags);
  if (handle == nullptr) return false;
  const auto lock = reinterpret_cast<int (*)(void*, size_t, unsigned)>(dlsym(handle, "cudaHostRegister"));
  const auto unlock = reinterpret_cast<int (*)(void*)>(dlsym(handle, "cudaHostUnregister"));
  if (lock == nullptr || unlock == nullptr) return false;
  register_ = lock;
  unregister_ = unlock;
  return true;
}

bool PageLock::try_lock(void* memory, size_t size_bytes) const noexcept {
  return register_ != nullptr && register_(memory, size_bytes, kPortable) == 0;
}

void PageLock::release(void* memory) const noexcept {
  if (unregister_ != nullptr) unregister_(memory);
}
}  // namespace penstock
