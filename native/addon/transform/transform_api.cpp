// Transform programs for JavaScript: made of a spec that TypeScript compiled (src/transforms/program/), run over
// columns that are lent for the call. Numbers are written straight into the ArrayBuffers that are returned. A handle
// has one scratch, and so belongs to the isolate's thread.
#include <cstring>

#include "addon/spec.hpp"
#include "addon/transform/transform_box.hpp"
#include "addon/values.hpp"
#include "transform/run.hpp"

namespace penstock::addon {
namespace {
using namespace penstock::transform;

[[noreturn]] void refuse_transform(Napi::Env env, const std::string& sentence) {
  throw Napi::RangeError::New(env, sentence);
}

template <typename T, typename Read>
std::vector<T> read_each(const Napi::Object& spec, const char* name, Read&& read) {
  const Napi::Value value = spec.Get(name);
  if (!value.IsArray()) refuse_transform(spec.Env(), std::string("Expected ") + name + " to be an array.");
  const auto array = value.As<Napi::Array>();
  std::vector<T> list;
  list.reserve(array.Length());
  for (uint32_t i = 0; i < array.Length(); ++i) list.push_back(read(array.Get(i)));
  return list;
}
std::vector<ValueIndex> read_indices(const Napi::Object& spec, const char* name) {
  return read_each<ValueIndex>(spec, name, [&](const Napi::Value& value) {
    return static_cast<ValueIndex>(read_integer(value, name, 0, kTransformValuesMax - 1));
  });
}
std::string text_of(const Napi::Value& value) {
  return value.ToString().Utf8Value();
}

// The elements of a typed array; none where the member is absent.
template <typename T>
std::vector<T> read_constants(const Napi::Object& spec, const char* name) {
  const Napi::Value value = spec.Get(name);
  if (value.IsUndefined()) return {};
  const ByteSpan bytes = read_bytes(spec.Env(), value, name);
  std::vector<T> constants(bytes.size / sizeof(T));
  if (!constants.empty()) std::memcpy(constants.data(), bytes.data, constants.size() * sizeof(T));
  return constants;
}

KeyTable read_keys(const Napi::Object& spec) {
  const Napi::Value keys = spec.Get("keys");
  if (keys.IsUndefined()) return {};
  if (keys.IsArray()) return KeyTable(read_each<std::string>(spec, "keys", text_of));
  std::vector<uint64_t> bits;
  if (keys.IsTypedArray() && keys.As<Napi::TypedArray>().TypedArrayType() == napi_float64_array)
    for (const double key : read_constants<double>(spec, "keys")) bits.push_back(KeyTable::bits_of(key));
  else
    for (const int64_t key : read_constants<int64_t>(spec, "keys")) bits.push_back(KeyTable::bits_of(key));
  return KeyTable(std::move(bits));
}

Instruction read_instruction(const Napi::Value& value) {
  const auto spec = value.As<Napi::Object>();
  Instruction instruction;
  instruction.opcode = static_cast<TransformOpcode>(read_integer(spec.Get("opcode"), "opcode", 0, UINT8_MAX));
  instruction.op = static_cast<uint16_t>(read_integer(spec.Get("op"), "op", 0, UINT16_MAX));
  instruction.column = static_cast<uint16_t>(read_integer(spec.Get("column"), "column", 0, UINT16_MAX));
  instruction.inputs = read_indices(spec, "inputs");
  instruction.outputs = read_indices(spec, "outputs");
  instruction.numbers = read_constants<double>(spec, "numbers");
  instruction.integers = read_constants<int64_t>(spec, "integers");
  instruction.table = read_constants<std::byte>(spec, "table");
  if (!spec.Get("texts").IsUndefined()) instruction.texts = read_each<std::string>(spec, "texts", text_of);
  instruction.keys = read_keys(spec);
  return instruction;
}

ValueType read_type(const Napi::Value& value) {
  const auto spec = value.As<Napi::Object>();
  ValueType type;
  type.dtype = static_cast<Dtype>(read_integer(spec.Get("dtype"), "dtype", 1, 16));
  type.is_nullable = spec.Get("isNullable").ToBoolean();
  type.width = static_cast<uint32_t>(read_integer(spec.Get("width"), "width", 1, INT32_MAX));
  return type;
}

// makeTransform(spec)
Napi::Value make_transform(const Napi::CallbackInfo& info) {
  const auto spec = info[0].As<Napi::Object>();
  ProgramSpec program;
  program.values = read_each<ValueType>(spec, "values", read_type);
  program.input_count = static_cast<size_t>(read_integer(spec.Get("inputCount"), "inputCount", 0, kTransformValuesMax));
  program.instructions = read_each<Instruction>(spec, "instructions", read_instruction);
  program.outputs = read_indices(spec, "outputs");
  program.block_rows = static_cast<uint32_t>(read_integer(spec.Get("blockRows"), "blockRows", 0, INT32_MAX));
  std::string fault;
  auto box = std::make_unique<TransformBox>();
  box->program = TransformProgram::build(std::move(program), fault);
  if (box->program == nullptr)
    refuse_transform(info.Env(), "Expected a sound transform program but it has " + fault + ".");
  return make_handle(info.Env(), std::move(box));
}

bool are_offsets(const int32_t* offsets, size_t count, size_t bytes) {
  if (offsets[0] < 0) return false;
  for (size_t i = 1; i < count; ++i)
    if (offsets[i] < offsets[i - 1]) return false;
  return static_cast<size_t>(offsets[count - 1]) <= bytes;
}

// A column whose memory holds what its type and rows say.
Column read_lent_column(const Napi::Value& value, const ValueType& type, size_t rows) {
  const Napi::Env env = value.Env();
  const auto spec = value.As<Napi::Object>();
  const ByteSpan data = read_bytes(env, spec.Get("data"), "data");
  Column column;
  column.data = reinterpret_cast<const std::byte*>(data.data);
  if (type.is_text()) {
    const ByteSpan offsets = read_bytes(env, spec.Get("offsets"), "offsets");
    const size_t count = rows * type.width + 1;
    column.offsets = reinterpret_cast<const int32_t*>(offsets.data);
    if (offsets.size != count * sizeof(int32_t) || !are_offsets(column.offsets, count, data.size))
      refuse_transform(env, "Expected offsets that ascend within the bytes of a column of texts.");
  } else {
    const bool is_aligned = reinterpret_cast<uintptr_t>(data.data) % type.element_bytes() == 0;
    if (data.size != rows * type.row_bytes() || !is_aligned)
      refuse_transform(env, "Expected a column of " + std::to_string(rows * type.row_bytes()) +
                                " aligned bytes but it has " + std::to_string(data.size) + ".");
  }
  const Napi::Value validity = spec.Get("validity");
  if (validity.IsNull()) return column;
  const ByteSpan bits = read_bytes(env, validity, "validity");
  if (!type.is_nullable || bits.size < (rows + 7) / 8)
    refuse_transform(env, "Expected a validity bit a row of what has some.");
  column.validity = bits.data;
  return column;
}

Napi::ArrayBuffer copied(Napi::Env env, const void* data, size_t bytes) {
  Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, bytes);
  if (bytes > 0) std::memcpy(buffer.Data(), data, bytes);
  return buffer;
}

// null: the output is an input as it was.
Napi::Value column_value(Napi::Env env, const TransformBox& box, size_t i, size_t rows, const Napi::Value& numbers) {
  const TransformProgram& program = *box.program;
  if (program.input_of(i) >= 0) return env.Null();
  const ValueType& type = program.output_type(i);
  const Column& column = box.scratch.outputs()[i];
  Napi::Object result = Napi::Object::New(env);
  if (type.is_text()) {
    const size_t elements = rows * type.width;
    result.Set("data", copied(env, column.data, static_cast<size_t>(column.offsets[elements])));
    result.Set("offsets", copied(env, column.offsets, (elements + 1) * sizeof(int32_t)));
  } else {
    result.Set("data", numbers);
    result.Set("offsets", env.Null());
  }
  const bool has_validity = column.validity != nullptr;
  result.Set("validity", has_validity ? copied(env, column.validity, (rows + 7) / 8) : env.Null());
  return result;
}

Napi::Value failed_value(Napi::Env env, const FailedValue& value) {
  switch (value.kind) {
    case FailedValue::Kind::kNumber:
      return Napi::Number::New(env, value.number);
    case FailedValue::Kind::kInteger:
      return Napi::BigInt::New(env, value.integer);
    case FailedValue::Kind::kText:
      return Napi::String::New(env, value.text.data, value.text.size);
    case FailedValue::Kind::kNone:
      break;
  }
  return env.Null();
}

Napi::Array errors_value(Napi::Env env, const TransformScratch& scratch) {
  Napi::Array errors = Napi::Array::New(env, scratch.errors().size());
  for (uint32_t i = 0; i < scratch.errors().size(); ++i) {
    const RowError& error = scratch.errors()[i];
    Napi::Object item = Napi::Object::New(env);
    item.Set("row", Napi::Number::New(env, error.row));
    item.Set("op", Napi::Number::New(env, error.op));
    item.Set("column", Napi::Number::New(env, error.column));
    item.Set("kind", Napi::Number::New(env, static_cast<int>(error.kind)));
    item.Set("value", failed_value(env, error.value));
    errors.Set(i, item);
  }
  return errors;
}

// runTransform(transform, rows, columns)
Napi::Value run_transform(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  TransformBox& box = open_box<TransformBox>(info, 0);
  const TransformProgram& program = *box.program;
  const auto rows = static_cast<uint32_t>(read_integer(info[1], "rows", 0, INT32_MAX));
  if (!info[2].IsArray() || info[2].As<Napi::Array>().Length() != program.input_count())
    refuse_transform(env, "Expected " + std::to_string(program.input_count()) + " columns.");
  std::vector<Column> inputs;
  for (uint32_t i = 0; i < program.input_count(); ++i)
    inputs.push_back(read_lent_column(info[2].As<Napi::Array>().Get(i), program.values()[i], rows));

  const size_t count = program.outputs().size();
  std::vector<std::byte*> targets(count, nullptr);
  std::vector<Napi::Value> numbers(count);
  for (size_t i = 0; i < count; ++i) {
    if (program.input_of(i) >= 0 || program.output_type(i).is_text()) continue;
    Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, rows * program.output_type(i).row_bytes());
    targets[i] = static_cast<std::byte*>(buffer.Data());
    numbers[i] = buffer;
  }
  const RunStatus status = transform::run(program, inputs, rows, box.scratch, targets);
  if (status == RunStatus::kNoMemory) throw Napi::Error::New(env, "Expected memory for the columns but there is none.");
  if (status == RunStatus::kTextsTooLong)
    refuse_transform(env, "Expected texts of at most 2^31 - 1 bytes in a column. Run fewer rows at a time.");

  Napi::Array columns = Napi::Array::New(env, count);
  for (uint32_t i = 0; i < count; ++i) columns.Set(i, column_value(env, box, i, rows, numbers[i]));
  Napi::Object result = Napi::Object::New(env);
  result.Set("columns", columns);
  result.Set("errors", errors_value(env, box.scratch));
  result.Set("errorCount", Napi::Number::New(env, static_cast<double>(box.scratch.error_count())));
  const uint8_t* const failed = box.scratch.failed_rows();
  result.Set("failedRows", failed == nullptr ? env.Null() : copied(env, failed, (size_t{rows} + 7) / 8));
  return result;
}
}  // namespace

void register_transforms(Napi::Env env, Napi::Object exports) {
  export_function<make_transform>(env, exports, "makeTransform");
  export_function<run_transform>(env, exports, "runTransform");
}
}  // namespace penstock::addon
