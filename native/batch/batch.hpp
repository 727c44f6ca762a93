// One batch: a block of memory being filled, run or read, and the list of whose rows lie where.
//
//   open ──append…──► published ──take──► taken (sealed, writers gone) ──complete──► done ──last pin──► free again
//
// Pins say who still needs the memory: one for the run (open until completed), one per entry (until its request lets
// go), one per publisher that appended and has not flushed. The last pin returns the batch to its bucket.
// Threads: rows and entries change under the queue's mutex while the batch is open; after `take` the worker owns
// them; after `complete` they are read-only. Entries never move: their capacity is reserved once.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "batch/batch_layout.hpp"
#include "batch/phases.hpp"
#include "core/block.hpp"
#include "core/boundary_codes.hpp"

namespace penstock {
class ShapeBucket;
struct Request;

// `count` rows of `request`, from its row `request_row`, lie at `batch_row`.
struct Entry {
  Request* request = nullptr;
  uint32_t request_row = 0;
  uint32_t batch_row = 0;
  uint32_t count = 0;
  uint16_t stage = 0;
  uint16_t position = 0;
  uint16_t option = 0;
  bool is_background = false;
  // Cancelled or expired before the run: its rows were taken out.
  bool is_dropped = false;
  bool is_failed = false;
  // All rows of the request at its node.
  bool is_whole = false;
  int64_t due_ns = 0;  // from when they could run
};

// An output whose shape is known only after the run.
struct DynamicOutput {
  std::shared_ptr<Block> memory;  // kept when the batch is recycled, while there is room for idle memory
  std::vector<int64_t> dims;      // without the row axis, except in non-batching queues
  size_t row_bytes = 0;
  bool is_set = false;

  // False: there is no memory for it.
  bool reserve(size_t size_bytes);
  std::byte* data() const noexcept { return memory == nullptr ? nullptr : memory->data(); }
};

// A tensor of a batch as readers see it.
struct TensorView {
  const std::byte* data = nullptr;
  size_t row_bytes = 0;
  Dtype dtype = Dtype::kFloat32;
  const std::vector<int64_t>* dims = nullptr;
};

class Batch {
 public:
  Batch(uint32_t id, ShapeBucket& bucket, std::shared_ptr<Block> block);
  ~Batch();
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  // Batches of this process that are no more, modulo 2^32: whoever keeps their memory in view asks now and then.
  static uint32_t freed_count() noexcept;

  std::byte* input_row(size_t input, uint32_t row) noexcept;
  TensorView view(SourceSide side, size_t slot) const noexcept;
  bool has_all_outputs() const noexcept;

  void pin() noexcept { pins_.fetch_add(1, std::memory_order_relaxed); }
  // The batch may be gone or in use again when this returns.
  void unpin();

  // Empties it for the next filling and gives it the pin of its run. Under the queue's mutex.
  void reset(Priority new_priority) noexcept;

  const uint32_t id;
  ShapeBucket& bucket;
  const std::shared_ptr<Block> block;
  Priority priority = Priority::kInteractive;
  uint32_t rows = 0;
  // What this filling may hold: the layout's, or fewer where answers of unknown size are to be kept small or deadlines
  // would be missed.
  uint32_t rows_max = 0;
  double expected_wait_us = 0.0;  // said when it was opened
  std::vector<Entry> entries;
  std::vector<Arrival> arrivals;  // by the times at which entries were due; empty when nothing is measured
  BatchTimestamps timestamps;     // set by complete
  std::vector<DynamicOutput> dynamic_outputs;
  size_t expected_output_bytes = 0;  // of a row, without a place here: what its requests were charged
  uint32_t touched_rows = 0;         // of its block, since its pages were given back
  int64_t resident_bytes = 0;        // counted in the arenas
  std::atomic<uint32_t> writers{0};
  std::atomic<bool> is_published{false};
  std::atomic<bool> is_full{false};  // waits for no more rows
  int64_t opened_ns = 0;
  uint64_t sequence = 0;  // the scheduler's: order of publication
  Batch* next = nullptr;  // in one of the scheduler's lists, or in the bucket's free list

 private:
  std::atomic<uint32_t> pins_{0};
};

// Batches in the order of their publication, linked through `next`.
struct BatchList {
  Batch* head = nullptr;
  Batch* tail = nullptr;
};
}  // namespace penstock
