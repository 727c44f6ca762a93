// Random tree ensembles, and what ONNX says that they answer: a walker over the spec itself, in its own float width,
// that shares nothing with what is tested.
#pragma once
#include "test/kernel_fixture.hpp"
#include "trees/trees.hpp"

namespace penstock::testing {
using namespace penstock::trees;

struct TreeOptions {
  bool is_double = false;
  uint32_t features = 7;
  uint32_t trees = 9;
  uint32_t leaves = 20;
  uint32_t targets = 1;
  bool has_all_modes = true;
  bool has_missing = true;
  bool has_sparse_leaves = false;  // leaves of any number of weights, targets repeated
  bool is_lopsided = false;
};

class TreeWriter {
 public:
  explicit TreeWriter(const TreeOptions& options) : options_(options) {
    spec.input_dtype = spec.value_dtype = options.is_double ? Dtype::kFloat64 : Dtype::kFloat32;
    spec.output_dtype = Dtype::kFloat32;
    spec.features = options.features;
    spec.kind = TreeKind::kRegressor;
    spec.target_count = options.targets;
    spec.aggregate = TreeAggregate::kSum;
    spec.weight_starts.push_back(0);
    spec.member_starts.push_back(0);
  }

  void add_forest() {
    for (uint32_t t = 0; t < options_.trees; ++t) {
      spec.roots.push_back(static_cast<uint32_t>(spec.modes.size()));
      add_tree(1 + static_cast<uint32_t>(below(options_.leaves)));
    }
  }

  double value() {
    const double any = below(3) == 0 ? static_cast<double>(awkward()) : static_cast<double>(below(13)) - 4.0;
    return options_.is_double && below(2) == 0 && std::isfinite(any) ? any + 1e-9 : any;
  }

  uint32_t add_node(TreeMode mode) {
    spec.modes.push_back(static_cast<uint8_t>(mode));
    spec.feature_ids.push_back(mode == TreeMode::kLeaf ? 0 : static_cast<uint32_t>(below(options_.features)));
    spec.thresholds.push_back(mode == TreeMode::kLeaf ? 0 : value());
    spec.true_nodes.push_back(0);
    spec.false_nodes.push_back(0);
    spec.missing_true.push_back(options_.has_missing && below(3) == 0 ? 1 : 0);
    if (mode == TreeMode::kMember)
      for (size_t i = 1 + below(6), most = below(3) == 0 ? 90 : 9; i > 0; --i)
        spec.members.push_back(static_cast<double>(below(most)));
    if (mode == TreeMode::kLeaf) add_weights();
    spec.weight_starts.push_back(static_cast<uint32_t>(spec.weights.size()));
    spec.member_starts.push_back(static_cast<uint32_t>(spec.members.size()));
    return static_cast<uint32_t>(spec.modes.size()) - 1;
  }

  TreesSpec spec;

 private:
  void add_weight(uint32_t target) {
    spec.targets.push_back(target);
    spec.weights.push_back(below(20) == 0 ? 0.0 : static_cast<double>(tame()));
  }
  void add_weights() {
    if (!options_.has_sparse_leaves) {
      for (uint32_t k = 0; k < options_.targets; ++k) add_weight(k);
      return;
    }
    for (size_t count = options_.targets == 1 ? 1 + below(2) : below(options_.targets + 2); count > 0; --count)
      add_weight(static_cast<uint32_t>(below(options_.targets)));
  }
  TreeMode any_mode() { return options_.has_all_modes ? static_cast<TreeMode>(below(7)) : TreeMode::kLessOrEqual; }
  void link(uint32_t node, uint32_t true_node, uint32_t false_node) {
    spec.true_nodes[node] = true_node;
    spec.false_nodes[node] = false_node;
  }
  uint32_t add_tree(uint32_t leaves) {
    if (leaves <= 1) return add_node(TreeMode::kLeaf);
    const uint32_t node = add_node(any_mode());
    if (options_.has_all_modes && below(6) == 0) return add_chain(node, leaves);
    const uint32_t left = options_.is_lopsided ? 1 : 1 + static_cast<uint32_t>(below(leaves - 1));
    const uint32_t true_node = add_tree(left);
    link(node, true_node, add_tree(leaves - left));
    return node;
  }
  // Equals of one feature that share their true child, as sets are written before version 5.
  uint32_t add_chain(uint32_t first, uint32_t leaves) {
    spec.modes[first] = static_cast<uint8_t>(TreeMode::kEqual);
    std::vector<uint32_t> chain{first};
    for (size_t i = below(4); i > 0; --i) {
      chain.push_back(add_node(below(5) == 0 ? TreeMode::kNotEqual : TreeMode::kEqual));
      spec.feature_ids[chain.back()] = spec.feature_ids[first];
    }
    const uint32_t shared = add_tree(1 + leaves / 3), last = add_tree(1 + leaves / 2);
    for (size_t i = 0; i < chain.size(); ++i) link(chain[i], shared, i + 1 < chain.size() ? chain[i + 1] : last);
    return first;
  }

