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
}  // namespace penstock
