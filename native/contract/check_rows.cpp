#include "contract/check_rows.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "contract/element.hpp"
#include "json/text/print.hpp"

namespace penstock::contract {
namespace {
// Bounds are first asked of so many values at once, in a loop without branches that the compiler makes vectors of.
constexpr size_t kBlockValues = 256;

struct Place {
  uint32_t row;
  int32_t element;
};
Place place_of(const RowField& spec, size_t index) noexcept {
  const auto row = static_cast<uint32_t>(index / spec.values);
  if (spec.dims.empty()) return {row, Problem::kNoElement};
  return {row, static_cast<int32_t>(index % spec.values)};
}

// Values of one column, by the rules of its field.
class NumberCheck {
 public:
  NumberCheck(RowTable& table, uint32_t field) noexcept
      : table_(table), field_(field), spec_(table.spec().fields()[field]) {}

  template <typename Element>
  bool check_numbers() {
    using Type = typename Element::Type;
    using Compared = typename Element::Compared;
    const auto low = load<Compared>(spec_.low.compared.data());
    const auto high = load<Compared>(spec_.high.compared.data());
    const size_t count = size_t{table_.rows()} * spec_.values;
    for (size_t start = 0; start < count; start += kBlockValues) {
      const size_t end = std::min(count, start + kBlockValues);
      const std::byte* const values = table_.column(field_).values;
      uint32_t is_any = spec_.has_accepted ? 1 : 0;
      for (size_t i = start; i < end; ++i) {
        const Compared value = Element::compared(load<Type>(values + i * sizeof(Type)));
        // NaN is neither: it is missing.
        is_any |= static_cast<uint32_t>(value < low) | static_cast<uint32_t>(value > high);
      }
      if (is_any == 0) continue;
      for (size_t i = start; i < end; ++i)
        if (!check_number<Element>(i, low, high)) return false;
    }
    return true;
  }

  bool check_bools() {
    const size_t count = size_t{table_.rows()} * spec_.values;
    for (size_t i = 0; i < count; ++i) {
      const auto value = load<uint8_t>(table_.column(field_).values + i);
      if (!spec_.accepted_numbers.contains(value) && !refuse(i, ContractRule::kAccepted, nullptr)) return false;
    }
    return true;
  }

 private:
  template <typename Element>
  bool check_number(size_t index, typename Element::Compared low, typename Element::Compared high) {
    const auto element = load<typename Element::Type>(table_.column(field_).values + index * spec_.element_bytes);
    const auto value = Element::compared(element);
    if (value < low) return refuse(index, spec_.low.rule, &spec_.low);
    if (value > high) return refuse(index, spec_.high.rule, &spec_.high);
    if constexpr (Element::kIsFloat)
      if (value != value) return true;
    if (!spec_.has_accepted || spec_.accepted_numbers.contains(element_key<Element>(element))) return true;
    return refuse(index, ContractRule::kAccepted, nullptr);
  }

  // @param bound what the value may become, or null. False: no memory.
  bool refuse(size_t index, ContractRule rule, const Bound* bound) {
    const Column& column = table_.column(field_);
    if (column.is_missing(index)) return true;
    const std::byte* const value = column.values + index * spec_.element_bytes;
    if (spec_.on_invalid == OnInvalid::kImpute && std::memcmp(value, spec_.impute.data(), spec_.element_bytes) == 0)
      return true;
    Problem* problem = nullptr;
    const Place place = place_of(spec_, index);
    const OnInvalid outcome = table_.judge(place.row, field_, place.element, rule,
                                           bound == nullptr ? Remedy::kValue : Remedy::kBound, problem);
    if (problem != nullptr) {
      char text[kElementCharactersMax];
      const char* const end = json::print_element(value, spec_.dtype, text);
      problem->text.set({text, static_cast<size_t>(end - text)});
    }
    if (outcome == OnInvalid::kClamp) return table_.set_element(field_, index, bound->element.data());
    if (outcome == OnInvalid::kImpute) return table_.set_element(field_, index, spec_.impute.data());
    return true;
  }

