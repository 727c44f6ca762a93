// A transform program: instructions over values, each value a column that is written once. Made at a deploy, never
// changed, shared by all threads; what a run needs beside it is its TransformScratch. Layout: a value that is an output
// is written where the output lies; the others share slots of the scratch, a slot being free again behind the last
// instruction that reads it, and a slot holds one block of rows.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/boundary_codes.hpp"
#include "transform/key_table.hpp"
#include "transform/values.hpp"

namespace penstock::transform {
using ValueIndex = uint16_t;

// What `numbers`, `integers`, `table`, `texts` and `keys` mean depends on the opcode: src/protocol/boundary.json.
struct Instruction {
  TransformOpcode opcode = TransformOpcode::kCast;
  uint16_t op = 0;      // the operation of the definition that it belongs to
  uint16_t column = 0;  // the name that failures of rows are reported with, an index of the caller's table
  std::vector<ValueIndex> inputs;
  std::vector<ValueIndex> outputs;
  std::vector<double> numbers;
  std::vector<int64_t> integers;
  std::vector<std::byte> table;
  std::vector<std::string> texts;
  KeyTable keys;

  // Made by the program: numbers as float32, and texts where they lie.
  std::vector<float> floats;
  std::vector<Text> text_views;
};

struct ProgramSpec {
  std::vector<ValueType> values;  // the first input_count are the inputs
  size_t input_count = 0;
  std::vector<Instruction> instructions;
  std::vector<ValueIndex> outputs;  // each value at most once; inputs may be among them
  uint32_t block_rows = 0;          // 0: as many as fit the cache. Tests choose.
};

struct OpEntry;

class TransformProgram {
 public:
  // Where a value's rows lie during a run.
  enum class Home : uint8_t { kInput, kSlot, kOutput };
  struct Place {
    Home home = Home::kSlot;
    size_t index = 0;  // of the input or output
    size_t data_offset = 0;
    size_t valid_offset = 0;  // of nullable values, wherever their data lie
  };

  // Empty fault: the program is sound, and no run of it can leave its memory.
  static std::shared_ptr<const TransformProgram> build(ProgramSpec spec, std::string& fault);

  std::span<const ValueType> values() const noexcept { return spec_.values; }
  std::span<const Instruction> instructions() const noexcept { return spec_.instructions; }
  // What each of them does.
  const OpEntry& entry(size_t instruction) const noexcept { return *entries_[instruction]; }
  std::span<const ValueIndex> outputs() const noexcept { return spec_.outputs; }
  size_t input_count() const noexcept { return spec_.input_count; }
  const ValueType& output_type(size_t output) const noexcept { return spec_.values[spec_.outputs[output]]; }
  // The input that an output is, unchanged; or -1.
  int32_t input_of(size_t output) const noexcept;

  const Place& place(ValueIndex value) const noexcept { return places_[value]; }
  uint32_t block_rows() const noexcept { return block_rows_; }
  size_t slots_bytes() const noexcept { return slots_bytes_; }
  size_t workspace_bytes() const noexcept { return workspace_bytes_; }
  // False: a run of it fails no row.
  bool may_fail() const noexcept { return may_fail_; }

 private:
  explicit TransformProgram(ProgramSpec spec) : spec_(std::move(spec)) {}
  std::string fault_of() const;
  std::string fault_of(const Instruction& instruction, std::vector<bool>& is_known) const;
  void seal();
  void lay_out();

  ProgramSpec spec_;
  std::vector<Place> places_;
  std::vector<const OpEntry*> entries_;
  uint32_t block_rows_ = 1;
  size_t slots_bytes_ = 0;
  size_t workspace_bytes_ = 0;
  bool may_fail_ = false;
};
}  // namespace penstock::transform
