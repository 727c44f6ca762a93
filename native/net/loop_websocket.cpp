// WebSockets of an I/O thread: whole messages go to the handler, or to JavaScript; pings and close frames are answered
// here.
#include "net/loop.hpp"
#include "net/websocket/frame_writer.hpp"
#include "net/websocket/handshake.hpp"

namespace penstock::net {
namespace {
// Memory kept for messages that come in parts; what a longer one took is given back when it was read.
constexpr size_t kMessageKeptBytesMax = 64 * 1024;
}  // namespace

void IoLoop::upgrade(Connection& connection, const std::string& subprotocol) {
  if (!connection.is_upgrade) return;
  std::string& out = connection.output.tail();
  const size_t begin = out.size();
  if (!append_handshake_answer(out, connection.key, subprotocol)) return close_connection(connection, 1006);
  connection.share->queued_bytes.fetch_add(out.size() - begin);
  connection.is_upgrade = false;
  connection.key = {};
  connection.stage = Connection::Stage::kWebSocket;
  connection.messages.emplace(options_.message_bytes_max);
  connection.active_ms = connection.since_ms = now_ms_;
  connection.is_paused = false;
  touch(connection);
  watch(connection);
  // What the client sent without waiting for the answer.
  std::string held = std::move(connection.held);
  connection.held = {};
  if (!held.empty()) consume_frames(connection, held);
}

void IoLoop::consume_frames(Connection& connection, std::span<char> bytes) {
  MessageReader& reader = *connection.messages;
  while (true) {
    const MessageEvent message = reader.next(bytes);
    switch (message.kind) {
      case MessageEvent::Kind::kNone:
        return;
      case MessageEvent::Kind::kText:
      case MessageEvent::Kind::kBinary:
        if (connection.stage == Connection::Stage::kWebSocket) take_message(connection, message);
        reader.trim(kMessageKeptBytesMax);
        break;
      case MessageEvent::Kind::kPing: {
        if (connection.stage != Connection::Stage::kWebSocket) break;
        std::string pong;
        append_control_frame(pong, Opcode::kPong, {message.payload.data(), message.payload.size()});
        send_control(connection, pong);
        break;
      }
      case MessageEvent::Kind::kPong:
        break;
      case MessageEvent::Kind::kClose:
        // Answered with the same code; nothing is behind it.
        end_socket(connection, message.close_code, {}, false);
        connection.closes = true;
        return touch(connection);
      case MessageEvent::Kind::kBroken: {
        const WebSocketFaultInfo& info = websocket_fault_info(message.fault);
        end_socket(connection, info.close_code, info.sentence, false);
        connection.closes = true;
        return touch(connection);
      }
    }
  }
}

void IoLoop::take_message(Connection& connection, const MessageEvent& message) {
  const bool is_binary = message.kind == MessageEvent::Kind::kBinary;
  if (handler_ != nullptr) {
    const std::span payload{reinterpret_cast<const std::byte*>(message.payload.data()), message.payload.size()};
    if (!is_binary) {
      handler_->leave(connection.exchange);
    } else if (handler_->receive(connection.exchange, payload)) {
      return;
    }
  }
  emit_bytes(connection, {.kind = IoEventKind::kMessage,
                          .flag = is_binary,
                          .id = connection.exchange,
                          .bytes = std::string(message.payload.data(), message.payload.size())});
}

// `is_counted`: by the thread that posted it.
void IoLoop::send_message(Connection& connection, std::string_view message, bool is_binary, bool is_counted) {
  std::string& out = connection.output.tail();
  const size_t begin = out.size();
  const size_t header_bytes = frame_header_bytes(message.size());
  // Not resize() alone: growing to the exact size would copy all that waits for each message.
  if (out.capacity() - begin < header_bytes + message.size())
    out.reserve(std::max(begin + header_bytes + message.size(), 2 * out.capacity()));
  out.resize(begin + header_bytes);
  write_frame_header(out.data() + begin, is_binary ? Opcode::kBinary : Opcode::kText, message.size());
  out.append(message);
  if (!is_counted) connection.share->queued_bytes.fetch_add(out.size() - begin);
  touch(connection);
}

void IoLoop::send_control(Connection& connection, std::string_view frame) {
  connection.output.tail().append(frame);
  connection.share->queued_bytes.fetch_add(frame.size());
  touch(connection);
}

// The server's close frame, once; then the peer's is awaited for a while. `is_told`: JavaScript knows already.
void IoLoop::end_socket(Connection& connection, uint16_t code, std::string_view reason, bool is_told) {
  if (connection.stage != Connection::Stage::kWebSocket) return;
  std::string frame;
  append_close_frame(frame, code, reason);
  send_control(connection, frame);
  if (handler_ != nullptr) handler_->close_socket(connection.exchange);
  if (!is_told) emit({.kind = IoEventKind::kClosed, .id = connection.exchange, .number = code});
  connection.exchange = 0;
  connection.stage = Connection::Stage::kEnding;
  connection.since_ms = now_ms_;
  connection.is_paused = false;
}

}  // namespace penstock::net
