#include "queue/model_queue.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include "core/assert.hpp"
#include "core/clock.hpp"
#include "queue/scheduler.hpp"

namespace penstock {
namespace {
std::atomic<uint32_t> next_batch_id{1};
std::atomic<uint32_t> next_bucket_id{1};
std::atomic<uint32_t> freed_batches{0};

// An exponential moving average; a lost update between two workers is a lost sample, no more.
void blend(std::atomic<double>& average, double sample) noexcept {
  constexpr double kWeight = 0.2;
  const double before = average.load(std::memory_order_relaxed);
  average.store(before == 0.0 ? sample : before + kWeight * (sample - before), std::memory_order_relaxed);
}

// This share of a budget is kept for the way of the answer, and because what is refused now can be asked of another
// server, while what is late was for nothing. A queue that is full to 0.85 of a deadline keeps the workers as busy as a
// full one.
constexpr double kAnswerShare = 0.15;

size_t count_free_dims(const std::vector<Field>& fields) {
  size_t count = 0;
  for (const Field& field : fields)
    count += static_cast<size_t>(std::count_if(field.dims.begin(), field.dims.end(), [](int64_t d) { return d < 0; }));
  return count;
}

size_t placed_bytes_of(const std::vector<TensorLayout>& tensors) {
  size_t bytes = 0;
  for (const TensorLayout& tensor : tensors)
    if (tensor.offset_bytes != TensorLayout::kUnknown) bytes += tensor.row_bytes;
  return bytes;
}

size_t static_bytes_of(const std::vector<Field>& fields) {
  size_t bytes = 0;
  for (const Field& field : fields) bytes += row_bytes_of(field.dtype, field.dims).value_or(0);
  return bytes;
}
}  // namespace

Batch::Batch(uint32_t batch_id, ShapeBucket& owner, std::shared_ptr<Block> memory)
    : id(batch_id), bucket(owner), block(std::move(memory)), dynamic_outputs(owner.layout.outputs.size()) {
  entries.reserve(owner.layout.rows_max);
}

Batch::~Batch() {
  freed_batches.fetch_add(1, std::memory_order_relaxed);
}

uint32_t Batch::freed_count() noexcept {
  return freed_batches.load(std::memory_order_relaxed);
}

std::byte* Batch::input_row(size_t input, uint32_t row) noexcept {
  const TensorLayout& tensor = bucket.layout.inputs[input];
  PENSTOCK_DEBUG_ASSERT(row < bucket.layout.rows_max);
  return block->data() + tensor.offset_bytes + tensor.row_bytes * row;
}

TensorView Batch::view(SourceSide side, size_t slot) const noexcept {
  const TensorLayout& tensor = side == SourceSide::kInputs ? bucket.layout.inputs[slot] : bucket.layout.outputs[slot];
  if (tensor.offset_bytes != TensorLayout::kUnknown)
    return {block->data() + tensor.offset_bytes, tensor.row_bytes, tensor.dtype, &tensor.dims};
  const DynamicOutput& output = dynamic_outputs[slot];
  return {output.data(), output.row_bytes, tensor.dtype, &output.dims};
}

bool Batch::has_all_outputs() const noexcept {
  for (size_t i = 0; i < dynamic_outputs.size(); ++i)
    if (bucket.layout.outputs[i].offset_bytes == TensorLayout::kUnknown && !dynamic_outputs[i].is_set) return false;
  return true;
}

void Batch::unpin() {
  const uint32_t before = pins_.fetch_sub(1, std::memory_order_acq_rel);
  PENSTOCK_ASSERT(before >= 1);
  if (before == 1) bucket.queue.recycle(*this);
}

void Batch::reset(Priority new_priority) noexcept {
  pins_.store(1, std::memory_order_relaxed);
  priority = new_priority;
  rows = 0;
  expected_wait_us = 0.0;
  entries.clear();
  arrivals.clear();
  for (DynamicOutput& output : dynamic_outputs) output.is_set = false;
  is_published.store(false, std::memory_order_relaxed);
  is_full.store(false, std::memory_order_relaxed);
  next = nullptr;
}

ShapeBucket::ShapeBucket(ModelQueue& owner, uint32_t bucket_id, std::vector<int64_t> bucket_key,
                         BatchLayout bucket_layout)
    : queue(owner),
      id(bucket_id),
      key(std::move(bucket_key)),
      layout(std::move(bucket_layout)),
      input_row_bytes(placed_bytes_of(layout.inputs)),
      placed_row_bytes(input_row_bytes + placed_bytes_of(layout.outputs)) {}

ShapeBucket::~ShapeBucket() {
  PENSTOCK_ASSERT(live_batches_ == 0);
}

ModelQueue::ModelQueue(Scheduler& owner, QueueOptions queue_options)
    : scheduler(owner),
      options(std::move(queue_options)),
      free_dim_count(count_free_dims(options.inputs)),
      static_row_bytes(static_bytes_of(options.inputs) + static_bytes_of(options.outputs)),
      has_unplaced_outputs(std::any_of(options.outputs.begin(), options.outputs.end(),
                                       [](const Field& field) { return field.is_copied || !field.is_static(); })),
      start_output_bytes_(start_output_bytes_of(options.outputs)) {
  for (auto& bytes : output_bytes_) bytes.store(-1.0, std::memory_order_relaxed);
  if (free_dim_count == 0) static_bucket_ = add_bucket(nullptr, 0);
  scheduler.arenas.enlist(*this);
  scheduler.add_queue(*this);
}

ModelQueue::~ModelQueue() {
  scheduler.remove_queue(*this);
  scheduler.arenas.leave(*this);
  for (const auto& bucket : buckets_)
    for (const auto& batch : bucket->batches_) {
      // A collector may hold its buffer for long.
      give_back(*batch);
      count_resident(*batch, 0);
    }
}

bool ModelQueue::try_reserve(Priority priority, uint32_t rows) noexcept {
  std::atomic<uint32_t>& pending = pending_rows[static_cast<size_t>(priority)];
  const uint32_t limit = options.pending_rows_max[static_cast<size_t>(priority)];
  const uint32_t before = pending.fetch_add(rows, std::memory_order_relaxed);
  const bool is_too_late = priority == Priority::kBackground && background_wait_us(before) > kBackgroundWaitUsMax;
  // An empty queue takes any request that the row limit let in, or a large one could never run.
  if (before == 0 || (before <= limit && rows <= limit - before && !is_too_late)) return true;
  pending.fetch_sub(rows, std::memory_order_relaxed);
  return false;
}

void ModelQueue::reserve(Priority priority, uint32_t rows) noexcept {
  pending_rows[static_cast<size_t>(priority)].fetch_add(rows, std::memory_order_relaxed);
}

void ModelQueue::unreserve(Priority priority, uint32_t rows) noexcept {
  const uint32_t before = pending_rows[static_cast<size_t>(priority)].fetch_sub(rows, std::memory_order_relaxed);
  PENSTOCK_ASSERT(before >= rows);
}

ShapeBucket* ModelQueue::bucket_of(const int64_t* free_dims, size_t count, StatusCode& refusal) {
  PENSTOCK_ASSERT(count == free_dim_count);
  if (ShapeBucket* const bucket = static_bucket_.load(std::memory_order_acquire); bucket != nullptr) return bucket;
  std::lock_guard lock(mutex_);
  // Linear: most queues have one bucket, and kShapeBucketsMax bounds the rest.
  for (const auto& bucket : buckets_) {
    if (count > 0 && !bucket->is_retired_ && std::equal(bucket->key.begin(), bucket->key.end(), free_dims)) {
      bucket->last_used_ = ++use_counter_;
      return bucket.get();
    }
  }
  refusal = StatusCode::kQueueFull;
  if (buckets_.size() >= kShapeBucketsMax && !evict_idle_bucket()) return nullptr;
  ShapeBucket* const bucket = add_bucket(free_dims, count);
  if (bucket == nullptr) refusal = StatusCode::kShape;
  return bucket;
}

ShapeBucket* ModelQueue::add_bucket(const int64_t* free_dims, size_t count) {
  const BatchBounds bounds{options.batch_rows_max, options.batch_bytes_max, input_bytes_max_};
  auto layout = make_layout(options.inputs, options.outputs, free_dims, bounds);
  if (!layout) return nullptr;
  buckets_.push_back(std::make_unique<ShapeBucket>(*this, next_bucket_id.fetch_add(1, std::memory_order_relaxed),
                                                   std::vector<int64_t>(free_dims, free_dims + count),
                                                   std::move(*layout)));
  buckets_.back()->last_used_ = ++use_counter_;
  return buckets_.back().get();
}

// A retired bucket stays as long as the queue, empty: somebody may hold it between bucket_of and append.
void ModelQueue::limit_batches(size_t input_bytes_max) {
  std::lock_guard lock(mutex_);
  if (input_bytes_max == input_bytes_max_) return;
  input_bytes_max_ = input_bytes_max;
  for (const auto& bucket : buckets_) {
    bucket->is_retired_ = true;
    while (bucket->free_ != nullptr) free_batch(*bucket, *std::exchange(bucket->free_, bucket->free_->next));
  }
  if (free_dim_count == 0) static_bucket_.store(add_bucket(nullptr, 0), std::memory_order_release);
}

std::vector<std::vector<int64_t>> ModelQueue::recent_shapes(size_t count_max) {
  std::lock_guard lock(mutex_);
  std::vector<const ShapeBucket*> used;
  for (const auto& bucket : buckets_)
    if (!bucket->is_retired_) used.push_back(bucket.get());
  std::sort(used.begin(), used.end(), [](const auto* a, const auto* b) { return a->last_used_ > b->last_used_; });
  std::vector<std::vector<int64_t>> shapes;
  for (size_t i = 0; i < std::min(count_max, used.size()); ++i) shapes.push_back(used[i]->key);
  return shapes;
}

// Callers hold the mutex. Linear in the bucket's batches, and rare: only batches of a size that is no longer kept
// go this way.
void ModelQueue::free_batch(ShapeBucket& bucket, Batch& batch) noexcept {
  give_back(batch);
  count_resident(batch, 0);
  batches_allocated.fetch_sub(1, std::memory_order_relaxed);
  std::erase_if(bucket.batches_, [&](const auto& owned) { return owned.get() == &batch; });
}

// Callers hold the mutex. A bucket is in use between bucket_of and append too: only the least recently used one goes.
bool ModelQueue::evict_idle_bucket() {
  auto victim = buckets_.end();
  for (auto it = buckets_.begin(); it != buckets_.end(); ++it) {
    if ((*it)->live_batches_ != 0 || (*it)->last_used_ + kShapeBucketsMax / 2 > use_counter_) continue;
    if (victim == buckets_.end() || (*it)->last_used_ < (*victim)->last_used_) victim = it;
  }
  if (victim == buckets_.end()) return false;
  for (const auto& batch : (*victim)->batches_) {
    give_back(*batch);
    count_resident(*batch, 0);
    batches_allocated.fetch_sub(1, std::memory_order_relaxed);
  }
  buckets_.erase(victim);
  return true;
}

// Callers hold the mutex.
Batch* ModelQueue::open_batch(ShapeBucket& bucket, Priority priority) {
  if (scheduler.arenas.is_exhausted()) return nullptr;
  Batch* batch = bucket.free_;
  if (batch != nullptr) {
    bucket.free_ = batch->next;
  } else {
    auto block = Block::try_make(bucket.layout.block_bytes, options.is_page_locked ? &PageLock::cuda() : nullptr);
    if (block == nullptr) return nullptr;
    batches_allocated.fetch_add(1, std::memory_order_relaxed);
    bucket.batches_.push_back(
        std::make_unique<Batch>(next_batch_id.fetch_add(1, std::memory_order_relaxed), bucket, std::move(block)));
    batch = bucket.batches_.back().get();
  }
  batch->reset(priority);
  batch->expected_output_bytes = expected_output_bytes(bucket.input_row_bytes);
  batch->rows_max = batch_rows_of(bucket, batch->expected_output_bytes);
  batch->opened_ns = now_ns();
  batch->expected_wait_us = estimated_wait_us(priority);
  ++bucket.live_batches_;
  return batch;
}

Grant ModelQueue::append(ShapeBucket& bucket, Priority priority, const Entry& entry, int64_t due_ns,
                         int64_t deadline_us) {
  PENSTOCK_ASSERT(entry.count >= 1);
  std::lock_guard lock(mutex_);
  Batch*& open = bucket.open_[static_cast<size_t>(priority)];
  if (open == nullptr) open = open_batch(bucket, priority);
  if (open == nullptr) return {};
  Batch& batch = *open;
  PENSTOCK_ASSERT(batch.rows < batch.rows_max);
  if (deadline_us != 0) {
    const auto budget_us = static_cast<double>(deadline_us - due_ns / 1000);
    const uint32_t within = service.rows_within(budget_us, batch.rows_max);
    batch.rows_max = std::min(batch.rows_max, std::max(within, batch.rows + 1));
  }

  Grant grant{.batch = &batch, .batch_row = batch.rows, .count = std::min(entry.count, batch.rows_max - batch.rows)};
  grant.entry = static_cast<uint32_t>(batch.entries.size());
  batch.entries.push_back(entry);
  batch.entries.back().batch_row = batch.rows;
  batch.entries.back().count = grant.count;
  batch.entries.back().is_whole = entry.is_whole && grant.count == entry.count;
  batch.entries.back().due_ns = due_ns;
  batch.rows += grant.count;
  if (!batch.arrivals.empty() && batch.arrivals.back().due_ns == due_ns)
    ++batch.arrivals.back().entries;
  else if (scheduler.is_measuring)
    batch.arrivals.push_back({due_ns, 1});
  batch.pin();
  batch.writers.fetch_add(1, std::memory_order_relaxed);
  if (batch.rows == batch.rows_max) {
    batch.is_full.store(true, std::memory_order_relaxed);
    grant.is_sealed = true;
    open = nullptr;
    note_resident(batch);
  }
  return grant;
}

void ModelQueue::seal(Batch& batch) noexcept {
  {
    std::lock_guard lock(mutex_);
    Batch*& open = batch.bucket.open_[static_cast<size_t>(batch.priority)];
    if (open == &batch) open = nullptr;
    note_resident(batch);
  }
  while (batch.writers.load(std::memory_order_acquire) != 0) std::this_thread::yield();
}

void ModelQueue::recycle(Batch& batch) noexcept {
  // Keeps the queue alive while its last batch comes home: the last plan may be gone already.
  const std::shared_ptr<ModelQueue> self = weak_from_this().lock();
  if (scheduler.arenas.is_short()) give_back(batch);
  std::lock_guard lock(mutex_);
  ShapeBucket& bucket = batch.bucket;
  PENSTOCK_ASSERT(bucket.live_batches_ >= 1);
  --bucket.live_batches_;
  if (bucket.is_retired_) return free_batch(bucket, batch);
  batch.next = bucket.free_;
  bucket.free_ = &batch;
}

size_t ModelQueue::workers() const noexcept {
  return std::min<size_t>(scheduler.worker_count(), instances_max.load(std::memory_order_relaxed));
}

double ModelQueue::pending_before(Priority priority) const noexcept {
  double rows = pending_rows[0].load(std::memory_order_relaxed);
  if (priority == Priority::kBackground) rows += pending_rows[1].load(std::memory_order_relaxed);
  return rows;
}

double ModelQueue::estimated_wait_us(Priority priority) const noexcept {
  return pending_before(priority) * service.drain_us_per_row(workers());
}

double ModelQueue::estimated_finish_us(Priority priority, uint32_t rows, double budget_us) const noexcept {
  double pending = pending_before(priority);
  if (pending == 0.0) return service.is_stale(now_ns()) ? 0.0 : service.run_us(rows);
  const double drain_us = service.drain_us_per_row(workers());
  // What is in hand is half done, taken over many; counted as a quarter done, lest it has only just begun.
  pending = std::max(0.0, pending - 0.25 * taken_rows.load(std::memory_order_relaxed));
  // Its batch may grow as far as `append` lets it; what does not fit into one comes after it.
  const uint32_t within = service.rows_within(budget_us, options.batch_rows_max);
  const double rest = rows > within ? rows - within : 0;
  return (pending + rest) * drain_us * (1.0 + service.spread()) + service.run_us(within) + kAnswerShare * budget_us;
}

void ModelQueue::note_taken(const Batch& batch, int64_t taken_ns) noexcept {
  taken_rows.fetch_add(batch.rows, std::memory_order_relaxed);
  service.note_wait(batch.expected_wait_us, static_cast<double>(taken_ns - batch.opened_ns) / 1000.0);
}

void ModelQueue::return_taken(Priority priority, uint32_t rows, int64_t end_ns) noexcept {
  unreserve(priority, rows);
  const uint32_t taken = taken_rows.fetch_sub(rows, std::memory_order_relaxed) - rows;
  service.note_end(rows, pending_before(Priority::kBackground) > taken, end_ns);
}

double ModelQueue::background_wait_us(uint32_t rows) const noexcept {
  const size_t background_workers = scheduler.background_worker_count();
  const bool is_left = background_workers > 0 && is_in_background_workers.load(std::memory_order_relaxed);
  const size_t workers = is_left ? background_workers : std::max<size_t>(scheduler.worker_count(), 1);
  const double left_us = is_left ? us_per_background_row.load(std::memory_order_relaxed) : 0.0;
  const double row_us = left_us > 0.0 ? left_us : us_per_row.load(std::memory_order_relaxed);
  return rows * row_us / static_cast<double>(workers);
}

void ModelQueue::note_cost(uint32_t rows, double busy_us) noexcept {
  blend(us_per_row, busy_us / rows);
  blend(us_per_run, busy_us);
  service.note_run(rows, busy_us);
  if (noted_runs.load(std::memory_order_relaxed) < kTrustedRuns) noted_runs.fetch_add(1, std::memory_order_relaxed);
  if (overdue_in_a_row.load(std::memory_order_relaxed) != 0) overdue_in_a_row.store(0, std::memory_order_relaxed);
}

void ModelQueue::note_overdue_cost(uint32_t rows, double busy_us) noexcept {
  constexpr uint32_t kInARow = 3;
  const uint32_t in_a_row = overdue_in_a_row.fetch_add(1, std::memory_order_relaxed) + 1;
  if (in_a_row < kInARow && us_per_run.load(std::memory_order_relaxed) != 0.0) return;
  note_cost(rows, busy_us);
  overdue_in_a_row.store(in_a_row, std::memory_order_relaxed);
}

// A run that others interrupted can only look longer than the model is.
void ModelQueue::note_background_cost(uint32_t rows, double busy_us) noexcept {
  blend(us_per_background_row, busy_us / rows);
  if (busy_us < us_per_run.load(std::memory_order_relaxed)) note_cost(rows, busy_us);
}
}  // namespace penstock
