// Contracts for callers in JavaScript: specs as handles, rows and columns by them. readRows and checkColumns copy all
// that was found into objects, for tests; takeRows, which is called for every request, puts the columns of rows in
// which nothing was found into one buffer.
#include <cstring>

#include "addon/contract/row_spec_box.hpp"
#include "addon/spec.hpp"
#include "addon/values.hpp"

namespace penstock::addon {
namespace {
using contract::Column;
using contract::FieldOptions;
using contract::GivenColumn;
using contract::Literal;
using contract::Problem;
using contract::RowField;
using contract::RowTable;

[[noreturn]] void refuse(Napi::Env env, const std::string& sentence) {
  throw Napi::RangeError::New(env, sentence);
}

bool is_absent(const Napi::Value& value) {
  return value.IsUndefined() || value.IsNull();
}

// A number, bigint, boolean or string; undefined and null are none.
Literal read_literal(const Napi::Value& value, const char* name) {
  if (is_absent(value)) return {};
  if (value.IsNumber()) return value.As<Napi::Number>().DoubleValue();
  if (value.IsBoolean()) return value.As<Napi::Boolean>().Value();
  if (value.IsString()) return value.As<Napi::String>().Utf8Value();
  if (value.IsBigInt()) {
    bool is_lossless = false;
    const int64_t whole = value.As<Napi::BigInt>().Int64Value(&is_lossless);
    if (is_lossless) return whole;
    const uint64_t count = value.As<Napi::BigInt>().Uint64Value(&is_lossless);
    if (is_lossless) return count;
  }
  refuse(value.Env(), std::string("Expected ") + name +
                          " to be a number, a bigint of 64 bits, a boolean or a string but received " +
                          value.ToString().Utf8Value() + ".");
}

std::optional<uint32_t> read_length(const Napi::Object& spec, const char* name) {
  if (is_absent(spec.Get(name))) return std::nullopt;
  return static_cast<uint32_t>(read_integer(spec.Get(name), name, 0, UINT32_MAX - 1));
}

template <typename Each>
void for_each(const Napi::Object& spec, const char* name, Each&& each) {
  const Napi::Value value = spec.Get(name);
  if (is_absent(value)) return;
  if (!value.IsArray()) refuse(spec.Env(), std::string("Expected ") + name + " to be an array.");
  const auto array = value.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); ++i) each(array.Get(i));
}

Napi::Object read_object(const Napi::Value& value, const char* name) {
  if (!value.IsObject()) refuse(value.Env(), std::string("Expected ") + name + " to be an object.");
  return value.As<Napi::Object>();
}

bool read_boolean(const Napi::Object& spec, const char* name, bool is_otherwise) {
  const Napi::Value value = spec.Get(name);
  return is_absent(value) ? is_otherwise : value.ToBoolean().Value();
}

FieldOptions read_field_options(const Napi::Object& spec) {
  FieldOptions options;
  if (!spec.Get("name").IsString()) refuse(spec.Env(), "Expected the name of a field to be a string.");
  options.name = spec.Get("name").As<Napi::String>().Utf8Value();
  options.dtype = static_cast<Dtype>(read_integer(spec.Get("dtype"), "dtype", 1, 16));
  options.is_nullable = read_boolean(spec, "isNullable", false);
  options.is_required = read_boolean(spec, "isRequired", true);
  for_each(spec, "dims",
           [&](const Napi::Value& dim) { options.dims.push_back(read_integer(dim, "dims", 0, INT32_MAX)); });
  options.min = {read_literal(spec.Get("min"), "min"), read_boolean(spec, "isMinExclusive", false)};
  options.max = {read_literal(spec.Get("max"), "max"), read_boolean(spec, "isMaxExclusive", false)};
  for_each(spec, "accepted",
           [&](const Napi::Value& value) { options.accepted.push_back(read_literal(value, "accepted")); });
  options.min_length = read_length(spec, "minLength");
  options.max_length = read_length(spec, "maxLength");
  options.is_unique = read_boolean(spec, "isUnique", false);
  if (!is_absent(spec.Get("onInvalid")))
    options.on_invalid =
        static_cast<OnInvalid>(read_integer(spec.Get("onInvalid"), "onInvalid", 0, kOnInvalidCount - 1));
  options.impute = read_literal(spec.Get("impute"), "impute");
  return options;
}

