#include "flatbuffers/meta.hpp"

#include <charconv>
#include <cmath>

#include "flatbuffers/wire_slots.hpp"

namespace penstock {
std::optional<double> MetaEntry::number_at(size_t row) const noexcept {
  if (numbers.exists()) return numbers.get<double>(row);
  return number;
}

std::optional<std::string_view> MetaEntry::text_at(size_t row, std::array<char, 32>& scratch) const noexcept {
  if (text) return text;
  if (texts.exists()) {
    flatbuffers::Vector characters;
    if (!flatbuffers::Table::open_vector(texts.bytes, texts.at + row * 4, 1, characters)) return std::nullopt;
    return flatbuffers::Table::as_text(characters);
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
}  // namespace

bool MetaView::parse(flatbuffers::Vector entries, MetaView& view) noexcept {
  for (size_t i = 0; i < entries.count; ++i) {
    MetaEntry entry;
    if (!read_entry(entries, i, entry)) return false;
  }
  view.entries_ = entries;
  return true;
}

std::optional<MetaEntry> MetaView::find(std::string_view key) const noexcept {
  for (size_t i = 0; i < entries_.count; ++i) {
    MetaEntry entry;
    if (read_entry(entries_, i, entry) && entry.key == key) return entry;
  }
  return std::nullopt;
}
}  // namespace penstock
