// The log of one deployment. Workers append completed requests, a batch at a time; the runtime's writer
// (log_writer.hpp) takes it all at once and writes it while they fill the other buffer.
//
//   worker ─ append ─► front ═ swap ═► back ─► segment ─ fdatasync ─► answers that waited for it
//               (the log's mutex)        └──────────── only the writer ──────────────┘
//
// Durability. async: rows are written within kWriteDelayNs and synced at most once a second: what a lost machine or a
// killed process can cost. committed: the request's answer waits here until its row is synced; all that wait while one
// sync runs share the next. sampled: async, of the requests that a seeded draw picks.
// Failure (no space, read-only, input or output error, a removed folder): rows are dropped and counted, or their
// answers fail with kStorage; a message that was written in part is cut off. It is tried again every second. While it
// lasts the log is "failing", and a log that refuses says so to admission. Rows whose lists no record batch can count
// (2^31 elements) are not written either, as a file too large (EFBIG). Bounded: the runtime's logs together hold at
// most kBufferedBytesMax (and what a batch adds at once). Memory: rows belong to the log; a request that waits belongs
// to its continuation, which the log holds.
#pragma once
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "core/boundary_codes.hpp"
#include "log/log_rows.hpp"
#include "log/record_batch.hpp"
#include "log/segment.hpp"
#include "plan/request_log.hpp"
#include "runtime/log_stats.hpp"
#include "runtime/port.hpp"

namespace penstock {
struct LogOptions {
  std::string directory;
  std::vector<std::byte> schema;  // the stream's first message
  std::vector<LogColumn> columns;
  std::vector<std::string> keys;  // of the columns of kind kKey, by LogColumn::check
  Durability durability = Durability::kAsync;
  double sample_rate = 1.0;
  uint64_t seed = 0;
  bool refuses = false;                                  // new requests, while it fails
  size_t list_elements_max = LogRows::kListElementsMax;  // of a column, in one record batch
  uint64_t segment_bytes_max = kLogSegmentBytesMax;
  int64_t segment_ns_max = kLogSegmentMsMax * 1'000'000;
};

class RowLog;

// What the logs of a runtime share with their writer. Outlives both.
struct LogHub {
  enum Attention : int { kNone = 0, kSoon = 1, kNow = 2 };

  explicit LogHub(FileLayer& file_layer) : files(file_layer) {}
  // The writer looks at the logs: at once, or within kWriteDelayNs.
  void wake(Attention level);

  FileLayer& files;
  std::atomic<int> attention{kNone};
  std::atomic<size_t> buffered_bytes{0};
  std::atomic<uint64_t> requests_numbered{0};

  std::mutex mutex;
  std::condition_variable woken;
  std::vector<std::shared_ptr<RowLog>> logs;
  bool is_stopping = false;
};

// A caller that waits for what was appended before. It gets a job's reply of one byte: 1 where its rows were lost.
struct LogWaiter {
  std::weak_ptr<Port> port;
  double tag = 0;
  bool is_for_sync = false;  // else for the writing
};

class RowLog final : public RequestLog {
 public:
  static constexpr size_t kBufferedBytesMax = size_t{64} << 20;
  static constexpr size_t kWriteBytes = size_t{1} << 20;  // that are worth a write of their own
  // What one record batch holds, but for the rows that are appended at once.
  static constexpr size_t kRecordBatchBytesMax = size_t{8} << 20;
  static constexpr uint64_t kRecordBatchRowsMax = 65'536;
  static constexpr int64_t kWriteDelayNs = 100'000'000;
  static constexpr int64_t kSyncDelayNs = 1'000'000'000;
  static constexpr int64_t kRetryDelayNs = 1'000'000'000;
  // Above all numbers that JavaScript gives, and exact there.
  static constexpr uint64_t kNumbersFirst = uint64_t{1} << 52;

  RowLog(std::shared_ptr<LogHub> hub, std::shared_ptr<LogStats> stats, LogOptions options);

  // ── any thread ──
  std::string bind(Plan& plan) const override;
  void append(std::span<const LogItem> items) override;
  // Rows of the string path: one encoded record batch message.
  void append_encoded(std::span<const std::byte> message, const MessageFacts& facts, LogWaiter waiter);
  // Replies when all rows appended so far are in files, or dropped.
  void flush(LogWaiter waiter);
  // The same, with the last segment sealed. Rows that come later are dropped.
  void close(LogWaiter waiter);
  // Whether the next request of the string path is to be logged.
  bool draws_sample();
  bool is_failing() const noexcept { return is_failing_.load(std::memory_order_relaxed); }
  bool keep_keys(LoggedKeys& keys, const MetaView& meta, std::span<const RowKey> row_keys, uint32_t rows) override;
  bool is_refusing() const noexcept override { return options.refuses && is_failing(); }
  int last_fault() const noexcept override { return stats_->last_fault.load(std::memory_order_relaxed); }
  bool is_committed() const noexcept override { return options.durability == Durability::kCommitted; }

