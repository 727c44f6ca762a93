#include "load/client/json_scan.hpp"

#include <charconv>
#include <cstring>

namespace penstock::load::json {
namespace {

constexpr size_t kNone = std::string_view::npos;

bool is_space(char character) noexcept {
  return character == ' ' || character == '\n' || character == '\r' || character == '\t';
}

bool is_end_of_scalar(char character) noexcept {
  return character == ',' || character == ']' || character == '}' || is_space(character);
}

size_t skip_spaces(std::string_view text, size_t at) noexcept {
  while (at < text.size() && is_space(text[at])) ++at;
  return at;
}

// Behind the closing quote of the string whose first character is at `at`; kNone when it is cut off.
size_t end_of_string(std::string_view text, size_t at) noexcept {
  for (;;) {
    const void* found = at < text.size() ? std::memchr(text.data() + at, '"', text.size() - at) : nullptr;
    if (found == nullptr) return kNone;
    const auto quote = static_cast<size_t>(static_cast<const char*>(found) - text.data());
    size_t slashes = 0;
    while (quote - slashes > at && text[quote - slashes - 1] == '\\') ++slashes;
    if (slashes % 2 == 0) return quote + 1;
    at = quote + 1;
  }
}

// Behind the bracket that closes the one at `at`.
size_t end_of_brackets(std::string_view text, size_t at) noexcept {
  size_t depth = 0;
  while (at < text.size()) {
    const char character = text[at];
    if (character == '"') {
      at = end_of_string(text, at + 1);
      if (at == kNone) return kNone;
      continue;
    }
    if (character == '{' || character == '[') depth += 1;
    if ((character == '}' || character == ']') && --depth == 0) return at + 1;
    ++at;
  }
  return kNone;
}

}  // namespace

size_t find_key(std::string_view json, std::string_view name) noexcept {
  size_t at = 0;
  for (;;) {
    // Strings are the only place where a quote stands, so from quote to quote nothing is missed.
    const void* found = at < json.size() ? std::memchr(json.data() + at, '"', json.size() - at) : nullptr;
    if (found == nullptr) return kNone;
    const size_t start = static_cast<size_t>(static_cast<const char*>(found) - json.data()) + 1;
    const size_t end = end_of_string(json, start);
    if (end == kNone) return kNone;
    at = end;
    const size_t colon = skip_spaces(json, end);
    if (colon < json.size() && json[colon] == ':' && json.substr(start, end - 1 - start) == name) {
      return skip_spaces(json, colon + 1);
    }
  }
}

bool find_integer(std::string_view json, std::string_view name, size_t& value) noexcept {
  const size_t at = find_key(json, name);
  if (at == kNone) return false;
  return std::from_chars(json.data() + at, json.data() + json.size(), value).ec == std::errc{};
}

std::string_view text_of(std::string_view json, std::string_view name) noexcept {
  const size_t at = find_key(json, name);
  if (at == kNone || at >= json.size() || json[at] != '"') return {};
  const size_t end = end_of_string(json, at + 1);
  return end == kNone ? std::string_view{} : json.substr(at + 1, end - at - 2);
}

ObjectsOfArray::ObjectsOfArray(std::string_view json, std::string_view name) noexcept
    : json_(json), position_(find_key(json, name)) {
  if (position_ >= json_.size() || json_[position_] != '[')
    position_ = json_.size();
  else
    position_ += 1;
}

bool ObjectsOfArray::next(std::string_view& object) noexcept {
  while (position_ < json_.size() && (is_space(json_[position_]) || json_[position_] == ',')) ++position_;
  if (position_ >= json_.size() || json_[position_] != '{') return false;
  const size_t end = end_of_brackets(json_, position_);
  if (end == kNone) return false;
  object = json_.substr(position_, end - position_);
  position_ = end;
  return true;
}

bool Numbers::next(std::string_view& token) noexcept {
  while (position_ < text_.size()) {
    const char character = text_[position_];
    if (character == '[') {
      depth_ += 1;
      ++position_;
    } else if (character == ']' && depth_ > 0) {
      ++position_;
      if (--depth_ == 0) {
        is_whole_ = true;
        return false;
      }
    } else if (is_space(character) || (character == ',' && depth_ > 0)) {
      ++position_;
    } else {
      break;
    }
  }
  // A scalar without brackets is one value; what follows it belongs to others.
  if (depth_ == 0 && is_started_) {
    is_whole_ = true;
    return false;
  }
  is_started_ = true;
  const size_t start = position_;
  while (position_ < text_.size() && !is_end_of_scalar(text_[position_])) ++position_;
  if (position_ == start) return false;
  token = text_.substr(start, position_ - start);
  return true;
}

}  // namespace penstock::load::json
