// The queue of one deployed model version: its buckets (one per shape), their open batches by priority, and what it
// knows of its own speed. Several threads append at once: reserving rows is a short critical section, the copy is
// outside it. Admission reserves rows against the limits first (try_reserve); an append afterwards cannot be refused
// for its number, only for memory. Memory: batches are allocated when load first needs them and kept until they have
// been idle for a while; nothing is allocated per request. What they hold is counted in the runtime's arenas
// (arenas.hpp). Rejected: one lock-free ring per bucket (rows of one request would interleave, and a mutex costs ~20 ns
// uncontended).
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "batch/batch.hpp"
#include "core/boundary_codes.hpp"
#include "core/histogram.hpp"
#include "core/shards.hpp"
#include "core/status_codes.hpp"
#include "queue/service_time.hpp"

namespace penstock {
class ModelQueue;
class Scheduler;

struct QueueOptions {
  uint32_t model_key = 0;
  std::vector<Field> inputs;
  std::vector<Field> outputs;
  Batching batching = Batching::kRows;
  uint32_t batch_rows_max = 1;
  size_t batch_bytes_max = 0;
  std::array<uint32_t, kPriorityCount> pending_rows_max{};
  int64_t max_delay_us = 0;
  bool is_page_locked = false;  // of its batches, where the CUDA runtime is found
  std::shared_ptr<void> owner;  // of the scheduler, kept alive by its queues
};

class ShapeBucket {
 public:
  ShapeBucket(ModelQueue& owner, uint32_t bucket_id, std::vector<int64_t> bucket_key, BatchLayout bucket_layout);
  ShapeBucket(const ShapeBucket&) = delete;
  ShapeBucket& operator=(const ShapeBucket&) = delete;
  ~ShapeBucket();

  ModelQueue& queue;
  const uint32_t id;
  const std::vector<int64_t> key;
  const BatchLayout layout;
  const size_t input_row_bytes;   // over all inputs
  const size_t placed_row_bytes;  // over all tensors that have a place in a batch

 private:
  friend class ModelQueue;
  friend class Batch;
  std::array<Batch*, kPriorityCount> open_{};
  Batch* free_ = nullptr;
  uint32_t live_batches_ = 0;  // out of the free list
  uint64_t last_used_ = 0;
  std::vector<std::unique_ptr<Batch>> batches_;
  bool is_retired_ = false;  // of an earlier batch size: its batches go when they come home
};

// Rows granted by ModelQueue::append; the caller copies them in, then calls ModelQueue::commit.
struct Grant {
  Batch* batch = nullptr;
  uint32_t entry = 0;
  uint32_t batch_row = 0;
  uint32_t count = 0;
  bool is_sealed = false;
};

class ModelQueue : public std::enable_shared_from_this<ModelQueue> {
 public:
  static constexpr size_t kShapeBucketsMax = 256;
  // Background rows that would wait for longer are shed although the queue has room: 16,384 rows are nothing to a small
  // model, and minutes of work, on yesterday's requests, to a large one.
  static constexpr double kBackgroundWaitUsMax = 5e6;

  ModelQueue(Scheduler& scheduler, QueueOptions options);
  ~ModelQueue();

  // Counts `rows` as pending, unless that would exceed the limit of `priority` or, in the background, wait too long.
  bool try_reserve(Priority priority, uint32_t rows) noexcept;
  // The same without a limit: rows on their way through a pipeline were admitted at its door.
  void reserve(Priority priority, uint32_t rows) noexcept;
  void unreserve(Priority priority, uint32_t rows) noexcept;

  // False: a single row is larger than a batch may be, so nothing could ever be appended.
  bool can_hold_a_row() const noexcept { return free_dim_count > 0 || static_bucket_ != nullptr; }
  // Finds or makes the bucket of these free dims. Null: a dim is out of range or a row is too large (kShape), or all
  // buckets are busy (kQueueFull).
  ShapeBucket* bucket_of(const int64_t* free_dims, size_t count, StatusCode& refusal);
  // Takes room for up to `count` rows of `entry`'s request in the bucket's open batch. No batch: out of memory.
  // `due_ns`: when the rows could have run, from which their time in the queue counts. `deadline_us`: of the request,
  // 0: none; the batch closes before its run would hold the rows in it back for too long.
  Grant append(ShapeBucket& bucket, Priority priority, const Entry& entry, int64_t due_ns, int64_t deadline_us = 0);
  // The granted rows are in place. The grant's batch must still be pinned by its entry.
  static void commit(const Grant& grant) noexcept { grant.batch->writers.fetch_sub(1, std::memory_order_release); }

  // Bytes of a row's outputs that have no place in a batch, as rows with inputs of `input_row_bytes` lately had them.
  size_t expected_output_bytes(size_t input_row_bytes) const noexcept {
    return has_unplaced_outputs ? estimate_output_bytes(input_row_bytes) : 0;
  }
  // What a run gave.
  void note_output_bytes(size_t input_row_bytes, size_t output_bytes) noexcept;

  // The scheduler took `batch`: nobody may append any more. Waits for copies under way (nanoseconds to microseconds).
  void seal(Batch& batch) noexcept;

  // Batches opened from now on hold at most so many bytes of inputs, and one row at least. Those that are open stay as
  // they are.
  void limit_batches(size_t input_bytes_max);

  // The free dims of rows that came lately, the last used first, at most `count_max` of them.
  std::vector<std::vector<int64_t>> recent_shapes(size_t count_max);

