// One I/O isolate's side of the runtime: its request slots, and the completion queue that workers fill.
//
//   worker ─ push(answers) ─► completion queue (mutex, an intrusive list) ─ one notify ─► the isolate drains all of it
//
// However many requests finish between two drains, the isolate is woken once. Slots are found by a request number that
// carries a generation, so that a late or forged number finds nothing. Freed slots come home over a lock-free stack
// (any thread pushes, only the owner pops all at once: no ABA).
// Threads: acquire, drain, cancel, expire and find on the owner's; push, give_back and unref on any.
#pragma once
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "core/clock.hpp"
#include "plan/request_log.hpp"
#include "queue/publisher.hpp"
#include "runtime/request.hpp"

namespace penstock {
class Runtime;

struct RequestList {
  Request* head = nullptr;
  Request* tail = nullptr;
};

struct JobReply {
  double tag = 0;
  std::vector<uint8_t> payload;
};

struct PortCompletions {
  Request* answers = nullptr;  // linked by next_answer
  std::deque<JobReply> replies;
};

class Port : public std::enable_shared_from_this<Port> {
 public:
  static constexpr uint32_t kChunk = 256;

  // `notify` runs on any thread, at most once until the next collect().
  Port(std::shared_ptr<Runtime> runtime, uint32_t requests_max, std::function<void()> notify);
  ~Port();

  // Null: requests_max are in flight.
  Request* try_acquire();
  Request* find(uint64_t number) noexcept;
  uint64_t number_of(const Request& request) const noexcept;
  // Drops one reference; the last one frees the slot. The port itself may go with it once it is closed.
  static void unref(Request& request);

  void push(const RequestList& answers);
  void push_reply(JobReply reply);
  PortCompletions collect();

  // Calls visit(request) for every live request. O(slots): for disconnects and deadlines, not for the hot path.
  template <typename Visit>
  void for_each_live(Visit&& visit) {
    for (uint32_t slot = 0; slot < slot_count_; ++slot) {
      Request& request = chunks_[slot / kChunk][slot % kChunk];
      if (request.is_live.load(std::memory_order_acquire)) visit(request);
    }
  }

  // Nothing is delivered any more; requests in flight end silently.
  void close();
  bool is_closed() const noexcept { return is_closed_.load(std::memory_order_acquire); }
  uint32_t in_flight() const noexcept { return in_flight_.load(std::memory_order_relaxed); }

  // The clock as of the first admission since the last flush: a reading a request would be a tenth of an admission, and
  // a loop turn is short beside what the time is used for.
  int64_t burst_now_ns() noexcept {
    if (burst_ns_ == 0) burst_ns_ = now_ns();
    return burst_ns_;
  }
  // Also after a refusal, which no flush need follow.
  void end_burst() noexcept { burst_ns_ = 0; }
  void flush() {
    end_burst();
    publisher.flush();
  }

  // Live requests that have a deadline: while there are none, expire looks at no slot.
  std::atomic<uint32_t> deadline_count{0};
  const std::shared_ptr<Runtime> runtime;
  // Names the counters that its thread keeps. WriterNumbers::kNone: the runtime has as many ports as it can count for.
  const uint32_t writer;
  Publisher publisher;

 private:
  void notify_once();

  int64_t burst_ns_ = 0;

  const uint32_t requests_max_;
  std::vector<std::unique_ptr<Request[]>> chunks_;
  uint32_t slot_count_ = 0;
  Request* free_ = nullptr;
  std::atomic<Request*> returned_{nullptr};
  std::atomic<uint32_t> in_flight_{0};

  std::mutex mutex_;
  RequestList answers_;
  std::deque<JobReply> replies_;
  std::atomic<bool> is_notified_{false};
  std::atomic<bool> is_closed_{false};
  const std::function<void()> notify_;
};

// What one call finished: rows by log, so that each log is locked once, and answers by port, so that each port's
// completion queue is locked and notified once.
class Completions {
 public:
  // The entry that is being handed back; null: none.
  void begin_entry(const Batch* batch, uint32_t entry) noexcept {
    batch_ = batch;
    entry_ = entry;
  }
  void answer(Request& request);
  // A completed request of a plan with a log, which takes over its continuation.
  void log(Request& request);
  // Before the answers: a caller that has its answer finds its row in the log.
  void flush_logs();
  // `ready_ns`: the timestamp that answers carry; 0: now.
  void flush(int64_t ready_ns = 0);

 private:
  struct PortGroup {
    std::shared_ptr<Port> port;
    RequestList answers;
  };
  struct LogGroup {
    RequestLog* log;
    std::vector<LogItem> items;
  };
  std::vector<PortGroup> port_groups_;
  std::vector<LogGroup> log_groups_;
  const Batch* batch_ = nullptr;
  uint32_t entry_ = 0;
};
}  // namespace penstock
