// Hands published batches and jobs to the workers of one runtime. It holds the one mutex of the parts that it is made
// of, which say how each of them decides:
//
//   publish ─► ReadyQueue ── which batch is next ──────────► take ─► a worker ─► finish
//       └────► BackgroundWorkers ── what is offloaded ──────┘ ▲
//   post ────► JobQueue ────────────────────────────────────┘
//              WorkerSet: who is idle, who is woken, what runs     LongModels: who must not have the last worker
//
// Work-conserving: an idle worker takes a published batch at once; while all are busy the batch stays open and
// grows. A second worker is woken only when the work that waits is worth a wake-up, or a long run is under way: for a
// model of 20 us, two workers would halve the batches and double the context switches.
// A run cannot be interrupted, so one worker of several is always kept out of long background runs: an interactive
// batch never finds all of them inside a challenger. And out of long runs of any priority as long as another model is
// served that is not known to be long, so that its batches never find all workers inside runs of seconds.
// A worker whose run does not end is set aside: it is counted nowhere, keeps its batch, and ends when it would take
// next (long_runs.cpp). A model may be held to fewer batches at a time than there are workers (its runs then use
// several threads each): batches beyond that are throttled with their queue, so that nobody walks over them, and return
// to their place in the order of publication when a run ends. Jobs of a worker (load, unload, stop) go before batches,
// because a worker that waits here hears no other message; jobs of any worker (runs of the string path) take turns with
// batches. Threads: all methods, any thread. Lock order: the scheduler's mutex is never held while a queue's mutex is
// taken.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include "batch/batch.hpp"
#include "core/boundary_codes.hpp"
#include "core/shards.hpp"
#include "queue/arenas.hpp"
#include "queue/background_workers.hpp"
#include "queue/job.hpp"
#include "queue/long_models.hpp"
#include "queue/ready_queue.hpp"
#include "queue/worker.hpp"
#include "queue/worker_set.hpp"

namespace penstock {
class ModelQueue;

// One run of one worker, by which it is monitored and set aside; terminating runs will take the same. `worker` and
// `start_ns` name it: whatever that worker does later has another start.
struct RunInHand {
  uint32_t worker = 0;
  int64_t start_ns = 0;
  Held held = Held::kNothing;
  uint32_t model_key = 0;  // of a batch or a check
  double tag = 0;          // of a job
  int64_t elapsed_ns = 0;
  double expected_us = 0.0;  // of a batch; 0: unknown
  bool is_aside = false;
  // Nobody waits for it any more; ending it does no harm.
  bool is_unheard = false;
};

// What the workers do at one time, without the background workers but in `runs`.
struct WorkersLook {
  // Since a worker could take a batch last; 0: one can. INT64_MAX: there is no worker.
  int64_t without_free_ns = INT64_MAX;
  // The longest wait of work that is no long model's, and of what a worker is kept out of for the sake of others.
  int64_t waiting_ns = 0;
  int64_t held_back_ns = 0;
  std::vector<RunInHand> runs;  // that have lasted for kLongRunUs
};

class Scheduler {
 public:
  // Runs below this are cheap: one worker keeps up with them and a wake-up costs about as much.
  static constexpr double kCheapRunUs = 150.0;
  // Runs above this are long; those below are ordinary queueing.
  static constexpr double kLongRunUs = kLongRunMs * 1000.0;
  // Runs that take so many times what their model is known to take, and are long, yield their cores.
  static constexpr double kYieldFactor = 4.0;
  // A batch that is only suspected waits for another worker so long, then it has the last one.
  static constexpr int64_t kHeldBackNsMax = 2'000'000'000;

  // `discard` receives batches that will never run because the runtime closed.
  Scheduler(std::function<void(Batch&)> discard, bool measures, const ByteBudget& budget)
      : is_measuring(measures), arenas(budget), discard_(std::move(discard)) {}

  // Whether times and sizes of batches are counted.
  const bool is_measuring;
  // The memory of all batches of its queues.
  Arenas arenas;
  // How long an idle worker spins for work before it sleeps; 0: not at all. Set before workers come.
  int64_t spin_ns = 0;

