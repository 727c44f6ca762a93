#include "trees/unfold.hpp"

#include <algorithm>
#include <cmath>

namespace penstock::trees {
namespace {
constexpr uint32_t kNoParent = UINT32_MAX;
// Nodes that are unfolded for each of the spec at most, unless they are few altogether: sharing can mean 2^depth
// copies.
constexpr size_t kCopiesMax = 4, kCopiesFreeMax = 65536;

// Thresholds that no number, or every number, is at most.
int64_t never(bool is_double) {
  return is_double ? INT64_MIN : INT32_MIN;
}
int64_t always(bool is_double) {
  return is_double ? INT64_MAX - 1 : INT32_MAX - 1;
}

// ONNX Runtime keeps sets of 31 members or more, and those with a member beyond 0..30, as integers, and casts what it
// looks up: 33.5 is a member of {1, 33}.
bool is_looked_up_as_integer(const std::vector<double>& members) {
  const auto is_small = [](double member) { return member >= 0 && member <= 30; };
  return members.size() > 30 || !std::all_of(members.begin(), members.end(), is_small);
}
}  // namespace

Unfolder::Unfolder(const TreesSpec& spec, KeyColumns& columns)
    : spec_(spec),
      columns_(columns),
      tests_(spec.node_count()),
      node_count_max_(std::min<size_t>(kTreeNodesMax, std::max(kCopiesFreeMax, kCopiesMax * spec.node_count()))) {}

Unfolder::Test Unfolder::ordered_test(uint32_t node) {
  const TreeMode mode = spec_.mode(node);
  const bool is_double = spec_.is_double();
  const bool is_exchanged = mode == TreeMode::kGreater || mode == TreeMode::kGreaterOrEqual;
  const bool is_strict = mode == TreeMode::kLess || mode == TreeMode::kGreaterOrEqual;
  // Comparisons with NaN are false; then a missing value takes the true branch if it should.
  const bool is_least = spec_.takes_missing(node) != is_exchanged;
  Test test;
  test.true_child = is_exchanged ? spec_.false_nodes[node] : spec_.true_nodes[node];
  test.false_child = is_exchanged ? spec_.true_nodes[node] : spec_.false_nodes[node];
  if (std::isnan(spec_.thresholds[node]))
    test.threshold = is_exchanged ? always(is_double) : never(is_double);
  else
    test.threshold = key_of(spec_.thresholds[node], is_double) - (is_strict ? 1 : 0);
  test.column = columns_.find_or_add({spec_.feature_ids[node], is_least ? kLeastKey : kGreatestKey, -1});
  if (is_double) columns_.add_threshold(spec_.feature_ids[node], test.threshold);
  return test;
}

bool Unfolder::has_set(uint32_t node) const {
  const TreeMode mode = spec_.mode(node);
  return mode == TreeMode::kEqual || mode == TreeMode::kNotEqual || mode == TreeMode::kMember;
}

Unfolder::SetTest Unfolder::own_set_test(uint32_t node) const {
  SetTest test{{}, spec_.true_nodes[node], spec_.false_nodes[node], spec_.takes_missing(node), false};
  if (spec_.mode(node) == TreeMode::kMember) {
    test.members.assign(spec_.members.begin() + spec_.member_starts[node],
                        spec_.members.begin() + spec_.member_starts[node + 1]);
    test.is_truncated = is_looked_up_as_integer(test.members);
    return test;
  }
  test.members.assign(1, spec_.thresholds[node]);
  if (spec_.mode(node) == TreeMode::kNotEqual) {
    // NaN differs from every number: the true branch, whatever becomes of missing values.
    std::swap(test.true_child, test.false_child);
    test.is_missing_true = false;
  }
  return test;
}

Unfolder::Test Unfolder::set_test(uint32_t node) {
  SetTest whole = own_set_test(node);
  // The chain: what is not in the set so far asks the next node, whose true child is the same.
  for (uint32_t next = whole.false_child; !whole.is_truncated && has_set(next); next = whole.false_child) {
    if (spec_.feature_ids[next] != spec_.feature_ids[node]) break;
    SetTest more = own_set_test(next);
    if (more.true_child != whole.true_child || more.is_truncated) break;
    whole.members.insert(whole.members.end(), more.members.begin(), more.members.end());
    whole.is_missing_true = whole.is_missing_true || more.is_missing_true;
    whole.false_child = more.false_child;
    if (whole.members.size() + member_count_ > kTreeNodesMax) break;
  }
  member_count_ += whole.members.size();
  Test test;
  test.threshold = 0;
  test.true_child = whole.true_child;
  test.false_child = whole.false_child;
  const int32_t set = columns_.find_or_add_set(std::move(whole.members), whole.is_truncated);
  test.column = columns_.find_or_add({spec_.feature_ids[node], whole.is_missing_true ? kLeastKey : kGreatestKey, set});
  return test;
}

const Unfolder::Test& Unfolder::test_of(uint32_t node) {
  Test& test = tests_[node];
  if (test.column == 0) test = has_set(node) ? set_test(node) : ordered_test(node);
  return test;
}

bool Unfolder::unfold(uint32_t root, std::vector<UnfoldedNode>& nodes) {
  const size_t first = nodes.size();
  pending_.assign(1, {root, kNoParent, false});
  while (!pending_.empty()) {
    const auto [node, parent, is_true] = pending_.back();
    pending_.pop_back();
    if (++node_count_ > node_count_max_ || member_count_ > kTreeNodesMax) {
      fault_ = "nodes that are shared so often, or members so many, that they do not fit";
      return false;
    }
    const auto place = static_cast<uint32_t>(nodes.size() - first);
    if (parent != kNoParent) (is_true ? nodes[first + parent].true_child : nodes[first + parent].false_child) = place;
    if (spec_.is_leaf(node)) {
      nodes.push_back({node, UnfoldedNode::kLeafColumn, 0, 0});
      continue;
    }
    const Test& test = test_of(node);
    nodes.push_back({test.threshold, test.column, 0, 0});
    pending_.push_back({test.false_child, place, false});
    pending_.push_back({test.true_child, place, true});
  }
  return true;
}
}  // namespace penstock::trees
