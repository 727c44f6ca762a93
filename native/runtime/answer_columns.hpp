// What callers get of an answered request where a program stands behind the models of its plan: the program, run over
// the outputs where they lie in their batches. Memory: its own, kept from answer to answer unless one took unusually
// much. Thread: one at a time.
#pragma once
#include <cstddef>
#include <vector>

#include "plan/column_form.hpp"
#include "runtime/request.hpp"
#include "transform/scratch.hpp"

namespace penstock {
class AnswerColumns {
 public:
  // Runs form.output(), which fails no row. False: there is no memory, or the rows of an output have different shapes.
  bool make(const ColumnForm& form, const Request& request) noexcept;
  // All rows of the column at `index` of what the caller gets; until the next call of the other two.
  const std::byte* column(const ColumnForm& form, size_t index) const noexcept {
    return scratch_.outputs()[form.output_columns()[index]].data;
  }
  // Gives back what an unusually large answer took.
  void trim() noexcept;

 private:
  std::vector<transform::Column> outputs_;
  transform::GrowingBytes rows_;
  transform::TransformScratch scratch_;
  size_t answer_bytes_ = 0;
};
}  // namespace penstock
