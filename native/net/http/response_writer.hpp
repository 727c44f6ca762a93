// Writes the heads of HTTP/1.1 responses, and the framing of their bodies, to the end of a text that the caller owns
// and sends: nothing is allocated once that text is warm, and a body can be sent from where it lies.
//
//     ResponseWriter response(out, context, 200);
//     response.header("content-type", "application/json");
//     switch (response.end_head_with_length(body.size())) …    // says how the body is to be written
//
// A name or value that would end its line is refused, so no value a stranger has chosen can begin a header or a
// response of its own. The framing headers (content-length, transfer-encoding, connection) are the writer's alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "net/http/fault.hpp"
#include "net/http/request_parser.hpp"

namespace penstock::net {

// What the answer has to know of its request.
struct ResponseContext {
  bool is_head_request = false;
  int minor_version = 1;
  // False: the connection is closed behind this response, and the response says so.
  bool keeps_alive = true;

  static ResponseContext of(const RequestParser& head) noexcept {
    return {head.method() == HttpMethod::kHead, head.minor_version(), head.keeps_alive()};
  }
};

// How the body behind a head is written.
enum class BodyForm : uint8_t {
  kRefused,     // a header was refused: nothing of the response was left in `out`
  kNone,        // no byte of a body may follow: HEAD, 1xx, 204, 304
  kPlain,       // as it is, as long as was said
  kChunked,     // between append_chunk_head and kChunkEnd, then kLastChunk
  kUntilClose,  // as it is, and its end is the connection's: a client of HTTP/1.0 knows no chunks
};

class ResponseWriter {
 public:
  // `out` is appended to and must outlive the writer. status: 200..599.
  ResponseWriter(std::string& out, const ResponseContext& context, int status);

  // `name` in lower case. False: name or value cannot stand in a head, or the name is the writer's own; the head will
  // then end as kRefused.
  bool header(std::string_view name, std::string_view value);

  // Ends the head of a response whose body has `bytes` bytes. Of 204 the bytes must be 0.
  BodyForm end_head_with_length(uint64_t bytes);
  // Ends the head of a response whose body comes in parts.
  BodyForm end_head_chunked();

  // Whether the connection ends with this response: asked for by the context, or needed by kUntilClose.
  bool closes() const noexcept { return closes_; }

 private:
  BodyForm end_head(BodyForm form);
  bool has_body() const noexcept;

  std::string& out_;
  size_t begin_;
  int status_;
  int minor_version_;
  bool is_head_request_;
  bool closes_;
  bool is_refused_ = false;
};

// Between the size of a chunk's body and the body itself; bytes > 0, because a chunk of none ends the whole body.
void append_chunk_head(std::string& out, uint64_t bytes);
inline constexpr std::string_view kChunkEnd = "\r\n";
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

inline constexpr std::string_view kContinueResponse = "HTTP/1.1 100 Continue\r\n\r\n";

// A whole answer that closes the connection: {"error": sentence, "code": code}, as every error of the product. Both
// texts: printable ASCII without quotes and backslashes; more_headers: whole lines. The client may have asked by HEAD:
// as the connection ends here, its body cannot be taken for another response.
void append_error_response(std::string& out, int status, std::string_view code, std::string_view sentence,
                           std::string_view more_headers = {});

// The answer to a request that broke a rule.
void append_fault_response(std::string& out, HttpFault fault);

// The reason phrase of a status; "Unknown" for one that nobody registered.
std::string_view reason_phrase(int status) noexcept;

}  // namespace penstock::net
