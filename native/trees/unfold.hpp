// Trees as they are walked: every test is "key of a column <= threshold", every node has one parent. What ONNX writes
// in seven modes becomes one:
//   x < t                   threshold one key lower
//   x > t, x >= t, x != t   the opposite with children exchanged (NaN as well)
//   x == t, member          a column of a set; a chain of equals with the same true child and feature, in which sets
//   are
//                           written before ai.onnx.ml 5, is one test
// Nodes that several parents share are copied, within bounds.
#pragma once
#include <string>
#include <vector>

#include "trees/columns.hpp"

namespace penstock::trees {
struct UnfoldedNode {
  static constexpr uint32_t kLeafColumn = 0;
  int64_t threshold;  // a key; once KeyColumns::finish was called and ranks are put in, an int32. Of a leaf: the spec's
                      // node
  uint32_t column;
  uint32_t true_child, false_child;
  bool is_leaf() const { return column == kLeafColumn; }
};

class Unfolder {
 public:
  // The spec is sound (fault_of).
  Unfolder(const TreesSpec& spec, KeyColumns& columns);

  // Appends a tree from its root on, children behind their parents. False: it has too many copies, see fault().
  bool unfold(uint32_t root, std::vector<UnfoldedNode>& nodes);
  const std::string& fault() const { return fault_; }

 private:
  // A node of the spec as it is tested; made when it is first reached.
  struct Test {
    int64_t threshold = 0;
    uint32_t column = 0;  // 0: not made yet
    uint32_t true_child = 0, false_child = 0;
  };
  // What x == t, x != t and member have in common.
  struct SetTest {
    std::vector<double> members;
    uint32_t true_child, false_child;
    bool is_missing_true;
    bool is_truncated;  // ONNX Runtime looks integers up, see unfold.cpp
  };
  const Test& test_of(uint32_t node);
  Test ordered_test(uint32_t node);
  bool has_set(uint32_t node) const;
  SetTest own_set_test(uint32_t node) const;
  Test set_test(uint32_t node);

  const TreesSpec& spec_;
  KeyColumns& columns_;
  std::vector<Test> tests_;
  // A node that is to be appended, and whose child it is: counted from the tree's first.
  struct Pending {
    uint32_t node;
    uint32_t parent;
    bool is_true;
  };
  std::vector<Pending> pending_;
  size_t node_count_max_;
  size_t node_count_ = 0;
  size_t member_count_ = 0;
  std::string fault_;
};
}  // namespace penstock::trees
