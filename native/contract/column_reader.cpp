#include "contract/column_reader.hpp"

#include <cstring>
#include <utility>

#include "contract/check_rows.hpp"
#include "contract/element.hpp"
#include "core/assert.hpp"
#include "core/utf8.hpp"
#include "json/text/print.hpp"

namespace penstock::contract {
namespace {
bool is_null(const GivenColumn& given, size_t index) noexcept {
  return given.validity != nullptr && (given.validity[index / 8] >> (index % 8) & 1) == 0;
}

size_t count_nulls(const GivenColumn& given, size_t count) noexcept {
  size_t nulls = 0;
  for (size_t index = 0; given.validity != nullptr && index < count; ++index) nulls += is_null(given, index) ? 1 : 0;
  return nulls;
}

bool are_sound(const GivenColumn& given, size_t count) noexcept {
  if (given.offsets[0] != 0 || given.offsets[count] > given.text_bytes || given.offsets[count] > INT32_MAX)
    return false;
  for (size_t i = 0; i < count; ++i)
    if (given.offsets[i] > given.offsets[i + 1]) return false;
  return true;
}

// Neither NaN nor infinite, all of them; a loop that the compiler makes vectors of.
template <typename Element>
bool are_finite(const std::byte* values, size_t count) noexcept {
  uint32_t is_any = 0;
  for (size_t i = 0; i < count; ++i) {
    const auto value = Element::compared(load<typename Element::Type>(values + i * sizeof(typename Element::Type)));
    is_any |=
        static_cast<uint32_t>(!(value >= Element::kLowest)) | static_cast<uint32_t>(!(value <= Element::kHighest));
  }
  return is_any == 0;
}

// What a number of one dtype is in another, as json::NumberFit has it for texts.
template <typename Source, typename Target>
json::NumberFit narrow(typename Source::Type source, typename Target::Type& target) noexcept {
  using Type = typename Target::Type;
  using json::NumberFit;
  if constexpr (Target::kIsFloat) {
    const auto wide = static_cast<double>(Source::compared(source));
    const NumberFit beyond = wide < 0 ? NumberFit::kBelow : NumberFit::kAbove;
    if constexpr (std::is_same_v<Target, Half>) {
      return Float16::narrow(wide, target) ? NumberFit::kFits : beyond;
    } else {
      target = static_cast<Type>(wide);
      return std::isfinite(target) ? NumberFit::kFits : beyond;
    }
  } else if constexpr (Source::kIsFloat) {
    const auto wide = static_cast<double>(Source::compared(source));
    if (std::isfinite(wide) && std::trunc(wide) != wide) return NumberFit::kFraction;
    // The limits as doubles: that above is the first integer that does not fit, for the last may have no double.
    constexpr double kEnd = 2.0 * static_cast<double>(std::numeric_limits<Type>::max() / 2 + 1);
    // NaN, which the caller knows, does not fit either.
    if (!(wide >= static_cast<double>(std::numeric_limits<Type>::min()))) return NumberFit::kBelow;
    if (wide >= kEnd) return NumberFit::kAbove;
    target = static_cast<Type>(wide);
    return NumberFit::kFits;
  } else {
    target = static_cast<Type>(source);
    if (std::in_range<Type>(source)) return NumberFit::kFits;
    return std::cmp_less(source, 0) ? NumberFit::kBelow : NumberFit::kAbove;
  }
}
}  // namespace

ColumnReader::ColumnReader(std::shared_ptr<const RowSpec> spec, const SipKey& key, ByteBudget* budget)
    : spec_(std::move(spec)), key_(key), table_(spec_, budget) {}

bool ColumnReader::accepts(const RowField& field, Dtype dtype) noexcept {
  if (is_number(field.dtype)) return is_number(dtype) && dtype_size_bytes(dtype) > 0;
  return field.dtype == dtype;
}

ColumnReader::Outcome ColumnReader::read(std::span<const GivenColumn> columns, uint32_t rows,
                                         const ReadLimits& limits) {
  PENSTOCK_ASSERT(columns.size() == spec_->fields().size());
  table_.begin(limits);
  Outcome outcome;
  outcome.fault = table_.reserve(rows);
  table_.set_rows(outcome.fault == BodyFault::kNone ? rows : 0);
  for (uint32_t field = 0; outcome.fault == BodyFault::kNone && field < columns.size(); ++field) {
    outcome.field = field;
    outcome.fault = read_column(field, columns[field]);
  }
  if (outcome.fault == BodyFault::kNone && !check_rows(table_, key_)) outcome.fault = BodyFault::kNoMemory;
  table_.report().sort();
  if (outcome.fault != BodyFault::kNone) table_.publish(0);
  return outcome;
}

BodyFault ColumnReader::read_column(uint32_t field, const GivenColumn& given) {
  const RowField& spec = spec_->fields()[field];
  bool is_read = false;
  if (given.is_absent) {
    is_read = read_absent(field);
  } else {
    PENSTOCK_ASSERT(accepts(spec, given.dtype));
    if (spec.is_string()) return read_texts(field, given);
    if (lend_clean(field, given)) return BodyFault::kNone;
    is_read = spec.dtype == Dtype::kBool ? read_bools(field, given) : read_numbers(field, given);
  }
  return is_read && table_.publish_column(field) ? BodyFault::kNone : BodyFault::kNoMemory;
}

bool ColumnReader::read_absent(uint32_t field) {
  const RowField& spec = spec_->fields()[field];
  const size_t count = size_t{table_.rows()} * spec.values;
  if (spec.is_string()) std::memset(table_.own_offsets(field), 0, (count + 1) * sizeof(uint32_t));
  std::vector<uint32_t>& imputed = table_.index_list();
  for (uint32_t row = 0; row < table_.rows(); ++row) {
    Problem* problem = nullptr;
    const bool is_imputed = spec.is_required && table_.judge(row, field, Problem::kNoElement, ContractRule::kMissing,
                                                             Remedy::kValue, problem) == OnInvalid::kImpute;
    for (size_t i = size_t{row} * spec.values; i < (size_t{row} + 1) * spec.values; ++i) {
      if (is_imputed && spec.is_string()) imputed.push_back(static_cast<uint32_t>(i));
      const bool is_done = !is_imputed        ? table_.set_missing(field, i)
                           : spec.is_string() ? true
                                              : table_.set_element(field, i, spec.impute.data());
      if (!is_done) return false;
    }
  }
  return imputed.empty() || (table_.publish_column(field) && table_.replace_texts(field, imputed));
}

// True: nothing of it has to be looked at one by one.
bool ColumnReader::lend_clean(uint32_t field, const GivenColumn& given) {
  const RowField& spec = spec_->fields()[field];
  const size_t count = size_t{table_.rows()} * spec.values;
  if (given.dtype != spec.dtype || count_nulls(given, count) > 0) return false;
  bool is_clean = true;
  if (spec.dtype == Dtype::kBool) {
    for (size_t i = 0; i < count; ++i) is_clean = is_clean && load<uint8_t>(given.values + i) <= 1;
  } else if (is_float(spec.dtype)) {
    with_number(spec.dtype, [&](auto element) {
      if constexpr (decltype(element)::kIsFloat) is_clean = are_finite<decltype(element)>(given.values, count);
    });
  }
  if (is_clean) table_.lend(field, {.values = given.values});
  return is_clean;
}

bool ColumnReader::read_bools(uint32_t field, const GivenColumn& given) {
  const size_t count = size_t{table_.rows()} * spec_->fields()[field].values;
  for (size_t i = 0; i < count; ++i) {
    const std::byte* const value = given.values + i;
    const bool is_done = is_null(given, i) ? read_null(field, i)
                         : load<uint8_t>(value) > 1
                             ? refuse(field, i, ContractRule::kType, nullptr, value, Dtype::kUint8)
                             : table_.set_element(field, i, value);
    if (!is_done) return false;
  }
  return true;
}

bool ColumnReader::read_numbers(uint32_t field, const GivenColumn& given) {
  bool is_done = false;
  with_number(given.dtype, [&](auto source) {
    with_number(spec_->fields()[field].dtype,
                [&](auto target) { is_done = convert<decltype(source), decltype(target)>(field, given); });
  });
  return is_done;
}

template <typename Source, typename Target>
bool ColumnReader::convert(uint32_t field, const GivenColumn& given) {
  using Type = typename Target::Type;
  const size_t count = size_t{table_.rows()} * spec_->fields()[field].values;
  for (size_t i = 0; i < count; ++i) {
    const auto source = load<typename Source::Type>(given.values + i * sizeof(typename Source::Type));
    Type target;
    if (!is_null(given, i) && narrow<Source, Target>(source, target) == json::NumberFit::kFits)
      std::memcpy(table_.own_values(field) + i * sizeof(Type), &target, sizeof(Type));
    else if (!(is_null(given, i) ? read_null(field, i) : convert_one<Source, Target>(field, i, source)))
      return false;
  }
  return true;
}

// A number that does not fit, or NaN.
template <typename Source, typename Target>
bool ColumnReader::convert_one(uint32_t field, size_t index, typename Source::Type source) {
  const RowField& spec = spec_->fields()[field];
  if constexpr (Source::kIsFloat)
    if (std::isnan(Source::compared(source))) return read_null(field, index);
  std::array<std::byte, 8> bytes;
  std::memcpy(bytes.data(), &source, sizeof source);
  constexpr auto kDtype = Source::kDtype;
  typename Target::Type target;
  const json::NumberFit fit = narrow<Source, Target>(source, target);
  if (fit == json::NumberFit::kFraction)
    return refuse(field, index, ContractRule::kInteger, nullptr, bytes.data(), kDtype);
  const Bound& bound = fit == json::NumberFit::kBelow ? spec.low : spec.high;
  return refuse(field, index, ContractRule::kRange, &bound, bytes.data(), kDtype);
}

bool ColumnReader::read_null(uint32_t field, size_t index) {
  if (spec_->fields()[field].is_nullable) return table_.set_missing(field, index);
  return refuse(field, index, ContractRule::kNull, nullptr, nullptr, Dtype::kFloat32);
}

bool ColumnReader::refuse(uint32_t field, size_t index, ContractRule rule, const Bound* bound, const std::byte* value,
                          Dtype dtype) {
  const RowField& spec = spec_->fields()[field];
  const auto row = static_cast<uint32_t>(index / spec.values);
  const int32_t element = spec.dims.empty() ? Problem::kNoElement : static_cast<int32_t>(index % spec.values);
  Problem* problem = nullptr;
  const Remedy remedy = bound == nullptr ? Remedy::kValue : Remedy::kBound;
  const OnInvalid outcome = table_.judge(row, field, element, rule, remedy, problem);
  if (problem != nullptr) {
    char text[kElementCharactersMax] = {'n', 'u', 'l', 'l'};
    const char* const end = value == nullptr ? text + 4 : json::print_element(value, dtype, text);
    problem->text.set({text, static_cast<size_t>(end - text)});
  }
  if (outcome == OnInvalid::kClamp) return table_.set_element(field, index, bound->element.data());
  if (outcome == OnInvalid::kImpute) return table_.set_element(field, index, spec.impute.data());
  return table_.set_missing(field, index);
}

BodyFault ColumnReader::read_texts(uint32_t field, const GivenColumn& given) {
  const RowField& spec = spec_->fields()[field];
  const size_t count = size_t{table_.rows()} * spec.values;
  if (!are_sound(given, count)) return BodyFault::kOffsets;
  const size_t nulls = spec.is_nullable ? count_nulls(given, count) : 0;
  table_.lend(field, {.values = given.values,
                      .offsets = given.offsets,
                      .validity = nulls > 0 ? given.validity : nullptr,
                      .missing = nulls});
  std::vector<uint32_t>& replaced = table_.index_list();
  for (size_t i = 0; i < count; ++i) {
    const std::string_view text(reinterpret_cast<const char*>(given.values) + given.offsets[i],
                                given.offsets[i + 1] - given.offsets[i]);
    ContractRule rule = ContractRule::kNull;
    if (!is_null(given, i)) {
      const bool has_nul = text.find('\0') != text.npos;
      if (!has_nul && is_utf8(text)) continue;
      rule = has_nul ? ContractRule::kNul : ContractRule::kEncoding;
    } else if (spec.is_nullable) {
      if (!text.empty()) replaced.push_back(static_cast<uint32_t>(i));
      continue;
    }
    const auto row = static_cast<uint32_t>(i / spec.values);
    const int32_t element = spec.dims.empty() ? Problem::kNoElement : static_cast<int32_t>(i % spec.values);
    Problem* problem = nullptr;
    const OnInvalid outcome = table_.judge(row, field, element, rule, Remedy::kValue, problem);
    if (problem != nullptr && rule == ContractRule::kNull) problem->text.set("null");
    if (outcome != OnInvalid::kImpute && !table_.set_missing(field, i)) return BodyFault::kNoMemory;
    replaced.push_back(static_cast<uint32_t>(i));
  }
  return table_.replace_texts(field, replaced) ? BodyFault::kNone : BodyFault::kNoMemory;
}
}  // namespace penstock::contract
