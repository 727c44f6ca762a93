#include "trees/arrange.hpp"

#include <algorithm>
#include <bit>

namespace penstock::trees {
namespace {
using namespace kernel;

constexpr size_t kStepMax = UINT16_MAX;
constexpr size_t kColumnMax = UINT16_MAX;

// What is known of a tree before it is laid out.
struct Shape {
  explicit Shape(const std::vector<UnfoldedNode>& nodes)
      : first_leaf(nodes.size()), end_leaf(nodes.size()), height(nodes.size()) {
    uint32_t leaf = 0;
    // In the order of unfolding a subtree is a run of nodes, and its leaves are a run of leaves.
    for (size_t i = 0; i < nodes.size(); ++i) {
      first_leaf[i] = leaf;
      if (nodes[i].is_leaf()) ++leaf;
    }
    for (size_t i = nodes.size(); i-- > 0;) {
      const UnfoldedNode& node = nodes[i];
      end_leaf[i] = node.is_leaf() ? first_leaf[i] + 1 : end_leaf[node.false_child];
      height[i] = node.is_leaf() ? 0 : 1 + std::max(height[node.true_child], height[node.false_child]);
    }
  }
  uint32_t leaf_count(uint32_t node) const { return end_leaf[node] - first_leaf[node]; }

  std::vector<uint32_t> first_leaf, end_leaf, height;
};

// The bits of word `word` that leaves [first, end) have.
uint32_t bits_of(uint32_t first, uint32_t end, uint32_t word) {
  const uint32_t start = word * kWordLeaves, stop = start + kWordLeaves;
  first = std::clamp(first, start, stop) - start;
  end = std::clamp(end, start, stop) - start;
  if (end <= first) return 0;
  const uint32_t below = end == kWordLeaves ? UINT32_MAX : (uint32_t{1} << end) - 1;
  return below & ~((uint32_t{1} << first) - 1);
}

// Children side by side, pair after pair: the pairs that are met first lie first, so that the top of the tree is dense.
// places[i]: where node i lies. False: a child lies too far from its parent.
bool place_nodes(Arrangement& to, const std::vector<UnfoldedNode>& nodes, const Shape& shape,
                 std::vector<uint32_t>& places) {
  const size_t first = to.nodes.size();
  places.assign(nodes.size(), 0);
  to.nodes.resize(first + nodes.size());
  std::vector<uint32_t> level{0}, next;
  uint32_t end = 1;
  bool fits = true;
  while (!level.empty()) {
    next.clear();
    for (const uint32_t i : level) {
      const UnfoldedNode& node = nodes[i];
      ForestNode& target = to.nodes[first + places[i]];
      target.threshold =
          node.is_leaf() ? static_cast<int32_t>(shape.first_leaf[i]) : static_cast<int32_t>(node.threshold);
      target.column = static_cast<uint16_t>(node.column);
      target.step = 0;
      if (node.is_leaf()) continue;
      fits = fits && end - places[i] <= kStepMax && node.column <= kColumnMax;
      target.step = static_cast<uint16_t>(end - places[i]);
      places[node.true_child] = end;
      places[node.false_child] = end + 1;
      end += 2;
      next.insert(next.end(), {node.true_child, node.false_child});
    }
    level.swap(next);
  }
  return fits;
}

// Tests whose true side has leaves in the word.
void add_words(Arrangement& to, ForestTree& tree, const std::vector<UnfoldedNode>& nodes, const Shape& shape) {
  tree.word_count = static_cast<uint32_t>((tree.leaf_count + kWordLeaves - 1) / kWordLeaves);
  for (uint32_t w = 0; w < tree.word_count; ++w) {
    ForestWord word{static_cast<uint32_t>(to.tests.size()), 0};
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (nodes[i].is_leaf()) continue;
      const uint32_t lost = bits_of(shape.first_leaf[i], shape.end_leaf[nodes[i].true_child], w);
      if (lost != 0) to.tests.push_back({static_cast<int32_t>(nodes[i].threshold), nodes[i].column, lost});
    }
    word.test_count = static_cast<uint32_t>(to.tests.size()) - word.first_test;
    to.words.push_back(word);
  }
}

// The subtree that is opened next is the one that rows would walk longest in, so that tails are short.
void add_top(Arrangement& to, ForestTree& tree, const std::vector<UnfoldedNode>& nodes, const Shape& shape,
             const std::vector<uint32_t>& places) {
  std::vector<uint32_t> exits{0};
  const auto is_better = [&](uint32_t a, uint32_t b) {
    return shape.height[a] != shape.height[b] ? shape.height[a] < shape.height[b]
                                              : shape.leaf_count(a) < shape.leaf_count(b);
  };
  std::vector<uint32_t> opened;
  while (exits.size() < kWordLeaves) {
    const auto tallest = std::max_element(exits.begin(), exits.end(), is_better);
    if (nodes[*tallest].is_leaf()) break;
    const uint32_t node = *tallest;
    opened.push_back(node);
    *tallest = nodes[node].true_child;
    exits.insert(tallest + 1, nodes[node].false_child);
  }
  tree.has_tail = true;
  tree.word_count = 1;
  tree.first_exit = static_cast<uint32_t>(to.exits.size());
  ForestWord word{static_cast<uint32_t>(to.tests.size()), static_cast<uint32_t>(opened.size())};
  for (const uint32_t node : opened) {
    uint32_t lost = 0;
    const uint32_t start = shape.first_leaf[node], stop = shape.end_leaf[nodes[node].true_child];
    for (size_t e = 0; e < exits.size(); ++e)
      if (shape.first_leaf[exits[e]] >= start && shape.first_leaf[exits[e]] < stop) lost |= uint32_t{1} << e;
    to.tests.push_back({static_cast<int32_t>(nodes[node].threshold), nodes[node].column, lost});
  }
  to.words.push_back(word);
  for (const uint32_t exit : exits) to.exits.push_back(places[exit]);
}
}  // namespace

