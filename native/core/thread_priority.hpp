// Threads that get what others leave of the cores. Linux alone; elsewhere nothing happens.
#pragma once
#include <cstdint>

namespace penstock {
// The calling thread, as yield_thread names it.
int64_t this_thread_id() noexcept;
// For the thread and those that it makes from now on. The thread must still be there. At kNicest it gets next to
// nothing while others want the core; at kNicer about a tenth, so that what it does ends on a busy machine, too.
constexpr int kNicest = 19;
constexpr int kNicer = 10;
void yield_thread(int64_t thread_id, int niceness) noexcept;
// Whether a thread of this process that yields may get its priority back: by CAP_SYS_NICE or RLIMIT_NICE. Else a thread
// yields for the rest of its life.
bool may_raise_threads() noexcept;
int niceness_of(int64_t thread_id) noexcept;
}  // namespace penstock
