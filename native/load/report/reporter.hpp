// Gathers what the workers counted and writes the events of src/loadtest/native/load-plan.ts, one line of JSON each. It
// is the main thread, so that reading /proc and writing to a slow pipe never hold up the load.
#pragma once

#include <condition_variable>
#include <cstdio>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "load/plan/schedule.hpp"
#include "load/report/counters.hpp"
#include "load/report/process_usage.hpp"

namespace penstock::load {

class Reporter {
 public:
  Reporter(const Plan& plan, std::FILE* out);

  // A worker's thread hands over the counters of its next interval.
  void hand_over(size_t worker, std::unique_ptr<Counters> counters);
  // Writes events until every worker has handed over its last counters.
  void run(int64_t start_ns);

 private:
  std::unique_ptr<Counters> next_counters();
  void report_interval(const Interval& interval, const Counters& counters);
  void report_end(const Counters& late, int64_t start_ns);

  const Plan& plan_;
  std::FILE* out_;
  std::vector<Interval> intervals_;
  std::mutex mutex_;
  std::condition_variable has_counters_;
  std::vector<std::deque<std::unique_ptr<Counters>>> handed_over_;  // by worker

  Counters total_;
  double measured_seconds_ = 0;
  uint64_t measured_due_ = 0;
  uint64_t measured_messages_ = 0;
  double server_cpu_seconds_ = 0;
  bool is_server_known_ = true;
  double own_cpu_seconds_ = 0;
  int64_t resident_bytes_max_ = -1;
  ProcessUsage server_before_;
  double own_before_ = 0;
};

}  // namespace penstock::load
