// The reference of forest.hpp: one row after the other, from the root to a leaf.
#include <bit>

#include "trees/kernel/forest.hpp"

namespace penstock::kernel::scalar {
namespace {
const ForestNode& leaf_of(const Forest& forest, const ForestTree& tree, const int32_t* keys, size_t stride) noexcept {
  const ForestNode* node = forest.nodes + tree.first_node;
  while (node->step != 0) node += node->step + (keys[node->column * stride] > node->threshold ? 1 : 0);
  return *node;
}

void add_block(float* scores, const Forest& forest, const int32_t* keys, size_t rows) noexcept {
  for (size_t t = 0; t < forest.tree_count; ++t) {
    const ForestTree& tree = forest.trees[t];
    for (size_t r = 0; r < rows; ++r) {
      const ForestNode& leaf = leaf_of(forest, tree, keys + r, kBlockRows);
      if (forest.is_direct) {
        scores[r] += std::bit_cast<float>(leaf.threshold);
        continue;
      }
      for (uint32_t s = 0; s < tree.slot_count; ++s) {
        const ForestSlot& slot = forest.slots[tree.first_slot + s];
        scores[slot.target * kBlockRows + r] += forest.values[slot.first_value + static_cast<uint32_t>(leaf.threshold)];
      }
    }
  }
}

void find_block(uint32_t* leaves, const Forest& forest, size_t tree, const int32_t* keys, size_t rows) noexcept {
  for (size_t r = 0; r < rows; ++r)
    leaves[r] = static_cast<uint32_t>(leaf_of(forest, forest.trees[tree], keys + r, kBlockRows).threshold);
}

void walk_row(int32_t* payloads, const Forest& forest, const int32_t* keys) noexcept {
  for (size_t t = 0; t < forest.tree_count; ++t) payloads[t] = leaf_of(forest, forest.trees[t], keys, 1).threshold;
}

void make_keys(int32_t* keys, const float* floats, size_t columns, size_t rows, int32_t nan_key) noexcept {
  for (size_t r = 0; r < rows; ++r) {
    const float value = floats[r * columns];
    // -0 + 0 is +0, which it equals.
    const auto bits = std::bit_cast<int32_t>(value + 0.0f);
    keys[r] = value != value ? nan_key : bits ^ ((bits >> 31) & INT32_MAX);
  }
}
}  // namespace

extern const TreeKernels tree_kernels = {add_block, find_block, walk_row, make_keys};
}  // namespace penstock::kernel::scalar
