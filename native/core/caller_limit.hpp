// How many requests one caller may make a second and have in flight, over all its connections and dialects.
//
// The rate is a token bucket in the form of the generic cell rate algorithm (ITU-T I.371, annex A): instead of tokens
// and the time at which they were counted, the one time at which the bucket will be full again. A request moves it one
// period on, and is refused when it would then lie further ahead than a full bucket. Exact, and no division.
// Threads: any, for a caller's connections lie on several I/O threads. Time comes from the caller.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>

#include "core/assert.hpp"

namespace penstock {
class CallerLimit {
 public:
  static constexpr int64_t kBusy = -1;

  // `period_ns`: between two requests at the rate; 0: any rate. `burst`: requests that a full bucket lets through at
  // once, >= 1. `in_flight_max`: 0: any number.
  CallerLimit(int64_t period_ns, int64_t burst, uint32_t in_flight_max) noexcept
      : period_ns_(period_ns), bucket_ns_(period_ns * burst), in_flight_max_(in_flight_max) {}

  // 0: counted, and in flight until it is released. > 0: nanoseconds until the rate allows it. kBusy: too many are in
  // flight.
  int64_t try_take(int64_t now_ns) noexcept {
    if (!take_place()) return kBusy;
    const int64_t wait_ns = take_token(now_ns);
    if (wait_ns > 0) release(1);
    return wait_ns;
  }

  void release(uint32_t requests) noexcept {
    uint32_t before = in_flight_.load(std::memory_order_relaxed);
    while (!in_flight_.compare_exchange_weak(before, before - std::min(before, requests), std::memory_order_relaxed)) {
    }
    PENSTOCK_DEBUG_ASSERT(before >= requests);
  }

  // The request that was taken last was not made after all.
  void give_back() noexcept {
    release(1);
    full_ns_.fetch_sub(period_ns_, std::memory_order_relaxed);
  }

  uint32_t in_flight() const noexcept { return in_flight_.load(std::memory_order_relaxed); }

 private:
  bool take_place() noexcept {
    uint32_t before = in_flight_.load(std::memory_order_relaxed);
    do {
      if (in_flight_max_ != 0 && before >= in_flight_max_) return false;
    } while (!in_flight_.compare_exchange_weak(before, before + 1, std::memory_order_relaxed));
    return true;
  }

  // 0, or nanoseconds to wait.
  int64_t take_token(int64_t now_ns) noexcept {
    if (period_ns_ == 0) return 0;
    int64_t before = full_ns_.load(std::memory_order_relaxed);
    int64_t after = 0;
    do {
      after = std::max(before, now_ns) + period_ns_;
      const int64_t wait_ns = after - now_ns - bucket_ns_;
      if (wait_ns > 0) return wait_ns;
    } while (!full_ns_.compare_exchange_weak(before, after, std::memory_order_relaxed));
    return 0;
  }

  const int64_t period_ns_;
  const int64_t bucket_ns_;
  const uint32_t in_flight_max_;
  std::atomic<uint32_t> in_flight_{0};
  std::atomic<int64_t> full_ns_{0};
};
}  // namespace penstock
