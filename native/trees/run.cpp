// TreeEnsemble::run: rows to keys, keys to leaves, leaves to sums, sums to scores.
#include <algorithm>
#include <cstring>
#include <new>
#include <type_traits>

#include "trees/kernel/forest_levels.hpp"
#include "trees/trees.hpp"

namespace penstock::trees {
namespace {
using kernel::kBlockRows;
// From this many rows on a block costs less than as many lone rows.
constexpr size_t kBlockRowsMin = 6;

// Sources may lie at any address.
template <typename Source, typename Value>
void cast_elements(Value* target, const void* source, size_t count) noexcept {
  const auto* const bytes = static_cast<const std::byte*>(source);
  for (size_t i = 0; i < count; ++i) {
    Source element;
    std::memcpy(&element, bytes + i * sizeof(Source), sizeof(Source));
    target[i] = static_cast<Value>(element);
  }
}

template <typename Value>
void load_elements(Value* target, const void* source, Dtype dtype, size_t count) noexcept {
  if (dtype == Dtype::kFloat32) return cast_elements<float>(target, source, count);
  if (dtype == Dtype::kFloat64) return cast_elements<double>(target, source, count);
  if (dtype == Dtype::kInt64) return cast_elements<int64_t>(target, source, count);
  cast_elements<int32_t>(target, source, count);
}

void scale_rows(float* values, size_t rows, size_t features, const std::vector<float>& offset,
                const std::vector<float>& factor) noexcept {
  const size_t offset_step = offset.size() == 1 ? 0 : 1, factor_step = factor.size() == 1 ? 0 : 1;
  for (size_t r = 0; r < rows; ++r)
    for (size_t c = 0; c < features; ++c) {
      float& value = values[r * features + c];
      value = (value - offset[c * offset_step]) * factor[c * factor_step];
    }
}
}  // namespace

// Grown to what the largest ensemble of the thread needs, and kept: the next run allocates nothing.
struct TreeEnsemble::Scratch {
  std::vector<int32_t> keys, payloads;
  std::vector<std::byte> values, sums;
  std::vector<uint8_t> is_written;
  std::vector<uint32_t> leaves;

