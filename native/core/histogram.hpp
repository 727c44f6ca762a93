// Log-linear histogram of non-negative integers: 8 equal steps in every power of two (relative error <= 12.5 %), exact
// below 8, 1 to 2^40. Recording is one relaxed add on each of three counters, from any thread; a snapshot is not a cut
// in time, which a monitoring scrape does not need. Layout after HdrHistogram (Gil Tene), with fewer sub-buckets.
#pragma once
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace penstock {
class Histogram {
 public:
  static constexpr uint32_t kStepBits = 3;
  static constexpr uint32_t kSteps = 1u << kStepBits;
  static constexpr uint32_t kPowers = 38;  // values up to 2^40 - 1
  static constexpr uint32_t kBuckets = kSteps * kPowers;

  void record(uint64_t value, uint64_t times = 1) noexcept {
    counts_[bucket_of(value)].fetch_add(times, std::memory_order_relaxed);
    count_.fetch_add(times, std::memory_order_relaxed);
    sum_.fetch_add(value * times, std::memory_order_relaxed);
  }

  static uint32_t bucket_of(uint64_t value) noexcept {
    if (value < kSteps) return static_cast<uint32_t>(value);
    const auto power = static_cast<uint32_t>(std::bit_width(value)) - 1;  // >= kStepBits
    const auto step = static_cast<uint32_t>(value >> (power - kStepBits)) & (kSteps - 1);
    const uint32_t bucket = (power - kStepBits + 1) * kSteps + step;
    return bucket < kBuckets ? bucket : kBuckets - 1;
  }
  // The greatest value that falls into `bucket`.
  static uint64_t upper_bound_of(uint32_t bucket) noexcept {
    if (bucket < kSteps) return bucket;
    const uint32_t power = bucket / kSteps + kStepBits - 1;
    const uint64_t width = uint64_t{1} << (power - kStepBits);
    return (uint64_t{1} << power) + (bucket % kSteps + 1) * width - 1;
  }

  uint64_t count() const noexcept { return count_.load(std::memory_order_relaxed); }
  uint64_t sum() const noexcept { return sum_.load(std::memory_order_relaxed); }
  uint64_t count_of(uint32_t bucket) const noexcept { return counts_[bucket].load(std::memory_order_relaxed); }

 private:
  std::array<std::atomic<uint64_t>, kBuckets> counts_{};
  std::atomic<uint64_t> count_{0};
  std::atomic<uint64_t> sum_{0};
};
}  // namespace penstock