  RowTable& table_;
  const uint32_t field_;
  const RowField& spec_;
};

size_t count_characters(std::string_view text) noexcept {
  size_t count = 0;
  for (const char byte : text) count += is_utf8_tail(byte) ? 0 : 1;
  return count;
}

bool break_text_rule(const RowField& spec, std::string_view text, ContractRule& rule) noexcept {
  // A character has one to four bytes: most texts need not be counted.
  if (text.size() < size_t{spec.min_length} * 4 && count_characters(text) < spec.min_length)
    rule = ContractRule::kMinLength;
  else if (text.size() > spec.max_length && count_characters(text) > spec.max_length)
    rule = ContractRule::kMaxLength;
  else if (spec.has_accepted && spec.accepted_texts.find(text) == TextSet::kNone)
    rule = ContractRule::kAccepted;
  else
    return false;
  return true;
}

void set_text(Problem& problem, std::string_view text) {
  std::array<char, kContractTextBytesMax + 1> quoted;
  const size_t bytes = std::min(text.size(), quoted.size() - 2);
  quoted[0] = '"';
  std::memcpy(quoted.data() + 1, text.data(), bytes);
  quoted[bytes + 1] = '"';
  // One more than the problem takes, so that it is cut there, at a character.
  if (bytes < text.size()) quoted[bytes + 1] = text[bytes];
  problem.text.set({quoted.data(), bytes + 2});
}

bool check_texts(RowTable& table, uint32_t field) {
  const RowField& spec = table.spec().fields()[field];
  const size_t count = size_t{table.rows()} * spec.values;
  std::vector<uint32_t>& imputed = table.index_list();
  for (size_t i = 0; i < count; ++i) {
    const Column& column = table.column(field);
    const std::string_view text = column.text(i);
    ContractRule rule;
    if (!break_text_rule(spec, text, rule) || column.is_missing(i)) continue;
    if (spec.on_invalid == OnInvalid::kImpute && text == spec.impute_text) continue;
    Problem* problem = nullptr;
    const Place place = place_of(spec, i);
    const OnInvalid outcome = table.judge(place.row, field, place.element, rule, Remedy::kValue, problem);
    if (problem != nullptr) set_text(*problem, text);
    if (outcome == OnInvalid::kImpute) imputed.push_back(static_cast<uint32_t>(i));
  }
  return table.replace_texts(field, imputed);
}

// Rows of a unique field by their values. One value a row.
class UniqueCheck {
 public:
  UniqueCheck(RowTable& table, uint32_t field, const SipKey& key) noexcept
      : table_(table), field_(field), spec_(table.spec().fields()[field]), key_(key) {}

  bool check() {
    const size_t slots = std::bit_ceil(size_t{table_.rows()} * 2 + 1);
    std::byte* const memory = table_.scratch(slots * sizeof(uint32_t));
    if (memory == nullptr) return false;
    std::memset(memory, 0, slots * sizeof(uint32_t));
    auto* const rows = reinterpret_cast<uint32_t*>(memory);  // row + 1; 0: free
    for (uint32_t row = 0; row < table_.rows(); ++row) {
      if (is_left_out(row)) continue;
      const uint64_t number = spec_.is_string() ? 0 : number_of(row);
      size_t slot = hash(row, number) & (slots - 1);
      while (rows[slot] != 0 && !is_same(rows[slot] - 1, row, number)) slot = (slot + 1) & (slots - 1);
      if (rows[slot] == 0)
        rows[slot] = row + 1;
      else
        refuse(row);
    }
    return true;
  }

 private:
  bool is_left_out(uint32_t row) const noexcept {
    return table_.is_dropped(row) || table_.column(field_).is_missing(row);
  }

  uint64_t number_of(uint32_t row) const noexcept {
    uint64_t key = 0;
    with_number(spec_.dtype, [&](auto element) {
      using Element = decltype(element);
      key = element_key<Element>(
          load<typename Element::Type>(table_.column(field_).values + size_t{row} * spec_.element_bytes));
    });
    return key;
  }

  size_t hash(uint32_t row, uint64_t number) const noexcept {
    if (spec_.is_string()) return static_cast<size_t>(sip_hash(key_, table_.column(field_).text(row)));
    char bytes[8];
    std::memcpy(bytes, &number, 8);
    return static_cast<size_t>(sip_hash(key_, {bytes, 8}));
  }

  bool is_same(uint32_t earlier, uint32_t row, uint64_t number) const noexcept {
    const Column& column = table_.column(field_);
    return spec_.is_string() ? column.text(earlier) == column.text(row) : number_of(earlier) == number;
  }

  void refuse(uint32_t row) {
    Problem* problem = nullptr;
    table_.judge(row, field_, place_of(spec_, row).element, ContractRule::kUnique, Remedy::kNone, problem);
    if (problem == nullptr) return;
    if (spec_.is_string()) return set_text(*problem, table_.column(field_).text(row));
    char text[kElementCharactersMax];
    const std::byte* const value = table_.column(field_).values + size_t{row} * spec_.element_bytes;
    problem->text.set({text, static_cast<size_t>(json::print_element(value, spec_.dtype, text) - text)});
  }

  RowTable& table_;
  const uint32_t field_;
  const RowField& spec_;
  const SipKey& key_;
};

bool check_field(RowTable& table, uint32_t field) {
  const RowField& spec = table.spec().fields()[field];
  if (spec.is_string()) {
    const bool has_rules = spec.has_accepted || spec.min_length > 0 || spec.max_length < UINT32_MAX;
    return !has_rules || check_texts(table, field);
  }
  NumberCheck check(table, field);
  if (spec.dtype == Dtype::kBool) return !spec.has_accepted || check.check_bools();
  bool is_done = true;
  if (spec.has_bounds || spec.has_accepted)
    with_number(spec.dtype, [&](auto element) { is_done = check.check_numbers<decltype(element)>(); });
  return is_done;
}
}  // namespace

bool check_rows(RowTable& table, const SipKey& key) {
  const auto count = static_cast<uint32_t>(table.spec().fields().size());
  for (uint32_t field = 0; field < count; ++field)
    if (!check_field(table, field)) return false;
  // Rows that the loop above dropped have no values that others could repeat.
  for (uint32_t field = 0; field < count; ++field)
    if (table.spec().fields()[field].is_unique && !UniqueCheck(table, field, key).check()) return false;
  return table.is_rejected() || table.drop_rows();
}
}  // namespace penstock::contract
