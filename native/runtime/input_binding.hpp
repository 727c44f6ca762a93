// Binds a stage's inputs: rows of a request are appended to the open batches of the models that its plan chose for
// them. Only the executor uses it.
#pragma once
#include <span>

#include "runtime/executor.hpp"

namespace penstock {
// Rows of the request that branch `option` of the node `position` gets.
uint32_t count_rows(const Request& request, const Position& position, size_t option) noexcept;

// Calls visit(queue, rows) for every branch of the nodes that gets rows.
template <typename Visit>
void for_each_option(const Request& request, const Stage& stage, std::span<const uint16_t> positions, Visit&& visit) {
  for (const uint16_t p : positions) {
    const Position& position = stage.positions[p];
    for (size_t option = 0; option < position.options.size(); ++option) {
      const uint32_t rows = count_rows(request, position, option);
      if (rows > 0) visit(*position.options[option].queue, rows);
    }
  }
}

// Binds the request's current stage: the foreground's rows are reserved in their queues already, the background is shed
// where its queues are full. `submission`: where stage 0 finds its rows; null later. The caller holds the continuation
// and is left with one token of foreground_rows.
void start_stage(Request& request, const Submission* submission, Publisher& publisher);
// The background node will have no output.
void lose_position(Request& request, const Stage& stage, uint16_t position) noexcept;
}  // namespace penstock
