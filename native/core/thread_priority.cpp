#include "core/thread_priority.hpp"

#if defined(__linux__)
#include <sys/resource.h>
#include <unistd.h>

#include <thread>
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

int niceness_of([[maybe_unused]] int64_t thread_id) noexcept {
#if defined(__linux__)
  return getpriority(PRIO_PROCESS, static_cast<id_t>(thread_id));
#else
  return 0;
#endif
}

// Tried on a thread that may keep what it gets.
bool may_raise_threads() noexcept {
#if defined(__linux__)
  static const bool may = [] {
    bool raised = false;
    std::thread([&raised] {
      const int niceness = niceness_of(0);
      raised = setpriority(PRIO_PROCESS, 0, niceness + 1) == 0 && setpriority(PRIO_PROCESS, 0, niceness) == 0;
    }).join();
    return raised;
  }();
  return may;
#else
  return false;
#endif
}
}  // namespace penstock
