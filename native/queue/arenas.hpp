// What the batches of a runtime hold in memory: the pages that rows have touched, of batches in use and of those that
// wait for the next load. Callers are charged for their rows (core/byte_budget.hpp); the difference is kept small here,
// so that both together stay near the budget.
//
//   in use:  rows that are charged, and touched pages beside them      idle: touched pages
//
// Rules.
// 1. While all pages together are more than a quarter of the budget, a batch that comes home gives its pages back: the
// next load faults them in again, which costs less than the runs that fill them.
// 2. Beyond the budget and that quarter no batch is opened: then one row holds the pages of many that are gone.
// 3. Idle batches go after a while (ModelQueue::trim); the engine's thread asks for that, off the request path.
// Threads: all methods, any thread.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "core/byte_budget.hpp"

namespace penstock {
class ModelQueue;

class Arenas {
 public:
  explicit Arenas(const ByteBudget& budget) : budget_(budget) {}
  Arenas(const Arenas&) = delete;
  Arenas& operator=(const Arenas&) = delete;

  void add(int64_t bytes) noexcept { resident_bytes_.fetch_add(bytes, std::memory_order_relaxed); }
  int64_t resident_bytes() const noexcept { return resident_bytes_.load(std::memory_order_relaxed); }

  // Rule 1.
  bool is_short() const noexcept { return resident_bytes() > budget_.limit_bytes() / kKeptShare; }
  // Rule 2. One request that is larger than the budget by itself is let in, so its pages are, too.
  bool is_exhausted() const noexcept {
    const int64_t held = std::max(budget_.limit_bytes(), budget_.used_bytes());
    return resident_bytes() - held > held / kKeptShare;
  }

  void enlist(ModelQueue& queue);
  void leave(ModelQueue& queue) noexcept;
  // Rule 3. Frees idle batches that were opened before `opened_before_ns`. Returns the bytes that they held.
  int64_t trim(int64_t opened_before_ns);

 private:
  static constexpr int64_t kKeptShare = 4;

  const ByteBudget& budget_;
  std::atomic<int64_t> resident_bytes_{0};
  std::mutex mutex_;
  std::vector<ModelQueue*> queues_;
};
}  // namespace penstock