bool Arrangement::add_tree(const std::vector<UnfoldedNode>& unfolded, std::vector<uint32_t>& leaves) {
  const Shape shape(unfolded);
  ForestTree tree{};
  tree.first_node = static_cast<uint32_t>(nodes.size());
  tree.first_word = static_cast<uint32_t>(words.size());
  tree.leaf_count = shape.leaf_count(0);
  tree.depth = shape.height[0];
  leaves.clear();
  for (const UnfoldedNode& node : unfolded)
    if (node.is_leaf()) leaves.push_back(static_cast<uint32_t>(node.threshold));
  std::vector<uint32_t> places;
  if (!place_nodes(*this, unfolded, shape, places)) return false;
  if (tree.leaf_count <= kBitLeavesMax)
    add_words(*this, tree, unfolded, shape);
  else
    add_top(*this, tree, unfolded, shape, places);
  trees.push_back(tree);
  return true;
}

void Arrangement::put_values_into_leaves() {
  for (const ForestTree& tree : trees) {
    const float* const leaf_values = values.data() + slots[tree.first_slot].first_value;
    const size_t node_count = 2 * size_t{tree.leaf_count} - 1;
    for (size_t i = tree.first_node; i < tree.first_node + node_count; ++i)
      if (nodes[i].step == 0) nodes[i].threshold = std::bit_cast<int32_t>(leaf_values[nodes[i].threshold]);
  }
}

size_t Arrangement::bytes() const {
  const auto of = [](const auto& list) { return list.size() * sizeof(list[0]); };
  return of(trees) + of(nodes) + of(words) + of(tests) + of(exits) + of(slots) + of(values);
}

kernel::Forest Arrangement::forest(bool is_direct) const {
  return {trees.data(), trees.size(), nodes.data(), nodes.size(),  words.data(),
          tests.data(), exits.data(), slots.data(), values.data(), is_direct};
}
}  // namespace penstock::trees