  template <typename Value>
  Value* sums_as() noexcept {
    return reinterpret_cast<Value*>(sums.data());
  }
  template <typename List>
  static void grow(List& list, size_t size) {
    if (list.size() < size) list.resize(size);
  }
};

template <typename Value>
const Value* TreeEnsemble::values_of(const void* input, size_t rows, Scratch& scratch) const noexcept {
  const Dtype own = std::is_same_v<Value, float> ? Dtype::kFloat32 : Dtype::kFloat64;
  const bool is_aligned = reinterpret_cast<uintptr_t>(input) % alignof(Value) == 0;
  if (input_dtype_ == own && is_aligned && scale_offset_.empty()) return static_cast<const Value*>(input);
  auto* const values = reinterpret_cast<Value*>(scratch.values.data());
  load_elements(values, input, input_dtype_, rows * features_);
  if constexpr (std::is_same_v<Value, float>)
    if (!scale_offset_.empty()) scale_rows(values, rows, features_, scale_offset_, scale_factor_);
  return values;
}

template <typename Value>
void TreeEnsemble::add_leaf(Value* sums, uint8_t* is_written, size_t leaf) const noexcept {
  for (uint32_t w = leaf_starts_[leaf]; w < leaf_starts_[leaf + 1]; ++w) {
    const auto weight = static_cast<Value>(leaf_weights_[w].value);
    const uint32_t target = leaf_weights_[w].target;
    Value& sum = sums[target];
    switch (finish_.aggregate()) {
      case TreeAggregate::kAverage:
      case TreeAggregate::kSum:
        sum += weight;
        break;
      case TreeAggregate::kMin:
        sum = is_written[target] == 0 || weight < sum ? weight : sum;
        break;
      case TreeAggregate::kMax:
        sum = is_written[target] == 0 || weight > sum ? weight : sum;
        break;
    }
    is_written[target] = 1;
  }
}

template <typename Value>
void TreeEnsemble::finish_row(Value* sums, uint8_t* is_written, std::byte* scores, int64_t* label) const noexcept {
  const RowScores<Value> row{sums, is_written};
  if (output_dtype_ == Dtype::kFloat32)
    finish_.finish(row, reinterpret_cast<float*>(scores), label);
  else
    finish_.finish(row, reinterpret_cast<double*>(scores), label);
}

template <typename Value>
void TreeEnsemble::run_row(const void* input, std::byte* scores, int64_t* label, Scratch& scratch,
                           const kernel::TreeKernels& kernels) const noexcept {
  const size_t targets = finish_.target_count();
  const kernel::Forest forest = arrangement_.forest(is_direct_);
  columns_.make_row(scratch.keys.data(), values_of<Value>(input, 1, scratch));
  int32_t* const payloads = scratch.payloads.data();
  kernels.walk_row(payloads, forest, scratch.keys.data());
  auto* const sums = scratch.sums_as<Value>();
  std::fill_n(sums, targets, Value{0});
  uint8_t* const is_written = scratch.is_written.data();
  if (!has_slots_) {
    std::fill_n(is_written, targets, uint8_t{0});
    for (size_t t = 0; t < forest.tree_count; ++t)
      add_leaf(sums, is_written, first_leaf_[t] + static_cast<uint32_t>(payloads[t]));
  } else if (is_direct_) {
    Value sum = 0;
    for (size_t t = 0; t < forest.tree_count; ++t) {
      float weight;
      std::memcpy(&weight, payloads + t, sizeof(weight));
      sum += weight;
    }
    sums[0] = sum;
    is_written[0] = 1;
  } else {
    std::copy(is_written_.begin(), is_written_.end(), is_written);
    for (size_t t = 0; t < forest.tree_count; ++t)
      for (uint32_t s = 0; s < forest.trees[t].slot_count; ++s) {
        const kernel::ForestSlot& slot = forest.slots[forest.trees[t].first_slot + s];
        sums[slot.target] += forest.values[slot.first_value + static_cast<uint32_t>(payloads[t])];
      }
  }
  finish_row(sums, is_written, scores, label);
}

// With slots the sums lie by target, kBlockRows each; without, by row. Those of the row that is finished lie behind
// them.
template <typename Value>
void TreeEnsemble::run_block(const void* input, size_t rows, std::byte* scores, int64_t* labels, Scratch& scratch,
                             const kernel::TreeKernels& kernels) const noexcept {
  const size_t targets = finish_.target_count();
  const size_t row_bytes = targets * dtype_size_bytes(output_dtype_);
  const kernel::Forest forest = arrangement_.forest(is_direct_);
  int32_t* const keys = scratch.keys.data();
  if constexpr (std::is_same_v<Value, float>)
    columns_.make_block(keys, values_of<float>(input, rows, scratch), features_, rows, kernels);
  else
    columns_.make_block(keys, values_of<double>(input, rows, scratch), features_, rows);
  auto* const sums = scratch.sums_as<Value>();
  Value* const row_sums = sums + targets * kBlockRows;
  uint8_t* const is_written = scratch.is_written.data();
  std::fill_n(sums, targets * kBlockRows, Value{0});
  if constexpr (std::is_same_v<Value, float>) {
    if (has_slots_) kernels.add_block(sums, forest, keys, rows);
  }
  if (!has_slots_) {
    std::fill_n(is_written, targets * kBlockRows, uint8_t{0});
    for (size_t t = 0; t < forest.tree_count; ++t) {
      kernels.find_block(scratch.leaves.data(), forest, t, keys, rows);
      for (size_t r = 0; r < rows; ++r)
        add_leaf(sums + r * targets, is_written + r * targets, first_leaf_[t] + scratch.leaves[r]);
    }
  }
  for (size_t r = 0; r < rows; ++r) {
    int64_t* const label = labels == nullptr ? nullptr : labels + r;
    if (!has_slots_) {
      finish_row(sums + r * targets, is_written + r * targets, scores + r * row_bytes, label);
      continue;
    }
    for (size_t k = 0; k < targets; ++k) row_sums[k] = sums[k * kBlockRows + r];
    std::copy(is_written_.begin(), is_written_.end(), is_written);
    finish_row(row_sums, is_written, scores + r * row_bytes, label);
  }
}

bool TreeEnsemble::run(const void* input, size_t rows, void* scores, int64_t* labels,
                       kernel::SimdLevel level) const noexcept {
  thread_local Scratch scratch;
  const bool is_double = value_dtype_ == Dtype::kFloat64;
  const size_t targets = finish_.target_count();
  const size_t value_bytes = dtype_size_bytes(value_dtype_);
  try {
    Scratch::grow(scratch.keys, columns_.size() * kBlockRows);
    Scratch::grow(scratch.payloads, arrangement_.trees.size());
    Scratch::grow(scratch.values, std::min(rows, kBlockRows) * features_ * value_bytes);
    Scratch::grow(scratch.sums, targets * (kBlockRows + 1) * value_bytes);
    Scratch::grow(scratch.is_written, targets * kBlockRows);
    Scratch::grow(scratch.leaves, kBlockRows);
  } catch (const std::bad_alloc&) {
    return false;
  }
  const kernel::TreeKernels& kernels = kernel::tree_kernels_at(level);
  const size_t input_bytes = features_ * dtype_size_bytes(input_dtype_);
  const size_t score_bytes = targets * dtype_size_bytes(output_dtype_);
  const auto* source = static_cast<const std::byte*>(input);
  auto* target = static_cast<std::byte*>(scores);
  while (rows > 0) {
    const size_t count = rows < kBlockRowsMin ? 1 : std::min(rows, kBlockRows);
    if (count > 1)
      is_double ? run_block<double>(source, count, target, labels, scratch, kernels)
                : run_block<float>(source, count, target, labels, scratch, kernels);
    else
      is_double ? run_row<double>(source, target, labels, scratch, kernels)
                : run_row<float>(source, target, labels, scratch, kernels);
    rows -= count;
    source += count * input_bytes;
    target += count * score_bytes;
    if (labels != nullptr) labels += count;
  }
  return true;
}

const char* TreeEnsemble::many_rows_kernel() const {
  bool has_bits = false, has_tails = false;
  for (const kernel::ForestTree& tree : arrangement_.trees) (tree.has_tail ? has_tails : has_bits) = true;
  if (kernel::active_level() == kernel::SimdLevel::kScalar) return "scalar";
  return !has_tails ? "bits" : has_bits ? "bits, and bits with tails" : "bits with tails";
}

const char* TreeEnsemble::few_rows_kernel() const {
  return kernel::active_level() == kernel::SimdLevel::kScalar ? "scalar" : "trees in turn";
}
}  // namespace penstock::trees
