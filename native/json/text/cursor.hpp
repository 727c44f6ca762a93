// Where a reader of JSON stands in the bytes of a body.
#pragma once

namespace penstock::json {
// Unread bytes of a body.
struct Cursor {
  const char* at = nullptr;
  const char* end = nullptr;

  void skip_space() noexcept {
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) ++at;
  }
  // After white space. '\0' at the end, which no JSON has outside of strings.
  char peek() noexcept {
    skip_space();
    return at < end ? *at : '\0';
  }
  bool take(char c) noexcept {
    if (peek() != c) return false;
    ++at;
    return true;
  }
};
}  // namespace penstock::json
