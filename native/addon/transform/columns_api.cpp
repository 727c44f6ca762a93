// Plans whose callers send and get columns: the programs that stand before and behind them, bound once a deploy.
#include "addon/spec.hpp"
#include "addon/transform/transform_box.hpp"
#include "addon/values.hpp"
#include "plan/column_form.hpp"

namespace penstock::addon {
namespace {
[[noreturn]] void refuse_columns(Napi::Env env, const std::string& sentence) {
  throw Napi::RangeError::New(env, sentence);
}

template <typename T>
std::vector<T> read_numbers(const Napi::Object& spec, const char* name) {
  const Napi::Value value = spec.Get(name);
  if (!value.IsArray()) refuse_columns(spec.Env(), std::string("Expected ") + name + " to be an array.");
  const auto array = value.As<Napi::Array>();
  std::vector<T> list;
  for (uint32_t i = 0; i < array.Length(); ++i)
    list.push_back(static_cast<T>(read_integer(array.Get(i), name, 0, INT32_MAX)));
  return list;
}

std::shared_ptr<const transform::TransformProgram> read_program(const Napi::Object& spec, const char* name) {
  const Napi::Value value = spec.Get(name);
  return value.IsNull() ? nullptr : open_box<TransformBox>(spec.Env(), value).program;
}

// bindColumns(plan, columns)
Napi::Value bind_columns(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Plan& plan = *open_box<PlanBox>(info, 0).plan;
  if (!info[1].IsObject()) refuse_columns(env, "Expected columns to be an object.");
  const auto spec = info[1].As<Napi::Object>();
  if (plan.columns != nullptr || plan.in_flight.load() > 0)
    refuse_columns(env, "Expected a plan that has no columns yet.");
  ColumnFormOptions options;
  options.input = read_program(spec, "input");
  options.input_columns = read_numbers<size_t>(spec, "inputColumns");
  options.free_dims = read_numbers<int64_t>(spec, "freeDims");
  options.output = read_program(spec, "output");
  options.output_columns = read_numbers<size_t>(spec, "outputColumns");
  if (!spec.Get("signature").IsString()) refuse_columns(env, "Expected signature to be a string.");
  options.signature = spec.Get("signature").As<Napi::String>().Utf8Value();
  std::string fault;
  auto form = ColumnForm::make(std::move(options), fault);
  if (form != nullptr) fault = plan.bind_columns(std::move(form));
  if (!fault.empty()) refuse_columns(env, "Expected columns that the plan takes and gives: " + fault + ".");
  return env.Undefined();
}
}  // namespace

void register_columns(Napi::Env env, Napi::Object exports) {
  export_function<bind_columns>(env, exports, "bindColumns");
}
}  // namespace penstock::addon
