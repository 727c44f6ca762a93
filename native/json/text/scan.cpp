#include "json/text/scan.hpp"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "core/utf8.hpp"
#include "json/text/number.hpp"

namespace penstock::json {
namespace {
int hex_value(char c) noexcept {
  if (is_digit(c)) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Steps over what needs no look: neither quote, backslash, control character nor a byte beyond ASCII.
const char* skip_plain(const char* at, const char* end) noexcept {
#if defined(__SSE2__)
  while (end - at >= 16) {
    const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    // Signed: bytes beyond ASCII are below zero, so that one comparison finds them and control characters.
    const __m128i low = _mm_cmplt_epi8(text, _mm_set1_epi8(0x20));
    const __m128i quote = _mm_cmpeq_epi8(text, _mm_set1_epi8('"'));
    const __m128i slash = _mm_cmpeq_epi8(text, _mm_set1_epi8('\\'));
    const auto found = static_cast<uint32_t>(_mm_movemask_epi8(_mm_or_si128(low, _mm_or_si128(quote, slash))));
    if (found != 0) return at + std::countr_zero(found);
    at += 16;
  }
#endif
  while (at < end && static_cast<unsigned char>(*at) >= 0x20 && static_cast<unsigned char>(*at) < 0x80 && *at != '"' &&
         *at != '\\')
    ++at;
  return at;
}

// Behind the escape at `at`; null: it is none.
const char* skip_escape(const char* at, const char* end) noexcept {
  if (end - at < 2) return nullptr;
  if (at[1] != 'u') return std::strchr("\"\\/bfnrt", at[1]) != nullptr && at[1] != '\0' ? at + 2 : nullptr;
  if (end - at < 6) return nullptr;
  for (int i = 2; i < 6; ++i)
    if (hex_value(at[i]) < 0) return nullptr;
  return at + 6;
}

uint32_t code_unit(const char* digits) noexcept {
  uint32_t unit = 0;
  for (int i = 0; i < 4; ++i) unit = unit << 4 | static_cast<uint32_t>(hex_value(digits[i]));
  return unit;
}

char* put_utf8(uint32_t character, char* target) noexcept {
  const auto put = [&](uint32_t byte) { *target++ = static_cast<char>(byte); };
  if (character < 0x80) {
    put(character);
  } else if (character < 0x800) {
    put(0xC0 | character >> 6);
    put(0x80 | (character & 0x3F));
  } else if (character < 0x10000) {
    put(0xE0 | character >> 12);
    put(0x80 | (character >> 6 & 0x3F));
    put(0x80 | (character & 0x3F));
  } else {
    put(0xF0 | character >> 18);
    put(0x80 | (character >> 12 & 0x3F));
    put(0x80 | (character >> 6 & 0x3F));
    put(0x80 | (character & 0x3F));
  }
  return target;
}

// The character of the \u escape at `at`, which moves behind it, and behind its second half.
uint32_t code_point(const char*& at, const char* end, Decoded& decoded) noexcept {
  constexpr uint32_t kReplacement = 0xFFFD;
  const uint32_t unit = code_unit(at + 2);
  at += 6;
  if (unit < 0xD800 || unit > 0xDFFF) return unit;
  if (unit < 0xDC00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
    const uint32_t second = code_unit(at + 2);
    if (second >= 0xDC00 && second <= 0xDFFF) {
      at += 6;
      return 0x10000 + ((unit - 0xD800) << 10) + (second - 0xDC00);
    }
  }
  decoded.has_lone_surrogate = true;
  return kReplacement;
}

// The character of any other escape at `at`, which moves behind it.
uint32_t plain_escape(const char*& at) noexcept {
  const char letter = at[1];
  at += 2;
  switch (letter) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return static_cast<unsigned char>(letter);
  }
}

// Up to the next escape.
std::string_view plain_part(const char* at, const char* end) noexcept {
  const void* const slash = std::memchr(at, '\\', static_cast<size_t>(end - at));
  const char* const part_end = slash == nullptr ? end : static_cast<const char*>(slash);
  return {at, static_cast<size_t>(part_end - at)};
}
}  // namespace

BodyFault scan_string(Cursor& cursor, StringText& text) noexcept {
  const char* const first = ++cursor.at;
  text.has_escapes = false;
  for (const char* at = first;;) {
    at = skip_plain(at, cursor.end);
    cursor.at = at;
    if (at == cursor.end) return BodyFault::kEnd;
    if (*at == '"') {
      text.raw = {first, static_cast<size_t>(at - first)};
      ++cursor.at;
      return BodyFault::kNone;
    }
    if (*at == '\\') {
      text.has_escapes = true;
      at = skip_escape(at, cursor.end);
      if (at == nullptr) return BodyFault::kEscape;
    } else if (static_cast<unsigned char>(*at) < 0x20) {
      return BodyFault::kControl;
    } else {
      do {
        const size_t bytes = utf8_character_bytes(at, cursor.end);
        cursor.at = at;
        if (bytes == 0) return BodyFault::kUtf8;
        at += bytes;
      } while (at < cursor.end && static_cast<unsigned char>(*at) >= 0x80);
    }
  }
}

Decoded decode_string(std::string_view raw, char* target, size_t room) noexcept {
  Decoded decoded;
  const char* const end = raw.data() + raw.size();
  for (const char* at = raw.data(); at < end;) {
    std::array<char, 4> escaped;
    std::string_view part = plain_part(at, end);
    if (part.empty()) {
      const uint32_t character = at[1] == 'u' ? code_point(at, end, decoded) : plain_escape(at);
      decoded.has_nul = decoded.has_nul || character == 0;
      part = {escaped.data(), static_cast<size_t>(put_utf8(character, escaped.data()) - escaped.data())};
    } else {
      at += part.size();
    }
    const size_t left = room - decoded.bytes;
    decoded.is_cut = part.size() > left;
    if (decoded.is_cut) {
      part = part.substr(0, left);
      while (!part.empty() && is_utf8_tail(part.data()[part.size()])) part.remove_suffix(1);
      if (part.data() == escaped.data()) part = {};
    }
    if (!part.empty()) std::memcpy(target + decoded.bytes, part.data(), part.size());
    decoded.bytes += part.size();
    if (decoded.is_cut) break;
  }
  return decoded;
}

bool take_word(Cursor& cursor, std::string_view word) noexcept {
  if (static_cast<size_t>(cursor.end - cursor.at) < word.size()) return false;
  if (std::memcmp(cursor.at, word.data(), word.size()) != 0) return false;
  cursor.at += word.size();
  return true;
}

BodyFault fault_of_value(Cursor cursor) noexcept {
  if (cursor.at == cursor.end) return BodyFault::kEnd;
  if (*cursor.at == '-') ++cursor.at;
  return take_word(cursor, "NaN") || take_word(cursor, "Infinity") ? BodyFault::kNotFinite : BodyFault::kValue;
}

namespace {
BodyFault skip_scalar(Cursor& cursor) noexcept {
  StringText text;
  if (cursor.at < cursor.end && *cursor.at == '"') return scan_string(cursor, text);
  if (take_word(cursor, "null") || take_word(cursor, "true") || take_word(cursor, "false")) return BodyFault::kNone;
  return skip_number(cursor.at, cursor.end) ? BodyFault::kNone : fault_of_value(cursor);
}

// A key and its colon.
BodyFault skip_key(Cursor& cursor) noexcept {
  StringText key;
  const char next = cursor.peek();
  if (next != '"') return cursor.at == cursor.end ? BodyFault::kEnd : BodyFault::kKey;
  if (const BodyFault fault = scan_string(cursor, key); fault != BodyFault::kNone) return fault;
  if (cursor.take(':')) return BodyFault::kNone;
  return cursor.at == cursor.end ? BodyFault::kEnd : BodyFault::kColon;
}
}  // namespace

BodyFault skip_value(Cursor& cursor, size_t depth) noexcept {
  static_assert(kJsonDepthMax < 64);
  uint64_t objects = 0;  // bit d: what is open at depth d is an object
  const size_t bottom = depth;
  for (;;) {
    const char next = cursor.peek();
    if (next == '[' || next == '{') {
      if (depth == kJsonDepthMax) return BodyFault::kDepth;
      const bool is_object = next == '{';
      ++cursor.at;
      ++depth;
      objects = (objects & ~(uint64_t{1} << depth)) | uint64_t{is_object} << depth;
      if (!cursor.take(is_object ? '}' : ']')) {
        const BodyFault fault = is_object ? skip_key(cursor) : BodyFault::kNone;
        if (fault != BodyFault::kNone) return fault;
        continue;
      }
      --depth;
    } else if (const BodyFault fault = skip_scalar(cursor); fault != BodyFault::kNone) {
      return fault;
    }
    // Behind a value: what is around it goes on or ends, and maybe what is around that.
    for (;; --depth) {
      if (depth == bottom) return BodyFault::kNone;
      const bool is_object = (objects >> depth & 1) != 0;
      if (cursor.take(',')) {
        const BodyFault fault = is_object ? skip_key(cursor) : BodyFault::kNone;
        if (fault != BodyFault::kNone) return fault;
        break;
      }
      if (!cursor.take(is_object ? '}' : ']')) return cursor.at == cursor.end ? BodyFault::kEnd : BodyFault::kComma;
    }
  }
}
}  // namespace penstock::json
