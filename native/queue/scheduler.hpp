// Hands published batches and jobs to the workers of one plane.
//
//   ready[interactive]: batch → batch → …     strictly before     ready[background]: batch → …
//
// Work-conserving: an idle worker takes a published batch at once; while all are busy the batch stays open and
// grows. A second worker is woken only when the work that waits is worth a wake-up, or a long run is under way: for a
// model of 20 us, two workers would halve the batches and double the context switches.
// Of several idle workers the one that worked last is woken: its caches are warm, and the others may sleep on.
// A worker that was seldom idle for long watches for the next batch before it sleeps (`watch_ns`): waking a core that
// has gone to sleep costs more than a small run. One at a time, with its core offered to others every few microseconds.
// Among models the workers' time is shared: next is whose model has had the least of it lately (start-time fair
// queueing, Goyal, Vin and Cheng 1996, by the estimated cost of a batch), so that a model that is asked now and then
// does not wait behind the queue of one that is overloaded. To choose, a worker sees the first kReadyBatches of each
// model; the others are parked with it (ready.cpp).
// A run cannot be interrupted, so one worker of several is always kept out of long background runs: an interactive
// batch never finds all of them inside a challenger. And out of long runs of any priority as long as another model is
// served that is not known to be long, so that its batches never find all workers inside runs of seconds. Long is what
// takes longer than kLongRunUs, what has run less than kTrustedRuns times, and what takes longer at this moment (look).
// A worker whose run does not end is set aside: it is counted nowhere, keeps its batch, and is told to end when it
// takes next (long_runs.cpp). Where there are background workers, which the kernel runs with what the others leave of
// the cores, they alone do the long background runs of the models that they have loaded. A
// model may be held to fewer batches at a time than there are workers (its runs then use several threads each): batches
// beyond that are parked with their queue, so that nobody walks over them, and return to their place in the order of
// publication when a run ends. Jobs of a worker (load, unload, stop) go before batches, because a worker that waits
// here hears no other message; jobs of any worker (plain runs) take turns with batches. Threads: all methods, any
// thread. Lock order: the scheduler's mutex is never held while a queue's mutex is taken.
#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "core/shards.hpp"
#include "queue/arenas.hpp"
#include "queue/batch.hpp"

namespace penstock {
class ModelQueue;
class Port;

struct Job {
  std::weak_ptr<Port> reply_to;
  double tag = 0;
  std::vector<uint8_t> payload;
  // A run that may take long: it leaves the last free worker to others, as a long batch does.
  bool is_long = false;
  int64_t posted_ns = 0;
};

// What a worker is inside of.
enum class Held : uint8_t { kNothing = 0, kBatch = 1, kJob = 2, kCheck = 3 };

// One run of one worker, by which it is watched and set aside; terminating runs will take the same. `worker` and
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
};

// What the workers do at one moment, without the background workers but in `runs`.
struct WorkersLook {
  // Since a worker could take a batch last; 0: one can. INT64_MAX: there is no worker.
  int64_t without_free_ns = INT64_MAX;
  // The longest wait of work that is no long model's, and of what a worker is kept out of for the sake of others.
  int64_t waiting_ns = 0;
  int64_t held_back_ns = 0;
  std::vector<RunInHand> runs;  // that have lasted for kLongRunUs
};

// What a worker has in hand between take and complete.
struct WorkerSeat {
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
  bool is_long = false;     // counted among the long runs
  bool is_overrun = false;  // found to be long while it ran
  bool is_yielding = false;  // its thread gets what others leave of the cores, until the run ends
  int niceness = 0;          // of its thread when it does not yield
  bool is_leaving = false;  // its next take tells it to end
  bool had_shared_job = false;
  uint32_t check_model_key = 0;
  // Set aside: written under the mutex, read by its worker at the end of the run.
  std::atomic<bool> is_aside{false};
  int64_t thread_id = 0;
  // Nothing else ran or waited when the batch was taken: its run may use the cores of the other workers.
  bool is_alone = false;
  int64_t taken_ns = 0;
  uint32_t writer = WriterNumbers::kNone;  // of the histograms that its worker keeps
  // The scheduler's: how an idle worker is woken. Shared, for a notifier may still hold it when the worker has left.
  std::shared_ptr<std::condition_variable> woken = std::make_shared<std::condition_variable>();
  bool is_idle = false;
  bool is_returning = false;
  // How long it lately waited for work; a moving average.
  int64_t wait_ns = 0;
};

