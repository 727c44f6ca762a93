// TreeEnsemble::build: from a spec to what runs.
#include <algorithm>

#include "trees/trees.hpp"

namespace penstock::trees {
namespace {
// Tables of values hold a place for every leaf: where leaves write few of their tree's targets, they are not worth it.
constexpr size_t kCellsPerWeightMax = 4;

// The targets that a tree's leaves write.
struct TreeTargets {
  std::vector<uint32_t> targets;   // ascending
  std::vector<uint8_t> is_in_all;  // by that: every leaf writes it
  bool has_repeats = false;        // a leaf writes one twice
};

// `seen[target]`: how many leaves write it; zero before and after.
TreeTargets targets_of(const TreesSpec& spec, const std::vector<uint32_t>& leaves, std::vector<uint32_t>& seen,
                       std::vector<uint32_t>& last_leaf, uint32_t& leaf_stamp) {
  TreeTargets result;
  for (const uint32_t leaf : leaves) {
    ++leaf_stamp;
    for (uint32_t w = spec.weight_starts[leaf]; w < spec.weight_starts[leaf + 1]; ++w) {
      const uint32_t target = spec.targets[w];
      if (seen[target]++ == 0) result.targets.push_back(target);
      result.has_repeats = result.has_repeats || last_leaf[target] == leaf_stamp;
      last_leaf[target] = leaf_stamp;
      if (spec.target_count == 1) break;  // of several, ONNX Runtime takes the first
    }
  }
  std::sort(result.targets.begin(), result.targets.end());
  for (const uint32_t target : result.targets) {
    result.is_in_all.push_back(seen[target] == leaves.size() ? 1 : 0);
    seen[target] = 0;
  }
  return result;
}
}  // namespace

TreeEnsemble::TreeEnsemble(const TreesSpec& spec)
    : features_(spec.features),
      input_dtype_(spec.input_dtype),
      value_dtype_(spec.value_dtype),
      output_dtype_(spec.output_dtype),
      scale_offset_(spec.scale_offset),
      scale_factor_(spec.scale_factor),
      finish_(spec) {}

std::shared_ptr<const TreeEnsemble> TreeEnsemble::build(TreesSpec spec, std::string& fault) {
  fault = fault_of(spec);
  if (!fault.empty()) return nullptr;
  // A spec of float32 holds no others, whatever the doubles that carry it.
  const std::shared_ptr<TreeEnsemble> ensemble(new TreeEnsemble(spec));
  if (!ensemble->compile(spec, fault)) return nullptr;
  return ensemble;
}

bool TreeEnsemble::compile(const TreesSpec& spec, std::string& fault) {
  Unfolder unfolder(spec, columns_);
  std::vector<std::vector<UnfoldedNode>> trees(spec.roots.size());
  for (size_t t = 0; t < trees.size(); ++t)
    if (!unfolder.unfold(spec.roots[t], trees[t])) {
      fault = unfolder.fault();
      return false;
    }
  columns_.finish();
  std::vector<std::vector<uint32_t>> leaves(trees.size());
  for (size_t t = 0; t < trees.size(); ++t) {
    if (spec.is_double())
      for (UnfoldedNode& node : trees[t])
        if (!node.is_leaf() && columns_.is_ordered(node.column))
          node.threshold = columns_.rank_of(columns_.feature_of(node.column), node.threshold);
    if (!arrangement_.add_tree(trees[t], leaves[t])) {
      fault = "a tree so large, or so many columns, that places of 16 bits do not do";
      return false;
    }
    trees[t] = {};
  }
  return add_weights(spec, leaves, fault);
}

bool TreeEnsemble::add_weights(const TreesSpec& spec, const std::vector<std::vector<uint32_t>>& leaves,
                               std::string& fault) {
  std::vector<uint32_t> seen(spec.target_count, 0), last_leaf(spec.target_count, 0);
  std::vector<uint8_t> is_ever(spec.target_count, 0);
  is_written_.assign(spec.target_count, 0);
  uint32_t leaf_stamp = 0;
  size_t cells = 0, weights = 0;
  bool has_repeats = false;
  for (const std::vector<uint32_t>& tree : leaves) {
    const TreeTargets targets = targets_of(spec, tree, seen, last_leaf, leaf_stamp);
    has_repeats = has_repeats || targets.has_repeats;
    cells += targets.targets.size() * tree.size();
    for (const uint32_t leaf : tree) {
      weights += spec.weight_count(leaf);
      if (spec.target_count > 1 || spec.weight_count(leaf) > 0) continue;
      fault = "node " + std::to_string(leaf) + ", a leaf without a weight";
      return false;
    }
    if (weights > 2 * size_t{kTreeNodesMax}) {
      fault = "weights that are shared so often that they do not fit";
      return false;
    }
    for (size_t i = 0; i < targets.targets.size(); ++i) {
      is_ever[targets.targets[i]] = 1;
      if (targets.is_in_all[i] != 0) is_written_[targets.targets[i]] = 1;
    }
  }
  fault = finish_.fault(is_written_);
  if (!fault.empty()) return false;
  const bool is_sum = finish_.aggregate() == TreeAggregate::kSum || finish_.aggregate() == TreeAggregate::kAverage;
  has_slots_ = is_sum && !spec.is_double() && !has_repeats && is_ever == is_written_ &&
               cells <= kCellsPerWeightMax * std::max<size_t>(weights, 1);
  if (has_slots_)
    add_slots(spec, leaves);
  else
    add_leaf_weights(spec, leaves);
  return true;
}

void TreeEnsemble::add_slots(const TreesSpec& spec, const std::vector<std::vector<uint32_t>>& leaves) {
  std::vector<uint32_t> seen(spec.target_count, 0), last_leaf(spec.target_count, 0), slot_of(spec.target_count, 0);
  uint32_t leaf_stamp = 0;
  is_direct_ = spec.target_count == 1;
  for (size_t t = 0; t < leaves.size(); ++t) {
    const TreeTargets targets = targets_of(spec, leaves[t], seen, last_leaf, leaf_stamp);
    const size_t padded = (leaves[t].size() + kernel::kWordLeaves - 1) / kernel::kWordLeaves * kernel::kWordLeaves;
    kernel::ForestTree& tree = arrangement_.trees[t];
    tree.first_slot = static_cast<uint32_t>(arrangement_.slots.size());
    tree.slot_count = static_cast<uint32_t>(targets.targets.size());
    for (const uint32_t target : targets.targets) {
      slot_of[target] = static_cast<uint32_t>(arrangement_.values.size());
      arrangement_.slots.push_back({target, slot_of[target]});
      // A leaf that does not write the target adds 0, which changes no sum that began with 0.
      arrangement_.values.resize(arrangement_.values.size() + padded, 0.0f);
    }
    for (size_t i = 0; i < leaves[t].size(); ++i) {
      const uint32_t leaf = leaves[t][i], first = spec.weight_starts[leaf];
      const uint32_t end = spec.target_count == 1 ? first + 1 : spec.weight_starts[leaf + 1];
      for (uint32_t w = first; w < end; ++w)
        arrangement_.values[slot_of[spec.targets[w]] + i] = static_cast<float>(spec.weights[w]);
    }
  }
  if (is_direct_) arrangement_.put_values_into_leaves();
}

void TreeEnsemble::add_leaf_weights(const TreesSpec& spec, const std::vector<std::vector<uint32_t>>& leaves) {
  for (const std::vector<uint32_t>& tree : leaves) {
    first_leaf_.push_back(static_cast<uint32_t>(leaf_starts_.size()));
    for (const uint32_t leaf : tree) {
      leaf_starts_.push_back(static_cast<uint32_t>(leaf_weights_.size()));
      const uint32_t first = spec.weight_starts[leaf];
      const uint32_t end = spec.target_count == 1 ? first + 1 : spec.weight_starts[leaf + 1];
      for (uint32_t w = first; w < end; ++w) leaf_weights_.push_back({spec.targets[w], spec.weights[w]});
    }
  }
  leaf_starts_.push_back(static_cast<uint32_t>(leaf_weights_.size()));
}

size_t TreeEnsemble::leaf_count_max() const {
  size_t most = 0;
  for (const kernel::ForestTree& tree : arrangement_.trees) most = std::max<size_t>(most, tree.leaf_count);
  return most;
}

size_t TreeEnsemble::bytes() const {
  return sizeof(*this) + columns_.bytes() + arrangement_.bytes() + leaf_weights_.size() * sizeof(LeafWeight) +
         (first_leaf_.size() + leaf_starts_.size()) * sizeof(uint32_t);
}
}  // namespace penstock::trees
