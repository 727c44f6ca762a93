// One worker as the scheduler sees it: what it has in hand between take and finish, and how it is woken. Its owner is
// the worker's thread, which adds it before it takes and removes it before it goes.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>

#include "batch/run_stop.hpp"
#include "core/shards.hpp"
#include "queue/job.hpp"

namespace penstock {
class Batch;
class ModelQueue;

// What a worker is inside of.
enum class Held : uint8_t { kNothing, kBatch, kJob, kCheck };

// Somebody who is to be woken once the mutex is free; null: nobody. Shared, for the worker may have left by then.
using WakeUp = std::shared_ptr<std::condition_variable>;

inline void notify(const WakeUp& woken) {
  if (woken != nullptr) woken->notify_one();
}

// What a worker has in hand between take and complete.
struct WorkerSlot {
  uint32_t index = 0;
  // Before add_worker: takes long background batches, of models that are loaded in such workers, and nothing else.
  bool is_for_background = false;
  Batch* batch = nullptr;
  std::shared_ptr<ModelQueue> queue;  // keeps the batch's memory while it runs
  std::deque<Job> own_jobs;
  Job job;
  bool is_expensive = false;
  bool is_background = false;
  // The scheduler's, under its mutex, as what follows it.
  Held held = Held::kNothing;
  bool is_long = false;      // counted among the long runs
  bool is_overrun = false;   // found to be long while it ran
  bool is_yielding = false;  // its thread gets what others leave of the cores, until the run ends
  int niceness = 0;          // of its thread when it does not yield
  bool is_leaving = false;   // its next take returns Take::kRetired
  bool had_shared_job = false;
  uint32_t check_model_key = 0;
  // Set aside: written under the mutex, read by its worker at the end of the run.
  std::atomic<bool> is_aside{false};
  int64_t thread_id = 0;
  // By which another thread ends the run under way.
  RunStop stop;
  // Nothing else ran or waited when the batch was taken: its run may use the cores of the other workers.
  bool is_alone = false;
  int64_t taken_ns = 0;
  // The scheduler's: when an entry of the batch began to be run by itself, so that it is watched by itself; 0: none
  // has.
  int64_t restarted_ns = 0;
  // When what it is inside of began.
  int64_t began_ns() const noexcept { return restarted_ns != 0 ? restarted_ns : taken_ns; }
  uint32_t writer = WriterNumbers::kNone;  // of the histograms that its worker keeps
  // The scheduler's: how an idle worker is woken. Shared, for a notifier may still hold it when the worker has left.
  WakeUp woken = std::make_shared<std::condition_variable>();
  bool is_idle = false;
  bool is_returning = false;
  // How long it lately waited for work; a moving average.
  int64_t wait_ns = 0;
};
}  // namespace penstock
