// A tree ensemble as ai.onnx.ml writes it, in flat arrays: bindings/native-trees.ts says what each means. Floats of
// either width are held as double, which is exact; `value_dtype` says which they are. Nothing is checked yet.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/boundary_codes.hpp"
#include "core/dtype_codes.hpp"

namespace penstock::trees {
struct TreesSpec {
  Dtype input_dtype{};
  uint32_t features = 0;
  Dtype value_dtype{};
  Dtype output_dtype{};
  std::vector<float> scale_offset, scale_factor;

  std::vector<uint32_t> roots;
  std::vector<uint8_t> modes;
  std::vector<uint32_t> feature_ids;
  std::vector<double> thresholds;
  std::vector<uint32_t> true_nodes, false_nodes;
  std::vector<uint8_t> missing_true;
  std::vector<uint32_t> weight_starts;
  std::vector<uint32_t> targets;
  std::vector<double> weights;
  std::vector<uint32_t> member_starts;
  std::vector<double> members;

  TreeKind kind{};
  uint32_t target_count = 0;
  TreeAggregate aggregate{};
  TreePostTransform post_transform{};
  std::vector<double> base_values;
  std::vector<int64_t> class_labels;

  size_t node_count() const { return modes.size(); }
  bool is_double() const { return value_dtype == Dtype::kFloat64; }
  TreeMode mode(uint32_t node) const { return static_cast<TreeMode>(modes[node]); }
  bool is_leaf(uint32_t node) const { return mode(node) == TreeMode::kLeaf; }
  bool takes_missing(uint32_t node) const { return !missing_true.empty() && missing_true[node] != 0; }
  uint32_t weight_count(uint32_t node) const { return weight_starts[node + 1] - weight_starts[node]; }
};

// A sentence's end ("has ..."): why the spec is unsound. Empty: it is sound. Bounds the memory and the time of what
// follows: trees are free of cycles, TREE_DEPTH_MAX deep at most, and TREE_NODES_MAX nodes are reached in all.
std::string fault_of(const TreesSpec& spec);
}  // namespace penstock::trees
