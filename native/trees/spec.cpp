// What is checked of a spec before anything is made of it. Specs come from models of strangers: no index is believed.
#include <algorithm>
#include <string>

#include "trees/spec.hpp"

namespace penstock::trees {
namespace {
bool is_float(Dtype dtype) {
  return dtype == Dtype::kFloat32 || dtype == Dtype::kFloat64;
}

std::string count_fault(const char* name, size_t count, size_t expected) {
  if (count == expected) return {};
  return std::to_string(count) + " " + name + " where " + std::to_string(expected) + " belong";
}

std::string range_fault(const char* name, size_t value, size_t least, size_t most) {
  if (value >= least && value <= most) return {};
  return std::to_string(value) + " " + name + ", of which " + std::to_string(least) + " to " + std::to_string(most) +
         " are possible";
}

std::string starts_fault(const char* name, const std::vector<uint32_t>& starts, size_t nodes, size_t elements) {
  if (starts.size() != nodes + 1) return count_fault(name, starts.size(), nodes + 1);
  if (starts.front() != 0 || starts.back() != elements || !std::is_sorted(starts.begin(), starts.end()))
    return std::string(name) + " that do not ascend from 0 to " + std::to_string(elements);
  return {};
}

// The first that is not empty.
template <typename... Faults>
std::string first_of(Faults&&... faults) {
  std::string first;
  const auto take = [&](std::string fault) {
    if (first.empty()) first = std::move(fault);
  };
  (take(std::forward<Faults>(faults)), ...);
  return first;
}

std::string dtype_fault(const TreesSpec& spec) {
  const bool is_input =
      is_float(spec.input_dtype) || spec.input_dtype == Dtype::kInt64 || spec.input_dtype == Dtype::kInt32;
  if (!is_input) return "an input that is neither float32, float64, int64 nor int32";
  if (!is_float(spec.value_dtype)) return "values that are neither float32 nor float64";
  if (!is_float(spec.output_dtype)) return "scores that are neither float32 nor float64";
  const auto fits = [&](const std::vector<float>& values) {
    return values.size() == 1 || values.size() == spec.features;
  };
  const bool has_scaler = !spec.scale_offset.empty() || !spec.scale_factor.empty();
  if (has_scaler && (spec.is_double() || !fits(spec.scale_offset) || !fits(spec.scale_factor)))
    return "a scaler that is not of float32, or does not have 1 or " + std::to_string(spec.features) + " values";
  return {};
}

std::string size_fault(const TreesSpec& spec) {
  const size_t nodes = spec.node_count();
  return first_of(range_fault("features", spec.features, 1, kTreeFeaturesMax),
                  range_fault("trees", spec.roots.size(), 1, kTreesMax), range_fault("nodes", nodes, 1, kTreeNodesMax),
                  range_fault("targets", spec.target_count, 1, kTreeTargetsMax),
                  range_fault("weights", spec.weights.size(), 0, kTreeNodesMax),
                  range_fault("members", spec.members.size(), 0, kTreeNodesMax),
                  count_fault("feature ids", spec.feature_ids.size(), nodes),
                  count_fault("thresholds", spec.thresholds.size(), nodes),
                  count_fault("true nodes", spec.true_nodes.size(), nodes),
                  count_fault("false nodes", spec.false_nodes.size(), nodes),
                  spec.missing_true.empty() ? "" : count_fault("missing bits", spec.missing_true.size(), nodes),
                  count_fault("targets of weights", spec.targets.size(), spec.weights.size()),
                  starts_fault("starts of weights", spec.weight_starts, nodes, spec.weights.size()),
                  spec.member_starts.empty() && spec.members.empty()
                      ? ""
                      : starts_fault("starts of members", spec.member_starts, nodes, spec.members.size()));
}

std::string node_fault(const TreesSpec& spec) {
  const auto nodes = static_cast<uint32_t>(spec.node_count());
  for (uint32_t i = 0; i < nodes; ++i) {
    const std::string where = "node " + std::to_string(i);
    if (spec.modes[i] >= kTreeModeCount) return where + ", whose mode " + std::to_string(spec.modes[i]) + " is none";
    if (spec.is_leaf(i)) continue;
    if (spec.mode(i) == TreeMode::kMember && spec.member_starts.empty()) return where + ", which has no members";
    if (spec.mode(i) == TreeMode::kMember) {
      const auto first = spec.members.begin() + spec.member_starts[i],
                 end = spec.members.begin() + spec.member_starts[i + 1];
      // ONNX Runtime casts large ones to int32; the least of these is what it casts NaN to.
      const auto is_int32 = [](double member) { return member > -2147483648.0 && member < 2147483648.0; };
      if (first == end) return where + ", which has no members";
      if (!std::all_of(first, end, is_int32)) return where + ", which has members that are no int32";
    }
    if (spec.feature_ids[i] >= spec.features) return where + ", whose feature is not among the input's";
    if (spec.true_nodes[i] >= nodes || spec.false_nodes[i] >= nodes) return where + ", whose children are no nodes";
  }
  for (const uint32_t root : spec.roots)
    if (root >= nodes) return "a root that is no node";
  for (const uint32_t target : spec.targets)
    if (target >= spec.target_count) return "a weight whose target is not among " + std::to_string(spec.target_count);
  return {};
}

// Each tree is walked once, depth first with a stack of its own: a node that is met again on its own way closes a
// cycle.
class TreeWalk {
 public:
  explicit TreeWalk(const TreesSpec& spec) : spec_(spec), seen_(spec.node_count(), 0), heights_(spec.node_count(), 0) {}

