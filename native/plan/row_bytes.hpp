// How many bytes a row of a plan makes its batches hold: in the inputs and outputs of every model that it runs at a
// time. Pure arithmetic; runtime/held_bytes.hpp charges it to the budget.
#pragma once
#include <algorithm>
#include <cstddef>

#include "plan/plan.hpp"

namespace penstock {
// What one row takes at a node, by the branch that holds most; `unplaced`: the outputs whose size is known after a run.
struct RowBytes {
  size_t held = 0;
  size_t unplaced = 0;
};

// free_bytes(queue's field, binding): of an input whose dims the model leaves free.
template <typename FreeBytes>
RowBytes row_bytes_at(const Position& position, FreeBytes&& free_bytes) noexcept {
  RowBytes most;
  for (const Option& option : position.options) {
    const ModelQueue& queue = *option.queue;
    size_t input = 0;
    size_t free_input = 0;
    for (size_t i = 0; i < option.bindings.size(); ++i) {
      const Field& field = queue.options.inputs[i];
      if (field.is_static())
        input += row_bytes_of(field.dtype, field.dims).value_or(0);
      else
        free_input += free_bytes(field, option.bindings[i]);
    }
    const size_t unplaced = queue.expected_output_bytes(input + free_input);
    most.held = std::max(most.held, queue.static_row_bytes + free_input + unplaced);
    most.unplaced = std::max(most.unplaced, unplaced);
  }
  return most;
}

// Bytes a row that a model's input takes of the request's, of which `input_row_bytes` are given by input.
size_t bound_row_bytes(const Plan& plan, const size_t* input_row_bytes, const Field& field,
                       const InputBinding& binding) noexcept;

// What one row takes in the foreground, when it holds most: a stage, the next one whose inputs are bound from it, and
// what is read again later. `input_row_bytes`: of the request, by input; null for what does not depend on it.
size_t held_row_bytes(const Plan& plan, const size_t* input_row_bytes) noexcept;
}  // namespace penstock
