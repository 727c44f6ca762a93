#include "json/rows_form.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "contract/element.hpp"
#include "core/assert.hpp"
#include "json/text/print.hpp"
#include "plan/row_bytes.hpp"
#include "runtime/request.hpp"
#include "transform/run.hpp"

namespace penstock::json {
namespace {
using contract::Column;
using contract::RowField;
using Feature = RowsFormOptions::Feature;
using Kind = RowMember;
using Member = RowsFormOptions::Member;

constexpr size_t kQuotes = 2;
constexpr int64_t kSafeIntegerMax = (int64_t{1} << 53) - 1;

char* put_piece(char* text, std::string_view piece) noexcept {
  std::memcpy(text, piece.data(), piece.size());
  return text + piece.size();
}

bool is_wide(Dtype dtype) noexcept {
  return dtype == Dtype::kInt64 || dtype == Dtype::kUint64;
}

// 64-bit integers beyond 2^53 are texts of their digits, as rows have them.
bool is_quoted(const std::byte* element, Dtype dtype) noexcept {
  if (dtype == Dtype::kInt64) {
    const auto value = contract::load<int64_t>(element);
    return value > kSafeIntegerMax || value < -kSafeIntegerMax;
  }
  return dtype == Dtype::kUint64 && contract::load<uint64_t>(element) > uint64_t{kSafeIntegerMax};
}

char* print_value(const std::byte* element, Dtype dtype, char* text) noexcept {
  if (!is_quoted(element, dtype)) return print_element(element, dtype, text);
  *text++ = '"';
  text = print_element(element, dtype, text);
  *text++ = '"';
  return text;
}

// As JSON.stringify writes it.
void append_text(std::string& json, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr std::string_view kShort = "\b\t\n\f\r";
  constexpr std::string_view kLetters = "btnfr";
  json += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      json += '\\';
      json += c;
    } else if (static_cast<unsigned char>(c) >= 0x20) {
      json += c;
    } else if (const size_t at = kShort.find(c); at != kShort.npos) {
      json += '\\';
      json += kLetters[at];
    } else {
      json += "\\u00";
      json += kHex[static_cast<unsigned char>(c) >> 4];
      json += kHex[static_cast<unsigned char>(c) & 15];
    }
  }
  json += '"';
}

int64_t elements_of(const Field& field) noexcept {
  int64_t count = 1;
  for (const int64_t dim : field.dims)
    if (dim < 0 || __builtin_mul_overflow(count, dim, &count)) return -1;
  return count;
}

// What the plan's inputs take of columns without a look at the values: no number becomes infinite by it, or loses what
// its dtype has.
bool can_fill(Dtype source, bool is_narrowed, Dtype target) noexcept {
  if (source == target && !is_narrowed) return source != Dtype::kString;
  if (target != Dtype::kFloat32 && target != Dtype::kFloat64) return false;
  if (source == Dtype::kFloat64) return is_narrowed;
  return source == Dtype::kBool || source == Dtype::kFloat32 ||
         (contract::is_number(source) && !is_wide(source) && source != Dtype::kFloat16);
}

// An object, and no list of them.
bool begins_with_object(std::string_view body) noexcept {
  for (const char c : body)
    if (static_cast<unsigned char>(c) > ' ') return c == '{';
  return false;
}
}  // namespace

std::shared_ptr<RowsForm> RowsForm::make(std::shared_ptr<const contract::RowSpec> spec, const contract::SipKey& key,
                                         const Plan& plan, RowsFormOptions options, std::string& fault) {
  auto form = std::make_shared<RowsForm>(std::move(spec), key, std::move(options));
  form->plan_key_ = plan.key;
  form->rows_max_ = plan.request_rows_max;
  form->columns_ = plan.columns;
  if (plan.is_non_batching || plan.stages.empty() || !plan.checks.empty() || plan.free_dim_count > 0)
    fault = "Expected a plan of batching models without checks and free dims";
  if (fault.empty()) fault = form->bind_features(plan);
  if (fault.empty()) fault = form->bind_members(plan);
  if (fault.empty()) fault = form->bind_keys();
  return fault.empty() ? form : nullptr;
}

