// The interface between a log and the plans and executors that write to it; log/row_log.hpp is the log that writes
// files. The interface stands here, so that nothing below the log knows of files or of columns.
//
//   deploy ─ bind ─► admission ─ is_refusing, keep_keys ─► … ─► completed requests, many at a time ─ append ─►
//
// Threads: bind on the one that deploys, before the plan serves; the others on any.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace penstock {
class Batch;
class LoggedKeys;
class MetaView;
struct Plan;
struct Request;

// A request that is completed and is to be logged. Where all its rows lie in one entry of a batch of a simple plan
// (Plan::is_log_simple), that entry: then nothing else of the request need be looked at.
struct LogItem {
  Request* request = nullptr;
  const Batch* batch = nullptr;
  uint32_t entry = 0;
};

// A column of keys that the rows of a request themselves have, beside its meta: a text for each. Lent until they are
// kept.
struct RowKey {
  std::string_view name;
  const char* texts = nullptr;
  const uint32_t* offsets = nullptr;  // into them, one more than there are rows

  std::string_view text(uint32_t row) const noexcept { return {texts + offsets[row], offsets[row + 1] - offsets[row]}; }
};

class RequestLog {
 public:
  RequestLog() = default;
  RequestLog(const RequestLog&) = delete;
  RequestLog& operator=(const RequestLog&) = delete;
  virtual ~RequestLog() = default;

  // The log checks that the plan has what its columns read, and marks the stages that are to be kept for them. Empty
  // when the two fit, else what is wrong.
  virtual std::string bind(Plan& plan) const = 0;
  // Settled requests, whose continuations it takes over: a reference each.
  virtual void append(std::span<const LogItem> items) = 0;
  // What the columns of keys want of a request's meta, and of its rows where the meta has it not. False: nothing.
  virtual bool keep_keys(LoggedKeys& keys, const MetaView& meta, std::span<const RowKey> row_keys, uint32_t rows) = 0;
  // New requests are to be refused, because the log fails.
  virtual bool is_refusing() const noexcept = 0;
  // errno of the last failure; 0: none yet.
  virtual int last_fault() const noexcept = 0;
  // Answers wait until their rows are on the disk.
  virtual bool is_committed() const noexcept = 0;
};
}  // namespace penstock
