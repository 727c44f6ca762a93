// Contracts of a field or two, bodies read by them, and what became of the values.
#pragma once
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "contract/column_reader.hpp"
#include "contract/row_reader.hpp"
#include "test/testing.hpp"

namespace penstock::testing {
using namespace penstock::contract;

inline FieldOptions field(std::string name, Dtype dtype) {
  FieldOptions options;
  options.name = std::move(name);
  options.dtype = dtype;
  return options;
}

inline std::shared_ptr<const RowSpec> spec_of(std::vector<FieldOptions> fields,
                                              ExtraFields extra = ExtraFields::kReject) {
  std::string fault;
  auto spec = RowSpec::make({std::move(fields), extra}, fault);
  if (spec == nullptr) std::printf("  %s\n", fault.c_str());
  CLAIM(spec != nullptr);
  return spec;
}

inline std::string fault_of(std::vector<FieldOptions> fields) {
  std::string fault;
  CLAIM(RowSpec::make({std::move(fields), ExtraFields::kReject}, fault) == nullptr);
  return fault;
}

template <typename T>
T element(const RowTable& table, uint32_t column, size_t index) {
  T value;
  std::memcpy(&value, table.column(column).values + index * sizeof(T), sizeof(T));
  return value;
}

struct Reader {
  explicit Reader(std::vector<FieldOptions> fields, ExtraFields extra = ExtraFields::kReject)
      : reader(spec_of(std::move(fields), extra), SipKey{1, 2}) {}

  // On the heap and exactly as long as the text, so that a sanitizer sees a read beyond the end.
  BodyFault read(const std::string& text, const ReadLimits& limits = {}) {
    const std::vector<char> bytes(text.begin(), text.end());
    outcome = reader.read({bytes.data(), bytes.size()}, limits);
    return outcome.fault;
  }
  bool is_clean(const std::string& text) { return read(text) == BodyFault::kNone && !table().is_rejected(); }
  // Whether the body is refused for exactly this.
  bool breaks(const std::string& text, ContractRule rule) {
    return read(text) == BodyFault::kNone && table().report().rejected().count == 1 && first().rule == rule;
  }
  const RowTable& table() const { return reader.table(); }
  const Problem& first() const { return table().report().rejected().first.at(0); }
  std::string text(uint32_t column, size_t index) const { return std::string(table().column(column).text(index)); }

  RowReader reader;
  RowReader::Outcome outcome;
};
}  // namespace penstock::testing
