#include "plan/column_form.hpp"

#include <algorithm>
#include <utility>

#include "plan/plan.hpp"

namespace penstock {
namespace {
using transform::TransformProgram;
using transform::ValueType;

bool are_outputs(const TransformProgram* program, const std::vector<size_t>& columns) noexcept {
  if (program == nullptr) return columns.empty();
  const auto is_output = [&](size_t column) { return column < program->outputs().size(); };
  return !columns.empty() && std::all_of(columns.begin(), columns.end(), is_output);
}

// Elements of a row when the dims that are free take the next of `free_dims`; -1: there are too few of them.
int64_t elements_of(const Field& field, const std::vector<int64_t>& free_dims, size_t& free_index) noexcept {
  int64_t count = 1;
  for (const int64_t field_dim : field.dims) {
    if (field_dim < 0 && free_index == free_dims.size()) return -1;
    const int64_t dim = field_dim < 0 ? free_dims[free_index++] : field_dim;
    if (dim < 0 || __builtin_mul_overflow(count, dim, &count)) return -1;
  }
  return count;
}

bool is_tensor(const ValueType& type, const Field& field, int64_t elements) noexcept {
  return !type.is_text() && type.dtype == field.dtype && int64_t{type.width} == elements;
}
}  // namespace

std::shared_ptr<const ColumnForm> ColumnForm::make(ColumnFormOptions options, std::string& fault) {
  auto form = std::make_shared<ColumnForm>(std::move(options));
  fault = form->fault_of();
  if (!fault.empty()) return nullptr;
  form->count_rows();
  return form;
}

std::string ColumnForm::fault_of() const {
  if (input() == nullptr && output() == nullptr) return "columns need a program";
  if (!are_outputs(input(), input_columns())) return "an input is no output of its program";
  if (!are_outputs(output(), output_columns())) return "a column of the answer is no output of its program";
  if (output() == nullptr) return "";
  // Results carry no text, and an answer that was given cannot be refused any more.
  if (output()->may_fail()) return "the program behind the models may fail a row";
  for (const size_t column : output_columns())
    if (output()->output_type(column).is_text()) return "the program behind the models makes texts";
  return "";
}

void ColumnForm::count_rows() {
  if (input() != nullptr) {
    for (const ValueType& type : input()->values().first(input()->input_count())) {
      if (!type.is_text()) continue;
      row_texts_ += type.width;
      ++text_columns_;
    }
    for (const size_t column : input_columns()) tensor_row_bytes_.push_back(input()->output_type(column).row_bytes());
  }
  if (output() == nullptr) return;
  for (const ValueType& type : output()->values().first(output()->input_count())) answer_row_bytes_ += type.row_bytes();
  for (const size_t column : output_columns()) output_row_bytes_ += output()->output_type(column).row_bytes();
}

std::string ColumnForm::fault_for(const Plan& plan) const {
  if (plan.is_non_batching) return "columns are of rows";
  size_t free_index = 0;
  if (input() != nullptr) {
    if (input_columns().size() != plan.inputs.size()) return "the columns make other inputs than the plan has";
    for (size_t i = 0; i < plan.inputs.size(); ++i) {
      const ValueType& type = input()->output_type(input_columns()[i]);
      if (type.is_nullable || !is_tensor(type, plan.inputs[i], elements_of(plan.inputs[i], free_dims(), free_index)))
        return "a column is not what its input takes";
    }
  }
  if (free_index != free_dims().size()) return "the columns have other free dims than the plan";
  if (output() == nullptr) return "";
  if (output()->input_count() != plan.answer.size()) return "the program behind the models takes another answer";
  for (size_t i = 0; i < plan.answer.size(); ++i) {
    size_t no_index = 0;
    const Field& field = plan.answer[i].common;
    const ValueType& type = output()->values()[i];
    if (type.is_nullable || !is_tensor(type, field, elements_of(field, {}, no_index)))
      return "the program behind the models takes another output";
  }
  return "";
}
}  // namespace penstock
