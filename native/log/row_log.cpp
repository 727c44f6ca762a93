#include "log/row_log.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/assert.hpp"
#include "core/clock.hpp"
#include "core/split_mix.hpp"

namespace penstock {
namespace {
// Answers what has waited, unless it was cancelled or expired meanwhile, and gives the continuations' references back.
// @param fault errno; 0: the rows are on the disk.
void finish_requests(std::vector<Request*>& requests, int fault) {
  Completions completions;
  for (Request* request : requests) {
    if (request->is_answered.exchange(true, std::memory_order_acq_rel)) continue;
    if (fault != 0) request->fail(StorageDetail{.fault = fault}, "");
    completions.answer(*request);
  }
  completions.flush();
  for (Request* request : requests) Port::unref(*request);
  requests.clear();
}

void reply_to(std::vector<LogWaiter>& waiters, bool is_lost) {
  for (const LogWaiter& waiter : waiters)
    if (const auto port = waiter.port.lock(); port != nullptr)
      port->push_reply({waiter.tag, {static_cast<uint8_t>(is_lost ? LogReply::kLost : LogReply::kKept)}});
  waiters.clear();
}
}  // namespace

void LogHub::wake(Attention level) {
  int seen = attention.load(std::memory_order_relaxed);
  while (seen < level)
    if (attention.compare_exchange_weak(seen, level, std::memory_order_acq_rel)) {
      std::lock_guard lock(mutex);
      woken.notify_one();
      return;
    }
}

RowLog::RowLog(std::shared_ptr<LogHub> hub, std::shared_ptr<LogStats> stats, LogOptions log_options)
    : options(std::move(log_options)), hub_(std::move(hub)), stats_(std::move(stats)) {}

// ── any thread ──

bool RowLog::keep_keys(LoggedKeys& keys, const MetaView& meta, std::span<const RowKey> row_keys, uint32_t rows) {
  uint64_t changed = 0;
  const bool is_any = keys.keep(options.keys, meta, row_keys, rows, changed);
  if (changed > 0) stats_->changed_keys.fetch_add(changed, std::memory_order_relaxed);
  return is_any;
}

// Calls fill_front() if rows are taken now, and the writer if they are worth it. False: they are to be dropped.
template <typename Fill>
bool RowLog::fill(Fill&& fill_front) {
  // Once the mutex is free the last request may be answered, and the log gone.
  const std::shared_ptr<LogHub> hub = hub_;
  LogHub::Attention attention = LogHub::kNone;
  {
    std::lock_guard lock(mutex_);
    if (is_closed_ || hub_->buffered_bytes.load(std::memory_order_relaxed) >= kBufferedBytesMax) return false;
    // A caller that waits learns of the failure at once; the writer tries again.
    if (is_committed() && is_failing()) return false;
    const size_t before = front_->bytes();
    if (before == 0) front_->oldest_ns = now_ns();
    fill_front();
    const size_t after = front_->bytes();
    hub_->buffered_bytes.fetch_add(after - before, std::memory_order_relaxed);
    if (after > before) attention = is_committed() || after >= kWriteBytes ? LogHub::kNow : LogHub::kSoon;
  }
  hub->wake(attention);
  return true;
}

void RowLog::append(std::span<const LogItem> items) {
  const bool waits = is_committed();
  std::vector<LogItem> refused;  // hardly ever any
  const auto for_each_taken = [&](auto&& visit) {
    size_t next = 0;
    for (const LogItem& item : items)
      if (next < refused.size() && refused[next].request == item.request)
        ++next;
      else
        visit(item.request);
  };
  const bool is_taken = fill([&] {
    append_rows(items, WallClock::now(), refused);
    if (waits) for_each_taken([&](Request* request) { front_->requests.push_back(request); });
  });
  if (!is_taken) return drop(items, ENOBUFS);
  // Those of a log that waits are the writer's now.
  if (!waits) for_each_taken([](Request* request) { Port::unref(*request); });
  if (!refused.empty()) drop(refused, EFBIG);
}

// Callers hold the mutex.
bool RowLog::draw() noexcept {
  return options.durability != Durability::kSampled || uniform(options.seed, drawn_++) < options.sample_rate;
}

bool RowLog::draws_sample() {
  std::lock_guard lock(mutex_);
  return draw();
}

// Callers hold the mutex.
void RowLog::append_rows(std::span<const LogItem> items, WallClock clock, std::vector<LogItem>& refused) {
  const uint64_t numbered = hub_->requests_numbered.fetch_add(items.size(), std::memory_order_relaxed);
  const bool is_sampled = options.durability == Durability::kSampled;
  const auto number_of = [&](size_t i) {
    const Request& request = *items[i].request;
    return request.has_number ? request.origin.request_number : kNumbersFirst + numbered + i;
  };
  for (size_t first = 0; first < items.size();) {
    if (is_sampled && !draw()) {
      ++first;
      continue;
    }
    if (items[first].batch == nullptr) {
      const Request& request = *items[first].request;
      LogRows* const rows =
          front_->batch_with_room(options, [&](const LogRows& batch) { return batch.has_room_for(request); });
      if (rows == nullptr) {
        refused.push_back(items[first++]);
        continue;
      }
      const size_t before = rows->bytes();
      rows->append_request(request, number_of(first++), clock);
      front_->batch_bytes += rows->bytes() - before;
      continue;
    }
    const std::vector<Entry>& entries = items[first].batch->entries;
    numbers_.assign(1, number_of(first));
    size_t end = first + 1;
    for (; !is_sampled && end < items.size() && items[end].batch == items[first].batch; ++end) {
      const Entry& last = entries[items[end - 1].entry];
      if (entries[items[end].entry].batch_row != last.batch_row + last.count) break;
      numbers_.push_back(number_of(end));
    }
    const size_t appended = append_run(items.subspan(first, end - first), clock);
    if (appended == 0) refused.push_back(items[first]);
    first += std::max(appended, size_t{1});
  }
}

// All of them, or where they fit together into no batch the first.
size_t RowLog::append_run(std::span<const LogItem> items, WallClock clock) {
  const Batch& batch = *items.front().batch;
  const Entry& first = batch.entries[items.front().entry];
  const Entry& last = batch.entries[items.back().entry];
  const uint32_t row_count = last.batch_row + last.count - first.batch_row;
  LogRows* const rows =
      front_->batch_with_room(options, [&](const LogRows& open) { return open.has_room_for(batch, row_count); });
  if (rows == nullptr) return items.size() == 1 ? 0 : append_run(items.first(1), clock);
  const size_t before = rows->bytes();
  rows->append_run(items, std::span(numbers_).first(items.size()), clock);
  front_->batch_bytes += rows->bytes() - before;
  return items.size();
}

// @param fault errno, where the log itself has none.
void RowLog::drop(std::span<const LogItem> items, int fault) {
  uint64_t rows = 0;
  std::vector<Request*> requests;
  for (const LogItem& item : items) {
    rows += item.request->rows;
    requests.push_back(item.request);
  }
  stats_->dropped_rows.fetch_add(rows, std::memory_order_relaxed);
  if (is_committed()) {
    const int last_fault = stats_->last_fault.load(std::memory_order_relaxed);
    return finish_requests(requests, is_failing() && last_fault != 0 ? last_fault : fault);
  }
  for (Request* request : requests) Port::unref(*request);
}

void RowLog::append_encoded(std::span<const std::byte> message, const MessageFacts& facts, LogWaiter waiter) {
  const bool is_taken = fill([&] {
    front_->encoded.push_back({{message.begin(), message.end()}, facts});
    front_->encoded_bytes += message.size();
    front_->encoded_rows += facts.rows;
    if (waiter.is_for_sync) front_->waiters.push_back(waiter);
  });
  if (is_taken) return;
  stats_->dropped_rows.fetch_add(facts.rows, std::memory_order_relaxed);
  std::vector<LogWaiter> waiters = {std::move(waiter)};
  if (waiters[0].is_for_sync) reply_to(waiters, true);
}

void RowLog::flush(LogWaiter waiter) {
  {
    std::lock_guard lock(mutex_);
    front_->waiters.push_back(std::move(waiter));
  }
  hub_->wake(LogHub::kNow);
}

void RowLog::close(LogWaiter waiter) {
  {
    std::lock_guard lock(mutex_);
    is_closed_ = true;
    front_->waiters.push_back(std::move(waiter));
  }
  hub_->wake(LogHub::kNow);
}

// ── the writer ──

bool RowLog::run(int64_t now_ns) {
  take_front();
  if (is_failing() && (now_ns >= retry_ns_ || is_closing_)) probe(now_ns);
  write_back(now_ns);
  if (is_sync_due(now_ns)) sync(now_ns);
  if (is_closing_) finish_closing();
  plan_next_run(now_ns);
  return !is_closing_;
}

void RowLog::take_front() {
  std::lock_guard lock(mutex_);
  front_.swap(back_);
  is_closing_ = is_closed_;
}

void RowLog::write_back(int64_t now_ns) {
  Side& side = *back_;
  const size_t bytes = side.bytes();
  int fault = is_failing() ? stats_->last_fault.load(std::memory_order_relaxed) : 0;
  if (bytes > 0) {
    const uint64_t rows = side.row_count();
    const uint64_t written_before = stats_->rows.load(std::memory_order_relaxed);
    if (fault == 0) fault = -write_messages(now_ns);
    const uint64_t written = stats_->rows.load(std::memory_order_relaxed) - written_before;
    stats_->dropped_rows.fetch_add(rows - written, std::memory_order_relaxed);
    if (fault == 0 && unsynced_since_ns_ == 0) unsynced_since_ns_ = side.oldest_ns;
    if (fault != 0 && !is_failing()) begin_failing(fault, now_ns);
    side.clear();
    hub_->buffered_bytes.fetch_sub(bytes, std::memory_order_relaxed);
  }
  if (fault != 0) finish_requests(side.requests, fault);
  unsynced_.insert(unsynced_.end(), side.requests.begin(), side.requests.end());
  side.requests.clear();
  const auto syncing = std::stable_partition(side.waiters.begin(), side.waiters.end(),
                                             [](const LogWaiter& waiter) { return waiter.is_for_sync; });
  std::vector<LogWaiter> flushed(syncing, side.waiters.end());
  side.waiters.erase(syncing, side.waiters.end());
  if (fault != 0) reply_to(side.waiters, true);
  std::move(side.waiters.begin(), side.waiters.end(), std::back_inserter(unsynced_waiters_));
  side.waiters.clear();
  // A log that is closing answers these when it is sealed.
  if (is_closing_)
    std::move(flushed.begin(), flushed.end(), std::back_inserter(unsynced_waiters_));
  else
    reply_to(flushed, false);
}

int RowLog::write_messages(int64_t now_ns) {
  Side& side = *back_;
  for (size_t i = 0; i < side.batches_used; ++i) {
    const LogRows& rows = *side.batches[i];
    if (rows.row_count() == 0) continue;  // nothing of it was drawn
    message_.build(rows);
    const MessageFacts facts{rows.row_count(), rows.first_ms(), rows.last_ms()};
    std::vector<iovec> parts = message_.parts();
    if (const int fault = write_message(parts, message_.size_bytes(), facts, now_ns); fault < 0) return fault;
  }
  for (const Encoded& encoded : side.encoded) {
    std::vector<iovec> parts = {{const_cast<std::byte*>(encoded.message.data()), encoded.message.size()}};
    if (const int fault = write_message(parts, encoded.message.size(), encoded.facts, now_ns); fault < 0) return fault;
  }
  return 0;
}

int RowLog::write_message(std::vector<iovec>& parts, size_t bytes, const MessageFacts& facts, int64_t now_ns) {
  if (segment_ == nullptr) {
    auto segment = std::make_unique<LogSegment>(hub_->files, options.directory);
    if (const int fault = segment->open(options.schema); fault < 0) return fault;
    segment_ = std::move(segment);
  }
  if (const int fault = segment_->append(parts, facts, now_ns); fault < 0) return fault;
  stats_->rows.fetch_add(facts.rows, std::memory_order_relaxed);
  stats_->bytes.fetch_add(bytes, std::memory_order_relaxed);
  if (segment_->size_bytes() >= options.segment_bytes_max) rotate();
  return 0;
}

// It is sealed with the next sync: a sync of its own for each of several segments a second would cost more.
void RowLog::rotate() {
  segment_->end();
  ending_.push_back(std::move(segment_));
}

bool RowLog::is_sync_due(int64_t now_ns) const noexcept {
  if (!unsynced_.empty() || !unsynced_waiters_.empty() || is_closing_) return true;
  return unsynced_since_ns_ != 0 && now_ns >= unsynced_since_ns_ + kSyncDelayNs;
}

void RowLog::sync(int64_t now_ns) {
  const int fault = -sync_segments();
  if (fault != 0) {
    // What the kernel could not write it may have thrown away: only what was synced before is known to be there.
    uint64_t lost = segment_ == nullptr ? 0 : segment_->cut_back();
    for (const auto& segment : ending_) lost += segment->cut_back();
    stats_->dropped_rows.fetch_add(lost, std::memory_order_relaxed);
    if (!is_failing()) begin_failing(fault, now_ns);
  } else if (unsynced_since_ns_ != 0) {
    stats_->commit.record_ns(penstock::now_ns() - unsynced_since_ns_);
  }
  unsynced_since_ns_ = 0;
  finish_requests(unsynced_, fault);
  if (!is_closing_) reply_to(unsynced_waiters_, fault != 0);
}

int RowLog::sync_segments() {
  const bool is_old = segment_ != nullptr && segment_->begun_ns() != 0 &&
                      penstock::now_ns() >= segment_->begun_ns() + options.segment_ns_max;
  if (is_old) rotate();
  for (const auto& segment : ending_)
    if (const int fault = segment->sync(); fault < 0) return fault;
  if (segment_ != nullptr)
    if (const int fault = segment_->sync(); fault < 0) return fault;
  seal_ending();
  return 0;
}

// What cannot be sealed now is tried again with the next sync, or when the disk is looked at again.
void RowLog::seal_ending() {
  std::erase_if(ending_, [](const auto& segment) {
    const int fault = segment->seal();
    return fault == 0 || fault == -ENOENT;
  });
}

void RowLog::begin_failing(int fault, int64_t now_ns) {
  stats_->last_fault.store(fault, std::memory_order_relaxed);
  stats_->failing_logs.fetch_add(1, std::memory_order_relaxed);
  is_failing_.store(true, std::memory_order_relaxed);
  retry_ns_ = now_ns + kRetryDelayNs;
  if (segment_ != nullptr) ending_.push_back(std::move(segment_));
}

// Whether a segment can be begun: that takes a folder, a name and some room.
void RowLog::probe(int64_t now_ns) {
  seal_ending();
  auto segment = std::make_unique<LogSegment>(hub_->files, options.directory);
  int fault = segment->open(options.schema);
  if (fault == 0) {
    fault = segment->sync();
    segment_ = std::move(segment);
  }
  if (fault < 0) {
    if (segment_ != nullptr) ending_.push_back(std::move(segment_));
    stats_->last_fault.store(-fault, std::memory_order_relaxed);
    retry_ns_ = now_ns + kRetryDelayNs;
    return;
  }
  is_failing_.store(false, std::memory_order_relaxed);
  stats_->failing_logs.fetch_sub(1, std::memory_order_relaxed);
}

void RowLog::finish_closing() {
  if (segment_ != nullptr) rotate();
  seal_ending();
  ending_.clear();  // readers know what to do with what could not be sealed
  if (is_failing_.exchange(false, std::memory_order_relaxed))
    stats_->failing_logs.fetch_sub(1, std::memory_order_relaxed);
  reply_to(unsynced_waiters_, false);
}

void RowLog::plan_next_run(int64_t now_ns) {
  next_run_ns_ = std::numeric_limits<int64_t>::max();
  if (unsynced_since_ns_ != 0) next_run_ns_ = unsynced_since_ns_ + kSyncDelayNs;
  if (is_failing()) next_run_ns_ = std::min(next_run_ns_, retry_ns_);
  if (segment_ != nullptr && segment_->begun_ns() != 0)
    next_run_ns_ = std::min(next_run_ns_, segment_->begun_ns() + options.segment_ns_max);
  if (!ending_.empty()) next_run_ns_ = std::min(next_run_ns_, now_ns + kSyncDelayNs);
}
}  // namespace penstock
