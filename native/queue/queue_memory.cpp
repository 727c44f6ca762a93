// What a queue's batches hold: the part of ModelQueue that counts pages, gives them back, and guesses the size of
// outputs whose shape is known only after the run.
#include <algorithm>
#include <bit>
#include <utility>

#include "core/assert.hpp"
#include "core/boundary_codes.hpp"
#include "queue/model_queue.hpp"
#include "queue/scheduler.hpp"

namespace penstock {
namespace {
// Free dims of an output that never was seen, and rows that share the first runs, which show them.
constexpr int64_t kFreeDimStart = 64;
constexpr uint32_t kUnknownRowsMax = 16;
// An idle batch that stays for the next request, so that it finds its memory where the last one left it.
constexpr int64_t kKeptBytesMax = int64_t{1} << 20;

size_t size_index(size_t input_row_bytes, size_t sizes) noexcept {
  return std::min<size_t>(static_cast<size_t>(std::bit_width(input_row_bytes)), sizes - 1);
}
}  // namespace

size_t ModelQueue::start_output_bytes_of(const std::vector<Field>& outputs) {
  size_t bytes = 0;
  for (const Field& field : outputs) {
    std::vector<int64_t> dims = field.dims;
    std::replace_if(dims.begin(), dims.end(), [](int64_t dim) { return dim < 0; }, kFreeDimStart);
    if (!field.is_static() || field.is_copied) bytes += row_bytes_of(field.dtype, dims).value_or(0);
  }
  return bytes;
}

bool DynamicOutput::reserve(size_t size_bytes) {
  if (memory == nullptr || memory->size_bytes() < size_bytes)
    memory = Block::try_make(std::max(size_bytes, kAlignmentBytes));
  return memory != nullptr;
}

bool ModelQueue::is_output_known(size_t input_row_bytes) const noexcept {
  return output_bytes_[size_index(input_row_bytes, kSizesMax)].load(std::memory_order_relaxed) >= 0.0;
}

// Answers of rows of about the same size, else of the nearest that was seen: what grows with the input does so by steps
// of two at most, and what does not is right at once.
size_t ModelQueue::estimate_output_bytes(size_t input_row_bytes) const noexcept {
  const size_t index = size_index(input_row_bytes, kSizesMax);
  for (size_t distance = 0; distance < kSizesMax; ++distance) {
    double bytes = -1.0;
    if (distance <= index) bytes = output_bytes_[index - distance].load(std::memory_order_relaxed);
    if (bytes < 0.0 && index + distance < kSizesMax)
      bytes = output_bytes_[index + distance].load(std::memory_order_relaxed);
    if (bytes >= 0.0) return static_cast<size_t>(bytes);
  }
  return start_output_bytes_;
}

// It rises at once, for memory is what it protects, and falls slowly.
void ModelQueue::note_output_bytes(size_t input_row_bytes, size_t output_bytes) noexcept {
  constexpr double kFall = 0.2;
  std::atomic<double>& known = output_bytes_[size_index(input_row_bytes, kSizesMax)];
  const double before = known.load(std::memory_order_relaxed);
  const auto sample = static_cast<double>(output_bytes);
  const double after = sample >= before ? sample : before + kFall * (sample - before);
  if (after != before) known.store(after, std::memory_order_relaxed);
}

// As many rows as keep the batch within its bytes, its answers included.
uint32_t ModelQueue::batch_rows_of(const ShapeBucket& bucket, size_t output_bytes) const noexcept {
  if (!has_unplaced_outputs) return bucket.layout.rows_max;
  const size_t row_bytes = std::max<size_t>(bucket.placed_row_bytes + output_bytes, 1);
  const size_t rows = std::clamp<size_t>(options.batch_bytes_max / row_bytes, 1, bucket.layout.rows_max);
  const bool is_known = is_output_known(bucket.input_row_bytes);
  return is_known ? static_cast<uint32_t>(rows) : std::min(static_cast<uint32_t>(rows), kUnknownRowsMax);
}

void ModelQueue::count_resident(Batch& batch, int64_t bytes) noexcept {
  const int64_t grown = bytes - std::exchange(batch.resident_bytes, bytes);
  if (grown == 0) return;
  arena_bytes.fetch_add(static_cast<uint64_t>(grown), std::memory_order_relaxed);
  scheduler.arenas.add(grown);
}

void ModelQueue::note_resident(Batch& batch) noexcept {
  if (batch.rows <= batch.touched_rows && !has_unplaced_outputs) return;
  batch.touched_rows = std::max(batch.touched_rows, batch.rows);
  const BatchLayout& layout = batch.bucket.layout;
  size_t bytes = batch.block->size_bytes();
  if (batch.block->is_mapped() && !batch.block->is_page_locked()) {
    const size_t edges = (layout.inputs.size() + layout.outputs.size()) * kPageBytes;
    bytes = std::min(bytes, batch.bucket.placed_row_bytes * batch.touched_rows + edges);
  }
  for (const DynamicOutput& output : batch.dynamic_outputs)
    if (output.memory != nullptr) bytes += output.memory->size_bytes();
  count_resident(batch, static_cast<int64_t>(bytes));
}

// Nobody has the batch in hand. A small block is on the heap and stays.
void ModelQueue::give_back(Batch& batch) noexcept {
  for (DynamicOutput& output : batch.dynamic_outputs) output.memory = nullptr;
  const bool is_released = batch.block->release_pages();
  if (is_released) batch.touched_rows = 0;
  count_resident(batch, is_released ? 0 : static_cast<int64_t>(batch.block->size_bytes()));
}

void ModelQueue::take_idle(ShapeBucket& bucket, int64_t opened_before_ns, bool keeps_one,
                           std::vector<std::unique_ptr<Batch>>& idle) {
  Batch** link = &bucket.free_;
  // The list's head was used last.
  if (keeps_one && *link != nullptr && (*link)->resident_bytes <= kKeptBytesMax) link = &(*link)->next;
  while (*link != nullptr) {
    Batch& batch = **link;
    if (batch.opened_ns >= opened_before_ns) {
      link = &batch.next;
      continue;
    }
    *link = batch.next;
    const auto owned = std::find_if(bucket.batches_.begin(), bucket.batches_.end(),
                                    [&](const auto& other) { return other.get() == &batch; });
    PENSTOCK_ASSERT(owned != bucket.batches_.end());
    idle.push_back(std::move(*owned));
    bucket.batches_.erase(owned);
  }
}

int64_t ModelQueue::trim(int64_t opened_before_ns) {
  std::vector<std::unique_ptr<Batch>> idle;
  {
    std::lock_guard lock(mutex_);
    const ShapeBucket* last_used = nullptr;
    for (const auto& bucket : buckets_) {
      const bool is_later = last_used == nullptr || bucket->last_used_ > last_used->last_used_;
      if (!bucket->is_retired_ && is_later) last_used = bucket.get();
    }
    for (const auto& bucket : buckets_) take_idle(*bucket, opened_before_ns, bucket.get() == last_used, idle);
  }
  // The pages of many megabytes take a while: not under the mutex that admission wants.
  int64_t freed_bytes = 0;
  for (const auto& batch : idle) {
    freed_bytes += batch->resident_bytes;
    give_back(*batch);
    count_resident(*batch, 0);
    batches_allocated.fetch_sub(1, std::memory_order_relaxed);
  }
  return freed_bytes;
}
}  // namespace penstock
