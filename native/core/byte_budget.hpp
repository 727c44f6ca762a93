// How many bytes callers make an engine hold: one number for its requests, their expected answers, bodies that arrive
// and answers that wait in sockets. Whoever is about to hold more charges it first. Threads: all methods, any thread.
#pragma once
#include <atomic>
#include <cstdint>
#include <limits>

#include "core/assert.hpp"

namespace penstock {
// Milliseconds that a request that does not fit is asked to wait: some of what is in flight is answered by then.
constexpr int64_t kBudgetRetryMs = 100;

class alignas(64) ByteBudget {
 public:
  explicit ByteBudget(int64_t limit_bytes = std::numeric_limits<int64_t>::max()) : limit_bytes_(limit_bytes) {}
  ByteBudget(const ByteBudget&) = delete;
  ByteBudget& operator=(const ByteBudget&) = delete;

  // False: it does not fit, and nothing was counted. While nothing is held anything fits, for what limits a single
  // thing is its own limit.
  bool try_charge(int64_t bytes) noexcept { return try_charge(bytes, limit_bytes_); }
  // The same below a lower limit, for holders that shall leave the rest to others.
  bool try_charge(int64_t bytes, int64_t limit_bytes) noexcept {
    const int64_t before = used_bytes_.fetch_add(bytes, std::memory_order_relaxed);
    if (before <= 0 || bytes <= limit_bytes - before) return true;
    used_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }
  // What is there already and cannot be refused any more.
  void charge(int64_t bytes) noexcept { used_bytes_.fetch_add(bytes, std::memory_order_relaxed); }
  void release(int64_t bytes) noexcept {
    const int64_t before = used_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    PENSTOCK_ASSERT(before >= bytes);
  }

  int64_t limit_bytes() const noexcept { return limit_bytes_; }
  // What nobody waits for may fill half: a challenger that is slow or floods leaves callers the other one.
  int64_t background_limit_bytes() const noexcept { return limit_bytes_ / 2; }
  int64_t used_bytes() const noexcept { return used_bytes_.load(std::memory_order_relaxed); }

 private:
  const int64_t limit_bytes_;
  std::atomic<int64_t> used_bytes_{0};
};
}  // namespace penstock
