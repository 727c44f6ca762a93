// Where the time of a batch goes, kept per model version by each worker for itself.
//
//   admitted ──queue──► taken ──assemble──► run called ──run──► run returned ──scatter──► handed on
//   (or the end of
//   the step before)
//
// queue     of each request that lies in the batch, from its admission (at a later step: from the end of the run
//           before) until a worker took the batch.
// assemble  of the batch, from then until the session was called: writers still copying, rows of dead requests taken
//           out, tensors made of the memory.
// run       of the batch, the session's own time. When a run failed and the requests were run one by one: all of it.
// scatter   of the batch, from then until its rows are handed on: outputs of unknown shape copied, checks, rows
// appended
//           to the next step, answers listed for their ports. The queue time of a later step begins with it.
#pragma once
#include <cstdint>

#include "core/histogram.hpp"

namespace penstock {
// Timestamps of one batch on the clock of now_ns().
struct BatchTimestamps {
  int64_t taken_ns = 0;
  int64_t run_start_ns = 0;
  int64_t run_end_ns = 0;
};

struct alignas(64) PhaseTimes {
  Histogram queue;
  Histogram assemble;
  Histogram run;
  Histogram scatter;
  Histogram batch_rows;
};

// Requests that were appended to a batch with the same clock reading: most of a burst are.
struct Arrival {
  int64_t due_ns = 0;
  uint32_t entries = 0;
};
}  // namespace penstock