  TreeOptions options_;
};

// ONNX asks whether the element is a member. ONNX Runtime makes an integer of it first where a set has 31 members or
// one beyond 0..30.
template <typename Value>
bool is_member(const TreesSpec& spec, uint32_t node, Value x) {
  bool is_large = spec.member_starts[node + 1] - spec.member_starts[node] > 30;
  for (uint32_t m = spec.member_starts[node]; m < spec.member_starts[node + 1]; ++m)
    is_large = is_large || spec.members[m] < 0 || spec.members[m] > 30;
  for (uint32_t m = spec.member_starts[node]; m < spec.member_starts[node + 1]; ++m)
    if ((is_large ? std::trunc(x) : x) == static_cast<Value>(spec.members[m])) return true;
  return false;
}

// From the definition of the operator: the leaf of a row. -0 equals 0, NaN compares false to all and differs from all.
template <typename Value>
uint32_t defined_leaf(const TreesSpec& spec, uint32_t node, const Value* row) {
  while (!spec.is_leaf(node)) {
    const Value x = row[spec.feature_ids[node]];
    const auto t = static_cast<Value>(spec.thresholds[node]);
    bool is_true = false;
    switch (spec.mode(node)) {
      case TreeMode::kLessOrEqual:
        is_true = x <= t;
        break;
      case TreeMode::kLess:
        is_true = x < t;
        break;
      case TreeMode::kGreaterOrEqual:
        is_true = x >= t;
        break;
      case TreeMode::kGreater:
        is_true = x > t;
        break;
      case TreeMode::kEqual:
        is_true = x == t;
        break;
      case TreeMode::kNotEqual:
        is_true = x != t;
        break;
      case TreeMode::kMember:
        is_true = is_member(spec, node, x);
        break;
      case TreeMode::kLeaf:
        break;
    }
    if (std::isnan(x) && spec.takes_missing(node)) is_true = true;
    node = is_true ? spec.true_nodes[node] : spec.false_nodes[node];
  }
  return node;
}

// A regressor's scores without a post-transform.
template <typename Value>
std::vector<float> defined_scores(const TreesSpec& spec, const Value* row) {
  std::vector<Value> sums(spec.target_count, 0);
  std::vector<bool> is_written(spec.target_count, false);
  for (const uint32_t root : spec.roots) {
    const uint32_t leaf = defined_leaf(spec, root, row);
    for (uint32_t w = spec.weight_starts[leaf]; w < spec.weight_starts[leaf + 1]; ++w) {
      const auto weight = static_cast<Value>(spec.weights[w]);
      Value& sum = sums[spec.targets[w]];
      const bool is_first = !is_written[spec.targets[w]];
      if (spec.aggregate == TreeAggregate::kMin)
        sum = is_first || weight < sum ? weight : sum;
      else if (spec.aggregate == TreeAggregate::kMax)
        sum = is_first || weight > sum ? weight : sum;
      else
        sum += weight;
      is_written[spec.targets[w]] = true;
      if (spec.target_count == 1) break;
    }
  }
  std::vector<float> scores;
  for (uint32_t k = 0; k < spec.target_count; ++k) {
    Value score = sums[k];
    if (spec.aggregate == TreeAggregate::kAverage) score /= static_cast<Value>(spec.roots.size());
    if (!spec.base_values.empty()) score += static_cast<Value>(spec.base_values[k]);
    scores.push_back(is_written[k] ? static_cast<float>(score + Value{0}) : 0.0f);
  }
  return scores;
}

// Rows of elements that lie on thresholds and members, beside them, anywhere, or nowhere.
template <typename Value>
std::vector<Value> awkward_rows(const TreesSpec& spec, size_t rows) {
  std::vector<Value> values(rows * spec.features);
  for (Value& value : values) {
    const double threshold = spec.thresholds[below(spec.thresholds.size())];
    const auto at = static_cast<Value>(below(3) == 0 && !spec.members.empty() ? spec.members[below(spec.members.size())]
                                                                              : threshold);
    const Value infinity = std::numeric_limits<Value>::infinity();
    switch (below(7)) {
      case 0:
        value = static_cast<Value>(awkward());
        break;
      case 1:
        value = std::nextafter(at, -infinity);
        break;
      case 2:
        value = std::nextafter(at, infinity);
        break;
      case 3:
        value = below(4) == 0 ? std::numeric_limits<Value>::quiet_NaN() : -at;
        break;
      case 4:
        value = static_cast<Value>(below(13)) - 4;
        break;
      default:
        value = at;
        break;
    }
  }
  return values;
}
}  // namespace penstock::testing
