#include "core/thread_priority.hpp"

#if defined(__linux__)
#include <sys/resource.h>
#include <unistd.h>
#endif

namespace penstock {
int64_t this_thread_id() noexcept {
#if defined(__linux__)
  return gettid();
#else
  return 0;
#endif
}

// Not SCHED_IDLE, which could stop a thread for long with a mutex in its hands.
void yield_thread([[maybe_unused]] int64_t thread_id, [[maybe_unused]] int niceness) noexcept {
#if defined(__linux__)
  setpriority(PRIO_PROCESS, static_cast<id_t>(thread_id), niceness);
#endif
}
}  // namespace penstock
