// Reads the head of one HTTP/1.1 request (RFC 9112, RFC 9110) as its bytes arrive, where they lie.
//
//     received  GET /v1/x?y HTTP/1.1 CR LF Host: h CR LF … CR LF CR LF  body or next request …
//               └─────────────────── head_bytes() ──────────────────┘
//
// Strict: what two readers could understand in two ways is refused (fault.hpp), because a proxy in front may be the
// other reader. The outcome does not depend on how the bytes were cut into reads: the first fault by position wins, a
// limit before what lies beyond it. Each byte is searched for line ends once, and each line is read once, when it is
// whole, so a head that comes byte by byte costs no second look.
// Rejected: reading only once the head is whole, which would let a client of another protocol wait for its time-out.
//
// Memory: the caller's. The parser holds offsets from the first byte of the request, so the buffer may move between
// calls, and is trivially copyable (about 3.2 kB, most of it the places of headers): a thread can use one for all
// connections, and give a connection a copy only when its head is not whole yet.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "net/http/fault.hpp"
#include "net/http/header_names.hpp"
#include "net/http/limits.hpp"

namespace penstock::net {

// A part of the received bytes, from the first byte of the request.
struct ByteRange {
  uint32_t offset = 0;
  uint32_t size_bytes = 0;

  std::string_view in(std::string_view received) const noexcept { return {received.data() + offset, size_bytes}; }
};

enum class HttpMethod : uint8_t { kGet, kHead, kPost, kPut, kDelete, kPatch, kOptions };

// How the end of the body is known. A request without either header has none (RFC 9112 section 6.3).
enum class BodyFraming : uint8_t { kNone, kLength, kChunked };

struct HeaderField {
  ByteRange name;   // as it was sent
  ByteRange value;  // without the white space around it
  HeaderName known = HeaderName::kOther;
};

class RequestParser {
 public:
  enum class Progress : uint8_t { kIncomplete, kWhole, kBroken };

  // What stands in one head is decided by the limits of its first call.
  // `received`: every byte from the first of the request, those of earlier calls included; more than the head is fine.
  // kBroken stays so until reset(), and fault() says why.
  Progress read(std::string_view received, const HttpLimits& limits) noexcept;

  // Forgets the request: the next call begins a new one, whose first byte is then offset 0.
  void reset() noexcept { state_ = State{}; }

  // Whether any byte has been looked at: a connection that ends before has broken nothing off.
  bool has_begun() const noexcept {
    return state_.scanned_bytes > state_.line_begin || state_.stage != Stage::kRequestLine;
  }
  HttpFault fault() const noexcept { return state_.fault; }

  // ── once whole ─────────────────────────────────────────────────────────────────────────────────────────────────────

  size_t head_bytes() const noexcept { return state_.scanned_bytes; }
  HttpMethod method() const noexcept { return state_.method; }
  // The name as the request has it.
  static std::string_view method_name(HttpMethod method) noexcept;
  // 0 or 1, of HTTP/1.
  int minor_version() const noexcept { return state_.minor_version; }

  // Percent-encoded as sent, without the query; "/" when the target was absolute without a path; "*" of OPTIONS *.
  std::string_view path(std::string_view received) const noexcept {
    return state_.path.size_bytes == 0 ? std::string_view{"/"} : state_.path.in(received);
  }
  // Whether there was a question mark; the query may still be empty.
  bool has_query() const noexcept { return state_.has_query; }
  // Without the question mark.
  std::string_view query(std::string_view received) const noexcept { return state_.query.in(received); }
  // Host, or the authority of an absolute target, which are the same when both are there; empty: HTTP/1.0 without one.
  std::string_view host(std::string_view received) const noexcept { return state_.host.in(received); }

  size_t header_count() const noexcept { return state_.header_count; }
  // In the order they came. index < header_count().
  const HeaderField& header(size_t index) const noexcept { return headers_[index]; }
  bool has(HeaderName name) const noexcept { return state_.first[static_cast<size_t>(name)] != 0; }
  // Whether the header came more than once.
  bool is_repeated(HeaderName name) const noexcept { return (state_.repeated >> static_cast<size_t>(name) & 1) != 0; }
  // The first value of a header other than kOther; empty when it is not there.
  std::string_view value(HeaderName name, std::string_view received) const noexcept {
    const size_t place = state_.first[static_cast<size_t>(name)];
    return place == 0 ? std::string_view{} : headers_[place - 1].value.in(received);
  }

  BodyFraming framing() const noexcept { return state_.framing; }
  // The announced length of kLength; 0 otherwise.
  uint64_t content_bytes() const noexcept { return state_.content_bytes; }
  // The client waits for 100 Continue before it sends the body (HTTP/1.1 with a body only).
  bool expects_continue() const noexcept { return state_.expects_continue; }
  // Whether the connection may carry another request after this one.
  bool keeps_alive() const noexcept { return state_.keeps_alive; }
  // Connection names upgrade, and there is an Upgrade header.
  bool wants_upgrade() const noexcept { return state_.wants_upgrade; }

 private:
  enum class Stage : uint8_t { kRequestLine, kHeaders, kWhole, kBroken };

  // All that reset() forgets.
  struct State {
    uint32_t scanned_bytes = 0;
    uint32_t line_begin = 0;
    uint32_t line_end = 0;  // the carriage return
    Stage stage = Stage::kRequestLine;
    HttpFault fault = HttpFault::kNone;
    HttpMethod method = HttpMethod::kGet;
    BodyFraming framing = BodyFraming::kNone;
    uint8_t minor_version = 1;
    uint8_t header_count = 0;
    bool has_query = false;
    bool is_absolute = false;
    bool expects_continue = false;
    bool keeps_alive = true;
    bool wants_upgrade = false;
    uint64_t content_bytes = 0;
    uint64_t repeated = 0;  // a bit a HeaderName
    ByteRange path;
    ByteRange query;
    ByteRange host;
    // By HeaderName: 1 + the index of its first line in headers_.
    std::array<uint8_t, kHeaderNameCount> first = {};
  };

  // Whether a line is whole now, looking only at what no earlier call has seen.
  bool find_line_end(std::string_view received, const HttpLimits& limits) noexcept;
  void read_line(std::string_view received, const HttpLimits& limits) noexcept;
  void read_request_line(std::string_view received) noexcept;
  void read_target(std::string_view received, ByteRange target) noexcept;
  void read_absolute_target(std::string_view received, ByteRange target, size_t scheme_bytes) noexcept;
  void read_path_and_query(std::string_view received, ByteRange target) noexcept;
  void read_header(std::string_view received, const HttpLimits& limits) noexcept;
  void finish(std::string_view received, const HttpLimits& limits) noexcept;
  void finish_host(std::string_view received) noexcept;
  void finish_framing(std::string_view received, const HttpLimits& limits) noexcept;
  void finish_connection(std::string_view received) noexcept;
  // The first fault stays.
  void refuse(HttpFault fault) noexcept;

  State state_;
  // Not cleared between requests: header_count says how many count.
  std::array<HeaderField, kHttpHeadersMax> headers_;
};

static_assert(kHttpHeadersMax < 255 && kHeaderNameCount <= 64);

}  // namespace penstock::net
