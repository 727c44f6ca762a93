// What an I/O thread knows of one of its sockets. The rules of its stages are loop_http.cpp's and loop_websocket.cpp's.
//
//     kHead ─► kBody ─► kAnswer ─┬─► kHead                  bytes of the next request wait in `held`
//       ▲        │         │     └─► kWebSocket ─► kEnding  close frame sent, the peer's awaited
//       │        └─ answered before it ended ─► kSkip ─┐
//       └──────────────────────────────────────────────┘
//     any ─► kLinger   the last byte was sent: what still comes is read and dropped, so that no reset overtakes it
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/events.hpp"
#include "net/http/body_reader.hpp"
#include "net/http/request_parser.hpp"
#include "net/http/response_writer.hpp"
#include "net/stream.hpp"
#include "net/websocket/message_reader.hpp"

namespace penstock::net {

// Bytes on their way to the kernel.
class Output {
 public:
  std::string& tail() noexcept { return bytes_; }
  std::string_view unsent() const noexcept { return std::string_view{bytes_}.substr(sent_bytes_); }
  bool is_empty() const noexcept { return sent_bytes_ == bytes_.size(); }
  size_t end_bytes() const noexcept { return bytes_.size(); }
  void take(size_t bytes) {
    sent_bytes_ += bytes;
    if (is_empty()) {
      // What one large answer needed is not kept by every connection.
      if (bytes_.capacity() > kKeptBytesMax) std::string().swap(bytes_);
      bytes_.clear();
      sent_bytes_ = 0;
    } else if (sent_bytes_ > kKeptBytesMax && sent_bytes_ > bytes_.size() / 2) {
      bytes_.erase(0, sent_bytes_);
      sent_bytes_ = 0;
    }
  }

 private:
  static constexpr size_t kKeptBytesMax = 64 * 1024;
  std::string bytes_;
  size_t sent_bytes_ = 0;
};

struct Connection {
  enum class Stage : uint8_t { kHead, kBody, kAnswer, kSkip, kWebSocket, kEnding, kLinger };

  int fd = -1;
  uint32_t slot = 0;
  Stage stage = Stage::kHead;
  uint32_t watched = 0;       // epoll's events
  bool is_dirty = false;      // has bytes to write, or closes, at the end of the turn
  bool is_paused = false;     // reading stopped
  bool has_peer_end = false;  // the peer sends no more
  bool closes = false;        // after what waits is written
  // The exchange's.
  bool is_answer_begun = false;
  bool is_chunked = false;
  bool is_body_whole = false;
  bool sends_no_body = false;
  bool awaits_continue = false;
  bool is_upgrade = false;
  bool was_pinged = false;
  bool is_parsing = false;
  ResponseContext context = {};
  // Ids: the connection's; the exchange's or WebSocket's, 0: none; that of the exchange whose answer JavaScript paces, 0:
  // none.
  uint64_t id = 0;
  uint64_t exchange = 0;
  uint64_t paced = 0;
  uint64_t paced_taken_bytes = 0;
  int64_t ticket = StreamHandler::kNotTaken;
  uint64_t answer_rest_bytes = 0;
  // Milliseconds of the thread's clock.
  int64_t active_ms = 0;  // a byte moved
  int64_t since_ms = 0;   // the stage began
  uint64_t body_mark_bytes = 0;
  int64_t body_mark_ms = 0;
  std::string address = {};
  std::string key = {};  // of the WebSocket's handshake
  std::string held = {};
  std::unique_ptr<RequestParser> parser = nullptr;  // of a head that is not whole
  BodyReader body = {};
  std::optional<MessageReader> messages = {};
  Output output = {};
  std::shared_ptr<ConnectionShare> share = std::make_shared<ConnectionShare>();
};

}  // namespace penstock::net
