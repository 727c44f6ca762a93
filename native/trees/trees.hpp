// A tree ensemble that answers rows: compiled once, never changed, run by any number of threads at once. What it
// computes is what ONNX Runtime computes with one thread, bit for bit, and depends neither on how many rows come
// together nor on where a row lies among them: weights are added in the order of the trees.
//
//   build   spec.cpp checks, unfold.cpp brings every test into one form, columns.cpp says what is compared, arrange.cpp
//           lays out what the kernels read
//   run     rows become keys, 64 at a time; a kernel of trees/kernel/ finds the leaves and adds them up; finish.cpp
//   makes
//           scores and labels of the sums. A few rows go one by one instead.
//
// Weights are added by slots (a target and a table of values by leaf) where they are float32 sums whose targets are
// known by tree; anything else (float64, the least and the greatest, leaves that write a target or not) row by row.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "kernel/dispatch.hpp"
#include "trees/arrange.hpp"
#include "trees/columns.hpp"
#include "trees/finish.hpp"

namespace penstock::trees {
class TreeEnsemble {
 public:
  // Null where the spec is unsound, or ONNX Runtime's answer is not defined or not ours to give: `fault` then is the
  // end of a sentence ("it has ..."). Time and memory are bounded by the limits TREE*_MAX.
  static std::shared_ptr<const TreeEnsemble> build(TreesSpec spec, std::string& fault);

  // Answers `rows` rows of `features` elements of the input's dtype; scores gets rows * score_columns() elements of the
  // output's dtype, labels one a row; labels may be null. Memory is the caller's, at any alignment of its elements.
  // Thread: any. Scratch is the thread's own and kept. False: there was no memory for it, and nothing is answered.
  // `level`: at most machine_level(); results do not depend on it.
  bool run(const void* input, size_t rows, void* scores, int64_t* labels,
           kernel::SimdLevel level = kernel::active_level()) const noexcept;

  size_t features() const { return features_; }
  Dtype input_dtype() const { return input_dtype_; }
  Dtype output_dtype() const { return output_dtype_; }
  size_t score_columns() const { return finish_.target_count(); }
  bool has_labels() const { return finish_.has_labels(); }
  size_t tree_count() const { return arrangement_.trees.size(); }
  size_t node_count() const { return arrangement_.nodes.size(); }
  size_t leaf_count_max() const;
  size_t bytes() const;
  // For records: how many rows are answered, and how a few.
  const char* many_rows_kernel() const;
  const char* few_rows_kernel() const;

 private:
  struct Scratch;
  explicit TreeEnsemble(const TreesSpec& spec);
  bool compile(const TreesSpec& spec, std::string& fault);
  // What the leaves of all trees write: slots, or weights row by row.
  bool add_weights(const TreesSpec& spec, const std::vector<std::vector<uint32_t>>& leaves, std::string& fault);
  void add_slots(const TreesSpec& spec, const std::vector<std::vector<uint32_t>>& leaves);
  void add_leaf_weights(const TreesSpec& spec, const std::vector<std::vector<uint32_t>>& leaves);

  template <typename Value>
  const Value* values_of(const void* input, size_t rows, Scratch& scratch) const noexcept;
  template <typename Value>
  void run_block(const void* input, size_t rows, std::byte* scores, int64_t* labels, Scratch& scratch,
                 const kernel::TreeKernels& kernels) const noexcept;
  template <typename Value>
  void run_row(const void* input, std::byte* scores, int64_t* labels, Scratch& scratch,
               const kernel::TreeKernels& kernels) const noexcept;
  template <typename Value>
  void add_leaf(Value* sums, uint8_t* is_written, size_t leaf) const noexcept;
  template <typename Value>
  void finish_row(Value* sums, uint8_t* is_written, std::byte* scores, int64_t* label) const noexcept;

  size_t features_;
  Dtype input_dtype_, value_dtype_, output_dtype_;
  std::vector<float> scale_offset_, scale_factor_;
  KeyColumns columns_;
  Arrangement arrangement_;
  Finish finish_;
  bool has_slots_ = false;
  bool is_direct_ = false;
  std::vector<uint8_t> is_written_;  // with slots: the targets that every row has a score of
  // Without: the weights of leaf i of tree t are leaf_weights_[leaf_starts_[first_leaf_[t] + i]] and following.
  std::vector<uint32_t> first_leaf_, leaf_starts_;
  std::vector<LeafWeight> leaf_weights_;
};
}  // namespace penstock::trees