// Empty, or why the features are not all that the inputs have.
std::string RowsForm::bind_features(const Plan& plan) {
  if (input_form() != nullptr) return bind_columns();
  std::vector<int64_t> left;
  for (const Field& field : plan.inputs) {
    const std::optional<size_t> bytes = row_bytes_of(field.dtype, field.dims);
    if (!bytes) return "Expected inputs of a fixed size";
    inputs_.push_back({field.dtype, *bytes, {}});
    left.push_back(elements_of(field));
  }
  const std::vector<RowField>& fields = reader_.table().spec().fields();
  if (options_.is_narrowed.size() != fields.size()) return "Expected isNarrowed to have one entry a field";
  for (const Feature& feature : options_.features) {
    if (feature.field >= fields.size() || feature.input >= inputs_.size()) return "Expected features of known fields";
    const RowField& field = fields[feature.field];
    const auto total = static_cast<size_t>(elements_of(plan.inputs[feature.input]));
    if (feature.start > total || field.values > total - feature.start) return "Expected features inside their input";
    if (!can_fill(field.dtype, options_.is_narrowed[feature.field], inputs_[feature.input].dtype))
      return "Expected features of a dtype that always fits their input";
    left[feature.input] -= field.values;
  }
  for (const int64_t count : left)
    if (count != 0) return "Expected features to fill each input";
  return {};
}

// The same of the columns that a program takes.
std::string RowsForm::bind_columns() {
  const std::vector<RowField>& fields = reader_.table().spec().fields();
  if (options_.is_narrowed.size() != fields.size()) return "Expected isNarrowed to have one entry a field";
  const auto types = input_form()->values().first(input_form()->input_count());
  if (options_.features.size() != types.size()) return "Expected a feature for each column of the program";
  for (size_t i = 0; i < types.size(); ++i) {
    const Feature& feature = options_.features[i];
    if (feature.field >= fields.size() || feature.input != i || feature.start != 0)
      return "Expected features in the order of the program's columns";
    const RowField& field = fields[feature.field];
    const bool is_fit = types[i].is_text() ? field.is_string()
                                           : can_fill(field.dtype, options_.is_narrowed[feature.field], types[i].dtype);
    if (!is_fit || field.values != types[i].width) return "Expected features of what the program's columns take";
    inputs_.push_back({types[i].dtype, types[i].is_text() ? 0 : types[i].row_bytes(), {}, types[i].is_nullable});
  }
  return {};
}

Field RowsForm::output_field(const Plan& plan, size_t source) const {
  if (output_form() == nullptr) return plan.answer[source].common;
  const transform::ValueType& type = output_form()->output_type(columns_->output_columns()[source]);
  return {.dtype = type.dtype, .dims = {int64_t{type.width}}};
}

std::string RowsForm::bind_members(const Plan& plan) {
  const size_t sources = output_form() == nullptr ? plan.answer.size() : columns_->output_columns().size();
  for (size_t source = 0; source < sources; ++source) made_dims_.push_back(output_field(plan, source).dims);

  const std::vector<RowField>& fields = reader_.table().spec().fields();
  row_characters_ = 3;  // braces and a comma
  for (const Member& member : options_.members) {
    row_characters_ += member.head.size() + member.text.size();
    if (member.kind == Kind::kEcho) {
      if (member.field >= fields.size() || !fields[member.field].dims.empty()) return "Expected echoes of scalars";
    } else if (member.kind == Kind::kOutput) {
      if (member.source >= sources) return "Expected members of known outputs";
      const Field common = output_field(plan, member.source);
      const int64_t count = elements_of(common);
      const bool is_whole = member.column < 0;
      if (count < 0 || common.dtype != member.dtype) return "Expected outputs of a fixed size and the contract's dtype";
      if (is_whole && member.is_scalar ? count != 1 : member.column >= count)
        return "Expected members inside their output";
      if (!is_whole || member.is_scalar) {
        row_characters_ += kElementCharactersMax + kQuotes;
      } else {
        if (is_wide(member.dtype)) return "Expected lists of other dtypes than integers of 64 bits";
        row_characters_ += nest_characters(common.dims);
      }
    }
  }
  hints_.resize(options_.members.size());
  return row_characters_ < kCharactersMany ? std::string() : "Expected answers of a size that can be written";
}

std::string RowsForm::bind_keys() {
  const std::vector<RowField>& fields = reader_.table().spec().fields();
  for (const RowsFormOptions::Key& key : options_.keys)
    if (key.field >= fields.size() || !fields[key.field].dims.empty()) return "Expected keys of scalars";
  key_texts_.resize(options_.keys.size());
  return {};
}

