#include "plan/router.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "core/split_mix.hpp"
#include "plan/sticky_hash.hpp"
#include "wire/wire_slots.hpp"

namespace penstock {
namespace {
enum MetaFault : int64_t { kNone = -1, kUnusable = 0, kOutOfRange = 1, kWrongLength = 2, kMissing = 3 };

uint16_t option_of(const std::vector<double>& cumulative, double u) noexcept {
  const auto it = std::upper_bound(cumulative.begin(), cumulative.end() - 1, u);  // u = 1 takes the last
  return static_cast<uint16_t>(it - cumulative.begin());
}

uint16_t draw_option(const Split& split) noexcept {
  return option_of(split.cumulative, uniform(split.seed, split.drawn->fetch_add(1, std::memory_order_relaxed)));
}

// Beyond it numbers skip integers: two ids would become one.
constexpr double kIntegerMax = 9007199254740991.0;

// What keeps a row with its option: the number itself in [0, 1], the hash of a text or of an integer's decimal digits.
// kMissing: an empty text, which is how tables write that there is none.
double fraction_at(const Split& split, const MetaEntry& entry, size_t row, MetaFault& fault) noexcept {
  fault = kNone;
  if (const auto number = entry.number_at(row)) {
    if (*number >= 0.0 && *number <= 1.0) return *number;
    if (std::isnan(*number)) fault = kUnusable;
    else if (*number < 0.0 || *number > kIntegerMax || *number != std::floor(*number)) fault = kOutOfRange;
    if (fault != kNone) return 0.0;
  }
  std::array<char, 32> scratch;
  const auto text = entry.text_at(row, scratch);
  if (!text) fault = kUnusable;
  else if (text->empty()) fault = kMissing;
  return fault == kNone ? sticky_fraction(split.hash_seed, *text) : 0.0;
}

bool fail(Failure& failure, size_t split_index, uint32_t row, MetaFault fault) noexcept {
  failure.set(StatusCode::kMeta, static_cast<int64_t>(split_index), row, fault);
  return false;
}

bool route_by_hash(const Split& split, size_t split_index, uint32_t rows, const MetaEntry& entry, uint16_t* routes,
                   Failure& failure) {
  // One value for the whole request is hashed once.
  const uint32_t values = entry.is_per_row() ? rows : std::min(rows, uint32_t{1});
  for (uint32_t row = 0; row < values; ++row) {
    MetaFault fault = kNone;
    const double u = fraction_at(split, entry, row, fault);
    if (fault == kNone) routes[row] = option_of(split.cumulative, u);
    else if (fault == kMissing && !split.is_required) routes[row] = draw_option(split);
    else return fail(failure, split_index, row, fault);
    // Without a key each row is drawn by itself.
    if (!entry.is_per_row())
      for (uint32_t other = 1; other < rows; ++other) routes[other] = fault == kNone ? routes[0] : draw_option(split);
  }
  return true;
}

bool route_by_key(const Split& split, size_t split_index, uint32_t rows, const MetaEntry& entry, uint16_t* routes,
                  Failure& failure) {
  std::array<char, 32> scratch;
  for (uint32_t row = 0; row < rows; ++row) {
    const auto text = entry.text_at(row, scratch);
    // Linear: OPTIONS_MAX is 256 and typical splits have a handful.
    const auto it = text ? std::find(split.keys.begin(), split.keys.end(), *text) : split.keys.end();
    if (it == split.keys.end() && split.is_required && (!text || text->empty()))
      return fail(failure, split_index, row, kMissing);
    routes[row] = it == split.keys.end() ? uint16_t{0} : static_cast<uint16_t>(it - split.keys.begin() + 1);
  }
  return true;
}
}  // namespace

bool route_rows(const Split& split, size_t split_index, uint32_t rows, const MetaView& meta, uint16_t* routes,
                Failure& failure) {
  const auto entry = split.key.empty() ? std::nullopt : meta.find(split.key);
  if (entry && entry->is_per_row() && entry->row_values() != rows) {
    failure.set(StatusCode::kMeta, static_cast<int64_t>(split_index), static_cast<int64_t>(entry->row_values()),
                kWrongLength);
    return false;
  }
  if (!entry && split.is_required) return fail(failure, split_index, 0, kMissing);
  if (entry && split.is_random) return route_by_hash(split, split_index, rows, *entry, routes, failure);
  if (entry) return route_by_key(split, split_index, rows, *entry, routes, failure);
  if (split.is_random) {
    const uint64_t first = split.drawn->fetch_add(rows, std::memory_order_relaxed);
    for (uint32_t row = 0; row < rows; ++row)
      routes[row] = option_of(split.cumulative, uniform(split.seed, first + row));
  } else {
    std::fill_n(routes, rows, uint16_t{0});
  }
  return true;
}

std::optional<double> MetaEntry::number_at(size_t row) const noexcept {
  if (numbers.exists()) return numbers.get<double>(row);
  return number;
}

std::optional<std::string_view> MetaEntry::text_at(size_t row, std::array<char, 32>& scratch) const noexcept {
  if (text) return text;
  if (texts.exists()) {
    wire::Vector characters;
    if (!wire::Table::open_vector(texts.bytes, texts.at + row * 4, 1, characters)) return std::nullopt;
    return wire::Table::as_text(characters);
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
bool read_entry(const wire::Vector& entries, size_t index, MetaEntry& entry) noexcept {
  wire::Table table;
  std::optional<std::string_view> key;
  if (!wire::Table::open_at_offset(entries.bytes, entries.at + index * 4, table)) return false;
  if (!table.string(slots::meta::key, key) || !key) return false;
  if (!table.optional_scalar(slots::meta::number, entry.number)) return false;
  if (!table.string(slots::meta::text, entry.text)) return false;
  if (!table.vector(slots::meta::numbers, sizeof(double), entry.numbers)) return false;
  if (!table.vector(slots::meta::texts, sizeof(uint32_t), entry.texts)) return false;
  entry.key = *key;
  for (size_t i = 0; i < entry.texts.count; ++i) {
    wire::Vector characters;
    if (!wire::Table::open_vector(entry.texts.bytes, entry.texts.at + i * 4, 1, characters)) return false;
  }
  return true;
}
}  // namespace

bool MetaView::parse(wire::Vector entries, MetaView& view) noexcept {
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
