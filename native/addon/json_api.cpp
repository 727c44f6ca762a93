// What the HTTP transport calls for JSON bodies of natively executable pipelines: once per body, and at deploys.
#include "addon/handles.hpp"
#include "addon/known_box.hpp"
#include "addon/spec.hpp"
#include "addon/values.hpp"
#include "json/text/print.hpp"

namespace penstock::addon {
namespace {
std::string read_text(const Napi::Value& value, const char* name) {
  if (!value.IsString()) throw Napi::TypeError::New(value.Env(), std::string("Expected ") + name + " to be a string.");
  return value.As<Napi::String>().Utf8Value();
}

template <typename Read>
void read_each(const Napi::Object& spec, const char* name, Read&& read) {
  const Napi::Value value = spec.Get(name);
  if (!value.IsArray()) throw Napi::TypeError::New(spec.Env(), std::string("Expected ") + name + " to be an array.");
  const auto list = value.As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); ++i) read(list.Get(i));
}

// setAnswerForm(plan, spec)
Napi::Value set_answer_form(const Napi::CallbackInfo& info) {
  Plan& plan = *open_box<PlanBox>(info, 0).plan;
  const auto spec = info[1].As<Napi::Object>();
  auto form = std::make_shared<AnswerForm>();
  read_each(spec, "inputNames",
            [&](const Napi::Value& name) { form->input_names.push_back(read_text(name, "inputNames")); });
  read_each(spec, "outputs", [&](const Napi::Value& value) {
    const auto output = value.As<Napi::Object>();
    const int64_t last = static_cast<int64_t>(plan.answer.size()) - 1;
    const auto source = static_cast<size_t>(read_integer(output.Get("source"), "source", 0, last));
    form->outputs.push_back({source, read_text(output.Get("head"), "head")});
  });
  read_each(spec, "checks", [&](const Napi::Value& check) { form->checks.push_back(read_text(check, "checks")); });
  read_each(spec, "routes", [&](const Napi::Value& value) {
    const auto route = value.As<Napi::Object>();
    form->routes.push_back({read_text(route.Get("label"), "label"), read_text(route.Get("lastModel"), "lastModel")});
  });
  form->metadata = read_text(spec.Get("metadata"), "metadata");
  form->last_model = read_text(spec.Get("lastModel"), "lastModel");
  const size_t options = plan.route_split < 0 ? 0 : plan.splits[static_cast<size_t>(plan.route_split)].option_count();
  if (form->input_names.size() != plan.inputs.size() || form->checks.size() != plan.checks.size() ||
      form->routes.size() != options)
    throw Napi::RangeError::New(info.Env(), "Expected the form to name the plan's inputs, checks and routes.");
  plan.answer_form = std::move(form);
  return info.Env().Undefined();
}

// submitJson(port, pipeline, body, meta), with the exchange as SubmissionSlot's tag: as hot as `receive`, see
// websocket_api.cpp.
double submit_body(napi_env env, napi_callback_info info) {
  size_t count = 4;
  napi_value arguments[4];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  PortBox& box = known_box<PortBox>(env, arguments[0]);
  Pipeline& pipeline = *known_box<PipelineBox>(env, arguments[1]).pipeline;
  json::Exchange named;
  const double* const numbers = box.submission_values;
  named.number = static_cast<uint32_t>(read_number(env, numbers, SubmissionSlot::kTag, 0, UINT32_MAX));
  named.request_number = read_number(env, numbers, SubmissionSlot::kRequestNumber, 0, kSubmittedNumberMax);
  if (!read_meta(Napi::Value(env, arguments[3]), named.meta))
    throw Napi::TypeError::New(env, "Expected meta to be a MetaBlock or null.");
  const auto received = box.http->receive(pipeline, named, read_body(env, arguments[2]), box.last_failure);
  switch (received.receipt) {
    case json::Gateway::Receipt::kAdmitted:
      return static_cast<double>(box.port->number_of(*received.request));
    case json::Gateway::Receipt::kLeft:
      return 0;
    case json::Gateway::Receipt::kRefused:
      break;
  }
  box.note_refusal(-1, -1);
  return -static_cast<double>(box.last_failure.code);
}

napi_value submit_json(napi_env env, napi_callback_info info) {
  try {
    napi_value result = nullptr;
    napi_create_double(env, submit_body(env, info), &result);
    return result;
  } catch (const Napi::Error& error) {
    error.ThrowAsJavaScriptException();
    return nullptr;
  }
}

// The memory of the event before it; JavaScript fetches it when an event says that it is another one.
Napi::Value json_outbox(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::shared_ptr<Block>& block = open_box<PortBox>(info, 0).http->outbox();
  return Napi::Uint8Array::New(env, block->size_bytes(), external_buffer(env, block), 0);
}

std::vector<int64_t> read_dims(const Napi::Value& value) {
  if (!value.IsArray()) throw Napi::TypeError::New(value.Env(), "Expected dims to be an array.");
  const auto list = value.As<Napi::Array>();
  std::vector<int64_t> dims;
  for (uint32_t i = 0; i < list.Length(); ++i) dims.push_back(read_integer(list.Get(i), "each dim", 1, INT32_MAX));
  return dims;
}

// printNest(text, elements, dims, part) → bytes of text
Napi::Value print_nest(const Napi::CallbackInfo& info) {
  const ByteSpan text = read_bytes(info.Env(), info[0], "text");
  const ByteSpan elements = read_bytes(info.Env(), info[1], "elements");
  const std::vector<int64_t> dims = read_dims(info[2]);
  const Numbers<NestSlot> part(info[3]);
  const auto dtype = static_cast<Dtype>(part.get(NestSlot::kDtype, 1, 16));
  const size_t element_bytes = dtype_size_bytes(dtype);
  if (element_bytes == 0 || dims.empty())
    throw Napi::RangeError::New(info.Env(), "Expected a dtype of fixed size and dims.");
  const auto count_max = static_cast<int64_t>(elements.size / element_bytes);
  const size_t start = part.get(NestSlot::kStart, 0, count_max);
  const size_t count = part.get(NestSlot::kCount, 0, count_max - static_cast<int64_t>(start));
  if (text.size / (kElementCharactersMax + 1 + 2 * dims.size()) < count)
    throw Napi::RangeError::New(info.Env(), "Expected room for the text of the elements.");
  char* const begin = reinterpret_cast<char*>(const_cast<uint8_t*>(text.data));
  const char* const end =
      json::print_nest_part(reinterpret_cast<const std::byte*>(elements.data), dtype, dims, start, count, begin);
  return Napi::Number::New(info.Env(), static_cast<double>(end - begin));
}
}  // namespace

void register_json(Napi::Env env, Napi::Object exports) {
  export_function<set_answer_form>(env, exports, "setAnswerForm");
  export_function<json_outbox>(env, exports, "jsonOutbox");
  export_function<print_nest>(env, exports, "printNest");
  napi_value function = nullptr;
  napi_create_function(env, "submitJson", NAPI_AUTO_LENGTH, submit_json, nullptr, &function);
  exports.Set("submitJson", Napi::Value(env, function));
}
}  // namespace penstock::addon
