// Hands published batches and jobs to the workers of one plane.
//
//   ready[interactive]: batch → batch → …     strictly before     ready[background]: batch → …
//
// Work-conserving: an idle worker takes the oldest published batch at once; while all are busy the batch stays open and
// grows. A second worker is woken only when the work that waits is worth a wake-up, or a long run is under way: for a
// model of 20 us, two workers would halve the batches and double the context switches.
// Of several idle workers the one that worked last is woken: its caches are warm, and the others may sleep on.
// A worker that was seldom idle for long watches for the next batch before it sleeps (`watch_ns`): waking a core that
// has gone to sleep costs more than a small run. One at a time, with its core offered to others every few microseconds.
// A run cannot be interrupted, so one worker of several is always kept out of long background runs: an interactive
// batch never finds all of them inside a challenger. Where there are background workers, which the kernel runs with
// what the others leave of the cores, they alone do the long background runs of the models that they have loaded. A
// model may be held to fewer batches at a time than there are workers (its runs then use several threads each): batches
// beyond that are parked with their queue, so that nobody walks over them, and return to their place in the order of
// publication when a run ends. Jobs (load, unload, plain runs, stop) go before batches, because a worker that waits
// here hears no other message. Threads: all methods, any thread. Lock order: the scheduler's mutex is never held while
// a queue's mutex is taken.
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

enum class Take : uint8_t { kClosed = 0, kBatch = 1, kJob = 2, kTimeout = 3 };

class Scheduler {
 public:
  // Runs below this are cheap: one worker keeps up with them and a wake-up costs about as much.
  static constexpr double kCheapRunUs = 150.0;

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
  // The oldest parked batch of the queue, interactive first, goes back to where it would be.
  void unpark_one(ModelQueue& queue);
  bool has_ready() const noexcept { return ready_[0].head != nullptr || ready_[1].head != nullptr; }
  bool should_wake() const;
  bool may_run_long_background() const;
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
  std::deque<Job> jobs_;
  std::vector<WorkerSeat*> workers_;  // without background workers, like idle_ and what is counted of runs
  std::vector<WorkerSeat*> background_workers_;
  std::atomic<size_t> worker_count_{0};
  std::atomic<size_t> background_worker_count_{0};
  std::vector<WorkerSeat*> idle_;  // the one that worked last at the back
  size_t running_ = 0;
  size_t running_expensive_ = 0;
  size_t running_background_expensive_ = 0;
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
