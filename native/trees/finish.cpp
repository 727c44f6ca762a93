#include "trees/finish.hpp"

#include <cmath>
#include <limits>

namespace penstock::trees {
namespace {
// How two scores are made of one: ONNX Runtime's add_second_class.
constexpr int kNoSecond = -1;
constexpr int kComplementMax = 1;  // 0 and 1: 1 - score and score; above: -score and score

float logistic(float value) noexcept {
  const float positive = 1 / (1 + std::exp(-std::abs(value)));
  return value < 0 ? 1 - positive : positive;
}

// @source S. Winitzki, "A handy approximation for the error function and its inverse" (2008), equation 7, as ONNX
// Runtime evaluates it.
float inverse_erf(float x) noexcept {
  const float sign = x < 0 ? -1.0f : 1.0f;
  const float log = std::log((1 - x) * (1 + x));
  const float v = 2 / (3.14159274f * 0.147f) + 0.5f * log;
  const float v2 = 1 / (0.147f) * log;
  const float v3 = -v + std::sqrt(v * v - v2);
  return sign * std::sqrt(v3);
}
float probit(float value) noexcept {
  return 1.41421356f * inverse_erf(2 * value - 1);
}

template <typename Value>
Value read(const RowScores<Value>& row, size_t i) noexcept {
  return row.is_written[i] != 0 ? row.scores[i] : Value{0};
}
template <typename Value>
void write(const RowScores<Value>& row, size_t i, Value value) noexcept {
  row.scores[i] = value;
  row.is_written[i] = 1;
}
template <typename Value>
float largest(const RowScores<Value>& row, size_t count) noexcept {
  float most = -std::numeric_limits<float>::max();
  for (size_t i = 0; i < count; ++i)
    if (static_cast<float>(read(row, i)) > most) most = static_cast<float>(read(row, i));
  return most;
}

template <typename Value>
void softmax(const RowScores<Value>& row, size_t count) noexcept {
  const float most = largest(row, count);
  float sum = 0;
  for (size_t i = 0; i < count; ++i) {
    write(row, i, static_cast<Value>(std::exp(static_cast<float>(read(row, i)) - most)));
    sum += static_cast<float>(read(row, i));
  }
  for (size_t i = 0; i < count; ++i) write(row, i, static_cast<Value>(static_cast<float>(read(row, i)) / sum));
}

template <typename Value>
void softmax_zero(const RowScores<Value>& row, size_t count) noexcept {
  const float most = largest(row, count);
  const float shrink = std::exp(-most);
  float sum = 0;
  for (size_t i = 0; i < count; ++i) {
    const auto score = static_cast<float>(read(row, i));
    if (score > 0.0000001f || score < -0.0000001f) {
      write(row, i, static_cast<Value>(std::exp(score - most)));
      sum += static_cast<float>(read(row, i));
    } else {
      write(row, i, static_cast<Value>(read(row, i) * static_cast<Value>(shrink)));
    }
  }
  for (size_t i = 0; i < count; ++i) write(row, i, static_cast<Value>(read(row, i) / static_cast<Value>(sum)));
}

template <typename Value, typename Output>
void write_many(const RowScores<Value>& row, size_t count, TreePostTransform transform, Output* output) noexcept {
  if (transform == TreePostTransform::kSoftmax) softmax(row, count);
  if (transform == TreePostTransform::kSoftmaxZero) softmax_zero(row, count);
  for (size_t i = 0; i < count; ++i) {
    const Value score = read(row, i);
    if (transform == TreePostTransform::kProbit)
      output[i] = static_cast<Output>(probit(static_cast<float>(score)));
    else if (transform == TreePostTransform::kLogistic)
      output[i] = static_cast<Output>(logistic(static_cast<float>(score)));
    else
      output[i] = static_cast<Output>(score);
  }
}

// One score, of which `form` may make two.
template <typename Value, typename Output>
void write_one(Value score, TreePostTransform transform, int form, Output* output) noexcept {
  if (transform == TreePostTransform::kProbit) {
    output[0] = static_cast<Output>(probit(static_cast<float>(score)));
  } else if (form == kNoSecond) {
    output[0] = static_cast<Output>(score);
  } else if (transform == TreePostTransform::kLogistic) {
    output[0] = static_cast<Output>(logistic(static_cast<float>(-score)));
    output[1] = static_cast<Output>(logistic(static_cast<float>(score)));
  } else if (form <= kComplementMax) {
    output[0] = static_cast<Output>(1 - score);
    output[1] = static_cast<Output>(score);
  } else {
    output[0] = static_cast<Output>(-score);
    output[1] = static_cast<Output>(score);
  }
}
}  // namespace

Finish::Finish(const TreesSpec& spec)
    : kind_(spec.kind),
      aggregate_(spec.kind == TreeKind::kClassifier ? TreeAggregate::kSum : spec.aggregate),
      post_transform_(spec.post_transform),
      targets_(spec.target_count),
      tree_count_(spec.roots.size()),
      bases_(spec.base_values),
      labels_(spec.class_labels) {
  bool has_one_class = !spec.targets.empty();
  for (size_t i = 0; i < spec.weights.size(); ++i) {
    has_one_class = has_one_class && spec.targets[i] == spec.targets[0];
    if (spec.weights[i] < 0) is_all_positive_ = false;
  }
  is_binary_ = targets_ == 2 && has_one_class;
}

std::string Finish::fault(const std::vector<uint8_t>& always) const {
  if (kind_ != TreeKind::kClassifier) return {};
  if (targets_ > 2) {
    for (const uint8_t is_always : always)
      if (is_always != 0 || !bases_.empty()) return {};
    return "classes of which a row may have no score at all";
  }
  if (targets_ < 2 || always[1] != 0 || bases_.size() == 2) return {};
  if (post_transform_ == TreePostTransform::kProbit || (bases_.size() == 1 && !is_binary_))
    return "two classes of which a row may have one score, without a rule for the other";
  return {};
}

template <typename Value, typename Output>
void Finish::finish_regressor(RowScores<Value> row, Output* output) const noexcept {
  const bool is_least_or_most = aggregate_ == TreeAggregate::kMin || aggregate_ == TreeAggregate::kMax;
  for (size_t i = 0; i < targets_; ++i) {
    Value& score = row.scores[i];
    if (aggregate_ == TreeAggregate::kAverage) score /= static_cast<Value>(tree_count_);
    if (is_least_or_most && row.is_written[i] == 0) score = 0;
    if (!bases_.empty())
      score += static_cast<Value>(bases_[i]);
    else if (targets_ == 1 || is_least_or_most)
      score += Value{0};  // -0 becomes 0
  }
  if (targets_ == 1)
    write_one(row.scores[0], post_transform_ == TreePostTransform::kProbit ? post_transform_ : TreePostTransform::kNone,
              kNoSecond, output);
  else
    write_many(row, targets_, post_transform_, output);
}

template <typename Value>
int64_t Finish::binary_label(Value score, int& form) const noexcept {
  if (!is_binary_) return score > 0 ? 1 : 0;  // not a label of the model's: ONNX Runtime says 0 and 1
  const bool is_positive = is_all_positive_ ? static_cast<double>(score) > 0.5 : score > 0;
  form = (is_all_positive_ ? 0 : 2) + (is_positive ? 0 : 1);
  return labels_[is_positive ? 1 : 0];
}

template <typename Value, typename Output>
int64_t Finish::finish_one(RowScores<Value> row, Output* output) const noexcept {
  Value score = row.scores[0];
  if (!bases_.empty()) score += static_cast<Value>(bases_[0]);
  int form = kNoSecond;
  const int64_t label = binary_label(score, form);
  write_one(score, post_transform_, form, output);
  return label;
}

template <typename Value, typename Output>
int64_t Finish::finish_two(RowScores<Value> row, Output* output) const noexcept {
  int form = kNoSecond;
  bool has_second = true;
  if (bases_.size() == 2) {
    if (row.is_written[1] != 0) {
      row.scores[1] = static_cast<Value>(bases_[1]) + row.scores[0];
      row.scores[0] = -row.scores[1];
    } else {
      row.scores[1] += static_cast<Value>(bases_[1]);
      row.scores[0] += static_cast<Value>(bases_[0]);
    }
  } else {
    if (bases_.size() == 1)
      row.scores[0] += static_cast<Value>(bases_[0]);
    else
      form = 3;
    has_second = row.is_written[1] != 0;
  }
  const bool takes_second = has_second && row.is_written[1] != 0;
  const int64_t label = binary_label(takes_second ? row.scores[1] : read(row, 0), form);
  if (has_second)
    write_many(row, 2, post_transform_, output);
  else
    write_one(read(row, 0), post_transform_, form, output);
  return label;
}

template <typename Value, typename Output>
int64_t Finish::finish_classes(RowScores<Value> row, Output* output) const noexcept {
  for (size_t i = 0; i < bases_.size(); ++i)
    write(row, i,
          row.is_written[i] != 0 ? row.scores[i] + static_cast<Value>(bases_[i]) : static_cast<Value>(bases_[i]));
  size_t best = targets_;
  Value most = 0;
  for (size_t i = 0; i < targets_; ++i)
    if (row.is_written[i] != 0 && (best == targets_ || row.scores[i] > most)) {
      best = i;
      most = row.scores[i];
    }
  write_many(row, targets_, post_transform_, output);
  return labels_[best < targets_ ? best : 0];
}

template <typename Value, typename Output>
void Finish::finish(RowScores<Value> row, Output* output, int64_t* label) const noexcept {
  if (kind_ == TreeKind::kRegressor) return finish_regressor(row, output);
  int64_t chosen = 0;
  if (targets_ > 2)
    chosen = finish_classes(row, output);
  else
    chosen = targets_ == 2 ? finish_two(row, output) : finish_one(row, output);
  if (label != nullptr) *label = chosen;
}

template void Finish::finish(RowScores<float>, float*, int64_t*) const noexcept;
template void Finish::finish(RowScores<float>, double*, int64_t*) const noexcept;
template void Finish::finish(RowScores<double>, float*, int64_t*) const noexcept;
template void Finish::finish(RowScores<double>, double*, int64_t*) const noexcept;
}  // namespace penstock::trees
