#include "net/http/request_parser.hpp"

#include <algorithm>

#include "core/assert.hpp"
#include "net/http/characters.hpp"

namespace penstock::net {
namespace {

constexpr std::array<std::string_view, 7> kMethodNames = {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"};

constexpr ByteRange range_of(size_t begin, size_t end) noexcept {
  return {static_cast<uint32_t>(begin), static_cast<uint32_t>(end - begin)};
}

bool find_method(std::string_view name, HttpMethod& method) noexcept {
  const auto* const found = std::find(kMethodNames.begin(), kMethodNames.end(), name);
  if (found == kMethodNames.end()) return false;
  method = static_cast<HttpMethod>(found - kMethodNames.begin());
  return true;
}

// "HTTP/1.1": of any version, so that a later one gets its own status.
bool is_version(std::string_view text) noexcept {
  return text.size() == 8 && text.starts_with("HTTP/") && is_of(text[5], kDigitCharacter) && text[6] == '.' &&
         is_of(text[7], kDigitCharacter);
}

// Up to 65535, or nothing at all behind the colon (RFC 3986 section 3.2.3).
bool is_port(std::string_view text) noexcept {
  uint32_t port = 0;
  if (text.size() > 5 || !is_all_of(text, kDigitCharacter)) return false;
  for (const char digit : text) port = port * 10 + static_cast<uint32_t>(digit - '0');
  return port <= 65'535;
}

// A registered name, an IPv4 address or an IPv6 address in brackets, and perhaps a port. Narrower than RFC 3986:
// neither user information, which other readers take for a host, nor commas, which make lists of hosts, nor percent
// signs.
bool is_authority(std::string_view text) noexcept {
  size_t name_end = 0;
  if (text.starts_with('[')) {
    name_end = text.find(']');
    if (name_end == std::string_view::npos || name_end < 3) return false;
    for (const char character : text.substr(1, name_end - 1))
      if (hex_digit(character) > 15 && character != ':' && character != '.') return false;
    ++name_end;
  } else {
    while (name_end < text.size() && is_of(text[name_end], kHostCharacter)) ++name_end;
  }
  if (name_end == text.size()) return true;
  return text[name_end] == ':' && is_port(text.substr(name_end + 1));
}

// Calls back with each element of a list of tokens (RFC 9110 section 5.6.1), without the white space around it.
template <typename Callback>
void for_each_element(std::string_view list, const Callback& callback) noexcept {
  while (true) {
    const size_t comma = std::min(list.find(','), list.size());
    callback(without_blanks(list.substr(0, comma)));
    if (comma == list.size()) return;
    list.remove_prefix(comma + 1);
  }
}

// What is wrong with the value of a lone Transfer-Encoding header.
HttpFault transfer_encoding_fault(std::string_view value) noexcept {
  if (is_same_without_case(value, "chunked")) return HttpFault::kNone;
  size_t chunked_count = 0;
  bool is_chunked_last = false;
  bool are_tokens = true;
  for_each_element(value, [&](std::string_view element) {
    is_chunked_last = is_same_without_case(element, "chunked");
    chunked_count += is_chunked_last ? 1 : 0;
    are_tokens = are_tokens && is_token(element);
  });
  // The end of the body would be known, but not what is in it: that alone is "not implemented".
  return are_tokens && is_chunked_last && chunked_count == 1 ? HttpFault::kTransferEncodingUnknown
                                                             : HttpFault::kTransferEncoding;
}

}  // namespace

std::string_view RequestParser::method_name(HttpMethod method) noexcept {
  return kMethodNames[static_cast<size_t>(method)];
}

void RequestParser::refuse(HttpFault fault) noexcept {
  if (state_.stage == Stage::kBroken) return;
  state_.stage = Stage::kBroken;
  state_.fault = fault;
}

RequestParser::Progress RequestParser::read(std::string_view received, const HttpLimits& limits) noexcept {
  PENSTOCK_DEBUG_ASSERT(received.size() >= state_.scanned_bytes);
  while (find_line_end(received, limits)) read_line(received, limits);
  if (state_.stage == Stage::kWhole) return Progress::kWhole;
  return state_.stage == Stage::kBroken ? Progress::kBroken : Progress::kIncomplete;
}

bool RequestParser::find_line_end(std::string_view received, const HttpLimits& limits) noexcept {
  if (state_.stage == Stage::kWhole || state_.stage == Stage::kBroken) return false;
  size_t end = std::min<size_t>(limits.head_bytes_max, UINT32_MAX);
  HttpFault beyond = HttpFault::kHeadBytes;
  if (state_.stage == Stage::kRequestLine && state_.line_begin + limits.request_line_bytes_max + 2 < end) {
    end = state_.line_begin + limits.request_line_bytes_max + 2;
    beyond = HttpFault::kRequestLineBytes;
  }
  const std::string_view allowed = received.substr(0, end);
  const size_t at = find_control(allowed, state_.scanned_bytes);
  // The carriage return stays unscanned until the byte behind it is there.
  state_.scanned_bytes = static_cast<uint32_t>(at);
  if (at == end || (at + 1 == end && at < allowed.size() && allowed[at] == '\r')) {
    refuse(beyond);
  } else if (at < allowed.size() && allowed[at] != '\r') {
    refuse(allowed[at] == '\n' ? HttpFault::kLineFeed : HttpFault::kControlByte);
  } else if (at + 1 < allowed.size()) {
    if (allowed[at + 1] == '\n') {
      state_.line_end = static_cast<uint32_t>(at);
      state_.scanned_bytes += 2;
      return true;
    }
    refuse(HttpFault::kCarriageReturn);
  }
  return false;
}

void RequestParser::read_line(std::string_view received, const HttpLimits& limits) noexcept {
  if (state_.stage == Stage::kRequestLine) {
    if (state_.line_end > state_.line_begin) {
      read_request_line(received);
    } else if (state_.line_begin > 0) {
      // One is what old clients send behind a body (RFC 9112 section 2.2).
      refuse(HttpFault::kEmptyLines);
    }
  } else if (state_.line_end > state_.line_begin) {
    read_header(received, limits);
  } else {
    finish(received, limits);
  }
  state_.line_begin = state_.scanned_bytes;
}

void RequestParser::read_request_line(std::string_view received) noexcept {
  const std::string_view line = received.substr(state_.line_begin, state_.line_end - state_.line_begin);
  const size_t method_end = line.find(' ');
  const size_t target_end = method_end == std::string_view::npos ? method_end : line.find(' ', method_end + 1);
  if (target_end == std::string_view::npos || target_end == method_end + 1 || !is_token(line.substr(0, method_end)) ||
      !is_version(line.substr(target_end + 1)))
    return refuse(HttpFault::kRequestLine);
  if (line[target_end + 6] != '1' || line[target_end + 8] > '1') return refuse(HttpFault::kVersion);
  state_.minor_version = static_cast<uint8_t>(line[target_end + 8] - '0');
  if (!find_method(line.substr(0, method_end), state_.method)) return refuse(HttpFault::kMethod);
  state_.stage = Stage::kHeaders;
  read_target(received, range_of(state_.line_begin + method_end + 1, state_.line_begin + target_end));
}

void RequestParser::read_target(std::string_view received, ByteRange target) noexcept {
  const std::string_view text = target.in(received);
  if (!is_all_of(text, kTargetCharacter)) return refuse(HttpFault::kTarget);
  if (text.front() == '/') return read_path_and_query(received, target);
  for (const std::string_view scheme : {"http://", "https://"})
    if (is_same_without_case(text.substr(0, scheme.size()), scheme))
      return read_absolute_target(received, target, scheme.size());
  if (text != "*" || state_.method != HttpMethod::kOptions) return refuse(HttpFault::kTarget);
  state_.path = target;
}

// RFC 9112 section 3.2.2: to be taken although only proxies get it. The authority stands for Host.
void RequestParser::read_absolute_target(std::string_view received, ByteRange target, size_t scheme_bytes) noexcept {
  const std::string_view text = target.in(received);
  const size_t authority_end = std::min(text.find_first_of("/?", scheme_bytes), text.size());
  state_.host = range_of(target.offset + scheme_bytes, target.offset + authority_end);
  state_.is_absolute = true;
  const std::string_view authority = state_.host.in(received);
  if (authority.empty() || authority.front() == ':' || !is_authority(authority)) return refuse(HttpFault::kTarget);
  read_path_and_query(received, range_of(target.offset + authority_end, target.offset + text.size()));
}

void RequestParser::read_path_and_query(std::string_view received, ByteRange target) noexcept {
  const std::string_view text = target.in(received);
  const size_t mark = text.find('?');
  const size_t path_end = std::min(mark, text.size());
  state_.path = range_of(target.offset, target.offset + path_end);
  state_.has_query = mark != std::string_view::npos;
  if (state_.has_query) state_.query = range_of(target.offset + mark + 1, target.offset + text.size());
}

void RequestParser::read_header(std::string_view received, const HttpLimits& limits) noexcept {
  const std::string_view line = received.substr(state_.line_begin, state_.line_end - state_.line_begin);
  if (state_.header_count >= std::min(limits.header_count_max, headers_.size())) return refuse(HttpFault::kHeaderCount);
  if (is_blank(line.front())) return refuse(HttpFault::kHeaderFold);
  size_t name_end = 0;
  while (name_end < line.size() && is_of(line[name_end], kTokenCharacter)) ++name_end;
  if (name_end == line.size()) return refuse(HttpFault::kHeaderColon);
  if (is_blank(line[name_end])) {
    const bool has_colon = line.find(':', name_end) != std::string_view::npos;
    return refuse(has_colon ? HttpFault::kHeaderSpace : HttpFault::kHeaderColon);
  }
  if (line[name_end] != ':' || name_end == 0) return refuse(HttpFault::kHeaderName);

  size_t value_begin = name_end + 1;
  size_t value_end = line.size();
  while (value_begin < value_end && is_blank(line[value_begin])) ++value_begin;
  while (value_begin < value_end && is_blank(line[value_end - 1])) --value_end;
  const HeaderName known = header_name(line.substr(0, name_end));
  headers_[state_.header_count++] = {range_of(state_.line_begin, state_.line_begin + name_end),
                                     range_of(state_.line_begin + value_begin, state_.line_begin + value_end), known};
  if (known == HeaderName::kOther) return;
  uint8_t& first = state_.first[static_cast<size_t>(known)];
  if (first == 0) {
    first = state_.header_count;
  } else {
    state_.repeated |= uint64_t{1} << static_cast<size_t>(known);
  }
}

void RequestParser::finish(std::string_view received, const HttpLimits& limits) noexcept {
  finish_host(received);
  finish_framing(received, limits);
  finish_connection(received);
  if (state_.stage != Stage::kBroken) state_.stage = Stage::kWhole;
}

void RequestParser::finish_host(std::string_view received) noexcept {
  if (is_repeated(HeaderName::kHost)) return refuse(HttpFault::kHostRepeated);
  if (!has(HeaderName::kHost)) {
    if (state_.minor_version > 0) refuse(HttpFault::kHostMissing);
    return;
  }
  const std::string_view host = value(HeaderName::kHost, received);
  if (!is_authority(host)) return refuse(HttpFault::kHost);
  // The standard has the authority win; a reader that goes by Host would serve another site, so they must agree.
  if (state_.is_absolute && !is_same_without_case(state_.host.in(received), host))
    return refuse(HttpFault::kHostMismatch);
  state_.host = headers_[state_.first[static_cast<size_t>(HeaderName::kHost)] - 1].value;
}

void RequestParser::finish_framing(std::string_view received, const HttpLimits& limits) noexcept {
  const bool has_length = has(HeaderName::kContentLength);
  if (has(HeaderName::kTransferEncoding)) {
    if (has_length) return refuse(HttpFault::kLengthAndChunked);
    if (state_.minor_version == 0) return refuse(HttpFault::kTransferEncodingVersion);
    if (is_repeated(HeaderName::kTransferEncoding)) return refuse(HttpFault::kTransferEncodingRepeated);
    const HttpFault fault = transfer_encoding_fault(value(HeaderName::kTransferEncoding, received));
    if (fault != HttpFault::kNone) return refuse(fault);
    state_.framing = BodyFraming::kChunked;
    return;
  }
  if (!has_length) return;
  if (is_repeated(HeaderName::kContentLength)) return refuse(HttpFault::kContentLengthRepeated);
  const std::string_view digits = value(HeaderName::kContentLength, received);
  if (digits.empty() || !is_all_of(digits, kDigitCharacter)) return refuse(HttpFault::kContentLength);
  uint64_t bytes = 0;
  for (const char character : digits) {
    const auto digit = static_cast<uint64_t>(character - '0');
    // Before it is multiplied: the number of a hostile client is as long as a head may be.
    if (digit > limits.body_bytes_max || bytes > (limits.body_bytes_max - digit) / 10)
      return refuse(HttpFault::kBodyBytes);
    bytes = bytes * 10 + digit;
  }
  state_.framing = BodyFraming::kLength;
  state_.content_bytes = bytes;
}

void RequestParser::finish_connection(std::string_view received) noexcept {
  bool closes = false;
  bool keeps = false;
  bool upgrades = false;
  for (size_t index = 0; has(HeaderName::kConnection) && index < state_.header_count; ++index) {
    if (headers_[index].known != HeaderName::kConnection) continue;
    for_each_element(headers_[index].value.in(received), [&](std::string_view element) {
      closes = closes || is_same_without_case(element, "close");
      keeps = keeps || is_same_without_case(element, "keep-alive");
      upgrades = upgrades || is_same_without_case(element, "upgrade");
    });
  }
  const bool is_current = state_.minor_version > 0;
  state_.keeps_alive = !closes && (is_current || keeps);
  // HTTP/1.0 knows neither, and its wishes for them are to be ignored (RFC 9110 sections 7.8 and 10.1.1).
  state_.wants_upgrade = is_current && upgrades && has(HeaderName::kUpgrade);
  if (!is_current || !has(HeaderName::kExpect)) return;
  if (is_repeated(HeaderName::kExpect) || !is_same_without_case(value(HeaderName::kExpect, received), "100-continue"))
    return refuse(HttpFault::kExpect);
  state_.expects_continue = state_.framing == BodyFraming::kChunked || state_.content_bytes > 0;
}

}  // namespace penstock::net
