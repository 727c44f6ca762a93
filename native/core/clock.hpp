// The monotonic clock of the data path. One reading costs ~20 ns, so it is read per batch or per request, never per
// row.
#pragma once
#include <chrono>
#include <cstdint>

namespace penstock {
inline int64_t now_ns() noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}
inline int64_t now_us() noexcept {
  return now_ns() / 1000;
}
}  // namespace penstock
