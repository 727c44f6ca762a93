// Answers what the parsers make of bytes, one input after another, for a test that holds them against parsers that
// others wrote (test/interop/parsers). On stdin: 'h' or 'w', the length in four bytes, little-endian, the bytes. On
// stdout: a length likewise and the fields of the outcome, each behind its own length.
//
//   h   refused, fault · incomplete · whole, method, path, query, body: of the first request
//   w   for each message: text | binary | ping | pong, payload · close, code, reason · refused, fault
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "fuzz/pieces.hpp"
#include "net/http/body_reader.hpp"
#include "net/http/request_parser.hpp"
#include "net/websocket/message_reader.hpp"

namespace {
using namespace penstock;

void add_field(std::string& out, std::string_view field) {
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(field.size() >> shift & 0xFF));
  out.append(field);
}

std::string http_outcome(std::string_view bytes) {
  const net::HttpLimits limits;
  net::RequestParser parser;
  std::string out;
  const auto refused = [&](net::HttpFault fault) {
    out.clear();
    add_field(out, "refused");
    add_field(out, net::http_fault_info(fault).name);
    return out;
  };
  const auto progress = parser.read(bytes, limits);
  if (progress == net::RequestParser::Progress::kBroken) return refused(parser.fault());
  std::string body;
  net::BodyPart part;
  if (progress == net::RequestParser::Progress::kWhole) {
    net::BodyReader reader;
    reader.begin(parser);
    std::string_view rest = bytes.substr(parser.head_bytes());
    for (part = reader.next(rest, limits); part.kind == net::BodyPart::Kind::kData; part = reader.next(rest, limits))
      body.append(part.data);
    if (part.kind == net::BodyPart::Kind::kBroken) return refused(reader.fault());
  }
  if (part.kind != net::BodyPart::Kind::kWhole) {
    add_field(out, "incomplete");
    return out;
  }
  add_field(out, "whole");
  add_field(out, net::RequestParser::method_name(parser.method()));
  add_field(out, parser.path(bytes));
  add_field(out, parser.has_query() ? std::string{"?"}.append(parser.query(bytes)) : "");
  add_field(out, body);
  return out;
}

std::string websocket_outcome(std::span<char> bytes) {
  using Kind = net::MessageEvent::Kind;
  net::MessageReader reader(1 << 20);
  std::string out;
  for (net::MessageEvent event = reader.next(bytes); event.kind != Kind::kNone; event = reader.next(bytes)) {
    const char* const kinds[] = {"", "text", "binary", "ping", "pong", "close", "refused"};
    add_field(out, kinds[static_cast<size_t>(event.kind)]);
    if (event.kind == Kind::kClose) add_field(out, std::to_string(event.close_code));
    if (event.kind == Kind::kBroken) {
      add_field(out, net::websocket_fault_info(event.fault).name);
    } else {
      add_field(out, {event.payload.data(), event.payload.size()});
    }
  }
  return out;
}

bool read_exactly(void* target, size_t bytes) {
  return std::fread(target, 1, bytes, stdin) == bytes;
}

}  // namespace

int main() {
  for (int kind = std::getchar(); kind != EOF; kind = std::getchar()) {
    uint8_t length[4];
    if (!read_exactly(length, 4)) return 1;
    std::string bytes(length[0] | size_t{length[1]} << 8 | size_t{length[2]} << 16 | size_t{length[3]} << 24, '\0');
    if (!read_exactly(bytes.data(), bytes.size())) return 1;
    // In a block of its own, so that a sanitizer sees a read beyond it.
    fuzz::Piece piece{bytes};
    const std::string outcome = kind == 'h' ? http_outcome(piece.view()) : websocket_outcome(piece.span());
    for (int shift = 0; shift < 32; shift += 8) std::putchar(static_cast<int>(outcome.size() >> shift & 0xFF));
    std::fwrite(outcome.data(), 1, outcome.size(), stdout);
  }
  return 0;
}