bool RowsForm::read(std::string_view body, Echoes& echoes) {
  if (body.size() > kShortBodyBytes) return false;
  const auto [fault, offset] =
      reader_.read(body, {.rows_max = rows_max_, .bytes_max = std::max(kColumnBytesMax, body.size())});
  if (fault != BodyFault::kNone || !reader_.table().is_clean()) return false;
  for (Input& input : inputs_)
    if (!input.elements.reserve(std::max<size_t>(1, reader_.table().rows() * input.row_bytes))) return false;
  for (const Feature& feature : options_.features)
    if (inputs_[feature.input].dtype != Dtype::kString && !fill(feature)) return false;
  pointers_.clear();
  row_bytes_.clear();
  if (input_form() != nullptr && !run_columns()) return false;
  for (size_t i = 0; input_form() == nullptr && i < inputs_.size(); ++i) {
    pointers_.push_back(inputs_[i].elements.data());
    row_bytes_.push_back(inputs_[i].row_bytes);
  }
  echoes.is_one = begins_with_object(body);
  repeat(echoes);
  collect_keys();
  return true;
}

bool RowsForm::run_columns() noexcept {
  const contract::RowTable& table = reader_.table();
  lent_.assign(inputs_.size(), transform::Column{});
  for (const Feature& feature : options_.features) {
    const Column& column = table.column(feature.field);
    const Input& input = inputs_[feature.input];
    transform::Column& lent = lent_[feature.input];
    const bool is_text = input.dtype == Dtype::kString;
    if (is_text && column.missing > 0 && !input.is_nullable) return false;
    lent.data = is_text ? column.values : input.elements.data();
    if (is_text) lent.offsets = reinterpret_cast<const int32_t*>(column.offsets);
    if (input.is_nullable) lent.validity = column.validity;
  }
  const transform::RunStatus status = transform::run(*input_form(), lent_, table.rows(), scratch_);
  if (status != transform::RunStatus::kDone || scratch_.error_count() > 0) return false;
  for (size_t i = 0; i < columns_->input_columns().size(); ++i) {
    pointers_.push_back(scratch_.outputs()[columns_->input_columns()[i]].data);
    row_bytes_.push_back(columns_->tensor_row_bytes()[i]);
  }
  return true;
}

// Texts stay where they were read; numbers become theirs here. A column that no row has is no key.
void RowsForm::collect_keys() {
  row_keys_.clear();
  const contract::RowTable& table = reader_.table();
  for (size_t at = 0; at < options_.keys.size(); ++at) {
    const auto& [index, name] = options_.keys[at];
    const RowField& field = table.spec().fields()[index];
    const Column& column = table.column(index);
    if (column.missing == table.rows()) continue;
    if (field.is_string()) {
      row_keys_.push_back({name, reinterpret_cast<const char*>(column.values), column.offsets});
      continue;
    }
    KeyTexts& texts = key_texts_[at];
    texts.text.clear();
    texts.offsets.assign(1, 0);
    for (uint32_t row = 0; row < table.rows(); ++row) {
      std::array<char, kElementCharactersMax> digits;
      const std::byte* const value = column.values + size_t{row} * field.element_bytes;
      if (!column.is_missing(row)) texts.text.append(digits.data(), print_element(value, field.dtype, digits.data()));
      texts.offsets.push_back(static_cast<uint32_t>(texts.text.size()));
    }
    row_keys_.push_back({name, texts.text.data(), texts.offsets.data()});
  }
}

Submission RowsForm::submission() const noexcept {
  Submission submission;
  submission.inputs = pointers_.data();
  submission.row_bytes = row_bytes_.data();
  submission.rows = reader_.table().rows();
  submission.row_keys = row_keys_;
  return submission;
}

void RowsForm::trim() noexcept {
  reader_.trim();
  for (Input& input : inputs_) input.elements.trim();
  answer_.trim();
  size_t tensor_bytes = 0;
  for (const size_t row_bytes : row_bytes_) tensor_bytes += row_bytes * reader_.table().rows();
  if (tensor_bytes > kColumnBytesMax) scratch_ = {};
  constexpr size_t kKeptBytes = 4096;
  for (KeyTexts& texts : key_texts_)
    if (texts.text.capacity() > kKeptBytes || texts.offsets.capacity() * sizeof(uint32_t) > kKeptBytes) texts = {};
  row_keys_.clear();
}

// False: an element is missing where none may be.
bool RowsForm::fill(const Feature& feature) noexcept {
  const contract::RowTable& table = reader_.table();
  const RowField& field = table.spec().fields()[feature.field];
  const Column& column = table.column(feature.field);
  Input& input = inputs_[feature.input];
  // Floats alone have a number that means it, NaN, and lists are missing as a whole or not at all.
  const bool has_missing = (contract::is_float(field.dtype) && field.dims.empty()) || input.is_nullable;
  if (column.missing > 0 && !has_missing) return false;
  const size_t element_bytes = dtype_size_bytes(input.dtype);
  std::byte* const target = input.elements.data() + feature.start * element_bytes;
  if (field.dtype == input.dtype && !options_.is_narrowed[feature.field]) {
    const size_t bytes = field.values * element_bytes;
    for (uint32_t row = 0; row < table.rows(); ++row)
      std::memcpy(target + row * input.row_bytes, column.values + row * bytes, bytes);
  } else if (input.dtype == Dtype::kFloat32) {
    fill_numbers<float>(feature, target);
  } else {
    fill_numbers<double>(feature, target);
  }
  return true;
}

