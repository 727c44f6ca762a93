#include "queue/service_time.hpp"

#include <algorithm>

namespace penstock {
namespace {
constexpr double kWeight = 1.0 / 16.0;
constexpr double kOutlier = 4.0;
// A run may take this share of the shortest budget in its batch. Two such runs, the one in a worker's hands and its
// own, leave enough for a batch to wait between them, or the workers would stand still while rows are refused.
constexpr double kBatchShare = 1.0 / 3.0;
// Where the run costs that much without any rows: what they may take on top of it, and all together at most.
constexpr double kRowsShare = 0.1;
constexpr double kFixedShareMax = 0.6;
// Deviations that are waited for on top of what is expected.
constexpr double kDeviations = 3.0;
// Waits this short are mostly the waking of threads: they say nothing about a queue.
constexpr double kWaitUsMin = 2000.0;

void blend(double& average, double sample) noexcept {
  average = average == 0.0 ? sample : average + kWeight * (sample - average);
}
}  // namespace

void ServiceTime::note_run(uint32_t rows, double busy_us) noexcept {
  if (rows == 0) return;
  const double n = rows;
  std::lock_guard lock(mutex_);
  // A hiccup of seconds is the machine's, not the model's; a model that has become slower is believed step by step.
  if (cost_us_ > 0.0) busy_us = std::min(busy_us, kOutlier * std::max(run_us(rows), cost_us_));
  blend(rows_, n);
  blend(cost_us_, busy_us);
  blend(rows_rows_, n * n);
  blend(rows_cost_, n * busy_us);
  const double mean_row_us = cost_us_ / rows_;
  const double variance = rows_rows_ - rows_ * rows_;
  // Batches of one size show no slope: then all of the cost is taken for the rows', which is what it is in most models.
  const bool has_slope = variance > 0.01 * rows_ * rows_;
  const double slope = has_slope ? (rows_cost_ - rows_ * cost_us_) / variance : mean_row_us;
  const double row_us = std::clamp(slope, 0.0, mean_row_us);
  us_per_row_.store(mean_row_us, std::memory_order_relaxed);
  run_row_us_.store(row_us, std::memory_order_relaxed);
  run_fixed_us_.store(cost_us_ - row_us * rows_, std::memory_order_relaxed);
}

void ServiceTime::note_end(uint32_t rows, bool has_waiting, int64_t end_ns) noexcept {
  std::lock_guard lock(mutex_);
  const int64_t before_ns = last_end_ns_.load(std::memory_order_relaxed);
  if (had_waiting_ && end_ns > before_ns) {
    blend(gap_us_, static_cast<double>(end_ns - before_ns) / 1000.0);
    blend(gap_rows_, rows);
    if (gap_rows_ > 0.0) drain_us_.store(gap_us_ / gap_rows_, std::memory_order_relaxed);
  }
  had_waiting_ = has_waiting;
  last_end_ns_.store(std::max(before_ns, end_ns), std::memory_order_relaxed);
}

void ServiceTime::note_wait(double expected_us, double actual_us) noexcept {
  if (expected_us < kWaitUsMin) return;
  // What came sooner than expected needs no allowance.
  const double late = std::clamp((actual_us - expected_us) / expected_us, 0.0, 1.0);
  const double before = spread_.load(std::memory_order_relaxed);
  spread_.store(before + kWeight * (kDeviations * late - before), std::memory_order_relaxed);
}

double ServiceTime::run_us(uint32_t rows) const noexcept {
  return run_fixed_us_.load(std::memory_order_relaxed) + rows * run_row_us_.load(std::memory_order_relaxed);
}

double ServiceTime::drain_us_per_row(size_t workers) const noexcept {
  const double measured_us = drain_us_.load(std::memory_order_relaxed);
  if (measured_us > 0.0) return measured_us;
  return us_per_row_.load(std::memory_order_relaxed) / static_cast<double>(std::max<size_t>(workers, 1));
}

uint32_t ServiceTime::rows_within(double budget_us, uint32_t rows_max) const noexcept {
  const double fixed_us = run_fixed_us_.load(std::memory_order_relaxed);
  const double row_us = run_row_us_.load(std::memory_order_relaxed);
  if (row_us <= 0.0) return rows_max;
  const double share_us =
      std::max(kBatchShare * budget_us, std::min(fixed_us + kRowsShare * budget_us, kFixedShareMax * budget_us));
  return static_cast<uint32_t>(std::clamp((share_us - fixed_us) / row_us, 1.0, static_cast<double>(rows_max)));
}
}  // namespace penstock
