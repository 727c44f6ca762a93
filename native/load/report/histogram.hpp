// Latency histogram of the load generator: 128 equal steps in every power of two, so a value is kept to within 0.4 %
// and no quantile is off by more. Plain integers of one thread (core/histogram.hpp is the coarser one that many
// threads share); histograms of several threads are added at the end of an interval. Values are nanoseconds; what
// exceeds 2^42 (73 minutes) shares the last bucket; least, greatest and sum are exact.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace penstock::load {

class LatencyHistogram {
 public:
  static constexpr unsigned kStepBits = 7;
  static constexpr uint64_t kSteps = uint64_t{1} << kStepBits;
  static constexpr unsigned kValueBits = 42;
  static constexpr size_t kBuckets = size_t{kSteps} * (kValueBits - kStepBits + 1);

  void record(uint64_t value) noexcept {
    counts_[bucket_of(value)] += 1;
    count_ += 1;
    sum_ += value;
    min_ = std::min(min_, value);
    max_ = std::max(max_, value);
  }

  void add(const LatencyHistogram& other) noexcept {
    if (other.count_ == 0) return;
    for (size_t bucket = 0; bucket < kBuckets; ++bucket) counts_[bucket] += other.counts_[bucket];
    count_ += other.count_;
    sum_ += other.sum_;
    min_ = std::min(min_, other.min_);
    max_ = std::max(max_, other.max_);
  }

  uint64_t count() const noexcept { return count_; }
  uint64_t count_of(size_t bucket) const noexcept { return counts_[bucket]; }
  uint64_t min() const noexcept { return count_ == 0 ? 0 : min_; }
  uint64_t max() const noexcept { return max_; }
  double mean() const noexcept { return count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_); }

  // The middle of the bucket that holds the quantile `share` (0..1), never outside min..max; 0 when nothing was
  // recorded. The rank is the next whole one: of 100 values, the 99th is p99.
  uint64_t quantile(double share) const noexcept {
    if (count_ == 0) return 0;
    const double position = share * static_cast<double>(count_);
    auto rank = static_cast<uint64_t>(position);
    if (static_cast<double>(rank) < position) rank += 1;
    rank = std::clamp<uint64_t>(rank, 1, count_);
    uint64_t seen = 0;
    for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
      seen += counts_[bucket];
      if (seen >= rank) return std::clamp(middle_of(bucket), min_, max_);
    }
    return max_;
  }

  // The greatest value that falls into `bucket`.
  static uint64_t upper_bound_of(size_t bucket) noexcept {
    if (bucket < 2 * kSteps) return bucket;
    return low_of(bucket) + (uint64_t{1} << shift_of(bucket)) - 1;
  }

  static size_t bucket_of(uint64_t value) noexcept {
    if (value < kSteps) return static_cast<size_t>(value);
    const auto width = static_cast<unsigned>(std::bit_width(value));
    if (width > kValueBits) return kBuckets - 1;
    const unsigned shift = width - kStepBits - 1;
    return static_cast<size_t>(shift * kSteps + (value >> shift));
  }

 private:
  static unsigned shift_of(size_t bucket) noexcept { return static_cast<unsigned>(bucket / kSteps - 1); }
  static uint64_t low_of(size_t bucket) noexcept {
    const unsigned shift = shift_of(bucket);
    return (uint64_t{bucket} - shift * kSteps) << shift;
  }
  static uint64_t middle_of(size_t bucket) noexcept {
    if (bucket < 2 * kSteps) return bucket;
    return low_of(bucket) + (uint64_t{1} << shift_of(bucket)) / 2;
  }

  std::array<uint64_t, kBuckets> counts_{};
  uint64_t count_ = 0;
  uint64_t sum_ = 0;
  uint64_t min_ = std::numeric_limits<uint64_t>::max();
  uint64_t max_ = 0;
};

}  // namespace penstock::load
