// The fields of a contract as the reader and the checks want them: compiled once at a deploy, immutable afterwards, and
// shared by whoever reads rows by it. TypeScript has checked the contract with good words (src/contract/); here its
// compiled form is checked again, because a wrong one would be a wild pointer, and refused in a sentence.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "contract/value_set.hpp"
#include "core/boundary_codes.hpp"
#include "core/dtype_codes.hpp"

namespace penstock::contract {
// A value of the contract: a number as a double, or exactly where it is an integer of 64 bits.
using Literal = std::variant<std::monostate, double, int64_t, uint64_t, bool, std::string>;

struct BoundOptions {
  Literal value;  // monostate: none
  bool is_exclusive = false;
};

struct FieldOptions {
  std::string name;  // UTF-8, 1..kContractNameBytesMax bytes
  Dtype dtype = Dtype::kFloat32;
  bool is_nullable = false;
  bool is_required = true;
  std::vector<int64_t> dims;  // of one row, each > 0; none: a scalar
  BoundOptions min;           // numbers only
  BoundOptions max;
  std::vector<Literal> accepted;       // none: all
  std::optional<uint32_t> min_length;  // strings only: Unicode code points
  std::optional<uint32_t> max_length;
  bool is_unique = false;  // among the rows of a request; one value a row
  OnInvalid on_invalid = OnInvalid::kReject;
  Literal impute;  // of the dtype; with kImpute only
};

struct RowSpecOptions {
  std::vector<FieldOptions> fields;
  ExtraFields extra = ExtraFields::kReject;
};

// Inclusive, as the element's own type (element) and as the type that values are compared as (compared).
struct Bound {
  std::array<std::byte, 8> element{};
  std::array<std::byte, 8> compared{};
  ContractRule rule = ContractRule::kRange;  // what is broken beyond it; kRange: the dtype's own end
};

struct RowField {
  std::string name;
  std::string key;  // the name in quotes, as JSON writers put it
  Dtype dtype = Dtype::kFloat32;
  uint32_t element_bytes = 0;  // 0: strings
  uint32_t values = 1;         // in a row
  std::vector<uint32_t> dims;
  bool is_nullable = false;
  bool is_required = true;
  bool is_unique = false;
  OnInvalid on_invalid = OnInvalid::kReject;
  bool has_bounds = false;
  Bound low;  // numbers: always set
  Bound high;
  bool has_accepted = false;
  NumberSet accepted_numbers;
  TextSet accepted_texts;
  uint32_t min_length = 0;
  uint32_t max_length = UINT32_MAX;
  std::array<std::byte, 8> impute{};
  std::string impute_text;

  bool is_string() const noexcept { return dtype == Dtype::kString; }
};

class RowSpec {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  // Null, with a sentence in `fault`: a field is wrong.
  static std::shared_ptr<const RowSpec> make(const RowSpecOptions& options, std::string& fault);

  const std::vector<RowField>& fields() const noexcept { return fields_; }
  ExtraFields extra() const noexcept { return extra_; }
  // The field of that name, or kNone.
  uint32_t find(std::string_view name) const noexcept { return names_.find(name); }
  // Memory of a row in all columns, the bytes of texts left out.
  size_t row_bytes() const noexcept { return row_bytes_; }
  size_t name_bytes_max() const noexcept { return name_bytes_max_; }

 private:
  std::vector<RowField> fields_;
  ExtraFields extra_ = ExtraFields::kReject;
  TextSet names_;
  size_t row_bytes_ = 0;
  size_t name_bytes_max_ = 0;
};
}  // namespace penstock::contract