  // False: the runtime has as many workers as it can count for.
  bool add_worker(WorkerSlot& slot);
  void remove_worker(WorkerSlot& slot);
  // Without the background workers.
  size_t worker_count() const noexcept { return workers_.count(); }
  size_t background_worker_count() const noexcept { return background_.count(); }

  // The batch has at least one row. Takes the pin of the run over. Wakes a worker if that pays.
  void publish(Batch& batch);
  // A batch that waits for more rows need not wait for any more.
  void wake();
  // False: closed. worker < 0: any.
  bool post(int worker, Job job);
  // Blocks up to timeout_ms (< 0: until work or close). After kBatch the slot holds the sealed batch.
  Take take(WorkerSlot& slot, int64_t timeout_ms);
  // The batch in hand is done with the session.
  void finish(WorkerSlot& slot);
  // The slot's worker is about to publish what follows from its batch, and takes next: it is left the first of it.
  void announce_return(WorkerSlot& slot);
  // At most `instances_max` batches of the queue run at a time, from the next take on.
  void limit_instances(ModelQueue& queue, uint32_t instances_max);
  // No batch of the queue runs from now on, and the first that comes calls `on_wanted`, once: its model is about to be
  // unloaded. False: rows of it run, or wait and `may_wait` is not set, and nothing has changed. Rows that wait ask at
  // once.
  bool hold(ModelQueue& queue, bool may_wait, std::function<void()> on_wanted);
  // Its model is loaded: what waits runs.
  void release(ModelQueue& queue);
  // Queues that exist: they answer whether a long run would hold others up.
  void add_queue(ModelQueue& queue);
  void remove_queue(ModelQueue& queue);
  // What takes long now. Models that are found to take long count as long from now on, until that run ends.
  WorkersLook look();
  // The worker goes on with the run, which is answered when it ends, and takes nothing afterwards; the thread gets what
  // others leave of the cores. Its own jobs are forgotten. False: that run has ended.
  bool set_aside(uint32_t worker, int64_t start_ns);
  // Ends that run, where it can be ended: it fails as soon as ONNX Runtime looks. False: it cannot, or has ended.
  bool stop_run(uint32_t worker, int64_t start_ns);
  // The slot's worker goes on with another part of what it has in hand, which is watched by itself from now on.
  void watch_anew(WorkerSlot& slot);
  // The worker runs rows of the model again before it takes next.
  void begin_check(WorkerSlot& slot, uint32_t model_key);
  // The worker ends instead of taking what comes next. False: there is no such worker.
  bool retire(uint32_t worker);
  void close();
  bool is_closed() const noexcept { return is_closed_.load(std::memory_order_acquire); }

 private:
  // Callers hold the mutex, and notify whom they get after it is free.
  Batch* pop(const WorkerSlot& slot, int64_t now_ns, int64_t& wake_ns);
  WorkerSlot* find_slot(uint32_t index) const;
  void inherit_background();
  void refill(ModelQueue& queue);
  // Null: nobody need be woken for what is ready.
  WakeUp wake_for_ready();
  bool take_shared_job(WorkerSlot& slot);
  void pass_on_batches(const WorkerSlot& slot);
  void begin_batch(WorkerSlot& slot);
  void begin_job(WorkerSlot& slot, Job&& job);
  void end_job(WorkerSlot& slot);
  WakeUp finish_aside(WorkerSlot& slot, ModelQueue& queue);
  RunInHand run_of(const WorkerSlot& slot, int64_t now_ns) const;
  void note_overrun(WorkerSlot& slot, int64_t now_ns);
  void yield_unexpected(WorkerSlot& slot, int64_t elapsed_ns);
  void end_yield(WorkerSlot& slot);
  void measure_waits(WorkersLook& seen, int64_t now_ns) const;

  mutable std::mutex mutex_;
  ReadyQueue ready_;
  WorkerSet workers_;
  BackgroundWorkers background_;
  LongModels models_;
  JobQueue jobs_;  // of any worker
  std::vector<WorkerSlot*> aside_;
  std::atomic<bool> is_closed_{false};
  const std::function<void(Batch&)> discard_;
  WriterNumbers writers_;
};
}  // namespace penstock
