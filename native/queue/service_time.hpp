// What a queue knows of its own speed, and when rows that would join it will be done.
//
//   arrives ── rows before it × drain time a row ──► taken ── run of its batch ──► done ── on its way ──► answered
//
// The cost of a run is fitted as a + b × rows, by least squares over recent batches whose weights fall by a sixteenth
// a batch: an average a row would take the cost of small batches for that of large ones. The drain time is what was
// measured between the ends of two batches while others waited, divided by their rows: whatever else takes the
// workers' time (other models, threads beside them) is in it, and so is how many workers there are. What the waits
// were off from what had been expected is averaged as Jacobson's deviation (Congestion Avoidance and Control, SIGCOMM
// 1988, appendix A), as a share of the wait: a stranger's load stretches long waits more than short ones. A batch
// whose rows have deadlines closes when its run would take a third of the shortest budget: rows that come later must
// not hold back those that are in it. More where runs cost much beside their rows. Threads: noted by workers, once a
// batch, under a mutex of its own; read by all, as loose atomics.
#pragma once
#include <atomic>
#include <cstdint>
#include <mutex>

namespace penstock {
class ServiceTime {
 public:
  // What was noted so long ago may be wrong by now: rows are let in to find out.
  static constexpr int64_t kStaleNs = 1'000'000'000;

  // A batch of `rows` kept its worker for so long.
  void note_run(uint32_t rows, double busy_us) noexcept;
  // A batch of `rows` ended, whether or not all of them ran. `has_waiting`: others still wait for a worker.
  void note_end(uint32_t rows, bool has_waiting, int64_t end_ns) noexcept;
  // A batch was taken after `actual_us`; `expected_us` was said when it was opened.
  void note_wait(double expected_us, double actual_us) noexcept;

  // 0: nothing is known.
  double run_us(uint32_t rows) const noexcept;
  // Time a row at the end of a queue that never empties, with so many workers; 0: nothing is known.
  double drain_us_per_row(size_t workers) const noexcept;
  // Share of a wait by which it may be longer than expected.
  double spread() const noexcept { return spread_.load(std::memory_order_relaxed); }
  // Rows, at least 1, of a batch whose shortest budget is `budget_us`.
  uint32_t rows_within(double budget_us, uint32_t rows_max) const noexcept;
  bool is_stale(int64_t now_ns) const noexcept {
    return now_ns - last_end_ns_.load(std::memory_order_relaxed) > kStaleNs;
  }

 private:
  std::mutex mutex_;
  // Under the mutex: moving averages of rows, cost, rows², rows × cost; of gaps between ends and the rows that ended.
  double rows_ = 0.0;
  double cost_us_ = 0.0;
  double rows_rows_ = 0.0;
  double rows_cost_ = 0.0;
  double gap_us_ = 0.0;
  double gap_rows_ = 0.0;
  bool had_waiting_ = false;

  std::atomic<double> us_per_row_{0.0};
  std::atomic<double> run_fixed_us_{0.0};
  std::atomic<double> run_row_us_{0.0};
  std::atomic<double> drain_us_{0.0};
  std::atomic<double> spread_{kSpreadFirst};
  std::atomic<int64_t> last_end_ns_{0};

  static constexpr double kSpreadFirst = 0.1;
};
}  // namespace penstock
