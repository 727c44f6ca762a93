// The values of RowReader that are no plain numbers: texts, arrays, what is missing, and what is wrong.
#include <algorithm>
#include <cstring>

#include "contract/element.hpp"
#include "contract/plain_value.hpp"
#include "contract/row_reader.hpp"
#include "json/text/scan.hpp"

namespace penstock::contract {
namespace {
constexpr int32_t kAll = Problem::kNoElement;

std::string_view between(const char* first, const char* last) noexcept {
  return {first, static_cast<size_t>(last - first)};
}
}  // namespace

const char* RowReader::read_member(const char* at, uint32_t index) {
  return slots_[index].kind == Kind::kArray ? read_array(at, index) : read_element(at, index, kAll);
}

const char* RowReader::read_element(const char* at, uint32_t field, int32_t element) {
  const Slot& slot = slots_[field];
  if (slot.dtype == Dtype::kString) return read_text(at, field, element);
  std::byte* const target = slot.values + index_of(field, element) * spec_->fields()[field].element_bytes;
  const char* behind = take_plain(slot.dtype, at, end_, target);
  if (behind != nullptr) return behind;
  bool is_done = false;
  behind = read_number(at, field, element, is_done);
  return is_done ? behind : read_unusual(at, field, element);
}

// is_done: a number stands there, whatever became of it.
const char* RowReader::read_number(const char* at, uint32_t field, int32_t element, bool& is_done) {
  const RowField& spec = spec_->fields()[field];
  const char* behind = at;
  with_number(spec.dtype, [&](auto traits) {
    using Element = decltype(traits);
    typename Element::Type value;
    const json::NumberFit fit = Element::fit(behind, end_, value);
    is_done = fit != json::NumberFit::kNone;
    if (!is_done) return;
    if (fit == json::NumberFit::kFits && !is_exact<Element>(at, behind, value)) {
      behind = refuse_value(at, behind, field, element, ContractRule::kType);
    } else if (fit == json::NumberFit::kFits) {
      std::memcpy(slots_[field].values + index_of(field, element) * sizeof value, &value, sizeof value);
    } else if (fit == json::NumberFit::kFraction) {
      behind = refuse_value(at, behind, field, element, ContractRule::kInteger);
    } else {
      const Bound& bound = fit == json::NumberFit::kBelow ? spec.low : spec.high;
      behind = refuse_value(at, behind, field, element, ContractRule::kRange, &bound);
    }
  });
  return behind;
}

// An integer beyond 2^53 as a text: digits, and a minus before them. Smaller ones are numbers in every JSON.
const char* RowReader::read_decimal_text(const char* at, uint32_t field, int32_t element, bool& is_done) {
  is_done = false;
  const RowField& spec = spec_->fields()[field];
  if (at == end_ || *at != '"' || (spec.dtype != Dtype::kInt64 && spec.dtype != Dtype::kUint64)) return at;
  json::Cursor cursor{at, end_};
  json::StringText text;
  if (json::scan_string(cursor, text) != BodyFault::kNone) return at;
  constexpr size_t kDigitsMin = 16, kDigitsMax = 20;
  const char* digits = text.raw.data();
  const char* const digits_end = digits + text.raw.size();
  const char* const first = digits + (!text.raw.empty() && *digits == '-' ? 1 : 0);
  const auto count = static_cast<size_t>(digits_end - first);
  if (count < kDigitsMin || count > kDigitsMax || *first == '0' || !std::all_of(first, digits_end, json::is_digit))
    return at;
  const auto read = [&](auto value) {
    const json::NumberFit fit = json::fit_integer(digits, digits_end, value);
    if (digits != digits_end || fit == json::NumberFit::kNone) return at;
    if (fit == json::NumberFit::kFits && magnitude_of(value) <= kSafeIntegerMax) return at;
    is_done = true;
    const Bound& bound = fit == json::NumberFit::kBelow ? spec.low : spec.high;
    if (fit != json::NumberFit::kFits) return refuse_value(at, cursor.at, field, element, ContractRule::kRange, &bound);
    std::memcpy(slots_[field].values + index_of(field, element) * sizeof value, &value, sizeof value);
    return cursor.at;
  };
  return spec.dtype == Dtype::kInt64 ? read(int64_t{0}) : read(uint64_t{0});
}

// Null, or a value of another kind.
const char* RowReader::read_unusual(const char* at, uint32_t field, int32_t element) {
  json::Cursor cursor{at, end_};
  if (json::take_word(cursor, "null")) {
    if (!spec_->fields()[field].is_nullable) return refuse_value(at, cursor.at, field, element, ContractRule::kNull);
    return put_missing(field, element) ? cursor.at : nullptr;
  }
  bool is_done = false;
  const char* behind = read_decimal_text(at, field, element, is_done);
  if (is_done) return behind;
  behind = skip(at);
  return behind == nullptr ? nullptr : refuse_value(at, behind, field, element, ContractRule::kType);
}

const char* RowReader::read_text(const char* at, uint32_t field, int32_t element) {
  if (at == end_ || *at != '"') return read_unusual(at, field, element);
  json::Cursor cursor{at, end_};
  json::StringText text;
  if (const BodyFault fault = json::scan_string(cursor, text); fault != BodyFault::kNone) return fail(fault, cursor.at);
  if (!text.has_escapes) return put_text(field, element, text.raw) ? cursor.at : nullptr;
  Slot& slot = slots_[field];
  const BodyFault fault = table_.reserve_text(field, slot.text_used, text.raw.size());
  if (fault != BodyFault::kNone) return fail(fault, at);
  slot.values = table_.own_values(field);
  slot.text_room = table_.text_room(field);
  char* const target = reinterpret_cast<char*>(slot.values) + slot.text_used;
  const json::Decoded decoded = json::decode_string(text.raw, target, text.raw.size());
  if (decoded.has_lone_surrogate) return refuse_value(at, cursor.at, field, element, ContractRule::kEncoding);
  if (decoded.has_nul) return refuse_value(at, cursor.at, field, element, ContractRule::kNul);
  slot.text_used += decoded.bytes;
  slot.offsets[index_of(field, element) + 1] = static_cast<uint32_t>(slot.text_used);
  return cursor.at;
}

// An array of the field's shape, or null for all of it.
const char* RowReader::read_array(const char* at, uint32_t field) {
  if (at < end_ && *at == 'n') return read_element(at, field, kAll);
  const char* behind = at;
  if (at < end_ && *at == '[') {
    array_ = {at, false};
    uint32_t element = 0;
    behind = read_level(at, field, 0, element);
    if (behind == nullptr) return nullptr;
    if (behind != at) return behind;
  }
  behind = skip(at);
  return behind == nullptr ? nullptr : refuse_value(at, behind, field, kAll, ContractRule::kShape);
}

// Whether the array at the cursor has the field's shape, whatever its values are. Broken JSON has none: whoever skips
// it then says where.
bool RowReader::has_shape(json::Cursor& cursor, const RowField& spec, size_t depth) const noexcept {
  const bool is_leaf = depth + 1 == spec.dims.size();
  for (uint32_t i = 0; i < spec.dims[depth]; ++i) {
    if (!cursor.take(i == 0 ? '[' : ',')) return false;
    const char next = cursor.peek();
    const bool is_array = next == '[';
    if (is_array == is_leaf || next == ']') return false;
    if (!(is_leaf ? json::skip_value(cursor, depth_) == BodyFault::kNone : has_shape(cursor, spec, depth + 1)))
      return false;
  }
  return cursor.take(']');
}

// The array at `at`, with those inside it. Returns `at` itself when it has another shape.
const char* RowReader::read_level(const char* at, uint32_t field, size_t depth, uint32_t& element) {
  const std::vector<uint32_t>& dims = spec_->fields()[field].dims;
  if (depth + 1 == dims.size()) return read_run(at, field, dims[depth], element);
  const char* const first = at;
  for (uint32_t i = 0; i < dims[depth]; ++i) {
    json::Cursor cursor{at, end_};
    if (!cursor.take(i == 0 ? '[' : ',') || cursor.peek() != '[') return first;
    at = read_level(cursor.at, field, depth + 1, element);
    if (at == nullptr) return nullptr;
    if (at == cursor.at) return first;
  }
  json::Cursor cursor{at, end_};
  return cursor.take(']') ? cursor.at : first;
}

const char* RowReader::read_run(const char* at, uint32_t field, uint32_t count, uint32_t& element) {
  const char* const first = at;
  const Slot& slot = slots_[field];
  const size_t start = index_of(field, 0);
  const size_t element_bytes = spec_->fields()[field].element_bytes;
  for (uint32_t i = 0; i < count; ++i) {
    json::Cursor cursor{at, end_};
    if (!cursor.take(i == 0 ? '[' : ',')) return first;
    cursor.skip_space();
    const char* const behind = take_plain(slot.dtype, cursor.at, end_, slot.values + (start + element) * element_bytes);
    if (behind != nullptr) {
      at = behind;
      ++element;
      continue;
    }
    // What is wrong with values is reported of arrays that have the shape.
    if (!array_.is_known) {
      json::Cursor whole{array_.start, end_};
      if (!has_shape(whole, spec_->fields()[field], 0)) return first;
      array_.is_known = true;
    }
    at = read_element(cursor.at, field, static_cast<int32_t>(element++));
    if (at == nullptr) return nullptr;
  }
  json::Cursor cursor{at, end_};
  return cursor.take(']') ? cursor.at : first;
}

// Fields that the row does not have.
bool RowReader::add_absent(uint64_t serial) {
  for (uint32_t field = 0; field + 1 < slots_.size(); ++field) {
    if (slots_[field].row_seen == serial) continue;
    const bool is_required = spec_->fields()[field].is_required;
    if (!(is_required ? violate(field, kAll, ContractRule::kMissing, {}, nullptr) : put_missing(field, kAll)))
      return false;
  }
  return true;
}

const char* RowReader::refuse_value(const char* first, const char* at, uint32_t field, int32_t element,
                                    ContractRule rule, const Bound* bound) {
  if (at == nullptr) return nullptr;
  return violate(field, element, rule, between(first, at), bound) ? at : nullptr;
}

bool RowReader::violate(uint32_t field, int32_t element, ContractRule rule, std::string_view text, const Bound* bound) {
  const RowField& spec = spec_->fields()[field];
  const int32_t told = spec.dims.empty() ? kAll : element;
  Problem* problem = nullptr;
  const Remedy remedy = bound == nullptr ? Remedy::kValue : Remedy::kBound;
  const OnInvalid outcome = table_.judge(row_, field, told, rule, remedy, problem);
  if (problem != nullptr) problem->text.set(text);
  if (outcome == OnInvalid::kClamp) return put_element(field, element, bound->element.data());
  if (outcome != OnInvalid::kImpute) return put_missing(field, element);
  return for_elements(field, element, [&](int32_t each) {
    if (!spec.is_string()) return put_element(field, each, spec.impute.data());
    return put_text(field, each, spec.impute_text);
  });
}

template <typename Put>
bool RowReader::for_elements(uint32_t field, int32_t element, Put&& put) {
  if (element != kAll) return put(element);
  const auto values = static_cast<int32_t>(spec_->fields()[field].values);
  for (int32_t each = 0; each < values; ++each)
    if (!put(each)) return false;
  return true;
}

bool RowReader::put_missing(uint32_t field, int32_t element) {
  return for_elements(field, element, [&](int32_t each) {
    if (!table_.set_missing(field, index_of(field, each))) return fail(BodyFault::kNoMemory, end_) != nullptr;
    return !spec_->fields()[field].is_string() || put_text(field, each, {});
  });
}

bool RowReader::put_element(uint32_t field, int32_t element, const std::byte* bytes) {
  return table_.set_element(field, index_of(field, element), bytes) || fail(BodyFault::kNoMemory, end_) != nullptr;
}

bool RowReader::put_text(uint32_t field, int32_t element, std::string_view text) {
  Slot& slot = slots_[field];
  if (const BodyFault fault = table_.reserve_text(field, slot.text_used, text.size()); fault != BodyFault::kNone)
    return fail(fault, end_) != nullptr;
  slot.values = table_.own_values(field);
  slot.text_room = table_.text_room(field);
  if (!text.empty()) std::memcpy(slot.values + slot.text_used, text.data(), text.size());
  slot.text_used += text.size();
  slot.offsets[index_of(field, element) + 1] = static_cast<uint32_t>(slot.text_used);
  return true;
}
}  // namespace penstock::contract
