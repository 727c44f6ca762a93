// One T for each writer, so that no two threads write the same memory, and the sum of all for readers.
//
//   writer 0 ─► T      writer 1 ─► T      …      reader: for_each
//
// A writer has a number below kWritersMax, its own as long as it lives (WriterNumbers); whoever gets the number after
// it goes on counting in the same T. A T is made when its writer first counts: once per writer and subject, never per
// request. Memory: the shards own all T until they go.
#pragma once
#include <array>
#include <atomic>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>

#include "core/assert.hpp"

namespace penstock {
class WriterNumbers {
 public:
  // Workers of a runtime, their substitutes and those for the background; or its ports.
  static constexpr uint32_t kWritersMax = 544;
  static constexpr uint32_t kNone = kWritersMax;

  // kNone: all are taken.
  uint32_t take() {
    std::lock_guard lock(mutex_);
    for (uint32_t number = 0; number < kWritersMax; ++number) {
      if (is_taken_[number]) continue;
      is_taken_[number] = true;
      return number;
    }
    return kNone;
  }
  // After the writer's last count; the mutex hands what it wrote to the next writer of the number.
  void give_back(uint32_t number) {
    if (number == kNone) return;
    std::lock_guard lock(mutex_);
    is_taken_[number] = false;
  }

 private:
  std::mutex mutex_;
  std::bitset<kWritersMax> is_taken_;
};

template <typename T>
class Shards {
 public:
  Shards() = default;
  Shards(const Shards&) = delete;
  Shards& operator=(const Shards&) = delete;
  ~Shards() {
    for (std::atomic<T*>& slot : slots_) delete slot.load(std::memory_order_relaxed);
  }

  // The writer's own thread only.
  T& of(uint32_t writer) {
    PENSTOCK_ASSERT(writer < slots_.size());
    T* shard = slots_[writer].load(std::memory_order_relaxed);
    if (shard == nullptr) {
      shard = new T();
      slots_[writer].store(shard, std::memory_order_release);
    }
    return *shard;
  }
  // Any thread.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (const std::atomic<T*>& slot : slots_)
      if (const T* const shard = slot.load(std::memory_order_acquire); shard != nullptr) visit(*shard);
  }

 private:
  std::array<std::atomic<T*>, WriterNumbers::kWritersMax> slots_{};
};
}  // namespace penstock
