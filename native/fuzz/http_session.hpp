// What a connection makes of the bytes of a client, as text: each request in a line, and at the end what is still
// incomplete, or the fault. Tests compare that text with what they expect, fuzzers compare it for two ways of cutting
// the same bytes into reads: it must be the same.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/assert.hpp"
#include "fuzz/pieces.hpp"
#include "net/http/body_reader.hpp"
#include "net/http/request_parser.hpp"

namespace penstock::fuzz {

class HttpSession {
 public:
  explicit HttpSession(const net::HttpLimits& limits) : limits_(limits) {}

  void receive(std::string_view bytes) {
    // The rest of what came before and what comes now lie in new memory: a parser that kept a pointer reads freed
    // bytes.
    buffer_ = std::make_unique<Piece>(std::string{buffer_ == nullptr ? std::string_view{} : rest_}.append(bytes));
    rest_ = buffer_->view();
    while (!is_broken_ && (is_in_body_ ? read_body() : read_head())) {
    }
  }

  // Whole requests, and where the bytes ended.
  std::string outcome() const {
    if (is_broken_ || (!is_in_body_ && !parser_.has_begun())) return text_;
    return text_ + (is_in_body_ ? "~" : "head…");
  }

 private:
  bool read_head() {
    const auto progress = parser_.read(rest_, limits_);
    if (progress == net::RequestParser::Progress::kBroken) return refuse(parser_.fault());
    if (progress == net::RequestParser::Progress::kIncomplete) return false;
    describe();
    body_.begin(parser_);
    is_in_body_ = true;
    rest_.remove_prefix(parser_.head_bytes());
    return true;
  }

  bool read_body() {
    const net::BodyPart part = body_.next(rest_, limits_);
    text_.append(part.data);
    body_bytes_ += part.data.size();
    PENSTOCK_ASSERT(body_.body_bytes() == body_bytes_ && body_bytes_ <= limits_.body_bytes_max);
    if (part.kind == net::BodyPart::Kind::kBroken) return refuse(body_.fault());
    if (part.kind == net::BodyPart::Kind::kIncomplete) return false;
    if (part.kind == net::BodyPart::Kind::kData) return true;
    text_.append("\n");
    body_bytes_ = 0;
    is_in_body_ = false;
    parser_.reset();
    return true;
  }

  bool refuse(net::HttpFault fault) {
    is_broken_ = true;
    text_.append("refused ").append(net::http_fault_info(fault).name);
    return false;
  }

  // GET /path?query HTTP/1.1 host=h length=5 close | name: value | body
  void describe() {
    const auto add = [&](std::string_view part) { text_.append(part); };
    add(net::RequestParser::method_name(parser_.method()));
    add(" ");
    add(parser_.path(rest_));
    if (parser_.has_query()) {
      add("?");
      add(parser_.query(rest_));
    }
    add(parser_.minor_version() == 1 ? " 1.1 host=" : " 1.0 host=");
    add(parser_.host(rest_));
    if (parser_.framing() == net::BodyFraming::kLength) add(" length=" + std::to_string(parser_.content_bytes()));
    if (parser_.framing() == net::BodyFraming::kChunked) add(" chunked");
    if (parser_.expects_continue()) add(" continue");
    if (parser_.wants_upgrade()) add(" upgrade");
    add(parser_.keeps_alive() ? " keep" : " close");
    for (size_t index = 0; index < parser_.header_count(); ++index) {
      const net::HeaderField& field = parser_.header(index);
      if (field.known == net::HeaderName::kHost) continue;
      add(" | ");
      add(field.name.in(rest_));
      add("=");
      add(field.value.in(rest_));
      if (field.known != net::HeaderName::kOther) PENSTOCK_ASSERT(parser_.has(field.known));
    }
    add(" | ");
  }

  net::HttpLimits limits_;
  net::RequestParser parser_;
  net::BodyReader body_;
  std::unique_ptr<Piece> buffer_;
  std::string_view rest_;
  std::string text_;
  uint64_t body_bytes_ = 0;
  bool is_in_body_ = false;
  bool is_broken_ = false;
};

inline std::string http_outcome(std::string_view bytes, const net::HttpLimits& limits, size_t piece_bytes_max,
                                uint64_t seed) {
  HttpSession session(limits);
  for_each_piece(bytes, piece_bytes_max, seed, [&](std::string_view piece) { session.receive(piece); });
  return session.outcome();
}

}  // namespace penstock::fuzz