// kRetired: the worker is to end; others have its place, or are to do without it.
enum class Take : uint8_t { kClosed = 0, kBatch = 1, kJob = 2, kTimeout = 3, kRetired = 4 };

class Scheduler {
 public:
  // Runs below this are cheap: one worker keeps up with them and a wake-up costs about as much.
  static constexpr double kCheapRunUs = 150.0;
  // Runs above this are long: shorter ones end before another worker could be started, and are ordinary queueing.
  static constexpr double kLongRunUs = 50'000.0;
  // Runs that take so many times what their model is known to take, and are long, yield their cores.
  static constexpr double kYieldFactor = 4.0;
  // Of a model, until its runs are taken for what they were so far. What was measured on random rows does not count:
  // how long a loop turns may lie in the rows.
  static constexpr uint32_t kTrustedRuns = 64;
  // A batch that is only suspected waits for another worker so long, then it has the last one.
  static constexpr int64_t kHeldBackNsMax = 2'000'000'000;
  // Of one model; more of its batches wait until one of its stuck runs has ended, so that it cannot use up all the
  // workers that are started in place of stuck ones.
  static constexpr uint32_t kStuckRunsMax = 2;

  // Of one queue and priority, batches that workers choose from.
  static constexpr uint32_t kReadyBatches = 4;

  // `discard` receives batches that will never run because the plane closed.
  Scheduler(std::function<void(Batch&)> discard, bool measures, const ByteBudget& budget)
      : is_measuring(measures), arenas(budget), discard_(std::move(discard)) {}

  // Whether times and sizes of batches are counted.
  const bool is_measuring;
  // The memory of all batches of its queues.
  Arenas arenas;
  // How long an idle worker watches for work before it sleeps; 0: not at all. Set before workers come.
  int64_t watch_ns = 0;

  // False: the plane has as many workers as it can count for.
  bool add_worker(WorkerSeat& seat);
  void remove_worker(WorkerSeat& seat);
  // Without the background workers.
  size_t worker_count() const noexcept { return worker_count_.load(std::memory_order_relaxed); }
  size_t background_worker_count() const noexcept { return background_worker_count_.load(std::memory_order_relaxed); }

  // The batch has at least one row. Takes the pin of the run over. Wakes a worker if that pays.
  void publish(Batch& batch);
  // A batch that waits for company has none to wait for any more.
  void nudge();
  // False: closed. worker < 0: any.
  bool post(int worker, Job job);
  // Blocks up to timeout_ms (< 0: until work or close). After kBatch the seat holds the sealed batch.
  Take take(WorkerSeat& seat, int64_t timeout_ms);
  // The batch in hand is done with the session.
  void finish(WorkerSeat& seat);
  // The seat's worker is about to publish what follows from its batch, and takes next: it is left the first of it.
  void announce_return(WorkerSeat& seat);
  // At most `instances_max` batches of the queue run at a time, from the next take on.
  void limit_instances(ModelQueue& queue, uint32_t instances_max);
  // Queues that exist: whether others are to be spared is asked of them.
  void add_queue(ModelQueue& queue);
  void remove_queue(ModelQueue& queue);
  // What takes long at this moment. Models that are found to take long count as long from now on, until that run ends.
  WorkersLook look();
  // The worker goes on with the run, which is answered when it ends, and takes nothing afterwards; the thread gets what
  // others leave of the cores. Its own jobs are forgotten. False: that run has ended.
  bool set_aside(uint32_t worker, int64_t start_ns);
  // The worker runs rows of the model again before it takes next.
  void begin_check(WorkerSeat& seat, uint32_t model_key);
  // The worker ends instead of taking what comes next. False: there is no such worker.
  bool retire(uint32_t worker);
  void close();
  bool is_closed() const noexcept { return is_closed_.load(std::memory_order_acquire); }

