#include "plan/router.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/boundary_codes.hpp"
#include "core/split_mix.hpp"
#include "plan/sticky_hash.hpp"

namespace penstock {
namespace {
using enum MetaFault;

uint16_t option_of(const std::vector<double>& cumulative, double u) noexcept {
  const auto it = std::upper_bound(cumulative.begin(), cumulative.end() - 1, u);  // u = 1 takes the last
  return static_cast<uint16_t>(it - cumulative.begin());
}

uint16_t draw_option(const Split& split) noexcept {
  return option_of(split.cumulative, uniform(split.seed, split.drawn->fetch_add(1, std::memory_order_relaxed)));
}

// What keeps a row with its branch: the number itself in [0, 1], the hash of a text or of an integer's decimal digits.
// kMissing: an empty text, which is how tables write that there is none.
double fraction_at(const Split& split, const MetaEntry& entry, size_t row, MetaFault& fault) noexcept {
  fault = kNone;
  if (const auto number = entry.number_at(row)) {
    if (*number >= 0.0 && *number <= 1.0) return *number;
    if (std::isnan(*number)) fault = kUnusable;
    else if (*number < 0.0 || *number > MetaEntry::kIntegerMax || *number != std::floor(*number)) fault = kOutOfRange;
    if (fault != kNone) return 0.0;
  }
  std::array<char, 32> scratch;
  const auto text = entry.text_at(row, scratch);
  if (!text) fault = kUnusable;
  else if (text->empty()) fault = kMissing;
  return fault == kNone ? sticky_fraction(split.hash_seed, *text) : 0.0;
}

bool fail(Failure& failure, size_t split_index, size_t row, MetaFault fault) noexcept {
  failure.set(MetaDetail{.split = static_cast<int64_t>(split_index),
                         .row = static_cast<int64_t>(row),
                         .fault = static_cast<int64_t>(fault)});
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
    return fail(failure, split_index, entry->row_values(), kWrongLength);
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
}  // namespace penstock
