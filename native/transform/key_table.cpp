#include "transform/key_table.hpp"

#include <bit>

#include "transform/murmur3.hpp"

namespace penstock::transform {
namespace {
constexpr size_t kComparedMax = 8;

size_t hash_of(uint64_t number) noexcept {
  uint64_t z = number + 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  return static_cast<size_t>(z ^ (z >> 31));
}
size_t hash_of(std::string_view text) noexcept {
  return murmur3(text, 0);
}
}  // namespace

uint64_t KeyTable::bits_of(double number) noexcept {
  return std::bit_cast<uint64_t>(number == 0.0 ? 0.0 : number);
}

KeyTable::KeyTable(std::vector<uint64_t> numbers) : numbers_(std::move(numbers)) {
  fill(numbers_);
}
KeyTable::KeyTable(std::vector<std::string> texts) : texts_(std::move(texts)) {
  fill(texts_);
}

int32_t KeyTable::find(uint64_t number) const noexcept {
  return search(numbers_, number, slots_.empty() ? 0 : hash_of(number));
}
int32_t KeyTable::find(std::string_view text) const noexcept {
  return search(texts_, text, slots_.empty() ? 0 : hash_of(text));
}

template <typename Key>
int32_t KeyTable::search(const std::vector<Key>& keys, const auto& key, size_t hash) const noexcept {
  if (slots_.empty()) {
    for (size_t i = 0; i < keys.size(); ++i)
      if (keys[i] == key) return static_cast<int32_t>(i);
    return kNone;
  }
  const size_t mask = slots_.size() - 1;
  for (size_t slot = hash & mask;; slot = (slot + 1) & mask) {
    const int32_t index = slots_[slot];
    if (index == kNone || keys[static_cast<size_t>(index)] == key) return index;
  }
}

template <typename Key>
void KeyTable::fill(const std::vector<Key>& keys) {
  if (keys.size() <= kComparedMax) return;
  slots_.assign(std::bit_ceil(2 * keys.size()), kNone);
  const size_t mask = slots_.size() - 1;
  for (size_t i = 0; i < keys.size(); ++i) {
    size_t slot = hash_of(keys[i]) & mask;
    while (slots_[slot] != kNone && keys[static_cast<size_t>(slots_[slot])] != keys[i]) slot = (slot + 1) & mask;
    if (slots_[slot] == kNone) slots_[slot] = static_cast<int32_t>(i);
  }
}
}  // namespace penstock::transform
