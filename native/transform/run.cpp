// The loop over blocks of rows. Everything that may need memory is reserved before the first block, but the bytes of
// texts, whose number only the blocks tell.
#include "transform/run.hpp"

#include <algorithm>
#include <cstring>
#include <tuple>

#include "core/assert.hpp"
#include "transform/op.hpp"

namespace penstock::transform {
bool GrowingBytes::reserve(size_t bytes, size_t kept_bytes) noexcept {
  const size_t held = block_ == nullptr ? 0 : block_->size_bytes();
  if (bytes <= held) return true;
  std::shared_ptr<Block> larger = Block::try_make(std::max(bytes, held + held / 2));
  if (larger == nullptr) return false;
  if (kept_bytes > 0) std::memcpy(larger->data(), block_->data(), kept_bytes);
  block_ = std::move(larger);
  return true;
}

void Frame::fail(uint32_t block_row, RowErrorKind kind, const FailedValue& value) const noexcept {
  const uint32_t row = first_row + block_row;
  auto* const failed = reinterpret_cast<uint8_t*>(scratch.failed_rows_.data());
  failed[row / 8] = static_cast<uint8_t>(failed[row / 8] | (1u << (row % 8)));
  ++scratch.error_count_;
  if (scratch.errors_.size() < kTransformRowErrorsMax)
    scratch.errors_.push_back({row, instruction.op, instruction.column, kind, value});
}

class Run {
 public:
  Run(const TransformProgram& program, std::span<const Column> inputs, uint32_t rows, TransformScratch& scratch,
      std::span<std::byte* const> targets) noexcept
      : program_(program), inputs_(inputs), rows_(rows), scratch_(scratch), targets_(targets) {}

  RunStatus run() noexcept {
    if (!reserve()) return RunStatus::kNoMemory;
    for (uint32_t first = 0; first < rows_; first += block_rows()) {
      const uint32_t count = std::min(block_rows(), rows_ - first);
      bind(first, count);
      for (size_t i = 0; i < program_.instructions().size(); ++i)
        program_.entry(i).run({program_.instructions()[i], program_.values(), scratch_.values_.data(), count, first,
                               scratch_.workspace_.data(), scratch_});
      if (const RunStatus status = keep(first, count); status != RunStatus::kDone) return status;
    }
    std::sort(scratch_.errors_.begin(), scratch_.errors_.end(), [](const RowError& a, const RowError& b) {
      return std::tie(a.row, a.op, a.column) < std::tie(b.row, b.op, b.column);
    });
    return RunStatus::kDone;
  }

 private:
  // Rows of a block, but never beyond 2^32 when the last one is counted up.
  uint32_t block_rows() const noexcept { return program_.block_rows(); }
  size_t bit_bytes() const noexcept { return (size_t{rows_} + 7) / 8; }
  std::byte* target(size_t output) const noexcept { return targets_.empty() ? nullptr : targets_[output]; }

  bool reserve() noexcept {
    const size_t outputs = program_.outputs().size();
    scratch_.errors_.clear();
    scratch_.error_count_ = 0;
    scratch_.values_.assign(program_.values().size(), BlockValue{});
    if (scratch_.memory_.size() < outputs) scratch_.memory_.resize(outputs);
    scratch_.outputs_.assign(outputs, Column{});
    if (!scratch_.slots_.reserve(program_.slots_bytes()) || !scratch_.workspace_.reserve(program_.workspace_bytes()) ||
        !scratch_.failed_rows_.reserve(bit_bytes()))
      return false;
    if (rows_ > 0) std::memset(scratch_.failed_rows_.data(), 0, bit_bytes());
    for (size_t i = 0; i < outputs; ++i)
      if (!reserve_output(i)) return false;
    return true;
  }

  bool reserve_output(size_t i) noexcept {
    TransformScratch::OutputMemory& memory = scratch_.memory_[i];
    const ValueType& type = program_.output_type(i);
    Column& column = scratch_.outputs_[i];
    memory.text_bytes = 0;
    if (const int32_t input = program_.input_of(i); input >= 0) {
      column = inputs_[static_cast<size_t>(input)];
      // Texts of targets there are none.
      if (target(i) == nullptr || type.is_text()) return true;
      if (rows_ > 0) std::memcpy(target(i), column.data, type.row_bytes() * rows_);
      column.data = target(i);
      return true;
    }
    if (type.is_nullable) {
      if (!memory.validity.reserve(bit_bytes())) return false;
      if (rows_ > 0) std::memset(memory.validity.data(), 0, bit_bytes());
      column.validity = reinterpret_cast<const uint8_t*>(memory.validity.data());
    }
    if (type.is_text()) {
      if (!memory.offsets.reserve((size_t{rows_} * type.width + 1) * sizeof(int32_t))) return false;
      auto* const offsets = reinterpret_cast<int32_t*>(memory.offsets.data());
      offsets[0] = 0;
      column.offsets = offsets;
      column.data = memory.data.data();
      return true;
    }
    if (target(i) == nullptr && !memory.data.reserve(type.row_bytes() * rows_)) return false;
    column.data = target(i) == nullptr ? memory.data.data() : target(i);
    return true;
  }

