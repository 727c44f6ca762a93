#include "plan/row_bytes.hpp"

#include <array>

#include "core/assert.hpp"
#include "core/boundary_codes.hpp"

namespace penstock {
namespace {}

size_t bound_row_bytes(const Plan& plan, const size_t* input_row_bytes, const Field& field,
                       const InputBinding& binding) noexcept {
  const size_t bytes = input_row_bytes[binding.request_input];
  return bytes / dtype_size_bytes(plan.inputs[binding.request_input].dtype) * dtype_size_bytes(field.dtype);
}

size_t held_row_bytes(const Plan& plan, const size_t* input_row_bytes) noexcept {
  std::array<size_t, kPositionsMax> unplaced{};
  size_t most = 0;
  size_t retained = 0;
  size_t before = 0;  // the stage before, unless it counts as retained
  for (const Stage& stage : plan.stages) {
    size_t held = 0;
    for (const uint16_t p : stage.foreground) {
      const RowBytes bytes =
          row_bytes_at(stage.positions[p], [&](const Field& field, const InputBinding& binding) -> size_t {
            if (binding.is_from_request)
              return input_row_bytes == nullptr ? 0 : bound_row_bytes(plan, input_row_bytes, field, binding);
            const Stage& from = plan.stages[binding.source.stage];
            return unplaced[from.first_position + binding.source.position];
          });
      PENSTOCK_DEBUG_ASSERT(stage.first_position + p < kPositionsMax);
      unplaced[stage.first_position + p] = bytes.unplaced;
      held += bytes.held;
    }
    most = std::max(most, retained + before + held);
    before = stage.is_retained ? 0 : held;
    retained += stage.is_retained ? held : 0;
  }
  return most;
}
}  // namespace penstock
