// What a published batch is expected to cost its worker.
#pragma once
#include "batch/batch.hpp"
#include "queue/model_queue.hpp"
#include "queue/scheduler.hpp"

namespace penstock {
// 0: nobody knows.
inline double run_estimate_us(const Batch& batch) {
  return batch.bucket.queue.us_per_run.load(std::memory_order_relaxed);
}

inline bool is_expensive(const Batch& batch) {
  const double estimate_us = run_estimate_us(batch);
  return estimate_us == 0.0 || estimate_us > Scheduler::kCheapRunUs;  // unknown: assume the worst
}
}  // namespace penstock
