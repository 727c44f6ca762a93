// Rows of a contract as columns, with what was found wrong with them: what RowReader and ColumnReader fill, what the
// checks look at, and what plans and transform steps read.
//
// Layout of a column, row-major [rows, values]: elements of the dtype one behind the other; of strings the bytes, and
// rows * values + 1 offsets into them. A missing element is NaN, 0 or the empty text, and its validity bit is clear (as
// Arrow has it: bit i of byte i / 8, 1 = there); a column that lacks none has no bits. Memory: the table's own, kept
// from request to request, or lent by the caller of ColumnReader until the next call; columns that have to be changed
// are copied. Thread: one at a time.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "contract/report.hpp"
#include "contract/row_spec.hpp"
#include "core/byte_budget.hpp"
#include "json/text/read.hpp"

namespace penstock::contract {
// What one request may take.
struct ReadLimits {
  uint32_t rows_max = UINT32_MAX;
  // All elements and imputed texts together: a row of missing values takes three bytes of a body and many here. The
  // texts of a body take no more than the body once more.
  size_t bytes_max = SIZE_MAX;
};

struct Column {
  const std::byte* values = nullptr;
  const uint32_t* offsets = nullptr;  // strings only
  const uint8_t* validity = nullptr;  // null: no element is missing
  size_t missing = 0;

  std::string_view text(size_t index) const noexcept {
    return {reinterpret_cast<const char*>(values) + offsets[index], offsets[index + 1] - offsets[index]};
  }
  bool is_missing(size_t index) const noexcept {
    return validity != nullptr && (validity[index / 8] >> (index % 8) & 1) == 0;
  }
};

// What another value would help against: where the field's onInvalid is none of it, the request is rejected.
enum class Remedy : uint8_t {
  kNone,   // a value that is repeated stays so
  kValue,  // the impute value
  kBound,  // that, or the bound that the number is beyond
};

class RowTable {
 public:
  // What `states` says of a row.
  static constexpr uint8_t kFlagged = 1;
  static constexpr uint8_t kLeftOut = 2;

  // @param budget what the columns' memory is charged to, or null; outlives the table.
  explicit RowTable(std::shared_ptr<const RowSpec> spec, ByteBudget* budget = nullptr);
  ~RowTable();
  RowTable(const RowTable&) = delete;
  RowTable& operator=(const RowTable&) = delete;

  const RowSpec& spec() const noexcept { return *spec_; }
  uint32_t rows() const noexcept { return rows_; }
  const Column& column(uint32_t field) const noexcept { return columns_[field]; }
  // A byte per row, kFlagged or 0. Null: none is flagged.
  const uint8_t* flags() const noexcept { return has_flags_ ? states() : nullptr; }
  // Rows of the request that were left out, in order; those that stayed moved up.
  const std::vector<uint32_t>& dropped() const noexcept { return dropped_; }
  const Report& report() const noexcept { return report_; }
  bool is_rejected() const noexcept { return report_.rejected().count > 0; }
  // There are rows, and nothing was found in them: no rule is broken, no member is beside the fields.
  bool is_clean() const noexcept {
    return rows_ > 0 && report_.rejected().count == 0 && report_.mended().count == 0 && report_.extra_count() == 0;
  }
  // Bytes that it holds, whatever it was used for.
  size_t held_bytes() const noexcept { return held_bytes_; }
  // Gives back what an unusually large request took.
  void trim() noexcept;