 private:
  Batch* pop(const WorkerSeat& seat, int64_t now_ns, int64_t& wake_ns);
  WorkerSeat* find_seat(uint32_t index) const;
  void count_workers();
  bool is_left_to_background(const Batch& batch) const;
  void inherit_long_background();
  // Null: none is idle.
  std::shared_ptr<std::condition_variable> wake_background_worker();
  void park(Batch& batch);
  void make_ready(Batch& batch);
  // Whether its next batch has to wait for one of its own to be taken.
  bool is_crowding(const ModelQueue& queue, Priority priority) const;
  // Whatever of its parked batches may be chosen from now.
  void refill(ModelQueue& queue);
  // The oldest of its parked batches goes to where it would be.
  void unpark_one(ModelQueue& queue, size_t priority);
  bool has_ready() const noexcept { return ready_[0].head != nullptr || ready_[1].head != nullptr; }
  bool should_wake() const;
  bool may_run_long_background() const;
  // Whether a worker is left to others when this one begins a long run.
  bool may_run_long() const { return workers_.size() < 2 || running_long_ + 1 < workers_.size(); }
  bool is_long(const ModelQueue& queue) const;
  bool is_held_back(const Batch& batch, int64_t now_ns) const;
  bool is_at_limit(const ModelQueue& queue) const;
  bool take_shared_job(WorkerSeat& seat);
  void pass_on_batches(const WorkerSeat& seat);
  void begin_job(WorkerSeat& seat, Job&& job);
  void end_job(WorkerSeat& seat);
  void end_long(WorkerSeat& seat);
  std::shared_ptr<std::condition_variable> finish_aside(WorkerSeat& seat, ModelQueue& queue);
  RunInHand run_of(const WorkerSeat& seat, int64_t now_ns) const;
  void note_overrun(WorkerSeat& seat, int64_t now_ns);
  void yield_unexpected(WorkerSeat& seat, int64_t elapsed_ns);
  void end_yield(WorkerSeat& seat);
  void measure_waits(WorkersLook& seen, int64_t now_ns) const;
  // Callers hold the mutex and notify what they get after it is free. Null: nobody is idle.
  std::shared_ptr<std::condition_variable> wake_last_idle();
  bool may_watch(const WorkerSeat& seat) const;
  void watch(std::unique_lock<std::mutex>& lock);
  void end_return(WorkerSeat& seat);
  void wait(std::unique_lock<std::mutex>& lock, WorkerSeat& seat, std::chrono::steady_clock::time_point until);

  mutable std::mutex mutex_;
  std::array<BatchList, kPriorities> ready_;
  BatchList long_background_;  // for background workers; empty when there is none
  uint64_t next_sequence_ = 1;
  std::vector<ModelQueue*> parking_;  // queues with parked batches
  double backlog_us_ = 0.0;           // estimate for the batches in ready_
  double virtual_us_ = 0.0;           // where the share of the batch that was taken last began
  std::deque<Job> jobs_;
  std::vector<WorkerSeat*> workers_;  // without background workers, like idle_ and what is counted of runs
  std::vector<WorkerSeat*> background_workers_;
  std::atomic<size_t> worker_count_{0};
  std::atomic<size_t> background_worker_count_{0};
  std::vector<WorkerSeat*> idle_;  // the one that worked last at the back
  size_t running_ = 0;
  size_t running_expensive_ = 0;
  size_t running_background_expensive_ = 0;
  size_t running_long_ = 0;
  std::vector<WorkerSeat*> aside_;
  std::vector<ModelQueue*> queues_;
  bool has_shared_jobs_ = false;  // models that have no queue are run by jobs
  // Counts what a watching worker must see: batches, jobs, the end.
  std::atomic<uint32_t> news_{0};
  size_t watching_ = 0;
  // Workers whose return was announced, until they take.
  size_t returning_ = 0;
  std::atomic<bool> is_closed_{false};
  const std::function<void(Batch&)> discard_;
  WriterNumbers writers_;
};
}  // namespace penstock
