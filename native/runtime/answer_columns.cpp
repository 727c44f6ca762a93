#include "runtime/answer_columns.hpp"

#include "core/assert.hpp"
#include "core/block.hpp"
#include "transform/run.hpp"

namespace penstock {
bool AnswerColumns::make(const ColumnForm& form, const Request& request) noexcept {
  const transform::TransformProgram& program = *form.output();
  const size_t rows = request.rows;
  answer_bytes_ = rows * (form.answer_row_bytes() + form.output_row_bytes());
  outputs_.assign(program.input_count(), transform::Column{});
  // Enough for all of them with what aligns each.
  if (!rows_.reserve(rows * form.answer_row_bytes() + outputs_.size() * sizeof(uint64_t))) return false;
  size_t at = 0;
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const size_t row_bytes = program.values()[i].row_bytes();
    TensorShape shape;
    if (!shape_of(request, request.plan->answer[i], shape) || (rows > 0 && shape.row_bytes != row_bytes)) return false;
    at = align_up(at, sizeof(uint64_t));
    outputs_[i].data = rows_.data() + at;
    gather(request, request.plan->answer[i], row_bytes, rows_.data() + at);
    at += rows * row_bytes;
  }
  if (transform::run(program, outputs_, request.rows, scratch_) != transform::RunStatus::kDone) return false;
  PENSTOCK_ASSERT(scratch_.error_count() == 0);
  return true;
}

void AnswerColumns::trim() noexcept {
  constexpr size_t kKeptBytes = size_t{1} << 20;
  if (answer_bytes_ <= kKeptBytes) return;
  rows_ = {};
  scratch_ = {};
}
}  // namespace penstock
