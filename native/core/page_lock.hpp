// Page-locked memory for batches of models that run on a GPU: the driver then copies straight from them, without a
// staging buffer of its own. The CUDA runtime is looked up at run time, because the addon must load where there is
// none: first the copy that ONNX Runtime's CUDA provider has loaded, then any that the system finds. Without one, or
// when the driver refuses, memory stays as it is: slower, never wrong. Thread: any. Registered memory must be released
// before it is unmapped.
#pragma once
#include <cstddef>

namespace penstock {
class PageLock {
 public:
  // The process's CUDA runtime; looked up once.
  static const PageLock& cuda() noexcept;

  // Looks into a library by name, for tests. Both functions are found or neither is used.
  explicit PageLock(const char* library) noexcept;

  bool is_available() const noexcept { return register_ != nullptr; }
  // False: not locked, and release must not be called.
  bool try_lock(void* memory, size_t size_bytes) const noexcept;
  void release(void* memory) const noexcept;

 private:
  PageLock() noexcept = default;
  bool find(const char* library, int flags) noexcept;

  int (*register_)(void*, size_t, unsigned) = nullptr;
  int (*unregister_)(void*) = nullptr;
};
}  // namespace penstock
