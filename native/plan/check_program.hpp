// A compiled check: a stack machine over float64 that reads one row and says whether the check failed. Opcodes come
// from src/pipeline/check-opcodes.json; the TypeScript evaluator of the same expressions is the reference it is tested
// with. `validate` proves once that no run can leave the stack or the tables, so that `run` checks nothing.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/dtype_codes.hpp"
#include "plan/check_opcodes.hpp"

namespace penstock {
// One row of a tensor.
struct RowView {
  const std::byte* data = nullptr;
  size_t elements = 0;
  Dtype dtype = Dtype::kFloat32;
};

class CheckProgram {
 public:
  static constexpr size_t kStackMax = 64;
  static constexpr size_t kInstructionsMax = 4096;

  struct Instruction {
    Opcode opcode;
    int32_t a;
    int32_t b;
  };

  std::vector<Instruction> code;
  std::vector<double> constants;

  // Empty when sound, else what is wrong.
  std::string validate(size_t source_count) const;
  // rows[i] is the row of source i. True: the check failed.
  bool run(std::span<const RowView> rows) const noexcept;
};
}  // namespace penstock
