#include "transform/program.hpp"

#include <algorithm>
#include <map>

#include "core/block.hpp"
#include "transform/op.hpp"

namespace penstock::transform {
namespace {
// Half of a small second-level cache: the slots of a block, and as much again of inputs and outputs.
constexpr size_t kBlockBytes = size_t{128} << 10;
constexpr size_t kBlockRowsMax = 1024;

// Slots that are free again, by their bytes a row.
class SlotPool {
 public:
  size_t take(size_t row_bytes) {
    std::vector<size_t>& free = free_[row_bytes];
    if (free.empty()) {
      slots_.push_back(row_bytes);
      return slots_.size() - 1;
    }
    const size_t slot = free.back();
    free.pop_back();
    return slot;
  }
  void give_back(size_t slot) { free_[slots_[slot]].push_back(slot); }

  size_t row_bytes() const {
    size_t total = 0;
    for (const size_t bytes : slots_) total += bytes;
    return total;
  }
  // Where each slot begins when it holds `rows`, and behind the last one the end.
  std::vector<size_t> offsets(size_t rows) const {
    std::vector<size_t> offsets(1, 0);
    for (const size_t bytes : slots_) offsets.push_back(offsets.back() + align_up(bytes * rows, kAlignmentBytes));
    return offsets;
  }

 private:
  std::vector<size_t> slots_;
  std::map<size_t, std::vector<size_t>> free_;
};

bool is_sound(const ValueType& type) {
  if (type.width == 0 || (type.is_nullable && type.width != 1)) return false;
  if (!type.is_text() && dtype_size_bytes(type.dtype) == 0) return false;
  return type.width <= kTransformRowBytesMax / type.element_bytes();
}
}  // namespace

std::shared_ptr<const TransformProgram> TransformProgram::build(ProgramSpec spec, std::string& fault) {
  std::shared_ptr<TransformProgram> program(new TransformProgram(std::move(spec)));
  fault = program->fault_of();
  if (!fault.empty()) return nullptr;
  program->seal();
  program->lay_out();
  return program;
}

int32_t TransformProgram::input_of(size_t output) const noexcept {
  const ValueIndex value = spec_.outputs[output];
  return value < spec_.input_count ? static_cast<int32_t>(value) : -1;
}

std::string TransformProgram::fault_of() const {
  if (spec_.values.size() > kTransformValuesMax || spec_.input_count > spec_.values.size()) return "too many values";
  for (const ValueType& type : spec_.values) {
    if (!is_sound(type)) return "a value of no sound type";
    if (type.is_nullable && is_float(type.dtype)) return "a float with validity";
  }
  std::vector<bool> is_known(spec_.values.size(), false);
  std::fill_n(is_known.begin(), spec_.input_count, true);
  for (const Instruction& instruction : spec_.instructions)
    if (const std::string fault = fault_of(instruction, is_known); !fault.empty())
      return "operation " + std::to_string(instruction.op) + ": " + fault;
  std::vector<bool> is_output(spec_.values.size(), false);
  for (const ValueIndex value : spec_.outputs) {
    if (value >= is_known.size() || !is_known[value]) return "an output that nothing writes";
    if (is_output[value]) return "a value that is two outputs";
    is_output[value] = true;
  }
  return "";
}

std::string TransformProgram::fault_of(const Instruction& instruction, std::vector<bool>& is_known) const {
  const OpEntry* const entry = op_entry(instruction.opcode);
  if (entry == nullptr) return "an unknown opcode";
  for (const ValueIndex input : instruction.inputs)
    if (input >= is_known.size() || !is_known[input]) return "an input that nothing wrote";
  for (const ValueIndex output : instruction.outputs)
    if (output >= is_known.size() || is_known[output]) return "an output that is written twice";
  // Only then may the check look at their types.
  const char* const fault = entry->check({instruction, spec_.values});
  if (fault != nullptr) return fault;
  for (const ValueIndex output : instruction.outputs) {
    if (is_known[output]) return "an output that is written twice";
    is_known[output] = true;
  }
  return "";
}

void TransformProgram::seal() {
  for (Instruction& instruction : spec_.instructions) {
    for (const double number : instruction.numbers) instruction.floats.push_back(static_cast<float>(number));
    for (const std::string& text : instruction.texts)
      instruction.text_views.push_back({text.data(), static_cast<uint32_t>(text.size())});
  }
}

void TransformProgram::lay_out() {
  const size_t count = spec_.values.size(), steps = spec_.instructions.size();
  constexpr size_t kForever = SIZE_MAX;
  std::vector<size_t> last_use(count, 0);
  for (size_t step = 0; step < steps; ++step) {
    for (const ValueIndex output : spec_.instructions[step].outputs) last_use[output] = step;
    for (const ValueIndex input : spec_.instructions[step].inputs) last_use[input] = step;
  }
  places_.resize(count);
  for (size_t i = 0; i < spec_.input_count; ++i) places_[i] = {Home::kInput, i, 0, 0};
  for (size_t i = 0; i < spec_.outputs.size(); ++i) {
    const ValueIndex value = spec_.outputs[i];
    last_use[value] = kForever;
    if (value >= spec_.input_count && !spec_.values[value].is_text()) places_[value] = {Home::kOutput, i, 0, 0};
  }

  SlotPool pool;
  std::vector<size_t> data_slot(count, kForever), valid_slot(count, kForever);
  const auto take = [&](ValueIndex value) {
    const ValueType& type = spec_.values[value];
    // Texts of an input are found once a block; numbers are read where they lie.
    if (places_[value].home == Home::kSlot || (type.is_text() && places_[value].home == Home::kInput))
      data_slot[value] = pool.take(type.row_bytes());
    if (type.is_nullable) valid_slot[value] = pool.take(1);
  };
  const auto give_back = [&](ValueIndex value, size_t step) {
    if (last_use[value] != step) return;
    if (data_slot[value] != kForever) pool.give_back(data_slot[value]);
    if (valid_slot[value] != kForever) pool.give_back(valid_slot[value]);
    last_use[value] = kForever;  // an instruction may read a value twice
  };
  for (size_t i = 0; i < spec_.input_count; ++i) take(static_cast<ValueIndex>(i));
  for (size_t step = 0; step < steps; ++step) {
    const Instruction& instruction = spec_.instructions[step];
    for (const ValueIndex output : instruction.outputs) take(output);
    for (const ValueIndex input : instruction.inputs) give_back(input, step);
    for (const ValueIndex output : instruction.outputs) give_back(output, step);
    const OpEntry& entry = *op_entry(instruction.opcode);
    entries_.push_back(&entry);
    workspace_bytes_ = std::max(workspace_bytes_, entry.workspace({instruction, spec_.values}));
    may_fail_ = may_fail_ || entry.may_fail({instruction, spec_.values});
  }

  const size_t fitting = kBlockBytes / std::max<size_t>(pool.row_bytes(), 1);
  block_rows_ =
      spec_.block_rows != 0 ? spec_.block_rows : static_cast<uint32_t>(std::clamp<size_t>(fitting, 1, kBlockRowsMax));
  const std::vector<size_t> offsets = pool.offsets(block_rows_);
  slots_bytes_ = offsets.back();
  for (size_t value = 0; value < count; ++value) {
    if (data_slot[value] != kForever) places_[value].data_offset = offsets[data_slot[value]];
    if (valid_slot[value] != kForever) places_[value].valid_offset = offsets[valid_slot[value]];
  }
}
}  // namespace penstock::transform
