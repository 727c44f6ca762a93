// Rows of named fields as JSON text, straight into columns: no value in between.
//
//   {"alcohol": 9.4, …}      one row
//   [{…}, {…}, …]            rows
//   {…} {…} …                rows as lines (BodyForm::kLines): JSON tells by itself where one ends
//
// Fields come in any order. The next key is nearly always the one that followed the last key before, so it is compared
// first, with the bytes of the body as they are; then it is looked up. A body that is no JSON is refused with the byte
// that is not; all else that is wrong is counted by field and rule, and what becomes of it says the field's onInvalid.
// Numbers narrow by value: 7, 7.0 and 7e0 are int32, 1.5 and 2^40 are not; a float is the nearest double rounded once
// more. 64-bit integers beyond 2^53 may come as decimal texts, for callers whose JSON knows doubles only; as numbers
// they are digits alone, because what has a point or an exponent may have been rounded on its way. Hostile input: no
// recursion beyond RANK_MAX, no read beyond the end, memory by the limits of the call. Thread: one at a time.
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "contract/row_table.hpp"
#include "contract/sip_hash.hpp"

namespace penstock::contract {
enum class BodyForm : uint8_t { kJson, kLines };

class RowReader {
 public:
  // @param key random, of the tables that a caller's values fill.
  // @param budget what its memory is charged to, or null; outlives the reader.
  RowReader(std::shared_ptr<const RowSpec> spec, const SipKey& key, ByteBudget* budget = nullptr);

  struct Outcome {
    BodyFault fault = BodyFault::kNone;
    size_t offset = 0;  // of the byte at which it was seen
  };
  // Reads and checks a body. Without a fault the table has its rows, none if it is rejected: its report says why. With
  // one the report has what was found before it. The body is not needed afterwards.
  Outcome read(std::string_view body, const ReadLimits& limits, BodyForm form = BodyForm::kJson);
  // What the last read made, until the next.
  const RowTable& table() const noexcept { return table_; }
  // Gives back what an unusually large body took; the table is of no use afterwards.
  void trim() noexcept { table_.trim(); }

 private:
  static constexpr size_t kKeyBlockBytes = 16;           // compared at a time
  enum class Kind : uint8_t { kNumber, kText, kArray };  // bools are numbers here

  // A field as the loop over a row wants it.
  struct Slot {
    std::byte* values = nullptr;  // of the table
    uint32_t* offsets = nullptr;
    uint32_t row_bytes = 0;
    uint32_t next = 0;          // the field whose key stood behind this one's last
    uint64_t row_seen = 0;      // the last row that had it
    const char* key = nullptr;  // in keys_
    uint32_t key_bytes = 0;
    uint32_t key_blocks = 0;
    uint32_t key_mask = 0;  // of the last block's bytes
    size_t text_used = 0;   // strings
    size_t text_room = 0;   // to where it may go without asking
    Dtype dtype = Dtype::kFloat32;
    Kind kind = Kind::kNumber;
  };

  void add_slot(const RowField& field);
  void refresh_slots() noexcept;
  // Those below return where the text goes on, or null: fault_ says why.
  const char* read_list(const char* at);
  const char* read_lines(const char* at);
  const char* read_row(const char* at);
  const char* read_key(const char* at, uint32_t previous, uint32_t& index);
  const char* read_member(const char* at, uint32_t index);
  const char* skip(const char* at);
  const char* read_twice(const char* at, uint32_t index);
  const char* read_short_text(const char* at, Slot& slot) noexcept;
  static bool matches(const Slot& slot, const char* at, const char* end) noexcept;

  const char* read_array(const char* at, uint32_t field);
  const char* read_level(const char* at, uint32_t field, size_t depth, uint32_t& element);
  const char* read_run(const char* at, uint32_t field, uint32_t count, uint32_t& element);
  bool has_shape(json::Cursor& cursor, const RowField& spec, size_t depth) const noexcept;
  const char* read_element(const char* at, uint32_t field, int32_t element);
  const char* read_text(const char* at, uint32_t field, int32_t element);
  const char* read_unusual(const char* at, uint32_t field, int32_t element);
  const char* read_number(const char* at, uint32_t field, int32_t element, bool& is_done);
  const char* read_decimal_text(const char* at, uint32_t field, int32_t element, bool& is_done);
  const char* refuse_value(const char* first, const char* at, uint32_t field, int32_t element, ContractRule rule,
                           const Bound* bound = nullptr);
  bool add_absent(uint64_t serial);

  // element: kNoElement for all that the row has. False: fault_ says why.
  bool violate(uint32_t field, int32_t element, ContractRule rule, std::string_view text, const Bound* bound);
  bool put_missing(uint32_t field, int32_t element);
  bool put_element(uint32_t field, int32_t element, const std::byte* bytes);
  bool put_text(uint32_t field, int32_t element, std::string_view text);
  template <typename Put>
  bool for_elements(uint32_t field, int32_t element, Put&& put);
  size_t index_of(uint32_t field, int32_t element) const noexcept {
    return size_t{row_} * spec_->fields()[field].values + static_cast<size_t>(element < 0 ? 0 : element);
  }

  const char* fail(BodyFault fault, const char* at) noexcept {
    fault_ = fault;
    fault_at_ = at;
    return nullptr;
  }
  const char* fail_behind(BodyFault fault, const char* at) noexcept {
    return fail(at == end_ ? BodyFault::kEnd : fault, at);
  }

  const std::shared_ptr<const RowSpec> spec_;
  const SipKey key_;
  RowTable table_;
  std::vector<Slot> slots_;  // one a field, and one that stands before the first key of a row
  std::vector<uint32_t> text_fields_;
  std::vector<char> keys_;
  std::vector<char> name_;  // a key without its escapes
  const char* end_ = nullptr;
  uint32_t row_ = 0;
  uint32_t room_ = 0;
  uint64_t moves_ = 0;   // of the table, when the slots were last right
  uint64_t serial_ = 0;  // of the row, over all bodies
  size_t depth_ = 0;     // of the rows
  // That which is being read.
  struct {
    const char* start = nullptr;
    bool is_known = false;  // to have the field's shape
  } array_;
  BodyFault fault_ = BodyFault::kNone;
  const char* fault_at_ = nullptr;
};
}  // namespace penstock::contract
