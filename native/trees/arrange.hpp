// Unfolded trees as arrays that the kernels read: trees/kernel/forest.hpp draws them.
#pragma once
#include <vector>

#include "trees/kernel/forest.hpp"
#include "trees/unfold.hpp"

namespace penstock::trees {
// One weight of a leaf, where slots do not do: see LeafWeights.
struct LeafWeight {
  uint32_t target;
  double value;
};

struct Arrangement {
  std::vector<kernel::ForestTree> trees;
  std::vector<kernel::ForestNode> nodes;
  std::vector<kernel::ForestWord> words;
  std::vector<kernel::ForestTest> tests;
  std::vector<uint32_t> exits;
  std::vector<kernel::ForestSlot> slots;
  std::vector<float> values;

  // Appends a tree without slots; nodes are final (thresholds fit int32). `leaves[i]` becomes the spec's node of leaf
  // i. False: it does not fit (65,535 columns, or nodes too far apart).
  bool add_tree(const std::vector<UnfoldedNode>& nodes, std::vector<uint32_t>& leaves);
  // Payloads of leaves become the bits of their values: one slot a tree, all of one target.
  void put_values_into_leaves();

  size_t bytes() const;
  kernel::Forest forest(bool is_direct) const;
};
}  // namespace penstock::trees
