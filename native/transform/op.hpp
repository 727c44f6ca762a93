// What an instruction is: a check of its place in a program, once, and its loop over a block of rows. An entry a family
// in ops/, found by opcode. The check proves all that `run` relies on: sizes of constants, dtypes, widths.
#pragma once
#include <span>

#include "transform/program.hpp"
#include "transform/scratch.hpp"

namespace penstock::transform {
// An instruction and the types of its values, for checks.
struct OpShape {
  const Instruction& instruction;
  std::span<const ValueType> values;

  size_t input_count() const noexcept { return instruction.inputs.size(); }
  size_t output_count() const noexcept { return instruction.outputs.size(); }
  const ValueType& input(size_t i = 0) const noexcept { return values[instruction.inputs[i]]; }
  const ValueType& output(size_t i = 0) const noexcept { return values[instruction.outputs[i]]; }
  bool is_unary() const noexcept { return input_count() == 1 && output_count() == 1; }
};

// A block of rows at an instruction.
struct Frame {
  const Instruction& instruction;
  std::span<const ValueType> types;
  const BlockValue* values;
  uint32_t rows;
  uint32_t first_row;
  std::byte* workspace;
  TransformScratch& scratch;

  const ValueType& input_type(size_t i = 0) const noexcept { return types[instruction.inputs[i]]; }
  const ValueType& output_type(size_t i = 0) const noexcept { return types[instruction.outputs[i]]; }
  template <typename T = std::byte>
  const T* input(size_t i = 0) const noexcept {
    return reinterpret_cast<const T*>(values[instruction.inputs[i]].data);
  }
  template <typename T = std::byte>
  T* output(size_t i = 0) const noexcept {
    return reinterpret_cast<T*>(values[instruction.outputs[i]].data);
  }
  // Null unless the value is nullable.
  const uint8_t* input_valid(size_t i = 0) const noexcept { return values[instruction.inputs[i]].valid; }
  uint8_t* output_valid(size_t i = 0) const noexcept { return values[instruction.outputs[i]].valid; }
  // Elements of the block.
  size_t input_elements(size_t i = 0) const noexcept { return size_t{rows} * input_type(i).width; }

  void fail(uint32_t block_row, RowErrorKind kind, const FailedValue& value = {}) const noexcept;
};

struct OpEntry {
  // Null when sound, else what is wrong.
  const char* (*check)(const OpShape& shape);
  void (*run)(const Frame& frame) noexcept;
  // Bytes of Frame::workspace.
  size_t (*workspace)(const OpShape& shape) = [](const OpShape&) { return size_t{0}; };
  // False: no row can fail, whatever its values are.
  bool (*may_fail)(const OpShape& shape) = [](const OpShape&) { return false; };
};

// Null for a number that is no opcode.
const OpEntry* op_entry(TransformOpcode opcode) noexcept;
}  // namespace penstock::transform
