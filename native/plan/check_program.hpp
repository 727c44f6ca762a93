// A compiled check: a stack machine over float64 that reads rows and says on which of them the check failed. Each
// instruction is done for a block of rows before the next is looked at: row by row, dispatching instructions cost ten
// times what they do. Opcodes come from src/pipeline/check-opcodes.json; the TypeScript evaluator of the same
// expressions is the reference it is tested with. `validate` proves once that no run can leave the stack or the tables,
// so that `run` checks nothing.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/dtype_codes.hpp"
#include "plan/check_opcodes.hpp"

namespace penstock {
// Rows of one tensor, one behind the other.
struct RowsView {
  const std::byte* data = nullptr;
  size_t row_bytes = 0;
  Dtype dtype = Dtype::kFloat32;
};

class CheckProgram {
 public:
  static constexpr uint32_t kBlockRows = 32;

  struct Instruction {
    Opcode opcode;
    int32_t a;
    int32_t b;
  };

  std::vector<Instruction> code;
  std::vector<double> constants;

  // Empty when sound, else what is wrong.
  std::string validate(size_t source_count) const;
  // sources[i] are `count` rows of source i, 1..kBlockRows. Bit r of the result: the check failed on row r.
  uint32_t run(std::span<const RowsView> sources, uint32_t count) const noexcept;
};
}  // namespace penstock