  std::string fault() {
    for (uint32_t tree = 0; tree < spec_.roots.size(); ++tree) {
      std::string found = fault_of_tree(tree);
      if (!found.empty()) return "tree " + std::to_string(tree) + ", which " + found;
    }
    return {};
  }

 private:
  // seen_: 2 * tree + 1 while the node is on the way, + 2 once all below it is known. Trees may share nodes.
  std::string fault_of_tree(uint32_t tree) {
    const uint32_t open = 2 * tree + 1, done = open + 1;
    stack_.assign(1, spec_.roots[tree]);
    while (!stack_.empty()) {
      const uint32_t node = stack_.back();
      const bool is_leaf = spec_.is_leaf(node);
      const uint32_t children[] = {is_leaf ? node : spec_.true_nodes[node], is_leaf ? node : spec_.false_nodes[node]};
      if (seen_[node] == open || is_leaf) {
        stack_.pop_back();
        if (seen_[node] == done) continue;
        seen_[node] = done;
        heights_[node] = is_leaf ? 0 : 1 + std::max(heights_[children[0]], heights_[children[1]]);
        if (heights_[node] > kTreeDepthMax) return "is deeper than " + std::to_string(kTreeDepthMax) + " nodes";
        if (is_leaf && ++reached_ > kTreeNodesMax) return too_many();
        continue;
      }
      if (seen_[node] == done) {
        stack_.pop_back();
        continue;
      }
      seen_[node] = open;
      if (++reached_ > kTreeNodesMax) return too_many();
      for (const uint32_t child : children) {
        if (seen_[child] == open) return "comes back to node " + std::to_string(child);
        if (seen_[child] != done) stack_.push_back(child);
      }
    }
    return {};
  }
  static std::string too_many() {
    return "is the one with which more than " + std::to_string(kTreeNodesMax) + " nodes are reached";
  }

  const TreesSpec& spec_;
  std::vector<uint32_t> seen_, heights_, stack_;
  size_t reached_ = 0;
};

// What ONNX Runtime refuses, leaves unwritten or reads from beyond its arrays.
std::string answer_fault(const TreesSpec& spec) {
  const size_t bases = spec.base_values.size(), targets = spec.target_count;
  if (spec.aggregate > TreeAggregate::kMax || spec.post_transform > TreePostTransform::kProbit)
    return "an aggregate or a post-transform that is none";
  if (spec.kind == TreeKind::kRegressor)
    return bases == 0 || bases == targets ? "" : count_fault("base values", bases, targets);
  if (spec.kind != TreeKind::kClassifier) return "a kind that is none";
  if (spec.class_labels.size() != targets) return count_fault("labels", spec.class_labels.size(), targets);
  const bool fits = bases == 0 || bases == targets || (targets == 2 && bases == 1);
  return fits ? "" : count_fault("base values", bases, targets);
}
}  // namespace

std::string fault_of(const TreesSpec& spec) {
  std::string fault = first_of(dtype_fault(spec), size_fault(spec));
  if (fault.empty()) fault = node_fault(spec);
  if (fault.empty()) fault = answer_fault(spec);
  return fault.empty() ? TreeWalk(spec).fault() : fault;
}
}  // namespace penstock::trees
