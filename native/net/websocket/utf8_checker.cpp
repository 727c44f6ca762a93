#include "net/websocket/utf8_checker.hpp"

#include <cstring>

namespace penstock::net {

bool Utf8Checker::check(std::string_view part) noexcept {
  constexpr uint64_t kTops = ~uint64_t{0} / 255 << 7;
  size_t at = 0;
  while (at < part.size() && !is_broken_) {
    if (missing_bytes_ == 0) {
      // Most text is ASCII: eight characters a step.
      uint64_t word = 0;
      while (at + 8 <= part.size()) {
        std::memcpy(&word, part.data() + at, 8);
        if ((word & kTops) != 0) break;
        at += 8;
      }
      if (at == part.size()) break;
    }
    is_broken_ = !check_byte(static_cast<uint8_t>(part[at++]));
  }
  return !is_broken_;
}

bool Utf8Checker::check_byte(uint8_t byte) noexcept {
  if (missing_bytes_ > 0) {
    if (byte < lower_ || byte > upper_) return false;
    --missing_bytes_;
    lower_ = 0x80;
    upper_ = 0xBF;
    return true;
  }
  if (byte < 0x80) return true;
  if (byte < 0xC2 || byte > 0xF4) return false;
  missing_bytes_ = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
  // The second byte decides on overlong forms, surrogates and what lies beyond U+10FFFF.
  if (byte == 0xE0) lower_ = 0xA0;
  if (byte == 0xED) upper_ = 0x9F;
  if (byte == 0xF0) lower_ = 0x90;
  if (byte == 0xF4) upper_ = 0x8F;
  return true;
}

}  // namespace penstock::net
