// Rows by names over HTTP without JavaScript: what a deployed pipeline takes and answers, and the call that hands a
// body in. Their answers come as those of submitJson do, by the exchange.
#include "addon/contract/row_spec_box.hpp"
#include "addon/known_box.hpp"
#include "addon/spec.hpp"
#include "addon/values.hpp"

namespace penstock::addon {
namespace {
using json::RowsFormOptions;

std::string read_piece(const Napi::Object& spec, const char* name) {
  const Napi::Value value = spec.Get(name);
  if (!value.IsString()) throw Napi::TypeError::New(spec.Env(), std::string("Expected ") + name + " to be a string.");
  return value.As<Napi::String>().Utf8Value();
}

template <typename Each>
void read_list(const Napi::Object& spec, const char* name, Each&& each) {
  const Napi::Value value = spec.Get(name);
  if (!value.IsArray()) throw Napi::TypeError::New(spec.Env(), std::string("Expected ") + name + " to be an array.");
  const auto list = value.As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); ++i) each(list.Get(i));
}

RowsFormOptions::Member read_member(const Napi::Object& given) {
  RowsFormOptions::Member member;
  member.kind = static_cast<RowMember>(read_integer(given.Get("kind"), "kind", 0, kRowMemberCount - 1));
  member.head = read_piece(given, "head");
  member.field = static_cast<uint32_t>(read_integer(given.Get("field"), "field", 0, INT32_MAX));
  member.source = static_cast<size_t>(read_integer(given.Get("source"), "source", 0, INT32_MAX));
  member.column = read_integer(given.Get("column"), "column", -1, INT32_MAX);
  member.is_scalar = given.Get("isScalar").ToBoolean().Value();
  member.dtype = static_cast<Dtype>(read_integer(given.Get("dtype"), "dtype", 1, 16));
  member.text = read_piece(given, "text");
  return member;
}

// makeRowsForm(spec, plan, options)
Napi::Value make_rows_form(const Napi::CallbackInfo& info) {
  const std::shared_ptr<const contract::RowSpec>& spec = open_box<RowSpecBox>(info, 0).spec;
  const Plan& plan = *open_box<PlanBox>(info, 1).plan;
  const auto given = info[2].As<Napi::Object>();
  RowsFormOptions options;
  read_list(given, "features", [&](const Napi::Value& value) {
    const auto feature = value.As<Napi::Object>();
    options.features.push_back({static_cast<uint32_t>(read_integer(feature.Get("field"), "field", 0, INT32_MAX)),
                                static_cast<size_t>(read_integer(feature.Get("input"), "input", 0, INT32_MAX)),
                                static_cast<size_t>(read_integer(feature.Get("start"), "start", 0, INT32_MAX))});
  });
  read_list(given, "members",
            [&](const Napi::Value& value) { options.members.push_back(read_member(value.As<Napi::Object>())); });
  read_list(given, "keys", [&](const Napi::Value& value) {
    const auto key = value.As<Napi::Object>();
    options.keys.push_back(
        {static_cast<uint32_t>(read_integer(key.Get("field"), "field", 0, INT32_MAX)), read_piece(key, "name")});
  });
  read_list(given, "isNarrowed",
            [&](const Napi::Value& value) { options.is_narrowed.push_back(value.ToBoolean().Value()); });
  std::string fault;
  auto box = std::make_unique<RowsFormBox>();
  box->form = json::RowsForm::make(spec, random_sip_key(), plan, std::move(options), fault);
  if (box->form == nullptr) throw Napi::RangeError::New(info.Env(), fault + ".");
  return make_handle(info.Env(), std::move(box));
}

// submitRows(port, pipeline, form, body, meta), with the exchange as SubmissionSlot's tag: as hot as submitJson.
double submit_rows_body(napi_env env, napi_callback_info info) {
  size_t count = 5;
  napi_value arguments[5];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  PortBox& box = known_box<PortBox>(env, arguments[0]);
  Pipeline& pipeline = *known_box<PipelineBox>(env, arguments[1]).pipeline;
  const std::shared_ptr<json::RowsForm>& form = known_box<RowsFormBox>(env, arguments[2]).form;
  json::Exchange named;
  const double* const numbers = box.submission_values;
  named.number = static_cast<uint32_t>(read_number(env, numbers, SubmissionSlot::kTag, 0, UINT32_MAX));
  named.request_number = read_number(env, numbers, SubmissionSlot::kRequestNumber, 0, kSubmittedNumberMax);
  if (!read_meta(Napi::Value(env, arguments[4]), named.meta))
    throw Napi::TypeError::New(env, "Expected meta to be a MetaBlock or null.");
  const auto received = box.http->receive_rows(pipeline, named, form, read_body(env, arguments[3]), box.last_failure);
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

napi_value submit_rows(napi_env env, napi_callback_info info) {
  try {
    napi_value result = nullptr;
    napi_create_double(env, submit_rows_body(env, info), &result);
    return result;
  } catch (const Napi::Error& error) {
    error.ThrowAsJavaScriptException();
    return nullptr;
  }
}
}  // namespace

void register_rows_forms(Napi::Env env, Napi::Object exports) {
  export_function<make_rows_form>(env, exports, "makeRowsForm");
  napi_value function = nullptr;
  napi_create_function(env, "submitRows", NAPI_AUTO_LENGTH, submit_rows, nullptr, &function);
  exports.Set("submitRows", Napi::Value(env, function));
}
}  // namespace penstock::addon