// makeRowSpec(spec)
Napi::Value make_row_spec(const Napi::CallbackInfo& info) {
  const Napi::Object given = read_object(info[0], "the spec");
  contract::RowSpecOptions options;
  for_each(given, "fields", [&](const Napi::Value& value) {
    options.fields.push_back(read_field_options(read_object(value, "a field")));
  });
  if (!is_absent(given.Get("extra")))
    options.extra = static_cast<ExtraFields>(read_integer(given.Get("extra"), "extra", 0, kExtraFieldsCount - 1));
  std::string fault;
  auto box = std::make_unique<RowSpecBox>();
  box->spec = contract::RowSpec::make(options, fault);
  if (box->spec == nullptr) refuse(info.Env(), fault + ".");
  return make_handle(info.Env(), std::move(box));
}

contract::ReadLimits read_limits(const Napi::Value& value) {
  contract::ReadLimits limits;
  if (is_absent(value)) return limits;
  const Napi::Object given = read_object(value, "limits");
  if (!is_absent(given.Get("rowsMax")))
    limits.rows_max = static_cast<uint32_t>(read_integer(given.Get("rowsMax"), "rowsMax", 0, UINT32_MAX));
  if (!is_absent(given.Get("bytesMax")))
    limits.bytes_max = static_cast<size_t>(read_integer(given.Get("bytesMax"), "bytesMax", 0, int64_t{1} << 53));
  return limits;
}

Napi::Value copy_bytes(Napi::Env env, const void* bytes, size_t count) {
  auto buffer = Napi::ArrayBuffer::New(env, count);
  if (count > 0) std::memcpy(buffer.Data(), bytes, count);
  return buffer;
}

Napi::String copy_text(Napi::Env env, const contract::ShortText& text) {
  return Napi::String::New(env, text.text.data(), text.bytes);
}

Napi::Value copy_column(Napi::Env env, const RowField& field, const Column& column, uint32_t rows) {
  const size_t count = size_t{rows} * field.values;
  Napi::Object copy = Napi::Object::New(env);
  const size_t text_bytes = field.is_string() && count > 0 ? column.offsets[count] : 0;
  copy.Set("values", copy_bytes(env, column.values, field.is_string() ? text_bytes : count * field.element_bytes));
  copy.Set("offsets",
           field.is_string() ? copy_bytes(env, column.offsets, count == 0 ? 0 : (count + 1) * 4) : env.Null());
  copy.Set("validity", column.validity == nullptr ? env.Null() : copy_bytes(env, column.validity, (count + 7) / 8));
  copy.Set("missing", Napi::Number::New(env, static_cast<double>(column.missing)));
  return copy;
}

Napi::Value copy_problems(Napi::Env env, const contract::ProblemList& list) {
  Napi::Array problems = Napi::Array::New(env, list.first.size());
  for (uint32_t i = 0; i < list.first.size(); ++i) {
    const Problem& problem = list.first[i];
    Napi::Object copy = Napi::Object::New(env);
    copy.Set("row", Napi::Number::New(env, problem.row));
    copy.Set("field", Napi::Number::New(env, problem.field));
    copy.Set("element", Napi::Number::New(env, problem.element));
    copy.Set("rule", Napi::Number::New(env, static_cast<double>(problem.rule)));
    copy.Set("outcome", Napi::Number::New(env, static_cast<double>(problem.outcome)));
    copy.Set("text", copy_text(env, problem.text));
    copy.Set("isCut", Napi::Boolean::New(env, problem.text.is_cut));
    problems.Set(i, copy);
  }
  Napi::Object result = Napi::Object::New(env);
  result.Set("first", problems);
  result.Set("count", Napi::Number::New(env, static_cast<double>(list.count)));
  return result;
}

Napi::Value copy_counts(Napi::Env env, const RowTable& table) {
  const auto fields = static_cast<uint32_t>(table.spec().fields().size());
  auto counts = Napi::Float64Array::New(env, fields * kOnInvalidCount);
  for (uint32_t field = 0; field < fields; ++field)
    for (size_t outcome = 0; outcome < kOnInvalidCount; ++outcome)
      counts[field * kOnInvalidCount + outcome] = static_cast<double>(table.report().counts(field)[outcome]);
  return counts;
}

