// How many requests one caller may make a second and have in flight, over all its connections and dialects.
//
// The rate is a token bucket in the form of the generic cell rate algorithm (ITU-T I.371, annex A): instead of tokens
// and the time at which they were counted, the one time at which the bucket will be full again. A request moves it one
// period on, and is refused when it would then lie further ahead than a full bucket. Exact, and no division.
// Thread: the I/O isolate's. Time comes from the caller.
#pragma once
#include <algorithm>
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
    if (in_flight_max_ != 0 && in_flight_ >= in_flight_max_) return kBusy;
    if (period_ns_ != 0) {
      const int64_t full_ns = std::max(full_ns_, now_ns) + period_ns_;
      const int64_t wait_ns = full_ns - now_ns - bucket_ns_;
      if (wait_ns > 0) return wait_ns;
      full_ns_ = full_ns;
    }
    ++in_flight_;
    return 0;
  }

  void release(uint32_t requests) noexcept {
    PENSTOCK_DEBUG_ASSERT(in_flight_ >= requests);
    in_flight_ -= std::min(in_flight_, requests);
  }

  // The request that was taken last was not made after all.
  void give_back() noexcept {
    release(1);
    full_ns_ -= period_ns_;
  }

  uint32_t in_flight() const noexcept { return in_flight_; }

 private:
  const int64_t period_ns_;
  const int64_t bucket_ns_;
  const uint32_t in_flight_max_;
  uint32_t in_flight_ = 0;
  int64_t full_ns_ = 0;
};
}  // namespace penstock