  // Points all values at their rows of the block, and opens the inputs.
  void bind(uint32_t first, uint32_t count) noexcept {
    std::byte* const slots = scratch_.slots_.data();
    const std::span<const ValueType> types = program_.values();
    for (size_t i = 0; i < types.size(); ++i) {
      const TransformProgram::Place& place = program_.place(static_cast<ValueIndex>(i));
      BlockValue& value = scratch_.values_[i];
      if (types[i].is_nullable) value.valid = reinterpret_cast<uint8_t*>(slots + place.valid_offset);
      if (place.home == TransformProgram::Home::kInput) {
        open_input(i, place, value, first, count);
      } else if (place.home == TransformProgram::Home::kOutput) {
        // The scratch's own memory, or a target.
        auto* const data = const_cast<std::byte*>(scratch_.outputs_[place.index].data);
        value.data = data + types[i].row_bytes() * first;
      } else {
        value.data = slots + place.data_offset;
      }
    }
  }

  void open_input(size_t i, const TransformProgram::Place& place, BlockValue& value, uint32_t first,
                  uint32_t count) noexcept {
    const Column& column = inputs_[i];
    const ValueType& type = program_.values()[i];
    if (type.is_nullable) {
      if (column.validity == nullptr)
        std::memset(value.valid, 1, count);
      else
        for (uint32_t r = 0; r < count; ++r)
          value.valid[r] = (column.validity[(first + r) / 8] >> ((first + r) % 8)) & 1;
    }
    if (!type.is_text()) {
      // Instructions read their inputs only.
      value.data = const_cast<std::byte*>(column.data) + type.row_bytes() * first;
      return;
    }
    value.data = scratch_.slots_.data() + place.data_offset;
    auto* const texts = reinterpret_cast<Text*>(value.data);
    const auto* const bytes = reinterpret_cast<const char*>(column.data);
    const int32_t* const offsets = column.offsets + size_t{first} * type.width;
    for (size_t e = 0; e < size_t{count} * type.width; ++e)
      texts[e] = {bytes + offsets[e], static_cast<uint32_t>(offsets[e + 1] - offsets[e])};
  }

  // What of the block's results does not lie in its place yet: validity and texts.
  RunStatus keep(uint32_t first, uint32_t count) noexcept {
    for (size_t i = 0; i < program_.outputs().size(); ++i) {
      if (program_.input_of(i) >= 0) continue;
      const ValueType& type = program_.output_type(i);
      const BlockValue& value = scratch_.values_[program_.outputs()[i]];
      if (type.is_nullable) {
        auto* const bits = reinterpret_cast<uint8_t*>(scratch_.memory_[i].validity.data());
        for (uint32_t r = 0; r < count; ++r)
          bits[(first + r) / 8] = static_cast<uint8_t>(bits[(first + r) / 8] | (value.valid[r] << ((first + r) % 8)));
      }
      if (!type.is_text()) continue;
      const RunStatus status = keep_texts(i, reinterpret_cast<const Text*>(value.data), first, count);
      if (status != RunStatus::kDone) return status;
    }
    return RunStatus::kDone;
  }

  RunStatus keep_texts(size_t i, const Text* texts, uint32_t first, uint32_t count) noexcept {
    TransformScratch::OutputMemory& memory = scratch_.memory_[i];
    const size_t width = program_.output_type(i).width, elements = count * width;
    size_t bytes = memory.text_bytes;
    for (size_t e = 0; e < elements; ++e) bytes += texts[e].size;
    if (bytes > INT32_MAX) return RunStatus::kTextsTooLong;
    if (!memory.data.reserve(bytes, memory.text_bytes)) return RunStatus::kNoMemory;
    scratch_.outputs_[i].data = memory.data.data();
    auto* const offsets = reinterpret_cast<int32_t*>(memory.offsets.data()) + first * width;
    size_t at = memory.text_bytes;
    for (size_t e = 0; e < elements; ++e) {
      if (texts[e].size > 0) std::memcpy(memory.data.data() + at, texts[e].data, texts[e].size);
      at += texts[e].size;
      offsets[e + 1] = static_cast<int32_t>(at);
    }
    memory.text_bytes = at;
    return RunStatus::kDone;
  }

  const TransformProgram& program_;
  std::span<const Column> inputs_;
  const uint32_t rows_;
  TransformScratch& scratch_;
  std::span<std::byte* const> targets_;
};

RunStatus run(const TransformProgram& program, std::span<const Column> inputs, uint32_t rows, TransformScratch& scratch,
              std::span<std::byte* const> targets) noexcept {
  PENSTOCK_ASSERT(inputs.size() == program.input_count());
  PENSTOCK_ASSERT(targets.empty() || targets.size() == program.outputs().size());
  return Run(program, inputs, rows, scratch, targets).run();
}
}  // namespace penstock::transform
