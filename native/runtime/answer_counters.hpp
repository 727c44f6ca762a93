// Counts the answers of a port, and how long they took, once they have been handed to the caller.
//
//   drain: add, add, … ── JavaScript hands the frames to their sockets ── next drain: record_handed_over(now)
//
// total  of each request that was admitted, whether answered with results or a failure: from its admission (the clock
//        reading that its burst shares, taken when its first frame was read) until its answer was handed to the socket,
//        or to the caller's promise.
// send   the end of that, from when the answer lay in the port's completion queue.
// Answers that share pipeline and both timestamps, as those of a burst and a batch do, are counted together: a request
// costs three comparisons and no reading of the clock. Thread: the port's.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/request.hpp"
#include "runtime/runtime.hpp"

namespace penstock {
class AnswerCounters {
 public:
  // `writer`: the port's number.
  explicit AnswerCounters(uint32_t writer) : writer_(writer) {}

  // The request's answer is on its way to the caller.
  void add(const Request& request, int64_t ready_ns);
  // What was added has been handed over.
  void record_handed_over(int64_t now_ns);

 private:
  struct Group {
    std::shared_ptr<PipelineStats> stats;
    int64_t admitted_ns = 0;
    int64_t ready_ns = 0;
    uint64_t answers = 0;
    uint64_t results = 0;
    uint64_t rows = 0;
  };

  const uint32_t writer_;
  std::vector<Group> groups_;
};
}  // namespace penstock
