// Hints to the core that this loop waits for another thread: less power, and more for the core's other hardware thread.
#pragma once

namespace penstock {
inline void relax_cpu() noexcept {
#if defined(__x86_64__) || defined(_M_X64)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}
}  // namespace penstock
