// Checks UTF-8 that comes in parts, cut anywhere, in one pass (RFC 3629 section 4: neither surrogates nor overlong
// forms). Between parts it remembers how many bytes of a character are missing and the range that the next one must lie
// in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace penstock::net {

class Utf8Checker {
 public:
  // False: the bytes so far cannot begin any UTF-8 text. Stays so until reset().
  bool check(std::string_view part) noexcept;
  // Whether the text may end here: no character is unfinished.
  bool is_at_end() const noexcept { return missing_bytes_ == 0 && !is_broken_; }
  void reset() noexcept { *this = Utf8Checker{}; }

 private:
  bool check_byte(uint8_t byte) noexcept;

  uint8_t missing_bytes_ = 0;
  uint8_t lower_ = 0x80;
  uint8_t upper_ = 0xBF;
  bool is_broken_ = false;
};

}  // namespace penstock::net
