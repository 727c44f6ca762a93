#include "load/http/http_response.hpp"

#include <algorithm>
#include <charconv>

namespace penstock::load {
namespace {

constexpr size_t kHeadBytesMax = 256 * 1024;
constexpr size_t kAnswerBytesMax = size_t{1} << 30;
constexpr size_t kNone = std::string_view::npos;

char lower(char character) noexcept {
  return character >= 'A' && character <= 'Z' ? static_cast<char>(character | 0x20) : character;
}

bool is_same(std::string_view left, std::string_view right) noexcept {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

bool contains(std::string_view text, std::string_view word) noexcept {
  return std::search(text.begin(), text.end(), word.begin(), word.end(),
                     [](char a, char b) { return lower(a) == lower(b); }) != text.end();
}

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

bool parse_size(std::string_view text, int base, size_t& value) noexcept {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return parsed.ec == std::errc{} && parsed.ptr != text.data() && value <= kAnswerBytesMax;
}

}  // namespace

void HttpResponseReader::reset() {
  std::string kept = std::move(joined_);
  kept.clear();
  *this = HttpResponseReader{};
  joined_ = std::move(kept);
}

HttpResponseReader::Progress HttpResponseReader::read(std::string_view received) {
  if (stage_ == Stage::kHead && !read_head(received)) {
    return is_broken_ || received.size() > kHeadBytesMax ? Progress::kBroken : Progress::kIncomplete;
  }
  if (stage_ == Stage::kLength) {
    size_bytes_ = at_ + length_;
    if (received.size() < size_bytes_) return Progress::kIncomplete;
    body_ = received.substr(at_, length_);
    return Progress::kWhole;
  }
  return stage_ == Stage::kUntilClose ? Progress::kIncomplete : read_chunks(received);
}

HttpResponseReader::Progress HttpResponseReader::read_closed(std::string_view received) {
  if (stage_ != Stage::kUntilClose) return Progress::kBroken;
  is_last_ = true;
  body_ = received.substr(at_);
  size_bytes_ = received.size();
  return Progress::kWhole;
}

bool HttpResponseReader::read_head(std::string_view received) {
  const size_t end = received.find("\r\n\r\n", at_ > 3 ? at_ - 3 : 0);
  if (end == kNone) {
    at_ = received.size();
    return false;
  }
  std::string_view head = received.substr(0, end);
  if (head.size() < 12 || !(head.starts_with("HTTP/1.1 ") || head.starts_with("HTTP/1.0 "))) {
    is_broken_ = true;
    return false;
  }
  std::from_chars(head.data() + 9, head.data() + 12, status_);
  is_last_ = head[7] == '0';
  for (size_t line = head.find("\r\n"); line != kNone; line = head.find("\r\n")) {
    head.remove_prefix(line + 2);
    const std::string_view text = head.substr(0, head.find("\r\n"));
    const size_t colon = text.find(':');
    if (colon != kNone) read_header(text.substr(0, colon), trimmed(text.substr(colon + 1)));
  }
  if (is_broken_) return false;
  at_ = end + 4;
  const bool is_empty = status_ == 204 || status_ == 304;
  if (is_chunked_)
    stage_ = Stage::kChunkSize;
  else if (has_length_ || is_empty)
    stage_ = Stage::kLength;
  else
    stage_ = Stage::kUntilClose;
  if (is_empty) length_ = 0;
  return true;
}

void HttpResponseReader::read_header(std::string_view name, std::string_view value) {
  if (is_same(name, "content-length")) {
    has_length_ = true;
    is_broken_ = is_broken_ || !parse_size(value, 10, length_);
  } else if (is_same(name, "transfer-encoding")) {
    is_chunked_ = contains(value, "chunked");
  } else if (is_same(name, "connection")) {
    if (contains(value, "close")) is_last_ = true;
    if (contains(value, "keep-alive")) is_last_ = false;
  } else if (is_same(name, "inference-header-content-length")) {
    is_broken_ = is_broken_ || !parse_size(value, 10, inference_head_bytes_);
  }
}

HttpResponseReader::Progress HttpResponseReader::read_chunks(std::string_view received) {
  for (;;) {
    if (stage_ == Stage::kChunkData) {
      const size_t part = std::min(chunk_bytes_, received.size() - at_);
      joined_.append(received.substr(at_, part));
      at_ += part;
      chunk_bytes_ -= part;
      if (chunk_bytes_ > 0) return Progress::kIncomplete;
      if (received.size() - at_ < 2) return Progress::kIncomplete;
      at_ += 2;
      stage_ = Stage::kChunkSize;
    }
    const size_t end = received.find("\r\n", at_);
    if (end == kNone) return received.size() - at_ > kHeadBytesMax ? Progress::kBroken : Progress::kIncomplete;
    const std::string_view line = received.substr(at_, end - at_);
    at_ = end + 2;
    if (stage_ == Stage::kTrailer) {
      if (!line.empty()) continue;
      body_ = joined_;
      size_bytes_ = at_;
      return Progress::kWhole;
    }
    if (!parse_size(line, 16, chunk_bytes_) || joined_.size() + chunk_bytes_ > kAnswerBytesMax)
      return Progress::kBroken;
    stage_ = chunk_bytes_ == 0 ? Stage::kTrailer : Stage::kChunkData;
  }
}

}  // namespace penstock::load
