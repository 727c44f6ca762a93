// Runs a transform program over whole columns.
#pragma once
#include <span>

#include "transform/program.hpp"
#include "transform/scratch.hpp"

namespace penstock::transform {
enum class RunStatus : uint8_t {
  kDone,
  kNoMemory,
  kTextsTooLong,  // the texts of an output are more than 2^31 - 1 bytes
};

// `inputs` are the program's, of `rows` rows, lent for the call and until the scratch's results are read: an output
// that is an input points at it. `targets`, where there are some, are where outputs of numbers are written instead of
// into the scratch: one for each output, null for none, rows * row_bytes() bytes, aligned to the element. Results,
// failures and failed rows are the scratch's. Rows that fail leave the others alone. One thread at a time for a
// scratch.
RunStatus run(const TransformProgram& program, std::span<const Column> inputs, uint32_t rows, TransformScratch& scratch,
              std::span<std::byte* const> targets = {}) noexcept;
}  // namespace penstock::transform
