// What one thread counted in one interval. A request belongs to the interval in which it ended, and to the totals of
// the run when it was due (open loop) or ended (closed loop) in a phase that is no warm-up. Latency is of requests that
// were answered as expected: a server that refuses fast must not look fast. Written by one thread, handed over whole.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "load/plan/plan.hpp"
#include "load/report/histogram.hpp"

namespace penstock::load {

// Whether a request counts for the totals: known when it was due, or decided when it ends.
enum class Counts : uint8_t { kNo, kYes, kAsItEnds };

// A request on its way.
struct Job {
  int64_t due_ns = 0;   // closed loop: when it was written
  int64_t sent_ns = 0;  // when it was written
  uint32_t kind = 0;
  uint32_t request = 0;  // of the kind's set
  Counts counts = Counts::kNo;
};

enum class Outcome { kRight, kWrong };

struct KindCounters {
  LatencyHistogram latency;
  // From the write, without what the generator itself let a request wait: what a server that is overrun is judged by.
  LatencyHistogram answered;
  LatencyHistogram failed;
  uint64_t requests = 0;
  uint64_t rows = 0;
  uint64_t failures = 0;
  uint64_t mismatches = 0;
  std::string first_failure;

  void add(const KindCounters& other);
};

class Counters {
 public:
  explicit Counters(const Plan& plan) : plan_(&plan), kinds_(plan.requests.size()) {}

  void finish(const Job& job, Outcome outcome, int64_t now_ns) {
    KindCounters& kind = counters_of(job);
    last_answer_ns = now_ns;
    if (outcome == Outcome::kRight) {
      kind.latency.record(static_cast<uint64_t>(now_ns > job.due_ns ? now_ns - job.due_ns : 0));
      kind.answered.record(static_cast<uint64_t>(now_ns > job.sent_ns ? now_ns - job.sent_ns : 0));
      kind.requests += 1;
      kind.rows += plan_->requests[job.kind].rows;
    } else {
      // A wrong answer is wrong at any time: the warm-up's count, too.
      kinds_[job.kind].mismatches += 1;
      note(kinds_[job.kind], "a wrong answer");
    }
  }
  // `now_ns`: when the server said so; 0: it did not.
  void fail(const Job& job, std::string_view sentence, int64_t now_ns = 0) {
    KindCounters& kind = counters_of(job);
    kind.failures += 1;
    if (now_ns != 0) kind.failed.record(static_cast<uint64_t>(now_ns > job.sent_ns ? now_ns - job.sent_ns : 0));
    note(kind, sentence);
  }

  uint64_t due = 0;       // arrivals of open loops
  uint64_t messages = 0;  // frames or responses that carried answers
  int64_t last_answer_ns = 0;
  bool counts_now = false;  // requests that count as they end

  const std::vector<KindCounters>& kinds() const noexcept { return kinds_; }
  const KindCounters& rest() const noexcept { return rest_; }
  void add(const Counters& other);

 private:
  KindCounters& counters_of(const Job& job) noexcept {
    return job.counts == Counts::kYes || (job.counts == Counts::kAsItEnds && counts_now) ? kinds_[job.kind] : rest_;
  }
  static void note(KindCounters& kind, std::string_view sentence) {
    if (kind.first_failure.empty()) kind.first_failure = sentence;
  }

  const Plan* plan_;
  std::vector<KindCounters> kinds_;
  KindCounters rest_;  // what does not count for the totals, all kinds
};

}  // namespace penstock::load
