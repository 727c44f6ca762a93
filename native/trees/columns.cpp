#include "trees/columns.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace penstock::trees {
namespace {
constexpr double kBitmapMax = 4096;

uint64_t mixed(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

// `places` holds hashes and numbers of what is_same(number) knows, sorted by neither: open addressing, at most half
// full.
template <typename IsSame, typename Add>
uint32_t find_or_add_at(std::vector<std::pair<uint64_t, uint32_t>>& places, size_t count, uint64_t hash, IsSame is_same,
                        Add add) {
  hash |= 1;  // 0: the place is free
  if (places.size() < 2 * (count + 1)) {
    std::vector<std::pair<uint64_t, uint32_t>> larger(std::bit_ceil(4 * (count + 1)), {0, 0});
    for (const auto& place : places) {
      if (place.first == 0) continue;
      size_t at = mixed(place.first) & (larger.size() - 1);
      while (larger[at].first != 0) at = (at + 1) & (larger.size() - 1);
      larger[at] = place;
    }
    places = std::move(larger);
  }
  size_t at = mixed(hash) & (places.size() - 1);
  for (; places[at].first != 0; at = (at + 1) & (places.size() - 1))
    if (places[at].first == hash && is_same(places[at].second)) return places[at].second;
  places[at] = {hash, static_cast<uint32_t>(count)};
  add();
  return places[at].second;
}
}  // namespace

int64_t key_of(double value, bool is_double) noexcept {
  if (is_double) {
    const auto bits = std::bit_cast<int64_t>(value + 0.0);
    return bits ^ ((bits >> 63) & INT64_MAX);
  }
  const auto bits = std::bit_cast<int32_t>(static_cast<float>(value) + 0.0f);
  return bits ^ ((bits >> 31) & INT32_MAX);
}

MemberSet::MemberSet(std::vector<double> members, bool is_truncated)
    : members_(std::move(members)), is_truncated_(is_truncated) {
  std::erase_if(members_, [](double value) { return std::isnan(value); });
  for (double& value : members_) value += 0.0;
  std::sort(members_.begin(), members_.end());
  members_.erase(std::unique(members_.begin(), members_.end()), members_.end());
  const auto is_small = [](double value) { return value >= 0 && value < kBitmapMax && value == std::floor(value); };
  if (members_.size() < 2 || !std::all_of(members_.begin(), members_.end(), is_small)) return;
  bits_.assign(static_cast<size_t>(members_.back()) / 64 + 1, 0);
  for (const double value : members_)
    bits_[static_cast<size_t>(value) / 64] |= uint64_t{1} << (static_cast<size_t>(value) % 64);
}

bool MemberSet::holds(double value) const noexcept {
  if (is_truncated_) value = std::trunc(value);
  if (members_.size() == 1) return value == members_[0];
  if (bits_.empty()) return std::binary_search(members_.begin(), members_.end(), value);
  // Not NaN either.
  if (!(value >= 0 && value < static_cast<double>(bits_.size() * 64))) return false;
  const auto index = static_cast<size_t>(value);
  return static_cast<double>(index) == value && (bits_[index / 64] >> (index % 64) & 1) != 0;
}

uint32_t KeyColumns::find_or_add(const KeyColumn& column) {
  const uint64_t hash =
      mixed(mixed(column.feature * uint64_t{2} + (column.nan_key < 0 ? 1 : 0)) + static_cast<uint64_t>(column.set + 1));
  return find_or_add_at(
      column_places_, columns_.size(), hash, [&](uint32_t i) { return columns_[i] == column; },
      [&] { columns_.push_back(column); });
}

int32_t KeyColumns::find_or_add_set(std::vector<double> members, bool is_truncated) {
  MemberSet set(std::move(members), is_truncated);
  uint64_t hash = 2 * set.members().size() + (is_truncated ? 1 : 0);
  for (const double value : set.members()) hash = mixed(hash + std::bit_cast<uint64_t>(value));
  return static_cast<int32_t>(find_or_add_at(
      set_places_, sets_.size(), hash, [&](uint32_t i) { return sets_[i] == set; },
      [&] { sets_.push_back(std::move(set)); }));
}

void KeyColumns::add_threshold(uint32_t feature, int64_t key) {
  if (thresholds_.size() <= feature) thresholds_.resize(size_t{feature} + 1);
  thresholds_[feature].push_back(key);
}

void KeyColumns::finish() {
  for (std::vector<int64_t>& keys : thresholds_) {
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    keys.shrink_to_fit();
  }
  column_places_ = {};
  set_places_ = {};
  columns_.shrink_to_fit();
}

int32_t KeyColumns::rank_of(uint32_t feature, int64_t key) const noexcept {
  const std::vector<int64_t>& keys = thresholds_[feature];
  return static_cast<int32_t>(std::lower_bound(keys.begin(), keys.end(), key) - keys.begin());
}

size_t KeyColumns::bytes() const {
  size_t total = columns_.size() * sizeof(KeyColumn) + thresholds_.size() * sizeof(thresholds_[0]);
  for (const MemberSet& set : sets_) total += sizeof(set) + set.bytes();
  for (const std::vector<int64_t>& keys : thresholds_) total += keys.size() * sizeof(int64_t);
  return total;
}

int32_t KeyColumns::member_key(const KeyColumn& column, double value) const noexcept {
  if (std::isnan(value)) return column.nan_key;
  return sets_[static_cast<size_t>(column.set)].holds(value) ? kLeastKey : kGreatestKey;
}

int32_t KeyColumns::ordered_key(const KeyColumn& column, float value) const noexcept {
  if (std::isnan(value)) return column.nan_key;
  const auto bits = std::bit_cast<int32_t>(value + 0.0f);
  return bits ^ ((bits >> 31) & INT32_MAX);
}

// How many thresholds are below it: x <= t exactly where that is at most t's own place.
int32_t KeyColumns::ordered_key(const KeyColumn& column, double value) const noexcept {
  return std::isnan(value) ? column.nan_key : rank_of(column.feature, key_of(value, true));
}

template <typename Value>
int32_t KeyColumns::key(const KeyColumn& column, Value value) const noexcept {
  return column.set < 0 ? ordered_key(column, value) : member_key(column, static_cast<double>(value));
}

void KeyColumns::make_block(int32_t* keys, const float* values, size_t features, size_t rows,
                            const kernel::TreeKernels& kernels) const noexcept {
  std::fill_n(keys, kernel::kBlockRows, kLeastKey);  // behind the last row too: nobody walks on from a leaf
  for (size_t c = 1; c < columns_.size(); ++c) {
    const KeyColumn& column = columns_[c];
    int32_t* const target = keys + c * kernel::kBlockRows;
    const float* const source = values + column.feature;
    if (column.set < 0) {
      kernels.make_keys(target, source, features, rows, column.nan_key);
      continue;
    }
    for (size_t r = 0; r < rows; ++r) target[r] = member_key(column, static_cast<double>(source[r * features]));
  }
}

void KeyColumns::make_block(int32_t* keys, const double* values, size_t features, size_t rows) const noexcept {
  std::fill_n(keys, kernel::kBlockRows, kLeastKey);  // behind the last row too: nobody walks on from a leaf
  for (size_t c = 1; c < columns_.size(); ++c)
    for (size_t r = 0; r < rows; ++r)
      keys[c * kernel::kBlockRows + r] = key(columns_[c], values[r * features + columns_[c].feature]);
}

void KeyColumns::make_row(int32_t* keys, const float* values) const noexcept {
  keys[0] = kLeastKey;
  for (size_t c = 1; c < columns_.size(); ++c) keys[c] = key(columns_[c], values[columns_[c].feature]);
}

void KeyColumns::make_row(int32_t* keys, const double* values) const noexcept {
  keys[0] = kLeastKey;
  for (size_t c = 1; c < columns_.size(); ++c) keys[c] = key(columns_[c], values[columns_[c].feature]);
}
}  // namespace penstock::trees
