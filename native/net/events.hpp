// The border between I/O threads and JavaScript: events one way, commands the other, each through a queue under a lock
// that is taken once for many. Neither side waits for the other.
//
//     I/O thread ─ turn's events ─► EventQueue ─ one wake-up ─► JavaScript, take()
//     I/O thread ◄── CommandQueue ◄── one wake-up ── JavaScript
//
// What is bounded: an I/O thread stops reading a connection whose bytes JavaScript has not handled (ConnectionShare),
// and begins no request of a connection before the last one is answered.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/boundary_codes.hpp"

namespace penstock::net {

// What both sides know of a connection.
struct ConnectionShare {
  // Bytes for the socket: counted when they are posted, or made on the I/O thread. Those that the kernel has.
  std::atomic<uint64_t> queued_bytes{0};
  std::atomic<uint64_t> taken_bytes{0};
  // Bytes that were received for JavaScript and that it has not handled; reading has stopped for them.
  std::atomic<int64_t> unhandled_bytes{0};
  std::atomic<bool> is_paused{false};
  // JavaScript was told that what it gave waits.
  std::atomic<bool> wants_drain{false};

  // JavaScript may ask while the I/O thread counts: taken is read first, so that the difference is never negative.
  uint64_t buffered_bytes() const noexcept {
    const uint64_t taken = taken_bytes.load(std::memory_order_acquire);
    return queued_bytes.load(std::memory_order_acquire) - taken;
  }
};

struct IoEvent {
  IoEventKind kind;
  bool flag = false;
  uint64_t id = 0;
  uint64_t number = 0;
  std::string text = {};
  std::string bytes = {};
  std::shared_ptr<ConnectionShare> share = nullptr;
};

class EventQueue {
 public:
  explicit EventQueue(std::function<void()> wake) : wake_(std::move(wake)) {}

  // Leaves `events` empty.
  void publish(std::vector<IoEvent>& events) {
    if (events.empty()) return;
    bool is_first = false;
    {
      std::lock_guard lock(mutex_);
      is_first = events_.empty();
      for (IoEvent& event : events) events_.push_back(std::move(event));
    }
    events.clear();
    if (is_first) wake_();
  }
  // All that there are, appended to `events`.
  void take(std::vector<IoEvent>& events) {
    std::lock_guard lock(mutex_);
    if (events.empty()) return events.swap(events_);
    for (IoEvent& event : events_) events.push_back(std::move(event));
    events_.clear();
  }

 private:
  const std::function<void()> wake_;
  std::mutex mutex_;
  std::vector<IoEvent> events_;
};

enum class CommandKind : uint8_t {
  kAdopt,   // number: a descriptor that was accepted; text: the peer's address
  kListen,  // number: a descriptor
  kStopListening,
  kStop,      // the thread ends
  kAnswer,    // a head, if status > 0, and bytes of the body
  kContinue,  // 100 Continue
  kCut,       // closes the connection
  kResume,    // JavaScript handled what was received
  kUpgrade,   // text: subprotocol
  kSend,      // bytes; flag: binary
  kEnd,       // number: close code; text: reason
};

// How an answer says where its body ends.
enum class AnswerFraming : uint8_t { kLength = 0, kChunked = 1 };

struct Command {
  CommandKind kind;
  uint64_t id = 0;
  uint64_t number = 0;  // of kAnswer: the length of the body
  uint16_t status = 0;
  AnswerFraming framing = AnswerFraming::kLength;
  bool flag = false;    // of kAnswer: the last part
  bool closes = false;  // the connection ends behind it
  bool wants_writable = false;
  std::string text = {};  // of kAnswer: name LF value LF …
  std::string bytes = {};
};

}  // namespace penstock::net
