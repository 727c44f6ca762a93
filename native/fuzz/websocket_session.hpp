// What a connection makes of the frames of a client, as text: each message, control frame or fault in a line. Tests
// compare that text with what they expect, fuzzers compare it for two ways of cutting the same bytes into reads.
#pragma once

#include <string>
#include <string_view>

#include "core/assert.hpp"
#include "core/utf8.hpp"
#include "fuzz/pieces.hpp"
#include "net/websocket/frame_writer.hpp"
#include "net/websocket/message_reader.hpp"

namespace penstock::fuzz {

class WebSocketSession {
 public:
  explicit WebSocketSession(size_t message_bytes_max)
      : reader_(message_bytes_max), message_bytes_max_(message_bytes_max) {}

  void receive(std::string_view bytes) {
    Piece piece{bytes};
    std::span<char> rest = piece.span();
    for (net::MessageEvent event = reader_.next(rest); event.kind != net::MessageEvent::Kind::kNone;
         event = reader_.next(rest))
      describe(event);
    PENSTOCK_ASSERT(rest.empty());
  }

  const std::string& outcome() const noexcept { return text_; }

 private:
  void describe(const net::MessageEvent& event) {
    using Kind = net::MessageEvent::Kind;
    PENSTOCK_ASSERT(!has_ended_);
    const std::string_view payload{event.payload.data(), event.payload.size()};
    const bool is_control = event.kind != Kind::kText && event.kind != Kind::kBinary;
    PENSTOCK_ASSERT(payload.size() <= (is_control ? net::kControlBytesMax : message_bytes_max_));
    switch (event.kind) {
      case Kind::kText:
        PENSTOCK_ASSERT(is_utf8(payload));
        text_.append("text ");
        break;
      case Kind::kBinary:
        text_.append("binary ");
        break;
      case Kind::kPing:
        text_.append("ping ");
        break;
      case Kind::kPong:
        text_.append("pong ");
        break;
      case Kind::kClose:
        PENSTOCK_ASSERT(event.close_code == net::kCloseCodeNone || net::is_close_code(event.close_code));
        text_.append("close ").append(std::to_string(event.close_code)).append(" ");
        break;
      default:
        text_.append("refused ").append(net::websocket_fault_info(event.fault).name);
    }
    has_ended_ = event.kind == Kind::kClose || event.kind == Kind::kBroken;
    PENSTOCK_ASSERT(has_ended_ == reader_.has_ended());
    text_.append(payload).append("\n");
  }

  net::MessageReader reader_;
  size_t message_bytes_max_;
  bool has_ended_ = false;
  std::string text_;
};

inline std::string websocket_outcome(std::string_view bytes, size_t message_bytes_max, size_t piece_bytes_max,
                                     uint64_t seed) {
  WebSocketSession session(message_bytes_max);
  for_each_piece(bytes, piece_bytes_max, seed, [&](std::string_view piece) { session.receive(piece); });
  return session.outcome();
}

}  // namespace penstock::fuzz
