// The accepted values of a field: made once at a deploy, asked for every value. Open addressing at most half full, so
// that a probe ends soon; the contract chose what is in it, a caller only what is looked for.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::contract {
// Hashes eight bytes at a time. It has no key: for tables that a contract fills. Tables that callers fill use SipHash.
uint32_t hash_bytes(std::string_view bytes) noexcept;

class NumberSet {
 public:
  // `keys` as element_key makes them; equal ones are one.
  explicit NumberSet(const std::vector<uint64_t>& keys = {});
  bool empty() const noexcept { return keys_.empty(); }
  bool contains(uint64_t key) const noexcept;

 private:
  size_t slot_of(uint64_t key) const noexcept;

  std::vector<uint64_t> keys_;
  std::vector<bool> is_used_;
};

class TextSet {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  explicit TextSet(std::vector<std::string> texts = {});
  bool empty() const noexcept { return texts_.empty(); }
  // Where `text` stands in the list that the set was made of, or kNone.
  uint32_t find(std::string_view text) const noexcept;

 private:
  std::vector<std::string> texts_;
  std::vector<uint32_t> slots_;  // index + 1; 0: free
};
}  // namespace penstock::contract