  // ── for those who fill it ──────────────────────────────────────────────────────────────────────────────────────
  // Empties it for a request.
  void begin(const ReadLimits& limits) noexcept;
  // Room for `rows` rows; kTooManyRows, kTooLarge, kNoMemory otherwise. Moves the columns' own memory.
  BodyFault reserve(uint32_t rows) noexcept;
  // Rows that need no further reserve.
  uint32_t room() const noexcept;
  std::byte* own_values(uint32_t field) noexcept { return own_[field].values.data(); }
  uint32_t* own_offsets(uint32_t field) noexcept { return reinterpret_cast<uint32_t*>(own_[field].offsets.data()); }
  // Bytes of a text column that need no reserve_text.
  size_t text_room(uint32_t field) const noexcept;
  // Room for `bytes` more of a text column whose texts end at `used`.
  BodyFault reserve_text(uint32_t field, size_t used, size_t bytes) noexcept;
  // Changes whenever own memory may have moved.
  uint64_t moves() const noexcept { return moves_; }
  // All columns are what the own memory has of `rows` rows. False: no memory.
  bool publish(uint32_t rows) noexcept;
  // The same of one, of as many rows as the table has.
  bool publish_column(uint32_t field) noexcept;
  // The column is the caller's until it has to be changed.
  void lend(uint32_t field, const Column& column) noexcept {
    columns_[field] = column;
    has_lent_ = true;
  }
  // As many as there is room for, before columns are lent or published one by one.
  void set_rows(uint32_t rows) noexcept { rows_ = rows; }

  // Counts what breaks a rule and does to the row what its outcome does. Returns the outcome; the value is the
  // caller's.
  // @param problem where its text belongs; null: it is not told.
  OnInvalid judge(uint32_t row, uint32_t field, int32_t element, ContractRule rule, Remedy remedy, Problem*& problem);
  Report& report() noexcept { return report_; }

  // False: no memory.
  bool set_missing(uint32_t field, size_t index) noexcept;
  // Numbers and bools, in the column's own memory.
  bool set_element(uint32_t field, size_t index, const std::byte* element) noexcept;
  void set_present(uint32_t field, size_t index) noexcept;
  // Makes the own memory hold what was lent. False: no memory.
  bool own(uint32_t field) noexcept;
  // Replaces the texts at `indices`, which ascend, by the field's impute text; those that are missing by none. False:
  // no memory.
  bool replace_texts(uint32_t field, const std::vector<uint32_t>& indices);
  // An empty list, kept for its memory.
  std::vector<uint32_t>& index_list() noexcept {
    indices_.clear();
    return indices_;
  }
  // Memory that nobody else uses until the next call of this table; null: there is none.
  std::byte* scratch(size_t bytes) noexcept { return grow(spare_, bytes) ? spare_.data() : nullptr; }
  // Leaves the dropped rows out. False: no memory.
  bool drop_rows();
  bool is_dropped(uint32_t row) const noexcept { return (states()[row] & kLeftOut) != 0; }
  bool has_dropped() const noexcept { return has_dropped_; }

 private:
  struct OwnColumn {
    json::Elements values;
    json::Elements offsets;
    json::Elements validity;
    size_t bit_bytes = 0;  // of `validity` that say something; 0: it has none
  };

  uint8_t* states() const noexcept { return reinterpret_cast<uint8_t*>(states_.data()); }
  uint8_t* own_validity(uint32_t field) const noexcept {
    return reinterpret_cast<uint8_t*>(own_[field].validity.data());
  }
  size_t elements(uint32_t field, uint32_t rows) const noexcept { return size_t{rows} * spec_->fields()[field].values; }
  bool grow(json::Elements& memory, size_t bytes) noexcept;
  bool grow_column(uint32_t field, uint32_t rows) noexcept;
  bool fill_bits(uint32_t field, size_t index) noexcept;
  void drop_elements(uint32_t field) noexcept;
  void drop_texts(uint32_t field) noexcept;
  void drop_bits(uint32_t field) noexcept;

  const std::shared_ptr<const RowSpec> spec_;
  ByteBudget* const budget_;
  std::vector<Column> columns_;
  std::vector<OwnColumn> own_;
  json::Elements states_;
  json::Elements spare_;  // what the texts of a column become
  std::vector<uint32_t> dropped_;
  std::vector<uint32_t> indices_;
  Report report_;
  ReadLimits limits_;
  uint32_t rows_ = 0;
  uint32_t capacity_ = 0;
  size_t held_bytes_ = 0;
  bool has_flags_ = false;
  bool has_dropped_ = false;
  bool has_bits_ = false;  // some column has bits of its own
  bool has_lent_ = false;
  uint64_t moves_ = 1;
  uint64_t moves_published_ = 0;  // 0: the columns are not those of the own memory
};
}  // namespace penstock::contract
