// Columns that came typed already (Arrow, CSV, binary tensors), held to the same contract: the same rules, the same
// table, the same report as rows of JSON. A clean column of the field's own dtype is lent, not copied; one of another
// numeric dtype is narrowed by value, as JSON is. NaN is a missing value as null is; infinities are beyond every range.
#pragma once
#include <memory>
#include <span>

#include "contract/row_table.hpp"
#include "contract/sip_hash.hpp"

namespace penstock::contract {
// A column as its writer left it: elements of its dtype, rows * values of the field. Memory is lent until the next
// read.
struct GivenColumn {
  Dtype dtype = Dtype::kFloat32;
  bool is_absent = false;
  const std::byte* values = nullptr;  // aligned or not; of strings their bytes
  size_t text_bytes = 0;              // strings
  const uint32_t* offsets = nullptr;  // strings: one more than there are elements
  const uint8_t* validity = nullptr;  // as in Column, or null
};

class ColumnReader {
 public:
  // As those of RowReader.
  ColumnReader(std::shared_ptr<const RowSpec> spec, const SipKey& key, ByteBudget* budget = nullptr);

  // Whether a field may come as `dtype`: numbers as numbers, bools as bools, strings as strings.
  static bool accepts(const RowField& field, Dtype dtype) noexcept;

  struct Outcome {
    BodyFault fault = BodyFault::kNone;  // kTooManyRows, kTooLarge, kNoMemory, kOffsets
    uint32_t field = 0;                  // kOffsets: whose
  };
  // Reads and checks `rows` rows.
  // @param columns one a field, in the spec's order, each of a dtype that is accepted.
  Outcome read(std::span<const GivenColumn> columns, uint32_t rows, const ReadLimits& limits);
  const RowTable& table() const noexcept { return table_; }
  void trim() noexcept { table_.trim(); }

 private:
  BodyFault read_column(uint32_t field, const GivenColumn& given);
  bool read_absent(uint32_t field);
  bool read_numbers(uint32_t field, const GivenColumn& given);
  BodyFault read_texts(uint32_t field, const GivenColumn& given);
  template <typename Source, typename Target>
  bool convert(uint32_t field, const GivenColumn& given);
  template <typename Source, typename Target>
  bool convert_one(uint32_t field, size_t index, typename Source::Type source);
  bool lend_clean(uint32_t field, const GivenColumn& given);
  bool read_bools(uint32_t field, const GivenColumn& given);
  bool read_null(uint32_t field, size_t index);
  // Text of a number that breaks a rule.
  bool refuse(uint32_t field, size_t index, ContractRule rule, const Bound* bound, const std::byte* value, Dtype dtype);

  const std::shared_ptr<const RowSpec> spec_;
  const SipKey key_;
  RowTable table_;
};
}  // namespace penstock::contract
