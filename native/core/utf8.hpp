// Characters of UTF-8 that a stranger sent.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace penstock {
// Bytes of the character that begins at `at`, which is before `end`; 0: what stands there is no UTF-8. Neither
// surrogates nor overlong forms are. Source: RFC 3629, section 4.
inline size_t utf8_character_bytes(const char* at, const char* end) noexcept {
  const auto byte = [&](ptrdiff_t index) { return index < end - at ? static_cast<uint8_t>(at[index]) : uint8_t{0}; };
  const auto is_tail = [&](ptrdiff_t index) { return (byte(index) & 0xC0) == 0x80; };
  const uint8_t first = byte(0);
  const uint8_t second = byte(1);
  if (first < 0x80) return 1;
  if (first < 0xC2 || !is_tail(1)) return 0;
  if (first < 0xE0) return 2;
  if (!is_tail(2)) return 0;
  if (first < 0xF0) return (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ? 0 : 3;
  if (first > 0xF4 || !is_tail(3)) return 0;
  return (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F) ? 0 : 4;
}

inline bool is_utf8(std::string_view text) noexcept {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    const size_t bytes = utf8_character_bytes(at, end);
    if (bytes == 0) return false;
    at += bytes;
  }
  return true;
}

inline bool is_utf8_tail(char byte) noexcept {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}
}  // namespace penstock
