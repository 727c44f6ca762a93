#include "runtime/logged_keys.hpp"

#include <array>

namespace penstock {
namespace {
// Bytes of the character that begins at `at`; 0: what stands there is no UTF-8. Without surrogates and overlong forms.
// Source: RFC 3629, section 4.
size_t character_bytes(std::string_view text, size_t at) noexcept {
  const auto byte = [&](size_t index) { return index < text.size() ? static_cast<uint8_t>(text[index]) : uint8_t{0}; };
  const auto is_tail = [&](size_t index) { return (byte(index) & 0xC0) == 0x80; };
  const uint8_t first = byte(at);
  const uint8_t second = byte(at + 1);
  if (first < 0x80) return 1;
  if (first < 0xC2 || !is_tail(at + 1)) return 0;
  if (first < 0xE0) return 2;
  if (!is_tail(at + 2)) return 0;
  if (first < 0xF0) return (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ? 0 : 3;
  if (first > 0xF4 || !is_tail(at + 3)) return 0;
  return (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F) ? 0 : 4;
}
}  // namespace

bool LoggedKeys::keep(const std::vector<std::string>& names, const MetaView& meta, uint32_t rows, uint64_t& changed) {
  bytes_.clear();
  ends_.clear();
  spans_.assign(names.size(), Span{});
  bool is_any = false;
  std::array<char, 32> scratch;
  for (size_t column = 0; column < names.size(); ++column) {
    const auto entry = meta.find(names[column]);
    if (!entry || (entry->is_per_row() && entry->row_values() != rows)) continue;
    const uint32_t count = entry->is_per_row() ? rows : 1;
    spans_[column] = {static_cast<uint32_t>(ends_.size()), count};
    for (uint32_t row = 0; row < count; ++row) add_text(entry->text_at(row, scratch).value_or(""), changed);
    is_any = true;
  }
  return is_any;
}

void LoggedKeys::add_text(std::string_view text, uint64_t& changed) {
  bool is_kept = true;
  const size_t start = bytes_.size();
  for (size_t at = 0; at < text.size();) {
    const size_t known = character_bytes(text, at);
    const size_t bytes = known == 0 ? 1 : known;
    if (bytes_.size() - start + bytes > kBytesMax) {
      is_kept = false;
      break;
    }
    if (known == 0)
      bytes_.push_back('?');
    else
      bytes_.insert(bytes_.end(), text.begin() + static_cast<ptrdiff_t>(at),
                    text.begin() + static_cast<ptrdiff_t>(at + bytes));
    is_kept = is_kept && known != 0;
    at += bytes;
  }
  ends_.push_back(static_cast<uint32_t>(bytes_.size()));
  if (!is_kept) ++changed;
}

std::string_view LoggedKeys::text(size_t column, uint32_t row) const noexcept {
  const Span& span = spans_[column];
  const size_t index = span.first + (span.count == 1 ? 0 : row);
  const size_t start = index == 0 ? 0 : ends_[index - 1];
  return {bytes_.data() + start, ends_[index] - start};
}
}  // namespace penstock
