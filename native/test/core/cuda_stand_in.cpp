// Stands in for the CUDA runtime where there is no GPU: counts what is registered, refuses blocks of more than 1 MiB.
#include <cstddef>

namespace {
int registered = 0;
constexpr size_t kBytesMax = size_t{1} << 20;
constexpr int kOutOfMemory = 2;
}  // namespace

extern "C" {
__attribute__((visibility("default"))) int cudaHostRegister(void*, size_t size_bytes, unsigned) {
  if (size_bytes > kBytesMax) return kOutOfMemory;
  ++registered;
  return 0;
}
__attribute__((visibility("default"))) int cudaHostUnregister(void*) {
  --registered;
  return 0;
}
__attribute__((visibility("default"))) int registered_blocks() {
  return registered;
}
}
