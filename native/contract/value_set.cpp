#include "contract/value_set.hpp"

#include <bit>
#include <cstring>
#include <utility>

namespace penstock::contract {
namespace {
size_t table_size(size_t count) {
  return std::bit_ceil(2 * count + 1);
}
}  // namespace

uint32_t hash_bytes(std::string_view bytes) noexcept {
  constexpr uint64_t kMultiplier = 0x9e3779b97f4a7c15u;
  uint64_t hash = bytes.size() * kMultiplier;
  const char* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    uint64_t word;
    std::memcpy(&word, at, 8);
    hash = (hash ^ word) * kMultiplier;
    hash ^= hash >> 32;
  }
  uint64_t word = 0;
  // Two loads that may overlap, instead of a copy of unknown length.
  uint32_t low = 0, high = 0;
  if (left >= 4) {
    std::memcpy(&low, at, 4);
    std::memcpy(&high, at + left - 4, 4);
  } else if (left > 0) {
    low = static_cast<unsigned char>(at[0]);
    high =
        static_cast<uint32_t>(static_cast<unsigned char>(at[left / 2])) << 8 | static_cast<unsigned char>(at[left - 1]);
  }
  word = uint64_t{high} << 32 | low;
  hash = (hash ^ word) * kMultiplier;
  return static_cast<uint32_t>(hash >> 32);
}

NumberSet::NumberSet(const std::vector<uint64_t>& keys) {
  if (keys.empty()) return;
  keys_.resize(table_size(keys.size()));
  is_used_.resize(keys_.size());
  for (const uint64_t key : keys) {
    const size_t slot = slot_of(key);
    keys_[slot] = key;
    is_used_[slot] = true;
  }
}

size_t NumberSet::slot_of(uint64_t key) const noexcept {
  const size_t mask = keys_.size() - 1;
  size_t slot = static_cast<size_t>((key * 0x9e3779b97f4a7c15u) >> 32) & mask;
  while (is_used_[slot] && keys_[slot] != key) slot = (slot + 1) & mask;
  return slot;
}

bool NumberSet::contains(uint64_t key) const noexcept {
  return is_used_[slot_of(key)];
}

TextSet::TextSet(std::vector<std::string> texts) : texts_(std::move(texts)) {
  if (texts_.empty()) return;
  slots_.resize(table_size(texts_.size()));
  const size_t mask = slots_.size() - 1;
  for (uint32_t index = 0; index < texts_.size(); ++index) {
    size_t slot = hash_bytes(texts_[index]) & mask;
    while (slots_[slot] != 0) slot = (slot + 1) & mask;
    slots_[slot] = index + 1;
  }
}

uint32_t TextSet::find(std::string_view text) const noexcept {
  const size_t mask = slots_.size() - 1;
  for (size_t slot = hash_bytes(text) & mask; slots_[slot] != 0; slot = (slot + 1) & mask)
    if (texts_[slots_[slot] - 1] == text) return slots_[slot] - 1;
  return kNone;
}
}  // namespace penstock::contract
