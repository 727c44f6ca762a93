// From what the leaves of a row add up to, to its scores and label: base values, post-transforms and the special cases
// of binary classifiers, in the order and the widths in which ONNX Runtime 1.30 computes them (its
// tree_ensemble_aggregator.h and ml_common.h define the results, also where the operator's specification is silent). A
// score that no leaf has written counts as 0 there, whatever its base value is.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "trees/spec.hpp"

namespace penstock::trees {
// Sums of one row. `scores` has room for two where there is one class.
template <typename Value>
struct RowScores {
  Value* scores;
  uint8_t* is_written;
};

class Finish {
 public:
  explicit Finish(const TreesSpec& spec);

  // A sentence's end: ONNX Runtime's answer would not be defined for this classifier. `always[k]`: every row has a
  // score of class k.
  std::string fault(const std::vector<uint8_t>& always) const;

  bool has_labels() const { return kind_ == TreeKind::kClassifier; }
  size_t target_count() const { return targets_; }
  TreeAggregate aggregate() const { return aggregate_; }
  // One row. `label` may be null. Changes `row`.
  template <typename Value, typename Output>
  void finish(RowScores<Value> row, Output* output, int64_t* label) const noexcept;

 private:
  template <typename Value, typename Output>
  void finish_regressor(RowScores<Value> row, Output* output) const noexcept;
  template <typename Value, typename Output>
  int64_t finish_classes(RowScores<Value> row, Output* output) const noexcept;
  template <typename Value, typename Output>
  int64_t finish_two(RowScores<Value> row, Output* output) const noexcept;
  template <typename Value, typename Output>
  int64_t finish_one(RowScores<Value> row, Output* output) const noexcept;
  template <typename Value>
  int64_t binary_label(Value score, int& form) const noexcept;

  TreeKind kind_;
  TreeAggregate aggregate_;
  TreePostTransform post_transform_;
  size_t targets_;
  size_t tree_count_;
  std::vector<double> bases_;
  std::vector<int64_t> labels_;
  bool is_binary_ = false;       // two classes, weights of one of them only
  bool is_all_positive_ = true;  // no weight is below 0
};
}  // namespace penstock::trees
