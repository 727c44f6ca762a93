#include "flatbuffers/meta.hpp"

#include <charconv>
#include <cmath>

#include "flatbuffers/trace_context.hpp"
#include "flatbuffers/wire_slots.hpp"

namespace penstock {
std::optional<double> MetaEntry::number_at(size_t row) const noexcept {
  if (numbers.exists()) return numbers.get<double>(row);
  return number;
}

std::optional<std::string_view> MetaEntry::text_at(size_t row, std::array<char, 32>& scratch) const noexcept {
  if (text) return text->substr(0, text_bytes_max);
  if (texts.exists()) {
    flatbuffers::Vector characters;
    if (!flatbuffers::Table::open_vector(texts.bytes, texts.at + row * 4, 1, characters)) return std::nullopt;
    return flatbuffers::Table::as_text(characters).substr(0, text_bytes_max);
  }
  const auto value = number_at(row);
  if (!value) return std::nullopt;
  // As JavaScript writes it: an integer in all its digits (the shortest form of 1000000 would be 1e+06), anything else
  // in the shortest form that comes back; exponents differ in form there, and no sane key has one.
  const bool is_integer = std::fabs(*value) <= kIntegerMax && *value == std::floor(*value);
  char* const begin = scratch.data();
  char* const limit = begin + scratch.size();
  const auto end = is_integer ? std::to_chars(begin, limit, static_cast<int64_t>(*value)).ptr
                              : std::to_chars(begin, limit, *value).ptr;
  return std::string_view(scratch.data(), static_cast<size_t>(end - scratch.data()));
}

namespace {
bool read_entry(const flatbuffers::Vector& entries, size_t index, MetaEntry& entry) noexcept {
  flatbuffers::Table table;
  std::optional<std::string_view> key;
  if (!flatbuffers::Table::open_at_offset(entries.bytes, entries.at + index * 4, table)) return false;
  if (!table.string(slots::meta::key, key) || !key) return false;
  if (!table.optional_scalar(slots::meta::number, entry.number)) return false;
  if (!table.string(slots::meta::text, entry.text)) return false;
  if (!table.vector(slots::meta::numbers, sizeof(double), entry.numbers)) return false;
  if (!table.vector(slots::meta::texts, sizeof(uint32_t), entry.texts)) return false;
  entry.key = *key;
  for (size_t i = 0; i < entry.texts.count; ++i) {
    flatbuffers::Vector characters;
    if (!flatbuffers::Table::open_vector(entry.texts.bytes, entry.texts.at + i * 4, 1, characters)) return false;
  }
  return true;
}

// One text for the request, or one per row, that all are a traceparent.
bool has_valid_parent(const MetaEntry& entry, uint32_t rows) noexcept {
  if (entry.number || entry.numbers.exists() || entry.text.has_value() == entry.texts.exists()) return false;
  if (entry.text) return is_trace_parent(*entry.text);
  if (entry.texts.count != rows) return false;
  std::array<char, 32> scratch;
  for (size_t row = 0; row < rows; ++row)
    if (!is_trace_parent(entry.text_at(row, scratch).value_or(""))) return false;
  return true;
}

bool has_valid_state(const MetaEntry& entry) noexcept {
  return entry.text && !entry.number && !entry.is_per_row() && is_trace_state(*entry.text);
}
}  // namespace

bool MetaView::parse(flatbuffers::Vector entries, MetaView& view) noexcept {
  bool has_trace = false;
  for (size_t i = 0; i < entries.count; ++i) {
    MetaEntry entry;
    if (!read_entry(entries, i, entry)) return false;
    has_trace = has_trace || entry.key == kTraceParentKey || entry.key == kTraceStateKey;
  }
  view = MetaView{};
  view.entries_ = entries;
  view.has_trace_ = has_trace;
  return true;
}

std::optional<MetaEntry> MetaView::find_any(std::string_view key) const noexcept {
  for (size_t i = 0; i < entries_.count; ++i) {
    MetaEntry entry;
    if (read_entry(entries_, i, entry) && entry.key == key) return entry;
  }
  return std::nullopt;
}

std::optional<MetaEntry> MetaView::find(std::string_view key) const noexcept {
  if (!has_trace_) return find_any(key);
  if ((hides_trace_parent_ && key == kTraceParentKey) || (hides_trace_state_ && key == kTraceStateKey))
    return std::nullopt;
  std::optional<MetaEntry> entry = find_any(key);
  if (entry && key == kTraceParentKey) entry->text_bytes_max = kTraceParentBytes;
  return entry;
}

std::string_view MetaView::keep_valid_trace(uint32_t rows) noexcept {
  const auto parent = find_any(kTraceParentKey);
  const auto state = find_any(kTraceStateKey);
  hides_trace_parent_ = !parent || !has_valid_parent(*parent, rows);
  hides_trace_state_ = hides_trace_parent_ || !state || !has_valid_state(*state);
  if (hides_trace_parent_ || !parent->text) return {};
  return parent->text->substr(0, kTraceParentBytes);
}
}  // namespace penstock
