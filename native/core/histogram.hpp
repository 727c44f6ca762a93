// Counters and histograms of the data path. Each has ONE writer, so that counting is a load, an add and a store: no
// locked instruction, and no cache line that two threads write. A counter with several writers has one copy per writer
// (Shards) and adds them up when the metrics are read; a sum is then not a cut in time, which monitoring does not need.
//
// A histogram's buckets are those of a Prometheus native histogram of schema 3: bucket i holds the units in
// (2^((i-1)/8), 2^(i/8)], eight to a power of two, each 9.05 % wide. Units are whole numbers, so their bucket is found
// exactly, by integer comparison: what is exported is what was counted, no bucket is mapped onto another.
// Durations are counted in units of 2^-30 s (0.93 ns), because then the bounds are powers of two of a second too;
// turning nanoseconds into units rounds down by less than one unit, which is the whole error of the export.
// Rejected: HdrHistogram's equal steps within a power of two, whose bounds fit no schema.
// Source: https://prometheus.io/docs/specs/native_histograms/ (standard exponential schemas).
#pragma once
#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "core/boundary_codes.hpp"

namespace penstock {
// Written by one thread, read by any.
class Counter {
 public:
  void add(uint64_t amount) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// Written by one thread, read by any.
class Histogram {
 public:
  static constexpr uint32_t kSteps = 1u << kHistogramSchema;
  static constexpr uint32_t kBuckets = kSteps * kHistogramPowers + 1;

  // `value` is its own unit: rows.
  void record(uint64_t value, uint64_t times = 1) noexcept { count(value, value * times, times); }
  // A duration; its sum is kept in nanoseconds.
  void record_ns(int64_t duration_ns, uint64_t times = 1) noexcept {
    const auto ns = static_cast<uint64_t>(std::max<int64_t>(0, duration_ns));
    count(units_of(ns), ns * times, times);
  }

  // duration_ns * 2^30 / 10^9, rounded down, without overflow.
  static uint64_t units_of(uint64_t ns) noexcept {
    constexpr uint64_t kFraction = 0x12e0be826d694b2e;  // (2^30 / 10^9 - 1) * 2^64, rounded down
    return ns + static_cast<uint64_t>((static_cast<unsigned __int128>(ns) * kFraction) >> 64);
  }

  // units >= 1. One table look-up and one comparison.
  static uint32_t bucket_of(uint64_t units) noexcept {
    // 2^(k/8) * 2^63, rounded down. Those are irrational but the first, so "greater" is exact for whole numbers.
    constexpr std::array<uint64_t, kSteps + 1> kBounds = {0x8000000000000000, 0x8b95c1e3ea8bd6e6, 0x9837f0518db8a96f,
                                                          0xa5fed6a9b15138ea, 0xb504f333f9de6484, 0xc5672a115506dadd,
                                                          0xd744fccad69d6af4, 0xeac0c6e7dd24392e, UINT64_MAX};
    // How many of the bounds lie below each sixteenth of the power; none holds two of them.
    constexpr std::array<uint8_t, 16> kBelow = {0, 1, 2, 2, 3, 4, 4, 5, 5, 6, 6, 7, 7, 7, 8, 8};
    const auto power = static_cast<uint32_t>(std::bit_width(units)) - 1;
    const uint64_t mantissa = units << (63 - power);
    const uint32_t below = kBelow[(mantissa >> 59) & 15];
    const uint32_t bucket = power * kSteps + below + (mantissa > kBounds[below] ? 1 : 0);
    return bucket < kBuckets ? bucket : kBuckets - 1;
  }

  uint64_t zeros() const noexcept { return zeros_.get(); }
  uint64_t sum() const noexcept { return sum_.get(); }
  uint64_t count_of(uint32_t bucket) const noexcept { return counts_[bucket].get(); }

 private:
  void count(uint64_t units, uint64_t sum, uint64_t times) noexcept {
    (units == 0 ? zeros_ : counts_[bucket_of(units)]).add(times);
    sum_.add(sum);
  }

  Counter zeros_;
  Counter sum_;
  std::array<Counter, kBuckets> counts_;
};

// Several histograms as one, for the metrics.
struct HistogramSum {
  uint64_t zeros = 0;
  uint64_t sum = 0;
  std::array<uint64_t, Histogram::kBuckets> counts{};

  void add(const Histogram& histogram) noexcept {
    zeros += histogram.zeros();
    sum += histogram.sum();
    for (uint32_t i = 0; i < Histogram::kBuckets; ++i) counts[i] += histogram.count_of(i);
  }
  // The number of values; it is never kept, so it cannot disagree with the buckets.
  uint64_t count() const noexcept {
    uint64_t count = zeros;
    for (const uint64_t bucket : counts) count += bucket;
    return count;
  }
};
}  // namespace penstock