  // ── the writer ──
  // Writes what has been appended; syncs and seals what is due. False: closed, and not to be called again.
  bool run(int64_t now_ns);
  // When `run` is to be called again without a wake-up; INT64_MAX: not at all.
  int64_t next_run_ns() const noexcept { return next_run_ns_; }

  const LogOptions options;

 private:
  struct Encoded {
    std::vector<std::byte> message;
    MessageFacts facts;
  };
  // One of the two buffers. Rows are kept by record batch: a reader takes each of them whole.
  struct Side {
    std::vector<std::unique_ptr<LogRows>> batches;  // those from `batches_used` on are empty, kept for later
    size_t batches_used = 0;
    size_t batch_bytes = 0;  // of all of them
    std::vector<Encoded> encoded;
    size_t encoded_bytes = 0;
    uint64_t encoded_rows = 0;
    std::vector<Request*> requests;  // that wait for the sync; their continuations' references
    std::vector<LogWaiter> waiters;
    int64_t oldest_ns = 0;

    size_t bytes() const noexcept { return batch_bytes + encoded_bytes; }
    uint64_t row_count() const noexcept;
    // The batch that the next rows belong to.
    LogRows& open_batch(const LogOptions& options);
    LogRows& next_batch(const LogOptions& options);
    // The same, of which has_room(rows) is true; nullptr: of none.
    template <typename HasRoom>
    LogRows* batch_with_room(const LogOptions& options, HasRoom&& has_room);
    void clear();
  };

  // What fits into no batch is added to `refused`, in order.
  void append_rows(std::span<const LogItem> items, WallClock clock, std::vector<LogItem>& refused);
  // Items of one batch whose rows lie side by side, whose numbers are in `numbers_`. Returns how many are appended, all
  // or the first; 0: it fits into no batch.
  size_t append_run(std::span<const LogItem> items, WallClock clock);
  void drop(std::span<const LogItem> items, int fault);
  bool draw() noexcept;
  template <typename Fill>
  bool fill(Fill&& fill_front);

  void take_front();
  void write_back(int64_t now_ns);
  int write_messages(int64_t now_ns);
  int write_message(std::vector<iovec>& parts, size_t bytes, const MessageFacts& facts, int64_t now_ns);
  void rotate();
  bool is_sync_due(int64_t now_ns) const noexcept;
  void sync(int64_t now_ns);
  int sync_segments();
  void seal_ending();
  void probe(int64_t now_ns);
  void begin_failing(int fault, int64_t now_ns);
  void finish_closing();
  void plan_next_run(int64_t now_ns);

  const std::shared_ptr<LogHub> hub_;
  const std::shared_ptr<LogStats> stats_;

  std::mutex mutex_;
  std::unique_ptr<Side> front_ = std::make_unique<Side>();
  uint64_t drawn_ = 0;
  bool is_closed_ = false;
  std::vector<uint64_t> numbers_;  // scratch of append_rows

  std::atomic<bool> is_failing_{false};

  // The writer's.
  std::unique_ptr<Side> back_ = std::make_unique<Side>();
  RecordBatchMessage message_;
  std::unique_ptr<LogSegment> segment_;
  std::vector<std::unique_ptr<LogSegment>> ending_;  // full or broken, to be sealed
  std::vector<Request*> unsynced_;                   // written, waiting for the sync
  std::vector<LogWaiter> unsynced_waiters_;
  int64_t unsynced_since_ns_ = 0;  // 0: all is synced
  int64_t retry_ns_ = 0;
  int64_t next_run_ns_ = 0;
  bool is_closing_ = false;
};

template <typename HasRoom>
LogRows* RowLog::Side::batch_with_room(const LogOptions& options, HasRoom&& has_room) {
  LogRows* rows = &open_batch(options);
  if (has_room(*rows)) return rows;
  if (rows->row_count() == 0) return nullptr;
  rows = &next_batch(options);
  return has_room(*rows) ? rows : nullptr;
}
}  // namespace penstock
