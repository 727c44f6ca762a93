// Assertions: a bug has no error code, it ends the process with the place where it was seen.
// PENSTOCK_ASSERT stays in release builds (per batch or per request); PENSTOCK_DEBUG_ASSERT is for per-row loops.
// Never assert on input: input gets a Status.
#pragma once
#include <cstdio>
#include <cstdlib>

namespace penstock {
[[noreturn]] inline void assertion_failed(const char* expression, const char* file, int line) noexcept {
  std::fprintf(stderr, "penstock: assertion failed: %s (%s:%d)\n", expression, file, line);
  std::abort();
}
}  // namespace penstock

#define PENSTOCK_ASSERT(expression) \
  ((expression) ? static_cast<void>(0) : ::penstock::assertion_failed(#expression, __FILE__, __LINE__))
#ifdef NDEBUG
#define PENSTOCK_DEBUG_ASSERT(expression) static_cast<void>(0)
#else
#define PENSTOCK_DEBUG_ASSERT(expression) PENSTOCK_ASSERT(expression)
#endif
