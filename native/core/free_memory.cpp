#include "core/free_memory.hpp"

#include <cstdlib>  // defines __GLIBC__ where it is glibc's

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace penstock {
bool release_free_memory() noexcept {
#if defined(__GLIBC__)
  malloc_trim(0);
  return true;
#else
  return false;
#endif
}

bool keep_little_free_memory() noexcept {
#if defined(__GLIBC__)
  // Tensors of images and tables of a few thousand rows stay below both: their memory is used again, without faults.
  constexpr int kMappedBytesMin = 4 << 20;
  constexpr int kArenaEndBytesMax = 2 << 20;
  return mallopt(M_MMAP_THRESHOLD, kMappedBytesMin) == 1 && mallopt(M_TRIM_THRESHOLD, kArenaEndBytesMax) == 1;
#else
  return false;
#endif
}
}  // namespace penstock
