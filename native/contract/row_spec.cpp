#include "contract/row_spec.hpp"

#include <algorithm>
#include <cstdio>
#include <unordered_set>
#include <utility>

#include "contract/element.hpp"
#include "core/utf8.hpp"

namespace penstock::contract {
namespace {
std::string quoted(std::string_view text) {
  std::string whole(1, '"');
  whole += text;
  whole += '"';
  return whole;
}

std::string printed(const Literal& literal) {
  struct Print {
    std::string operator()(std::monostate) const { return "nothing"; }
    std::string operator()(double value) const {
      char text[32];
      std::snprintf(text, sizeof text, "%.17g", value);
      return text;
    }
    std::string operator()(int64_t value) const { return std::to_string(value); }
    std::string operator()(uint64_t value) const { return std::to_string(value); }
    std::string operator()(bool value) const { return value ? "true" : "false"; }
    std::string operator()(const std::string& value) const { return quoted(value); }
  };
  return std::visit(Print{}, literal);
}

// The name as a key of JSON. What needs an escape has several; keys in another form are decoded and looked up.
std::string json_key(std::string_view name) {
  std::string key = "\"";
  for (const char c : name) {
    if (c == '"' || c == '\\') key += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
      key += escape;
    } else {
      key += c;
    }
  }
  return key + "\"";
}

// A number of the contract as an element, rounded as a value would be. False: it does not fit.
template <typename Element>
bool to_element(const Literal& literal, typename Element::Type& element) {
  using Type = typename Element::Type;
  if constexpr (Element::kIsFloat) {
    double value;
    if (const auto* real = std::get_if<double>(&literal))
      value = *real;
    else if (const auto* whole = std::get_if<int64_t>(&literal))
      value = static_cast<double>(*whole);
    else if (const auto* count = std::get_if<uint64_t>(&literal))
      value = static_cast<double>(*count);
    else
      return false;
    if constexpr (std::is_same_v<Element, Half>) return Float16::narrow(value, element);
    element = static_cast<Type>(value);
    return std::isfinite(static_cast<double>(element));
  } else {
    if (const auto* whole = std::get_if<int64_t>(&literal)) {
      element = static_cast<Type>(*whole);
      return std::in_range<Type>(*whole);
    }
    if (const auto* count = std::get_if<uint64_t>(&literal)) {
      element = static_cast<Type>(*count);
      return std::in_range<Type>(*count);
    }
    const auto* real = std::get_if<double>(&literal);
    // Beyond 2^53 a double is not the number that was meant.
    if (real == nullptr || !(std::fabs(*real) <= 0x1p53)) return false;
    const auto whole = static_cast<int64_t>(*real);
    element = static_cast<Type>(whole);
    return static_cast<double>(whole) == *real && std::in_range<Type>(whole);
  }
}

template <typename Element>
typename Element::Type beside(typename Element::Type element, bool is_above) {
  using Type = typename Element::Type;
  if constexpr (std::is_same_v<Element, Half>) {
    // In the order of the numbers, both zeros being one.
    const int magnitude = element & 0x7fff;
    const int order = ((element & 0x8000) != 0 ? -magnitude : magnitude) + (is_above ? 1 : -1);
    return static_cast<Type>(order < 0 ? 0x8000 | -order : order);
  } else if constexpr (Element::kIsFloat) {
    return std::nextafter(element,
                          is_above ? std::numeric_limits<Type>::infinity() : -std::numeric_limits<Type>::infinity());
  } else {
    return static_cast<Type>(is_above ? element + 1 : element - 1);
  }
}

template <typename T>
std::array<std::byte, 8> bytes_of(T value) {
  std::array<std::byte, 8> bytes{};
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

// The sentence that refuses, or none.
using Fault = std::string;

class FieldCompiler {
 public:
  FieldCompiler(const FieldOptions& options, RowField& field) : options_(options), field_(field) {}

  Fault compile() {
    using Step = Fault (FieldCompiler::*)();
    for (const Step step : {&FieldCompiler::read_name, &FieldCompiler::read_shape, &FieldCompiler::read_numbers,
                            &FieldCompiler::read_texts, &FieldCompiler::read_policy})
      if (Fault fault = (this->*step)(); !fault.empty()) return fault;
    return {};
  }

 private:
  Fault expected(const std::string& what) const { return "Expected " + what; }
  Fault of_field(const std::string& what, const std::string& rule) const {
    return "Expected " + what + " of field " + quoted(field_.name) + " to " + rule;
  }

  Fault read_name() {
    const std::string& name = options_.name;
    if (name.empty() || name.size() > kContractNameBytesMax)
      return expected("the name of a field to have 1 to " + std::to_string(kContractNameBytesMax) +
                      " bytes but received " + std::to_string(name.size()));
    if (!is_utf8(name)) return expected("the name of a field to be UTF-8");
    field_.name = name;
    field_.key = json_key(name);
    field_.dtype = options_.dtype;
    field_.element_bytes = static_cast<uint32_t>(dtype_size_bytes(options_.dtype));
    if (options_.dtype == Dtype::kBfloat16 || (field_.element_bytes == 0 && !field_.is_string()))
      return of_field("dtype", "be float16, float32, float64, an integer, bool or string");
    field_.is_nullable = options_.is_nullable;
    field_.is_required = options_.is_required;
    field_.on_invalid = options_.on_invalid;
    return {};
  }

  Fault read_shape() {
    if (options_.dims.size() > kRankMax) return of_field("shape", "have at most " + std::to_string(kRankMax) + " dims");
    uint64_t values = 1;
    for (const int64_t dim : options_.dims) {
      if (dim < 1 || dim > int64_t{kContractValuesMax})
        return of_field("dims",
                        "be 1 to " + std::to_string(kContractValuesMax) + " but received " + std::to_string(dim));
      values *= static_cast<uint64_t>(dim);
      if (values > kContractValuesMax)
        return of_field("values a row", "be at most " + std::to_string(kContractValuesMax));
      field_.dims.push_back(static_cast<uint32_t>(dim));
    }
    field_.values = static_cast<uint32_t>(values);
    field_.is_unique = options_.is_unique;
    if (field_.is_unique && (values != 1 || field_.dtype == Dtype::kBool))
      return of_field("unique", "be set where a row has one number or text");
    return {};
  }

  bool has(const Literal& literal) const { return !std::holds_alternative<std::monostate>(literal); }

  Fault misfit(const char* what, const Literal& literal) const {
    return of_field(what, "be a value of its dtype but received " + printed(literal));
  }

  Fault read_numbers() {
    field_.has_accepted = !options_.accepted.empty();
    if (options_.accepted.size() > kContractAcceptedMax)
      return of_field("accepted values", "be at most " + std::to_string(kContractAcceptedMax));
    field_.has_bounds = has(options_.min.value) || has(options_.max.value);
    if (field_.has_bounds && !is_number(field_.dtype)) return of_field("min and max", "be absent: it has no numbers");
    if (field_.dtype == Dtype::kBool) return read_bools();
    Fault fault;
    with_number(field_.dtype, [&](auto element) { fault = read_numbers_of<decltype(element)>(); });
    return fault;
  }

  Fault read_bools() {
    std::vector<uint64_t> keys;
    for (const Literal& literal : options_.accepted) {
      const auto* value = std::get_if<bool>(&literal);
      if (value == nullptr) return misfit("accepted", literal);
      keys.push_back(*value ? 1 : 0);
    }
    field_.accepted_numbers = NumberSet(keys);
    if (!has(options_.impute)) return {};
    const auto* value = std::get_if<bool>(&options_.impute);
    if (value == nullptr) return misfit("impute", options_.impute);
    field_.impute = bytes_of(static_cast<uint8_t>(*value ? 1 : 0));
    return {};
  }

  template <typename Element>
  Fault read_numbers_of() {
    Fault fault = read_bound<Element>(options_.min, "min", true, field_.low);
    if (fault.empty()) fault = read_bound<Element>(options_.max, "max", false, field_.high);
    if (!fault.empty()) return fault;
    using Compared = typename Element::Compared;
    if (load<Compared>(field_.low.compared.data()) > load<Compared>(field_.high.compared.data()))
      return of_field("min and max", "leave a value between them but received " + printed(options_.min.value) +
                                         " and " + printed(options_.max.value));
    std::vector<uint64_t> keys;
    typename Element::Type element;
    for (const Literal& literal : options_.accepted) {
      if (!to_element<Element>(literal, element)) return misfit("accepted", literal);
      keys.push_back(element_key<Element>(element));
    }
    field_.accepted_numbers = NumberSet(keys);
    if (!has(options_.impute)) return {};
    if (!to_element<Element>(options_.impute, element)) return misfit("impute", options_.impute);
    field_.impute = bytes_of(element);
    return {};
  }

  template <typename Element>
  Fault read_bound(const BoundOptions& options, const char* what, bool is_low, Bound& bound) {
    typename Element::Type element;
    if (!has(options.value)) {
      // Infinities of a column are beyond it.
      set_dtype_bound<Element>(is_low, bound);
      return {};
    }
    if (!to_element<Element>(options.value, element)) return misfit(what, options.value);
    bound.rule = is_low ? ContractRule::kMinimum : ContractRule::kMaximum;
    if (options.is_exclusive) {
      const auto edge = is_low ? Element::kHighest : Element::kLowest;
      if (Element::compared(element) == edge)
        return of_field(what, "leave a value beside it but received " + printed(options.value));
      element = beside<Element>(element, is_low);
      bound.rule = is_low ? ContractRule::kExclusiveMinimum : ContractRule::kExclusiveMaximum;
    }
    bound.element = bytes_of(element);
    bound.compared = bytes_of(Element::compared(element));
    return {};
  }

  template <typename Element>
  static void set_dtype_bound(bool is_low, Bound& bound) {
    const auto edge = is_low ? Element::kLowest : Element::kHighest;
    bound.rule = ContractRule::kRange;
    bound.compared = bytes_of(edge);
    if constexpr (std::is_same_v<Element, Half>)
      bound.element = bytes_of(static_cast<uint16_t>(is_low ? 0xfbff : 0x7bff));
    else
      bound.element = bytes_of(edge);
  }

  Fault read_texts() {
    const bool has_lengths = options_.min_length.has_value() || options_.max_length.has_value();
    if (!field_.is_string())
      return has_lengths ? of_field("minLength and maxLength", "be absent: it has no texts") : "";
    field_.min_length = options_.min_length.value_or(0);
    field_.max_length = options_.max_length.value_or(UINT32_MAX);
    if (field_.min_length > field_.max_length)
      return of_field("minLength", "be at most maxLength but received " + std::to_string(field_.min_length));
    std::vector<std::string> texts;
    for (const Literal& literal : options_.accepted) {
      const auto* text = std::get_if<std::string>(&literal);
      if (text == nullptr) return misfit("accepted", literal);
      texts.push_back(*text);
    }
    field_.accepted_texts = TextSet(std::move(texts));
    if (!has(options_.impute)) return {};
    const auto* text = std::get_if<std::string>(&options_.impute);
    if (text == nullptr) return misfit("impute", options_.impute);
    field_.impute_text = *text;
    return {};
  }

  Fault read_policy() {
    const bool is_imputed = field_.on_invalid == OnInvalid::kImpute;
    if (field_.on_invalid == OnInvalid::kClamp && !is_number(field_.dtype))
      return of_field("onInvalid", "be another than clamp: it has no numbers");
    if (is_imputed && field_.is_unique)
      return of_field("onInvalid", "be another than impute: a value that is unique has no substitute");
    if (is_imputed == has(options_.impute)) return {};
    return of_field("impute",
                    is_imputed ? "be set, as its onInvalid is impute" : "be absent unless onInvalid is impute");
  }

  const FieldOptions& options_;
  RowField& field_;
};
}  // namespace

std::shared_ptr<const RowSpec> RowSpec::make(const RowSpecOptions& options, std::string& fault) {
  const auto refuse = [&](std::string sentence) {
    fault = std::move(sentence);
    return std::shared_ptr<const RowSpec>();
  };
  if (options.fields.empty() || options.fields.size() > kContractFieldsMax)
    return refuse("Expected 1 to " + std::to_string(kContractFieldsMax) + " fields but received " +
                  std::to_string(options.fields.size()));
  auto spec = std::make_shared<RowSpec>();
  spec->extra_ = options.extra;
  spec->row_bytes_ = 1;  // its state
  std::vector<std::string> names;
  std::unordered_set<std::string_view> seen;
  for (const FieldOptions& field_options : options.fields) {
    RowField field;
    if (std::string sentence = FieldCompiler(field_options, field).compile(); !sentence.empty())
      return refuse(std::move(sentence));
    if (!seen.insert(field_options.name).second)
      return refuse("Expected fields of different names but received " + quoted(field.name) + " twice");
    names.push_back(field.name);
    spec->name_bytes_max_ = std::max(spec->name_bytes_max_, field.name.size());
    const size_t element_bytes =
        field.is_string() ? sizeof(uint32_t) + field.impute_text.size() : size_t{field.element_bytes};
    // With a bit each that says whether it is there, and two slots of the table in which unique values are found.
    spec->row_bytes_ += size_t{field.values} * element_bytes + field.values / 8 + 1 + (field.is_unique ? 16 : 0);
    spec->fields_.push_back(std::move(field));
  }
  spec->names_ = TextSet(std::move(names));
  return spec;
}
}  // namespace penstock::contract
