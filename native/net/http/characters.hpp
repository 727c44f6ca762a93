// Classes of bytes in HTTP (RFC 9110 section 5.6, RFC 3986), in one table, and the search for the bytes that end a line
// or stand in none.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace penstock::net {

enum CharacterClass : uint8_t {
  kTokenCharacter = 1,   // of names: tchar
  kTargetCharacter = 2,  // of request targets: visible ASCII but the number sign, which never travels
  kHostCharacter = 4,    // of registered names and addresses: letters, digits, - . _ ~
  kDigitCharacter = 8,
  kBase64Character = 16,
};

namespace detail {
consteval std::array<uint8_t, 256> character_classes() {
  std::array<uint8_t, 256> classes = {};
  const auto add = [&](std::string_view text, uint8_t kind) {
    for (const char character : text) classes[static_cast<unsigned char>(character)] |= kind;
  };
  for (unsigned byte = 0x21; byte < 0x7F; ++byte) classes[byte] |= byte == '#' ? 0 : kTargetCharacter;
  add("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
      kTokenCharacter | kHostCharacter | kBase64Character);
  add("0123456789", kDigitCharacter);
  add("!#$%&'*+-.^_`|~", kTokenCharacter);
  add("-._~", kHostCharacter);
  add("+/", kBase64Character);
  return classes;
}
inline constexpr std::array<uint8_t, 256> kClasses = character_classes();
}  // namespace detail

constexpr bool is_of(char character, CharacterClass kind) noexcept {
  return (detail::kClasses[static_cast<unsigned char>(character)] & kind) != 0;
}

constexpr bool is_all_of(std::string_view text, CharacterClass kind) noexcept {
  for (const char character : text)
    if (!is_of(character, kind)) return false;
  return true;
}

constexpr bool is_token(std::string_view text) noexcept {
  return !text.empty() && is_all_of(text, kTokenCharacter);
}

constexpr bool is_blank(char character) noexcept {
  return character == ' ' || character == '\t';
}

// 0..15; 16: no hexadecimal digit.
constexpr unsigned hex_digit(char character) noexcept {
  if (character >= '0' && character <= '9') return static_cast<unsigned>(character - '0');
  const char lower = static_cast<char>(character | 0x20);
  return lower >= 'a' && lower <= 'f' ? static_cast<unsigned>(lower - 'a') + 10 : 16;
}

// A byte that stands in no line: 0..31 but the tab, and 127.
constexpr bool is_control(char character) noexcept {
  const auto byte = static_cast<unsigned char>(character);
  return (byte < 0x20 && byte != '\t') || byte == 0x7F;
}

constexpr std::string_view without_blanks(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// The first control byte at or behind `at`, or the end; a line end is one. Eight bytes a step: heads are short, and
// this loop sees each of their bytes.
inline size_t find_control(std::string_view text, size_t at) noexcept {
  constexpr uint64_t kOnes = ~uint64_t{0} / 255;
  constexpr uint64_t kTops = kOnes << 7;
  while (at + 8 <= text.size()) {
    uint64_t word = 0;
    std::memcpy(&word, text.data() + at, 8);
    // Bytes below 32, and those that are 127: a borrow can only mark too many, and those are looked at below.
    const uint64_t low = (word - kOnes * 0x20) & ~word & kTops;
    const uint64_t deleted = ((word ^ kOnes * 0x7F) - kOnes) & ~(word ^ kOnes * 0x7F) & kTops;
    if ((low | deleted) != 0) {
      for (size_t index = at; index < at + 8; ++index)
        if (is_control(text[index])) return index;
    }
    at += 8;
  }
  while (at < text.size() && !is_control(text[at])) ++at;
  return at;
}

}  // namespace penstock::net
