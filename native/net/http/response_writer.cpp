#include "net/http/response_writer.hpp"

#include <charconv>

#include "core/assert.hpp"
#include "net/http/characters.hpp"

namespace penstock::net {
namespace {

struct Reason {
  int status;
  std::string_view phrase;
};
// Those that the product answers with, and their neighbours (RFC 9110 section 15).
constexpr Reason kReasons[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {424, "Failed Dependency"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {499, "Client Closed Request"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

void append_number(std::string& out, uint64_t value, int base) {
  char digits[20];
  const std::to_chars_result written = std::to_chars(digits, digits + sizeof(digits), value, base);
  out.append(digits, static_cast<size_t>(written.ptr - digits));
}

bool is_own_header(std::string_view name) noexcept {
  const HeaderName known = header_name(name);
  return known == HeaderName::kContentLength || known == HeaderName::kTransferEncoding ||
         known == HeaderName::kConnection;
}

}  // namespace

std::string_view reason_phrase(int status) noexcept {
  for (const Reason& reason : kReasons)
    if (reason.status == status) return reason.phrase;
  return "Unknown";
}

ResponseWriter::ResponseWriter(std::string& out, const ResponseContext& context, int status)
    : out_(out),
      begin_(out.size()),
      status_(status),
      minor_version_(context.minor_version),
      is_head_request_(context.is_head_request),
      closes_(!context.keeps_alive) {
  PENSTOCK_ASSERT(status >= 200 && status <= 599);
  out_.append("HTTP/1.1 ");
  append_number(out_, static_cast<uint64_t>(status), 10);
  out_.append(" ").append(reason_phrase(status)).append("\r\n");
}

bool ResponseWriter::header(std::string_view name, std::string_view value) {
  if (!is_token(name) || is_own_header(name) || find_control(value, 0) < value.size()) {
    is_refused_ = true;
    return false;
  }
  out_.append(name).append(": ").append(value).append("\r\n");
  return true;
}

bool ResponseWriter::has_body() const noexcept {
  return !is_head_request_ && status_ != 204 && status_ != 304;
}

BodyForm ResponseWriter::end_head_with_length(uint64_t bytes) {
  PENSTOCK_ASSERT(status_ != 204 || bytes == 0);
  // 204 must not have one (RFC 9110 section 8.6), and of 304 it would be the length of what is not sent.
  if (status_ != 204 && status_ != 304) {
    out_.append("content-length: ");
    append_number(out_, bytes, 10);
    out_.append("\r\n");
  }
  return end_head(BodyForm::kPlain);
}

BodyForm ResponseWriter::end_head_chunked() {
  if (status_ == 204 || status_ == 304) return end_head(BodyForm::kNone);
  if (minor_version_ == 0) {
    closes_ = true;
    return end_head(BodyForm::kUntilClose);
  }
  out_.append("transfer-encoding: chunked\r\n");
  return end_head(BodyForm::kChunked);
}

BodyForm ResponseWriter::end_head(BodyForm form) {
  if (is_refused_) {
    out_.resize(begin_);
    return BodyForm::kRefused;
  }
  if (closes_) {
    out_.append("connection: close\r\n");
  } else if (minor_version_ == 0) {
    out_.append("connection: keep-alive\r\n");
  }
  out_.append("\r\n");
  return has_body() ? form : BodyForm::kNone;
}

void append_chunk_head(std::string& out, uint64_t bytes) {
  PENSTOCK_ASSERT(bytes > 0);
  append_number(out, bytes, 16);
  out.append("\r\n");
}

void append_error_response(std::string& out, int status, std::string_view code, std::string_view sentence,
                           std::string_view more_headers) {
  std::string body = "{\"error\":\"";
  body.append(sentence).append("\",\"code\":\"").append(code).append("\"}\n");
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<uint64_t>(status), 10);
  out.append(" ").append(reason_phrase(status)).append("\r\n").append(more_headers);
  out.append("content-type: application/json\r\ncontent-length: ");
  append_number(out, body.size(), 10);
  out.append("\r\nconnection: close\r\n\r\n").append(body);
}

void append_fault_response(std::string& out, HttpFault fault) {
  PENSTOCK_ASSERT(fault != HttpFault::kNone);
  const HttpFaultInfo& info = http_fault_info(fault);
  append_error_response(out, info.status, info.code, info.sentence);
}

}  // namespace penstock::net
