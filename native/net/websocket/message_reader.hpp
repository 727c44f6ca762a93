// Reads the messages of a client as the bytes of its frames arrive (RFC 6455 section 5), unmasking them where they lie.
//
//     std::span<char> bytes = …received…;
//     for (MessageEvent event = reader.next(bytes); event.kind != MessageEvent::Kind::kNone; event =
//     reader.next(bytes)) …
//
// Every call takes bytes off the front, and kNone says that all of them are taken: nothing of what was received has to
// stay, so all connections of a thread can receive into the same buffer. A message that lies whole in the bytes is lent
// from there; of one that does not, the parts are gathered in memory of the reader, which grows with what has arrived,
// never with what was announced. Text is checked for UTF-8 as it comes, so the first wrong byte ends the connection.
// Rejected: keeping what was received until a frame is whole, because fragments and control frames between them would
// then lie in the middle of the message.
//
// The outcome does not depend on how the bytes were cut into reads. After kClose or kBroken all further bytes are taken
// and ignored. Memory: see above; it is given back to what `trim` leaves. Thread: whoever reads the connection.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "net/websocket/frame_fault.hpp"
#include "net/websocket/utf8_checker.hpp"

namespace penstock::net {

struct MessageEvent {
  enum class Kind : uint8_t {
    kNone,    // all bytes are taken, more must come
    kText,    // payload: UTF-8
    kBinary,  // payload
    kPing,    // payload: to be sent back as a pong
    kPong,    // payload
    kClose,   // close_code, payload: the reason. To be answered with the same code; then the connection ends
    kBroken,  // fault: to be answered with a close frame; then the connection ends
  };
  Kind kind = Kind::kNone;
  WebSocketFault fault = WebSocketFault::kNone;
  // As the client sent it; kCloseCodeNone when it sent none.
  uint16_t close_code = 0;
  // Lent until the next call, in the bytes or in the reader.
  std::span<char> payload = {};
};

class MessageReader {
 public:
  // message_bytes_max: bytes of one message over all its frames; beyond: 1009.
  explicit MessageReader(size_t message_bytes_max) noexcept : message_bytes_max_(message_bytes_max) {}

  MessageEvent next(std::span<char>& bytes);

  // A close frame or a fault was read: whatever follows is ignored.
  bool has_ended() const noexcept { return stage_ == Stage::kEnded; }
  // Bytes of a message that has begun, so that a budget can count what a slow client makes the server hold.
  size_t held_bytes() const noexcept { return held_.capacity(); }
  // Gives memory back that an unusually long message took, between messages only.
  void trim(size_t kept_bytes_max);

 private:
  enum class Stage : uint8_t { kHeader, kPayload, kEnded };

  // kHeader stays the stage until all of a header is there.
  WebSocketFault take_header(std::span<char>& bytes) noexcept;
  WebSocketFault check_first_bytes() const noexcept;
  WebSocketFault read_length() noexcept;
  void begin_frame() noexcept;
  MessageEvent take_payload(std::span<char>& bytes);
  MessageEvent take_control(std::span<char> part);
  MessageEvent take_data(std::span<char> part);
  MessageEvent end_close(std::span<char> payload) noexcept;
  MessageEvent refuse(WebSocketFault fault) noexcept;

  size_t message_bytes_max_;
  // The bytes of a frame's header as far as they have come: 2, then up to 8 of the length and 4 of the mask.
  std::array<uint8_t, 14> header_ = {};
  uint8_t header_bytes_ = 0;
  Stage stage_ = Stage::kHeader;
  bool is_in_message_ = false;
  bool is_text_ = false;
  bool has_lent_ = false;
  uint8_t control_bytes_ = 0;
  uint32_t mask_ = 0;
  uint32_t frame_count_ = 0;
  uint64_t rest_bytes_ = 0;
  uint64_t message_bytes_ = 0;
  Utf8Checker utf8_;
  std::array<char, 125> control_ = {};
  std::vector<char> held_;
};

}  // namespace penstock::net