  // Counts what the batch has touched; its owner calls it when that may have grown.
  void note_resident(Batch& batch) noexcept;
  // Frees idle batches that were opened before `opened_before_ns`; one small one stays for the next request. Returns
  // the bytes that they held.
  int64_t trim(int64_t opened_before_ns);

  // Time until rows that join now find a worker; 0 when nothing is known yet.
  double estimated_wait_us(Priority priority) const noexcept;
  // Time until `rows` that join now and have `budget_us` are done, with what it may take longer than usual; 0 when
  // nothing is known yet, or so old that they are let in to find out.
  double estimated_finish_us(Priority priority, uint32_t rows, double budget_us) const noexcept;
  // The batch is in a worker's hands.
  void note_taken(const Batch& batch, int64_t taken_ns) noexcept;
  // `rows` that a worker had in hand are pending no more.
  void return_taken(Priority priority, uint32_t rows, int64_t end_ns) noexcept;
  // What a batch cost its worker: the rate that estimates are made from.
  void note_cost(uint32_t rows, double busy_us) noexcept;
  // The same of a background worker, which may have waited for a core in its midst.
  void note_background_cost(uint32_t rows, double busy_us) noexcept;
  // The same of a run past its limit. One outlier must not make the model a slow one: such runs count as soon as
  // nothing else is known, or several come in a row.
  void note_overdue_cost(uint32_t rows, double busy_us) noexcept;

  Scheduler& scheduler;
  const QueueOptions options;
  const size_t free_dim_count;
  const size_t static_row_bytes;    // inputs and outputs of a row whose dims are known
  const bool has_unplaced_outputs;  // their size is known after the run, or they are copied (Field::is_copied)

  // The scheduler's, under its mutex: how many batches may run at a time, how many do, and those that wait for that.
  std::atomic<uint32_t> instances_max{std::numeric_limits<uint32_t>::max()};
  uint32_t running = 0;
  uint32_t overruns = 0;  // runs in hand that have been found to be long
  uint32_t stuck = 0;     // runs of workers that were set aside
  std::array<BatchList, kPriorityCount> throttled{};
  std::array<uint32_t, kPriorityCount> ready{};  // its batches among those that workers choose from
  double served_us = 0.0;                        // of the scheduler's virtual time: where its share ends
  std::function<void()> on_wanted;               // of a queue that is held: not called yet
  // No worker has the model: no batch of it runs until it is released.
  std::atomic<bool> is_held{false};
  // How often it is asked, for whoever decides which models stay loaded: batches, and when the last one was opened.
  std::atomic<uint64_t> published_batches{0};
  std::atomic<int64_t> published_ns{0};
  // Background workers have loaded the model: its long background batches are offloaded to them.
  std::atomic<bool> is_in_background_workers{false};

  // Admission and workers both write it: on a cache line of its own.
  alignas(64) std::array<std::atomic<uint32_t>, kPriorityCount> pending_rows{};
  std::atomic<uint32_t> taken_rows{0};  // those of them that workers have in hand
  alignas(64) std::atomic<uint64_t> failed_run_count{0};
  std::atomic<uint64_t> batches_allocated{0};
  std::atomic<uint64_t> arena_bytes{0};  // resident
  std::atomic<double> us_per_row{0.0};
  std::atomic<double> us_per_run{0.0};
  std::atomic<double> expected_run_us{0.0};  // of a full batch, as it was measured; 0: it was not
  std::atomic<uint32_t> overdue_in_a_row{0};
  std::atomic<uint32_t> noted_runs{0};             // up to kTrustedRuns
  std::atomic<double> us_per_background_row{0.0};  // of background workers
  ServiceTime service;
  Shards<PhaseTimes> phases;  // by worker

 private:
  friend class Batch;
  size_t workers() const noexcept;
  double pending_before(Priority priority) const noexcept;
  // Time until so many background rows are done, at the rate of those that do them.
  double background_wait_us(uint32_t rows) const noexcept;
  static size_t start_output_bytes_of(const std::vector<Field>& outputs);
  size_t estimate_output_bytes(size_t input_row_bytes) const noexcept;
  bool is_output_known(size_t input_row_bytes) const noexcept;
  uint32_t batch_rows_of(const ShapeBucket& bucket, size_t output_bytes) const noexcept;
  Batch* open_batch(ShapeBucket& bucket, Priority priority);
  void count_resident(Batch& batch, int64_t bytes) noexcept;
  void give_back(Batch& batch) noexcept;
  void recycle(Batch& batch) noexcept;
  bool evict_idle_bucket();
  // Callers hold the mutex. Null: a row is too large.
  ShapeBucket* add_bucket(const int64_t* free_dims, size_t count);
  void free_batch(ShapeBucket& bucket, Batch& batch) noexcept;
  // The batches of the free list that were opened before, but `keep` of them, taken out of the bucket.
  static void take_idle(ShapeBucket& bucket, int64_t opened_before_ns, bool keeps_one,
                        std::vector<std::unique_ptr<Batch>>& idle);

  // By the bit width of the input bytes of a row; negative: nothing is known.
  static constexpr size_t kSizesMax = 42;
  std::array<std::atomic<double>, kSizesMax> output_bytes_;
  const size_t start_output_bytes_;
  std::mutex mutex_;
  size_t input_bytes_max_ = std::numeric_limits<size_t>::max();
  std::vector<std::unique_ptr<ShapeBucket>> buckets_;
  std::atomic<ShapeBucket*> static_bucket_{nullptr};  // the only one in use when no dim is free
  uint64_t use_counter_ = 0;
};
}  // namespace penstock
