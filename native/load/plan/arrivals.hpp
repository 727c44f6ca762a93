// Chance, replayable: the same seed gives the same arrivals and the same sequence of kinds.
//
// Arrivals of a phase are a Poisson process whose rate goes linearly from one value to another. They are drawn by
// inverting the expected count: after E more expected arrivals, E exponential with mean 1, comes the next one, and E is
// the area under the rate from the last arrival. For a constant rate that is the usual exponential gap.
// (L. Devroye, Non-Uniform Random Variate Generation, 1986, VI.1.3.) The generator is splitmix64 (Steele, Lea, Flood,
// 2014): one addition and three multiplications a number.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace penstock::load {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() noexcept {
    uint64_t mixed = (state_ += 0x9e3779b97f4a7c15);
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
  }
  // 0 <= u < 1.
  double uniform() noexcept { return static_cast<double>(next() >> 11) * 0x1p-53; }
  double exponential() noexcept { return -std::log1p(-uniform()); }

 private:
  uint64_t state_;
};

// Seconds since the phase began at which requests are due, ascending; infinity when the phase has no more.
class Arrivals {
 public:
  Arrivals(double start_rate, double end_rate, double seconds)
      : start_rate_(start_rate), slope_((end_rate - start_rate) / seconds), seconds_(seconds) {}

  double next(Random& random) noexcept {
    expected_ += random.exponential();
    const double at = time_of(expected_);
    return at < seconds_ ? at : std::numeric_limits<double>::infinity();
  }

  // Arrivals to be expected in the first `at` seconds.
  double expected_until(double at) const noexcept { return at * (start_rate_ + slope_ * at / 2); }

 private:
  // Solves expected_until(t) = count. The root is written so that it neither divides by a slope of zero nor cancels.
  double time_of(double count) const noexcept {
    const double square = start_rate_ * start_rate_ + 2 * slope_ * count;
    if (square < 0) return std::numeric_limits<double>::infinity();
    const double divisor = start_rate_ + std::sqrt(square);
    return divisor > 0 ? 2 * count / divisor : std::numeric_limits<double>::infinity();
  }

  double start_rate_;
  double slope_;
  double seconds_;
  double expected_ = 0;
};

// Draws a kind of request by weight: cumulative shares, O(kinds), kinds <= 1024.
class Mix {
 public:
  explicit Mix(const std::vector<double>& weights) {
    double sum = 0;
    for (const double weight : weights) cumulative_.push_back(sum += weight);
    for (double& share : cumulative_) share /= sum;
  }

  size_t draw(Random& random) const noexcept {
    if (cumulative_.size() == 1) return 0;
    const double u = random.uniform();
    size_t kind = 0;
    while (kind + 1 < cumulative_.size() && u >= cumulative_[kind]) ++kind;
    return kind;
  }

 private:
  std::vector<double> cumulative_;
};

}  // namespace penstock::load
