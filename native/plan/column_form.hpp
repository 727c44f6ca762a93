// What callers of a plan send and get where transform programs stand before its models, or behind them: columns, which
// one program makes tensors of the plan's inputs of, and another the columns of the answer of the plan's outputs.
//
//   columns of a caller ─ input ─► tensors of the plan's inputs ─► plan ─► its answer ─ output ─► what the caller gets
//
// Compiled at a deploy (src/engine/deploy/native-columns.ts), immutable afterwards, shared by whoever runs a program.
// Every other pipeline has none: callers of it send the plan's own inputs, or JavaScript prepares their requests.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "transform/program.hpp"

namespace penstock {
struct Plan;

struct ColumnFormOptions {
  std::shared_ptr<const transform::TransformProgram> input;  // null: callers send the plan's inputs
  std::vector<size_t> input_columns;                         // by input of the plan: which output of `input` it is
  std::vector<int64_t> free_dims;  // those of the plan's inputs beyond the row axis, in order: what the columns have
  std::shared_ptr<const transform::TransformProgram> output;  // null: callers get the plan's outputs
  std::vector<size_t> output_columns;                         // what callers get, in order: outputs of `output`
  std::string signature;  // what a client packs its requests for and reads its results by, as text
};

class ColumnForm {
 public:
  // Null, with a sentence in `fault`: the programs do not fit the lists, or callers could not be given the outputs.
  static std::shared_ptr<const ColumnForm> make(ColumnFormOptions options, std::string& fault);
  explicit ColumnForm(ColumnFormOptions options) : options_(std::move(options)) {}

  // Empty when the plan's inputs and answer are those of the programs, else what is wrong. The plan is sealed so far
  // that its answer's fields are known.
  std::string fault_for(const Plan& plan) const;

  const transform::TransformProgram* input() const noexcept { return options_.input.get(); }
  const transform::TransformProgram* output() const noexcept { return options_.output.get(); }
  const std::vector<size_t>& input_columns() const noexcept { return options_.input_columns; }
  const std::vector<size_t>& output_columns() const noexcept { return options_.output_columns; }
  const std::vector<int64_t>& free_dims() const noexcept { return options_.free_dims; }
  std::string_view signature() const noexcept { return options_.signature; }

  // ── what one row of a request has ──────────────────────────────────────────────────────────────────────────────────
  // Texts among its columns, and the columns of them.
  size_t row_texts() const noexcept { return row_texts_; }
  size_t text_columns() const noexcept { return text_columns_; }
  // By input of the plan.
  const std::vector<size_t>& tensor_row_bytes() const noexcept { return tensor_row_bytes_; }
  // All that `output` reads of the plan's answer, and all that the caller gets.
  size_t answer_row_bytes() const noexcept { return answer_row_bytes_; }
  size_t output_row_bytes() const noexcept { return output_row_bytes_; }

 private:
  std::string fault_of() const;
  void count_rows();

  ColumnFormOptions options_;
  size_t row_texts_ = 0;
  size_t text_columns_ = 0;
  std::vector<size_t> tensor_row_bytes_;
  size_t answer_row_bytes_ = 0;
  size_t output_row_bytes_ = 0;
};
}  // namespace penstock