Napi::Object copy_table(Napi::Env env, const RowTable& table, BodyFault fault, size_t at) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("fault", Napi::Number::New(env, static_cast<double>(fault)));
  result.Set("at", Napi::Number::New(env, static_cast<double>(at)));
  result.Set("rows", Napi::Number::New(env, table.rows()));
  Napi::Array columns = Napi::Array::New(env);
  for (uint32_t field = 0; field < table.spec().fields().size(); ++field)
    columns.Set(field, copy_column(env, table.spec().fields()[field], table.column(field), table.rows()));
  result.Set("columns", columns);
  result.Set("flags", table.flags() == nullptr ? env.Null() : copy_bytes(env, table.flags(), table.rows()));
  auto dropped = Napi::Uint32Array::New(env, table.dropped().size());
  std::copy(table.dropped().begin(), table.dropped().end(), dropped.Data());
  result.Set("dropped", dropped);
  const contract::Report& report = table.report();
  result.Set("rejected", copy_problems(env, report.rejected()));
  result.Set("mended", copy_problems(env, report.mended()));
  result.Set("counts", copy_counts(env, table));
  Napi::Array names = Napi::Array::New(env);
  for (uint32_t i = 0; i < report.extra_names().size(); ++i) names.Set(i, copy_text(env, report.extra_names()[i]));
  result.Set("extraNames", names);
  result.Set("extraCount", Napi::Number::New(env, static_cast<double>(report.extra_count())));
  return result;
}

// readRows(spec, body, limits)
Napi::Value read_rows(const Napi::CallbackInfo& info) {
  RowSpecBox& box = open_box<RowSpecBox>(info, 0);
  const ByteSpan body = read_bytes(info.Env(), info[1], "the body");
  const contract::ReadLimits limits = read_limits(info[2]);
  if (box.rows == nullptr) box.rows = std::make_unique<contract::RowReader>(box.spec, random_sip_key());
  const auto [fault, offset] = box.rows->read({reinterpret_cast<const char*>(body.data), body.size}, limits);
  const Napi::Object result = copy_table(info.Env(), box.rows->table(), fault, offset);
  box.rows->trim();
  return result;
}

constexpr size_t kColumnAlignment = 8;

constexpr size_t aligned(size_t bytes) noexcept {
  return (bytes + kColumnAlignment - 1) / kColumnAlignment * kColumnAlignment;
}

size_t value_bytes(const RowField& field, const Column& column, size_t count) noexcept {
  return field.is_string() ? column.offsets[count] : count * field.element_bytes;
}

// A head of uint32: the number of rows, then for each field where its values begin, their bytes, where the offsets of a
// text column begin and where the validity bits of one that lacks some do, 0 where there are none. Everything begins at
// a multiple of 8.
class PackedTable {
 public:
  static constexpr size_t kFieldWords = 4;

  explicit PackedTable(const RowTable& table)
      : table_(table), fields_(table.spec().fields()), bytes_(aligned((1 + fields_.size() * kFieldWords) * 4)) {
    for (uint32_t field = 0; field < fields_.size(); ++field) {
      const Column& column = table_.column(field);
      const size_t count = size_t{table_.rows()} * fields_[field].values;
      bytes_ += aligned(value_bytes(fields_[field], column, count));
      if (fields_[field].is_string()) bytes_ += aligned((count + 1) * sizeof(uint32_t));
      if (column.missing > 0) bytes_ += aligned((count + 7) / 8);
    }
  }

  // What offsets of 32 bits reach.
  bool fits() const noexcept { return bytes_ <= INT32_MAX; }
  size_t bytes() const noexcept { return bytes_; }

  void write(std::byte* memory) noexcept {
    memory_ = memory;
    auto* head = reinterpret_cast<uint32_t*>(memory);
    *head++ = table_.rows();
    end_ = aligned((1 + fields_.size() * kFieldWords) * 4);
    for (uint32_t field = 0; field < fields_.size(); ++field) {
      const Column& column = table_.column(field);
      const size_t count = size_t{table_.rows()} * fields_[field].values;
      const size_t bytes = value_bytes(fields_[field], column, count);
      *head++ = put(column.values, bytes);
      *head++ = static_cast<uint32_t>(bytes);
      *head++ = fields_[field].is_string() ? put(column.offsets, (count + 1) * sizeof(uint32_t)) : 0;
      *head++ = column.missing > 0 ? put(column.validity, (count + 7) / 8) : 0;
    }
  }

 private:
  uint32_t put(const void* bytes, size_t size) noexcept {
    const auto start = static_cast<uint32_t>(end_);
    if (size > 0) std::memcpy(memory_ + end_, bytes, size);
    end_ += aligned(size);
    return start;
  }

  const RowTable& table_;
  const std::vector<RowField>& fields_;
  size_t bytes_;
  size_t end_ = 0;
  std::byte* memory_ = nullptr;
};

