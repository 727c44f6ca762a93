// Requests of a connection, one after the other: the next one is read when the last one is answered, so that a client
// that sends ahead holds its own bytes and nothing else.
#include <algorithm>

#include "net/loop.hpp"
#include "net/websocket/frame_writer.hpp"
#include "net/websocket/handshake.hpp"

namespace penstock::net {
namespace {

constexpr size_t kRequestsAheadBytesMax = 128 * 1024;

// METHOD LF path LF ?query LF address LF (name LF value LF)…: no line feed can stand in any of them. Names in lower
// case.
std::string head_text(const Connection& connection, const RequestParser& head, std::string_view received) {
  std::string text;
  text.reserve(head.head_bytes() + connection.address.size() + 8);
  text.append(RequestParser::method_name(head.method())).append("\n").append(head.path(received)).append("\n");
  if (head.has_query()) text.append("?").append(head.query(received));
  text.append("\n").append(connection.address).append("\n");
  for (size_t index = 0; index < head.header_count(); ++index) {
    for (const char character : head.header(index).name.in(received))
      text.push_back(character >= 'A' && character <= 'Z' ? static_cast<char>(character | 0x20) : character);
    text.append("\n").append(head.header(index).value.in(received)).append("\n");
  }
  return text;
}

// The part before the next line feed, which is taken off as well.
std::string_view take_line(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

}  // namespace

void IoLoop::consume_http(Connection& connection, std::string_view received) {
  // Another call for the same connection is further up, and goes on.
  if (connection.is_parsing) return;
  std::string joined;
  std::string_view rest = received;
  if (!connection.held.empty()) {
    connection.held.append(received);
    joined.swap(connection.held);
    rest = joined;
  }
  connection.is_parsing = true;
  while (!rest.empty() && !connection.closes && consume_http_part(connection, rest)) continue;
  connection.is_parsing = false;
  if (rest.empty() || connection.closes) return;
  if (rest.size() == joined.size()) {
    connection.held.swap(joined);
  } else {
    connection.held.assign(rest);
  }
  const bool waits = connection.stage == Connection::Stage::kAnswer || connection.paced != 0;
  if (!waits || connection.held.size() <= kRequestsAheadBytesMax) return;
  connection.is_paused = true;
  watch(connection);
}

bool IoLoop::consume_http_part(Connection& connection, std::string_view& rest) {
  switch (connection.stage) {
    case Connection::Stage::kHead:
      // Until the kernel has all of the last answer: of two, nobody could tell whose bytes it takes.
      if (connection.paced != 0) return false;
      return read_head(connection, rest);
    case Connection::Stage::kBody:
    case Connection::Stage::kSkip:
      read_body(connection, rest);
      return true;
    default:
      return false;
  }
}

bool IoLoop::read_head(Connection& connection, std::string_view& rest) {
  const bool is_continued = connection.parser != nullptr;
  RequestParser& parser = is_continued ? *connection.parser : parser_;
  if (!is_continued) parser.reset();
  switch (parser.read(rest, options_.http)) {
    case RequestParser::Progress::kIncomplete:
      if (is_continued) return false;
      connection.parser = std::make_unique<RequestParser>(parser);
      connection.since_ms = now_ms_;
      return false;
    case RequestParser::Progress::kBroken:
      refuse(connection, parser.fault());
      return false;
    case RequestParser::Progress::kWhole:
      break;
  }
  const std::string_view received = rest;
  rest.remove_prefix(parser.head_bytes());
  const std::unique_ptr<RequestParser> whole = std::move(connection.parser);
  begin_exchange(connection, parser, received, rest);
  return true;
}

void IoLoop::begin_exchange(Connection& connection, const RequestParser& head, std::string_view received,
                            std::string_view& rest) {
  const uint64_t exchange = next_id(slots_[connection.slot], connection.slot);
  connection.exchange = exchange;
  connection.ticket = StreamHandler::kNotTaken;
  connection.is_answer_begun = connection.is_chunked = connection.is_body_whole = connection.sends_no_body = false;
  connection.context = ResponseContext::of(head);
  connection.awaits_continue = head.expects_continue();
  connection.body.begin(head);
  connection.since_ms = connection.body_mark_ms = now_ms_;
  connection.body_mark_bytes = 0;
  if (begin_handshake(connection, head, received)) return;
  const std::string_view whole = rest.substr(0, std::min<uint64_t>(rest.size(), head.content_bytes()));
  const bool is_in_place = head.framing() != BodyFraming::kChunked && whole.size() == head.content_bytes();
  connection.stage = Connection::Stage::kBody;
  std::string payload;
  if (!is_in_place || handler_ == nullptr) {
    if (!take_body(connection, rest, payload)) return;
  } else {
    rest.remove_prefix(whole.size());
    connection.is_body_whole = true;
    connection.stage = Connection::Stage::kAnswer;
    const int64_t ticket = handler_->receive_request(exchange, head, received, whole);
    if (ticket != StreamHandler::kNotTaken) {
      // It may have been answered already.
      if (connection.exchange == exchange) connection.ticket = ticket;
      return;
    }
    payload = whole;
  }
  if (connection.is_body_whole) connection.stage = Connection::Stage::kAnswer;
  emit_bytes(connection, {.kind = IoEventKind::kRequest,
                          .flag = connection.is_body_whole,
                          .id = exchange,
                          .number = connection.awaits_continue ? 1U : 0U,
                          .text = head_text(connection, head, received),
                          .bytes = std::move(payload)});
}

// False: the request asks for no WebSocket, or for one at a place where there is none, and is served as any other.
bool IoLoop::begin_handshake(Connection& connection, const RequestParser& head, std::string_view received) {
  if (head.path(received) != options_.websocket_path || head.method() != HttpMethod::kGet ||
      !asks_for_websocket(head, received))
    return false;
  const HandshakeFault fault = check_handshake(head, received);
  connection.stage = Connection::Stage::kAnswer;
  connection.is_body_whole = true;
  if (fault != HandshakeFault::kNone) {
    std::string& out = connection.output.tail();
    const size_t begin = out.size();
    append_handshake_refusal(out, fault);
    connection.share->queued_bytes.fetch_add(out.size() - begin);
    connection.exchange = 0;
    connection.closes = true;
    touch(connection);
    return true;
  }
  connection.is_upgrade = true;
  connection.key = head.value(HeaderName::kSecWebSocketKey, received);
  // Before JavaScript hears of it: it may name the socket at once.
  if (handler_ != nullptr) handler_->open_socket(connection.exchange);
  emit({.kind = IoEventKind::kUpgrade, .id = connection.exchange, .text = head_text(connection, head, received)});
  return true;
}

bool IoLoop::take_body(Connection& connection, std::string_view& rest, std::string& payload) {
  while (true) {
    const BodyPart part = connection.body.next(rest, options_.http);
    switch (part.kind) {
      case BodyPart::Kind::kData:
        if (connection.stage != Connection::Stage::kSkip) payload.append(part.data);
        break;
      case BodyPart::Kind::kWhole:
        connection.is_body_whole = true;
        return true;
      case BodyPart::Kind::kIncomplete:
        return true;
      case BodyPart::Kind::kBroken:
        refuse(connection, connection.body.fault());
        return false;
    }
  }
}

void IoLoop::read_body(Connection& connection, std::string_view& rest) {
  std::string payload;
  // A client that sends its body without waiting needs no leave.
  connection.awaits_continue = false;
  if (!take_body(connection, rest, payload)) return;
  const bool is_whole = connection.is_body_whole;
  if (connection.stage == Connection::Stage::kSkip) {
    if (!is_whole) return;
    connection.stage = Connection::Stage::kHead;
    connection.since_ms = now_ms_;
    return;
  }
  if (is_whole) connection.stage = Connection::Stage::kAnswer;
  if (is_whole || !payload.empty())
    emit_bytes(connection,
               {.kind = IoEventKind::kData, .flag = is_whole, .id = connection.exchange, .bytes = std::move(payload)});
}

// Nobody knows where the next request would begin: the connection ends behind the answer.
void IoLoop::refuse(Connection& connection, HttpFault fault) {
  const bool is_begun = connection.is_answer_begun && connection.exchange != 0;
  const bool is_skipped = connection.stage == Connection::Stage::kSkip;
  if (connection.exchange != 0) emit({.kind = IoEventKind::kAborted, .id = connection.exchange});
  if (!is_begun && !is_skipped) {
    std::string& out = connection.output.tail();
    const size_t begin = out.size();
    append_fault_response(out, fault);
    connection.share->queued_bytes.fetch_add(out.size() - begin);
  }
  connection.exchange = 0;
  connection.closes = true;
  touch(connection);
}

// ── answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────

void IoLoop::answer(Connection& connection, Command& command) {
  if (connection.exchange != command.id) return;
  if (command.status > 0 && !begin_answer(connection, command)) return;
  write_body(connection, command.bytes);
  if (command.wants_writable) {
    connection.paced = connection.exchange;
    connection.paced_taken_bytes = connection.share->taken_bytes.load();
    if (connection.output.is_empty()) emit({.kind = IoEventKind::kWritable, .id = connection.paced, .number = 0});
  }
  if (command.closes) connection.context.keeps_alive = false;
  if (command.flag) end_exchange(connection);
  touch(connection);
}

bool IoLoop::begin_answer(Connection& connection, const Command& command) {
  std::string& out = connection.output.tail();
  const size_t begin = out.size();
  ResponseContext& context = connection.context;
  // A client that waits for leave to send its body, and gets an answer instead, may send it or not.
  if (command.closes || connection.awaits_continue || connection.has_peer_end) context.keeps_alive = false;
  ResponseWriter writer(out, context, command.status);
  std::string_view headers = command.text;
  bool is_accepted = true;
  while (!headers.empty()) {
    const std::string_view name = take_line(headers);
    is_accepted = writer.header(name, take_line(headers)) && is_accepted;
  }
  const BodyForm form = command.framing == AnswerFraming::kChunked ? writer.end_head_chunked()
                                                                   : writer.end_head_with_length(command.number);
  connection.is_answer_begun = true;
  connection.is_chunked = form == BodyForm::kChunked;
  connection.sends_no_body = form == BodyForm::kNone;
  if (writer.closes()) context.keeps_alive = false;
  if (form == BodyForm::kRefused) {
    append_error_response(out, 500, "ERR_INTERNAL", "Expected headers of the answer without control characters");
    context.keeps_alive = false;
  }
  connection.share->queued_bytes.fetch_add(out.size() - begin);
  if (form != BodyForm::kRefused) return true;
  connection.share->taken_bytes.fetch_add(command.bytes.size());
  emit({.kind = IoEventKind::kAborted, .id = connection.exchange});
  end_exchange(connection);
  touch(connection);
  return false;
}

// `bytes` were counted by whoever gave them.
void IoLoop::write_body(Connection& connection, std::string_view bytes) {
  if (bytes.empty()) return;
  std::string& out = connection.output.tail();
  const size_t begin = out.size();
  if (connection.sends_no_body) {
    connection.share->taken_bytes.fetch_add(bytes.size());
    return;
  }
  if (connection.is_chunked) append_chunk_head(out, bytes.size());
  out.append(bytes);
  if (connection.is_chunked) out.append(kChunkEnd);
  connection.share->queued_bytes.fetch_add(out.size() - begin - bytes.size());
}

void IoLoop::end_exchange(Connection& connection) {
  if (connection.is_chunked) {
    connection.output.tail().append(kLastChunk);
    connection.share->queued_bytes.fetch_add(kLastChunk.size());
    connection.is_chunked = false;
  }
  if (connection.is_upgrade && handler_ != nullptr) handler_->close_socket(connection.exchange);
  connection.is_upgrade = false;
  connection.exchange = 0;
  connection.ticket = StreamHandler::kNotTaken;
  connection.since_ms = connection.active_ms = now_ms_;
  if (!connection.context.keeps_alive) {
    connection.closes = true;
    connection.held.clear();
    return;
  }
  connection.stage = connection.is_body_whole ? Connection::Stage::kHead : Connection::Stage::kSkip;
  connection.is_paused = connection.share->is_paused.load();
  if (!connection.is_parsing) resume_http(connection);
}

void IoLoop::resume_http(Connection& connection) {
  if (!connection.held.empty()) consume_http(connection, {});
  watch(connection);
}

void IoLoop::reply(uint64_t exchange, const StreamReply& reply) {
  Connection* const connection = find(exchange);
  if (connection == nullptr || connection->exchange != exchange) return;
  std::string& out = connection->output.tail();
  const size_t begin = out.size();
  ResponseWriter writer(out, connection->context, reply.status);
  std::string_view lines = reply.headers;
  while (!lines.empty()) {
    std::string_view line = take_line(lines);
    const size_t colon = std::min(line.find(':'), line.size());
    std::string_view value = line.substr(std::min(colon + 1, line.size()));
    while (value.starts_with(' ')) value.remove_prefix(1);
    while (value.ends_with('\r')) value.remove_suffix(1);
    writer.header(line.substr(0, colon), value);
  }
  const BodyForm form = writer.end_head_with_length(reply.body.size());
  if (form == BodyForm::kRefused) {
    append_error_response(out, 500, "ERR_INTERNAL", "Expected headers of the answer without control characters");
    connection->context.keeps_alive = false;
  } else if (form == BodyForm::kPlain) {
    out.append(reinterpret_cast<const char*>(reply.body.data()), reply.body.size());
  }
  if (writer.closes()) connection->context.keeps_alive = false;
  connection->share->queued_bytes.fetch_add(out.size() - begin);
  connection->is_answer_begun = true;
  end_exchange(*connection);
  touch(*connection);
}

}  // namespace penstock::net
