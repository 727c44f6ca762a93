// Keys: int32 that keep the order of what they stand for, so that each test of a tree is one comparison of integers.
//   ordered   a float32 has the key of its bits, -0 that of 0; NaN is below or above all numbers, as the node wants it:
//   a
//             feature whose missing values go either way has two columns. A float64 has its rank among the thresholds
//             that the trees compare it with.
//   member    the least key where the element is in a set, the greatest where not.
// Column 0 has the least key in every row: leaves look at it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "trees/kernel/forest.hpp"
#include "trees/spec.hpp"

namespace penstock::trees {
inline constexpr int32_t kLeastKey = INT32_MIN;
inline constexpr int32_t kGreatestKey = INT32_MAX;

// The key of a number, not of NaN, in 64 bits: that of a float32 fits 32.
int64_t key_of(double value, bool is_double) noexcept;

// Elements are looked up by their value: -0 is 0.
class MemberSet {
 public:
  // NaN among the members equals nothing and is left out. `is_truncated`: what is looked up is rounded to an integer
  // towards 0 first.
  MemberSet(std::vector<double> members, bool is_truncated);
  bool holds(double value) const noexcept;
  bool operator==(const MemberSet& other) const {
    return is_truncated_ == other.is_truncated_ && members_ == other.members_;
  }
  const std::vector<double>& members() const { return members_; }
  size_t bytes() const { return members_.size() * sizeof(double) + bits_.size() * sizeof(uint64_t); }

 private:
  std::vector<double> members_;  // ascending
  std::vector<uint64_t> bits_;   // where all are small integers
  bool is_truncated_;
};

struct KeyColumn {
  uint32_t feature;
  int32_t nan_key;
  int32_t set;  // -1: ordered
  bool operator==(const KeyColumn&) const = default;
};

class KeyColumns {
 public:
  KeyColumns() : columns_{{0, kLeastKey, -1}} {}

  uint32_t find_or_add(const KeyColumn& column);
  // The number of a set with these members; one that is there already is taken again.
  int32_t find_or_add_set(std::vector<double> members, bool is_truncated);
  // float64 only: a threshold with which the feature is compared, as key. Once all are known, `rank_of` is what the
  // tree compares with.
  void add_threshold(uint32_t feature, int64_t key);
  void finish();
  int32_t rank_of(uint32_t feature, int64_t key) const noexcept;

  size_t size() const { return columns_.size(); }
  bool is_ordered(uint32_t column) const { return columns_[column].set < 0; }
  uint32_t feature_of(uint32_t column) const { return columns_[column].feature; }
  size_t bytes() const;

  // `values`: rows * spec.features elements of value_dtype. keys[column * kBlockRows + row].
  void make_block(int32_t* keys, const float* values, size_t features, size_t rows,
                  const kernel::TreeKernels& kernels) const noexcept;
  void make_block(int32_t* keys, const double* values, size_t features, size_t rows) const noexcept;
  // keys[column] of one row.
  void make_row(int32_t* keys, const float* values) const noexcept;
  void make_row(int32_t* keys, const double* values) const noexcept;

 private:
  int32_t member_key(const KeyColumn& column, double value) const noexcept;
  int32_t ordered_key(const KeyColumn& column, float value) const noexcept;
  int32_t ordered_key(const KeyColumn& column, double value) const noexcept;
  template <typename Value>
  int32_t key(const KeyColumn& column, Value value) const noexcept;

  std::vector<KeyColumn> columns_;
  std::vector<MemberSet> sets_;
  std::vector<std::vector<int64_t>> thresholds_;  // by feature, ascending
  // Open addressing over columns_ and sets_ while the trees are read.
  std::vector<std::pair<uint64_t, uint32_t>> column_places_, set_places_;
};
}  // namespace penstock::trees
