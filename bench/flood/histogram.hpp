// Log-linear latency histogram: 64 buckets for every power of two, so a quantile is off by less than 1.6%.
// Fixed memory, no allocation per value. Values are nanoseconds; the largest is kept exactly.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace flood {

class Histogram {
 public:
  void record(uint64_t value) noexcept {
    counts_[bucket_of(value)] += 1;
    count_ += 1;
    if (value > max_) max_ = value;
  }

  void reset() noexcept { *this = Histogram{}; }

  uint64_t count() const noexcept { return count_; }
  uint64_t max() const noexcept { return max_; }

  // The middle of the bucket that holds the quantile `share` (0..1), 0 when nothing was recorded.
  uint64_t quantile(double share) const noexcept {
    if (count_ == 0) return 0;
    const auto rank = static_cast<uint64_t>(share * static_cast<double>(count_ - 1));
    uint64_t seen = 0;
    for (size_t bucket = 0; bucket < counts_.size(); ++bucket) {
      seen += counts_[bucket];
      if (seen > rank) return middle_of(bucket);
    }
    return max_;
  }

 private:
  static constexpr unsigned kSubBits = 6;
  static constexpr uint64_t kSubCount = uint64_t{1} << kSubBits;
  // Values above 2^42 ns (73 minutes) share the last bucket.
  static constexpr unsigned kValueBits = 42;
  static constexpr size_t kBucketCount = size_t{kSubCount} * (kValueBits - kSubBits + 1);

  static size_t bucket_of(uint64_t value) noexcept {
    if (value < kSubCount) return static_cast<size_t>(value);
    const auto width = static_cast<unsigned>(std::bit_width(value));
    if (width > kValueBits) return kBucketCount - 1;
    const unsigned shift = width - kSubBits - 1;
    return static_cast<size_t>(shift * kSubCount + (value >> shift));
  }

  static uint64_t middle_of(size_t bucket) noexcept {
    if (bucket < 2 * kSubCount) return bucket;
    const auto shift = static_cast<unsigned>(bucket / kSubCount - 1);
    const uint64_t low = (uint64_t{bucket} - shift * kSubCount) << shift;
    return low + (uint64_t{1} << shift) / 2;
  }

  std::array<uint64_t, kBucketCount> counts_{};
  uint64_t count_ = 0;
  uint64_t max_ = 0;
};

}  // namespace flood
