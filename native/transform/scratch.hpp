// What a thread needs to run transform programs: slots, results, failures. It grows to the largest run and is used
// again, so that a run like an earlier one allocates nothing. Results and failures are the scratch's until its next
// run; texts of failures point into the columns that were lent.
#pragma once
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/block.hpp"
#include "core/boundary_codes.hpp"
#include "transform/values.hpp"

namespace penstock::transform {
// The value of a failure, as far as it tells one.
struct FailedValue {
  enum class Kind : uint8_t { kNone, kNumber, kInteger, kText };
  Kind kind = Kind::kNone;
  double number = 0.0;
  int64_t integer = 0;
  Text text{};

  static FailedValue of(double value) noexcept { return {Kind::kNumber, value, 0, {}}; }
  static FailedValue of(int64_t value) noexcept { return {Kind::kInteger, 0.0, value, {}}; }
  static FailedValue of(Text value) noexcept { return {Kind::kText, 0.0, 0, value}; }
};

struct RowError {
  uint32_t row = 0;
  uint16_t op = 0;
  uint16_t column = 0;
  RowErrorKind kind = RowErrorKind::kMissing;
  FailedValue value;
};

// Memory that grows and keeps what it holds.
class GrowingBytes {
 public:
  // False: the system has no memory; what was there stays.
  bool reserve(size_t bytes, size_t kept_bytes = 0) noexcept;
  std::byte* data() const noexcept { return block_ == nullptr ? nullptr : block_->data(); }

 private:
  std::shared_ptr<Block> block_;
};

struct BlockValue {
  std::byte* data = nullptr;
  uint8_t* valid = nullptr;  // of nullable values: a byte a row
};

class TransformScratch {
 public:
  TransformScratch() { errors_.reserve(kTransformRowErrorsMax); }

  // Results of the last run, in the order of the program's outputs.
  std::span<const Column> outputs() const noexcept { return outputs_; }
  // The first kTransformRowErrorsMax that were met, by row, operation and column.
  std::span<const RowError> errors() const noexcept { return errors_; }
  uint64_t error_count() const noexcept { return error_count_; }
  // A bit a row, the lowest first: 1 where the row failed, and its results mean nothing. Null: none did.
  const uint8_t* failed_rows() const noexcept {
    return error_count_ == 0 ? nullptr : reinterpret_cast<const uint8_t*>(failed_rows_.data());
  }

 private:
  friend class Run;
  friend struct Frame;
  struct OutputMemory {
    GrowingBytes data;
    GrowingBytes validity;
    GrowingBytes offsets;
    size_t text_bytes = 0;
  };

  GrowingBytes slots_;
  GrowingBytes workspace_;
  GrowingBytes failed_rows_;
  std::vector<BlockValue> values_;
  std::vector<OutputMemory> memory_;
  std::vector<Column> outputs_;
  std::vector<RowError> errors_;
  uint64_t error_count_ = 0;
};
}  // namespace penstock::transform
