// From a category to its index: numbers by their 64 bits, texts by their bytes. A few keys are compared one after the
// other; more lie in an open-addressed table at most half full. Built once; find neither allocates nor throws.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/boundary_codes.hpp"

namespace penstock::transform {
class KeyTable {
 public:
  static constexpr int32_t kNone = static_cast<int32_t>(CategoryCode::kNone);

  KeyTable() = default;
  // The first of equal keys counts.
  explicit KeyTable(std::vector<uint64_t> numbers);
  explicit KeyTable(std::vector<std::string> texts);

  size_t size() const noexcept { return numbers_.size() + texts_.size(); }
  bool is_of_texts() const noexcept { return !texts_.empty(); }
  int32_t find(uint64_t number) const noexcept;
  int32_t find(std::string_view text) const noexcept;

  // The bits under which a number is looked up: -0 is 0.
  static uint64_t bits_of(double number) noexcept;
  static uint64_t bits_of(int64_t number) noexcept { return static_cast<uint64_t>(number); }

 private:
  template <typename Key>
  int32_t search(const std::vector<Key>& keys, const auto& key, size_t hash) const noexcept;
  template <typename Key>
  void fill(const std::vector<Key>& keys);

  std::vector<uint64_t> numbers_;
  std::vector<std::string> texts_;
  std::vector<int32_t> slots_;  // a power of two of them, kNone where empty; none of few keys
};
}  // namespace penstock::transform
