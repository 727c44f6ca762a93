#include "runtime/logged_keys.hpp"

#include <algorithm>
#include <array>

#include "core/utf8.hpp"

namespace penstock {
bool LoggedKeys::keep(const std::vector<std::string>& names, const MetaView& meta, std::span<const RowKey> row_keys,
                      uint32_t rows, uint64_t& changed) {
  bytes_.clear();
  ends_.clear();
  spans_.assign(names.size(), Span{});
  bool is_any = false;
  std::array<char, 32> scratch;
  for (size_t column = 0; column < names.size(); ++column) {
    const auto entry = meta.find(names[column]);
    if (entry && !(entry->is_per_row() && entry->row_values() != rows)) {
      const uint32_t count = entry->is_per_row() ? rows : 1;
      spans_[column] = {static_cast<uint32_t>(ends_.size()), count};
      for (uint32_t row = 0; row < count; ++row) add_text(entry->text_at(row, scratch).value_or(""), changed);
      is_any = true;
      continue;
    }
    // A handful of them: fields of a contract that say whom a row is about.
    const auto key =
        std::find_if(row_keys.begin(), row_keys.end(), [&](const RowKey& each) { return each.name == names[column]; });
    if (key == row_keys.end()) continue;
    spans_[column] = {static_cast<uint32_t>(ends_.size()), rows};
    for (uint32_t row = 0; row < rows; ++row) add_text(key->text(row), changed);
    is_any = true;
  }
  return is_any;
}

void LoggedKeys::add_text(std::string_view text, uint64_t& changed) {
  bool is_kept = true;
  const size_t start = bytes_.size();
  for (size_t at = 0; at < text.size();) {
    const size_t known = utf8_character_bytes(text.data() + at, text.data() + text.size());
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
