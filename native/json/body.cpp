#include "json/body.hpp"

#include <algorithm>
#include <limits>

#include "core/boundary_codes.hpp"
#include "json/text/number.hpp"

namespace penstock::json {
namespace {
// Arrays that the reader in TypeScript would hold as JavaScript values: it may refuse more (JSON_CONTAINERS_MAX), so
// such bodies go there.
constexpr size_t kArraysMax = size_t{1} << 19;

// Dtypes that it reads without such values.
bool is_fast(Dtype dtype) noexcept {
  return dtype != Dtype::kInt64 && dtype != Dtype::kUint64 && dtype != Dtype::kFloat16 && dtype != Dtype::kBfloat16 &&
         dtype != Dtype::kBool;
}

// A string without escapes and control characters: its bytes are its text.
bool read_plain_string(Cursor& cursor, std::string_view& text) noexcept {
  if (!cursor.take('"')) return false;
  const char* const first = cursor.at;
  while (cursor.at < cursor.end && *cursor.at != '"') {
    if (*cursor.at == '\\' || static_cast<unsigned char>(*cursor.at) < 0x20) return false;
    ++cursor.at;
  }
  if (cursor.at == cursor.end) return false;
  text = {first, static_cast<size_t>(cursor.at - first)};
  ++cursor.at;
  return true;
}

bool matches(const std::vector<int64_t>& field, const int64_t* dims) noexcept {
  for (size_t i = 0; i < field.size(); ++i)
    if (field[i] >= 0 && field[i] != dims[i]) return false;
  return true;
}
}  // namespace

bool Body::read(std::string_view text, const Plan& plan, const AnswerForm& form) {
  plan_ = &plan;
  form_ = &form;
  if (inputs_.size() < plan.inputs.size()) inputs_.resize(plan.inputs.size());
  for (Input& input : inputs_) input.is_read = false;
  array_count_ = 0;
  has_bare_inputs_ = has_inner_inputs_ = has_options_ = has_priority_ = false;
  deadline_ms_ = 0;
  priority_ = Priority::kInteractive;
  Cursor cursor{text.data(), text.data() + text.size()};
  if (!read_object(cursor, false) || cursor.peek() != '\0' || cursor.at != cursor.end) return false;
  return has_bare_inputs_ != has_inner_inputs_ && (has_inner_inputs_ || !has_options_) && fit_all();
}

bool Body::read_object(Cursor& cursor, bool is_inner) {
  if (!cursor.take('{')) return false;
  do {
    std::string_view key;
    if (!read_plain_string(cursor, key) || !cursor.take(':') || !read_member(cursor, key, is_inner)) return false;
  } while (cursor.take(','));
  return cursor.take('}');
}

bool Body::read_member(Cursor& cursor, std::string_view key, bool is_inner) {
  const std::vector<std::string>& names = form_->input_names;
  const size_t index = static_cast<size_t>(std::find(names.begin(), names.end(), key) - names.begin());
  if (index < names.size()) {
    (is_inner ? has_inner_inputs_ : has_bare_inputs_) = true;
    return read_input(cursor, index);
  }
  if (is_inner) return false;
  if (key == "inputs" && !has_inner_inputs_) return read_object(cursor, true);
  has_options_ = true;
  return read_option(cursor, key);
}

bool Body::read_input(Cursor& cursor, size_t index) {
  Input& input = inputs_[index];
  if (input.is_read) return false;
  input.is_read = true;
  const Field& field = plan_->inputs[index];
  size_t count_max = plan_->is_non_batching ? 1 : plan_->request_rows_max;
  for (const int64_t dim : field.dims)
    if (dim < 0 || __builtin_mul_overflow(count_max, static_cast<size_t>(dim), &count_max))
      count_max = std::numeric_limits<size_t>::max();
  if (!read_nest(cursor, field.dtype, count_max, input.elements, input.nest)) return false;
  if (!is_fast(field.dtype)) array_count_ += input.nest.arrays;
  return array_count_ <= kArraysMax;
}

bool Body::read_option(Cursor& cursor, std::string_view key) {
  if (key == "deadlineMs" && deadline_ms_ == 0) {
    double value = 0;
    cursor.skip_space();
    if (!read_number(cursor.at, cursor.end, value)) return false;
    if (!(value >= 1 && value <= static_cast<double>(kDeadlineMsMax))) return false;
    deadline_ms_ = static_cast<int64_t>(value);
    return static_cast<double>(deadline_ms_) == value;
  }
  if (key != "priority" || has_priority_) return false;
  has_priority_ = true;
  std::string_view priority;
  if (!read_plain_string(cursor, priority)) return false;
  priority_ = priority == "background" ? Priority::kBackground : Priority::kInteractive;
  return priority == "background" || priority == "interactive";
}

// Rows and free dims, as admission.ts and convert.ts take them from nests.
bool Body::fit_all() {
  const Plan& plan = *plan_;
  pointers_.clear();
  row_bytes_.clear();
  free_dims_.clear();
  for (size_t i = 0; i < plan.inputs.size(); ++i)
    if (!inputs_[i].is_read || !fit(plan.inputs[i], inputs_[i].nest, i)) return false;
  return true;
}

bool Body::fit(const Field& field, const Nest& nest, size_t index) {
  const size_t rank = field.dims.size();
  const int64_t* dims = nest.dims.data();
  int64_t rows = 1;
  if (plan_->is_non_batching) {
    if (nest.rank != rank || !matches(field.dims, dims)) return false;
  } else if (nest.rank == rank + 1 && matches(field.dims, dims + 1)) {
    rows = *dims++;
  } else if (nest.rank == rank && rank > 0 && matches(field.dims, dims)) {
    // One row without the row axis.
  } else if (nest.rank == 1 && field.is_static()) {
    // Flat: as many rows as it divides into.
    int64_t row_count = 1;
    for (const int64_t dim : field.dims)
      if (__builtin_mul_overflow(row_count, dim, &row_count)) return false;
    if (*dims % row_count != 0) return false;
    rows = *dims / row_count;
    dims = field.dims.data();
  } else {
    return false;
  }
  if (rows < 1 || rows > (plan_->is_non_batching ? 1 : int64_t{plan_->request_rows_max})) return false;
  if (index > 0 && rows != int64_t{rows_}) return false;
  rows_ = static_cast<uint32_t>(rows);
  for (size_t d = 0; d < rank; ++d)
    if (field.dims[d] < 0) free_dims_.push_back(dims[d]);
  pointers_.push_back(inputs_[index].elements.data());
  row_bytes_.push_back(nest.count / static_cast<size_t>(rows) * dtype_size_bytes(field.dtype));
  return true;
}

Submission Body::submission() const noexcept {
  Submission submission;
  submission.inputs = pointers_.data();
  submission.row_bytes = row_bytes_.data();
  submission.free_dims = free_dims_.data();
  submission.rows = rows_;
  submission.priority = priority_;
  return submission;
}

void Body::trim() noexcept {
  for (Input& input : inputs_) input.elements.trim();
}
}  // namespace penstock::json