// takeRows(spec, body, isLines, rowsMax, bytesMax)
Napi::Value take_rows(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  RowSpecBox& box = open_box<RowSpecBox>(info, 0);
  const ByteSpan body = read_bytes(env, info[1], "the body");
  const auto form = info[2].ToBoolean().Value() ? contract::BodyForm::kLines : contract::BodyForm::kJson;
  contract::ReadLimits limits;
  limits.rows_max = static_cast<uint32_t>(read_integer(info[3], "rowsMax", 0, UINT32_MAX));
  limits.bytes_max = static_cast<size_t>(read_integer(info[4], "bytesMax", 0, int64_t{1} << 53));
  if (box.rows == nullptr) box.rows = std::make_unique<contract::RowReader>(box.spec, random_sip_key());
  const std::string_view text(reinterpret_cast<const char*>(body.data), body.size);
  const BodyFault fault = box.rows->read(text, limits, form).fault;
  Napi::Value result = env.Null();
  if (fault == BodyFault::kNone && box.rows->table().is_clean()) {
    PackedTable packed(box.rows->table());
    if (packed.fits()) {
      auto buffer = Napi::ArrayBuffer::New(env, packed.bytes());
      packed.write(static_cast<std::byte*>(buffer.Data()));
      result = buffer;
    }
  }
  box.rows->trim();
  return result;
}

// @throws RangeError unless the column has what `rows` rows of the field have.
GivenColumn read_column(const Napi::Value& value, const RowField& field, uint32_t rows) {
  GivenColumn column;
  column.is_absent = is_absent(value);
  if (column.is_absent) return column;
  const Napi::Env env = value.Env();
  const Napi::Object given = read_object(value, "a column");
  const auto expect = [&](bool is_so, const char* rule) {
    if (!is_so) refuse(env, "Expected the column of field \"" + field.name + "\" to " + rule + ".");
  };
  column.dtype = static_cast<Dtype>(read_integer(given.Get("dtype"), "dtype", 1, 16));
  expect(contract::ColumnReader::accepts(field, column.dtype), "have a dtype that the field takes");
  const size_t count = size_t{rows} * field.values;
  const ByteSpan values = read_bytes(env, given.Get("values"), "values");
  column.values = reinterpret_cast<const std::byte*>(values.data);
  if (field.is_string()) {
    const ByteSpan offsets = read_bytes(env, given.Get("offsets"), "offsets");
    expect(offsets.size == (count + 1) * sizeof(uint32_t), "have one offset more than elements");
    expect(reinterpret_cast<uintptr_t>(offsets.data) % alignof(uint32_t) == 0, "have aligned offsets");
    column.offsets = reinterpret_cast<const uint32_t*>(offsets.data);
    column.text_bytes = values.size;
  } else {
    expect(values.size == count * dtype_size_bytes(column.dtype), "have rows * values elements");
  }
  if (is_absent(given.Get("validity"))) return column;
  const ByteSpan validity = read_bytes(env, given.Get("validity"), "validity");
  expect(validity.size >= (count + 7) / 8, "have a validity bit for every element");
  column.validity = validity.data;
  return column;
}

// checkColumns(spec, columns, rows, limits)
Napi::Value check_columns(const Napi::CallbackInfo& info) {
  RowSpecBox& box = open_box<RowSpecBox>(info, 0);
  const std::vector<RowField>& fields = box.spec->fields();
  const auto rows = static_cast<uint32_t>(read_integer(info[2], "rows", 0, INT32_MAX));
  if (!info[1].IsArray() || info[1].As<Napi::Array>().Length() != fields.size())
    refuse(info.Env(), "Expected an array of " + std::to_string(fields.size()) + " columns, null where one is absent.");
  const auto given = info[1].As<Napi::Array>();
  std::vector<GivenColumn> columns;
  for (uint32_t field = 0; field < fields.size(); ++field)
    columns.push_back(read_column(given.Get(field), fields[field], rows));
  const contract::ReadLimits limits = read_limits(info[3]);
  if (box.columns == nullptr) box.columns = std::make_unique<contract::ColumnReader>(box.spec, random_sip_key());
  const auto [fault, field] = box.columns->read(columns, rows, limits);
  const Napi::Object result = copy_table(info.Env(), box.columns->table(), fault, field);
  box.columns->trim();
  return result;
}
}  // namespace

void register_contracts(Napi::Env env, Napi::Object exports) {
  export_function<make_row_spec>(env, exports, "makeRowSpec");
  export_function<read_rows>(env, exports, "readRows");
  export_function<take_rows>(env, exports, "takeRows");
  export_function<check_columns>(env, exports, "checkColumns");
}
}  // namespace penstock::addon