template <typename Target>
void RowsForm::fill_numbers(const Feature& feature, std::byte* target) noexcept {
  const contract::RowTable& table = reader_.table();
  const RowField& field = table.spec().fields()[feature.field];
  const std::byte* source = table.column(feature.field).values;
  const size_t step = inputs_[feature.input].row_bytes;
  const bool is_narrowed = options_.is_narrowed[feature.field];
  const auto copy = [&](auto value_of, size_t source_bytes) {
    for (uint32_t row = 0; row < table.rows(); ++row, target += step)
      for (uint32_t at = 0; at < field.values; ++at, source += source_bytes) {
        const auto value = static_cast<Target>(value_of(source));
        std::memcpy(target + at * sizeof value, &value, sizeof value);
      }
  };
  if (is_narrowed) return copy([](const std::byte* at) { return static_cast<float>(contract::load<double>(at)); }, 8);
  if (field.dtype == Dtype::kBool) return copy([](const std::byte* at) { return contract::load<uint8_t>(at); }, 1);
  contract::with_number(field.dtype, [&](auto element) {
    using Type = typename decltype(element)::Type;
    copy([](const std::byte* at) { return contract::load<Type>(at); }, sizeof(Type));
  });
}

void RowsForm::repeat(Echoes& echoes) const {
  echoes.clear();
  const contract::RowTable& table = reader_.table();
  for (uint32_t row = 0; row < table.rows(); ++row)
    for (const Member& member : options_.members) {
      if (member.kind != Kind::kEcho) continue;
      const Column& column = table.column(member.field);
      const RowField& field = table.spec().fields()[member.field];
      if (column.is_missing(row)) {
        echoes.text += "null";
      } else if (field.is_string()) {
        append_text(echoes.text, column.text(row));
      } else {
        std::array<char, kElementCharactersMax + kQuotes> text;
        const std::byte* const value = column.values + size_t{row} * field.element_bytes;
        const auto narrow =
            options_.is_narrowed[member.field] ? static_cast<float>(contract::load<double>(value)) : 0.0F;
        const char* const end =
            options_.is_narrowed[member.field]
                ? print_value(reinterpret_cast<const std::byte*>(&narrow), Dtype::kFloat32, text.data())
                : print_value(value, field.dtype, text.data());
        echoes.text.append(text.data(), static_cast<size_t>(end - text.data()));
      }
      echoes.ends.push_back(static_cast<uint32_t>(echoes.text.size()));
    }
}

char* RowsForm::print(const Request& request, const Echoes& echoes, char* text) noexcept {
  size_t echo = 0;
  size_t start = 0;
  std::fill(hints_.begin(), hints_.end(), 0);
  if (!echoes.is_one) *text++ = '[';
  for (uint32_t row = 0; row < request.rows; ++row) {
    if (row > 0) *text++ = ',';
    *text++ = '{';
    for (size_t at = 0; at < options_.members.size(); ++at) {
      const Member& member = options_.members[at];
      text = put_piece(text, member.head);
      if (member.kind == Kind::kEcho) {
        const size_t end = echoes.ends[echo++];
        text = put_piece(text, std::string_view(echoes.text).substr(start, end - start));
        start = end;
      } else {
        text = print_member(request, member, row, hints_[at], text);
      }
    }
    *text++ = '}';
  }
  if (!echoes.is_one) *text++ = ']';
  return text;
}

char* RowsForm::print_member(const Request& request, const Member& member, uint32_t row, size_t& hint,
                             char* text) noexcept {
  if (member.kind == Kind::kText) return put_piece(text, member.text);
  const std::byte* elements = nullptr;
  if (output_form() != nullptr) {
    const size_t row_bytes = output_form()->output_type(columns_->output_columns()[member.source]).row_bytes();
    elements = answer_.column(*columns_, member.source) + row * row_bytes;
  } else {
    TensorView view;
    elements = row_at(request, request.plan->answer[member.source], row, hint, view);
    PENSTOCK_ASSERT(view.dims != nullptr);
  }
  const size_t column = member.column < 0 ? 0 : static_cast<size_t>(member.column);
  if (member.column >= 0 || member.is_scalar)
    return print_value(elements + column * dtype_size_bytes(member.dtype), member.dtype, text);
  return print_nest(elements, member.dtype, made_dims_[member.source], 0, text);
}
}  // namespace penstock::json
