// Threads that get what others leave of the cores. Linux alone; elsewhere nothing happens.
#pragma once
#include <cstdint>

namespace penstock {
// Of the calling thread, for yield_thread.
int64_t this_thread_id() noexcept;
// For the rest of the thread's life, and of those that it makes from now on: without privileges no thread is raised
// again. The thread must still be there. At kNicest it gets next to nothing while others want the core; at kNicer about
// a tenth, so that what it does comes to an end on a busy machine, too.
constexpr int kNicest = 19;
constexpr int kNicer = 10;
void yield_thread(int64_t thread_id, int niceness) noexcept;
}  // namespace penstock
