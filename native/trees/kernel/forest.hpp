// Walking trees over rows: what the kernels read, and what they compute. Every test of every tree is
// "key of a column > threshold", where keys are int32 that keep the order of the numbers that they stand for
// (columns.hpp); the row takes the true branch where it is not. Exact, so that all variants name the same leaf.
//
//   nodes    of 8 bytes: the true child lies `step` nodes behind its parent, the false child one behind that. A leaf
//   has
//            step 0 and column 0, whose keys are all the least, so that a row that has arrived stays where it is.
//   words    bit vectors after QuickScorer (Lucchese et al., SIGIR 2015, https://doi.org/10.1145/2766462.2767733): a
//   bit a
//            leaf, 32 in a word, numbered from the true side. A test that fails takes the leaves of its true branch
//            away; the lowest bit that is left is the exit. Each test of a word is made for all rows, so nothing
//            branches.
//   top      trees of more than kBitLeavesMax leaves: one word, whose exits are inner nodes from which rows walk on.
//
// Keys of a block lie by column, kBlockRows each; those of a lone row one behind the other. Rows behind the last one of
// a block may hold any keys, but for those of column 0: their results are not used.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernel/variants.hpp"

namespace penstock::kernel {
inline constexpr size_t kBlockRows = 64;
inline constexpr size_t kWordLeaves = 32;
inline constexpr size_t kBitLeavesMax = 128;

struct ForestNode {
  int32_t threshold;  // of a leaf: its payload
  uint16_t column;
  uint16_t step;
};
static_assert(sizeof(ForestNode) == 8);

struct ForestTest {
  int32_t threshold;
  uint32_t column;
  uint32_t lost;  // the leaves of the word that a row loses whose key is above the threshold
};

struct ForestWord {
  uint32_t first_test;
  uint32_t test_count;
};

struct ForestTree {
  uint32_t first_node;
  uint32_t first_word;
  uint32_t word_count;
  uint32_t first_exit;  // of a top: exits[first_exit + bit] is a node, counted from the tree's first
  uint32_t first_slot;  // a slot: a target and the value that each leaf adds to it
  uint32_t slot_count;
  uint32_t leaf_count;
  uint32_t depth;  // tests on the longest way
  bool has_tail;   // it is a top
};

struct ForestSlot {
  uint32_t target;
  uint32_t first_value;  // by leaf; padded to whole words
};

// Borrowed from TreeEnsemble, which never changes.
struct Forest {
  const ForestTree* trees;
  size_t tree_count;
  const ForestNode* nodes;
  size_t node_count;
  const ForestWord* words;
  const ForestTest* tests;
  const uint32_t* exits;
  const ForestSlot* slots;
  const float* values;
  // Leaves carry the bits of their value: one slot a tree, all of the one target. Otherwise the number of the leaf.
  bool is_direct;
};

struct TreeKernels {
  // Adds what the leaves say to scores[target * kBlockRows + row], tree after tree. rows in 1..kBlockRows.
  void (*add_block)(float* scores, const Forest& forest, const int32_t* keys, size_t rows) noexcept;
  // leaves[row]: the number of the leaf of tree `tree`. Not where leaves carry values.
  void (*find_block)(uint32_t* leaves, const Forest& forest, size_t tree, const int32_t* keys, size_t rows) noexcept;
  // payloads[tree]: what the leaf carries that a lone row reaches.
  void (*walk_row)(int32_t* payloads, const Forest& forest, const int32_t* keys) noexcept;
  // keys[row * stride] of floats[row * columns]; NaN becomes `nan_key`.
  void (*make_keys)(int32_t* keys, const float* floats, size_t columns, size_t rows, int32_t nan_key) noexcept;
};

PENSTOCK_KERNEL_VARIANTS(TreeKernels, tree_kernels)
}  // namespace penstock::kernel
