// Strings of JSON, and values that are stepped over: checked as strictly as those that are kept, so that a body is
// either JSON throughout or refused with the byte that is not. Hostile input: no recursion, no read beyond the end,
// depth bounded by kJsonDepthMax.
#pragma once
#include <cstddef>
#include <string_view>

#include "core/boundary_codes.hpp"
#include "json/text/cursor.hpp"

namespace penstock::json {
struct StringText {
  std::string_view raw;  // between the quotes, as it stands in the body: UTF-8 that is valid but for its escapes
  bool has_escapes = false;
};

// Reads a string whose opening quote is at the cursor. On a fault the cursor is at what is wrong.
BodyFault scan_string(Cursor& cursor, StringText& text) noexcept;

struct Decoded {
  size_t bytes = 0;
  bool has_nul = false;
  bool has_lone_surrogate = false;  // each is written as U+FFFD
  bool is_cut = false;              // at a character, for want of room
};
// The text of `raw`, which scan_string took, as UTF-8 without its escapes. Nothing is cut where `room` is raw.size(),
// for no escape is shorter than what it means.
Decoded decode_string(std::string_view raw, char* target, size_t room) noexcept;

// Steps over one value, `depth` arrays and objects below the top of the body. On a fault the cursor is at what is
// wrong.
BodyFault skip_value(Cursor& cursor, size_t depth) noexcept;

// What is wrong at a cursor where a value should begin and none does.
BodyFault fault_of_value(Cursor cursor) noexcept;

// Steps over one of JSON's words. False: another word, and the cursor has not moved.
bool take_word(Cursor& cursor, std::string_view word) noexcept;
}  // namespace penstock::json
