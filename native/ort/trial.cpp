// Calls every function that a run needs once, so that a table which is not what api.hpp takes it for is found out
// before a model depends on it: a graph of one node is loaded and run, texts are written and read, a file that is not
// there is refused. Functions of CUDA need its library, and are tried by the first session that wants it.
#include <array>
#include <cstring>

#include "ort/owned.hpp"

namespace penstock::ort {
namespace {
// `b = Identity(a)`, float32 [n]: an ONNX ModelProto of opset 13.
constexpr std::array<uint8_t, 65> kIdentity = {
    0x08, 0x07, 0x3a, 0x39, 0x0a, 0x10, 0x0a, 0x01, 0x61, 0x12, 0x01, 0x62, 0x22, 0x08, 0x49, 0x64, 0x65,
    0x6e, 0x74, 0x69, 0x74, 0x79, 0x12, 0x01, 0x67, 0x5a, 0x10, 0x0a, 0x01, 0x61, 0x12, 0x0b, 0x0a, 0x09,
    0x08, 0x01, 0x12, 0x05, 0x0a, 0x03, 0x12, 0x01, 0x6e, 0x62, 0x10, 0x0a, 0x01, 0x62, 0x12, 0x0b, 0x0a,
    0x09, 0x08, 0x01, 0x12, 0x05, 0x0a, 0x03, 0x12, 0x01, 0x6e, 0x42, 0x02, 0x10, 0x0d};
constexpr int kFloats = 1;
constexpr int kTexts = 8;

// Every trial: true, or false with what is wrong in `fault`.
struct Trial {
  const Library& library;
  const Api& api;
  std::string fault;

  bool holds(bool is_so, const char* claim) {
    if (!is_so && fault.empty()) fault = claim;
    return is_so;
  }
  bool succeeds(Status* status) {
    std::string text;
    return !take_failure(api, status, text) || holds(false, text.c_str());
  }
};

bool try_options(Trial& trial, OwnedOptions& options) {
  const Api& api = trial.api;
  if (!trial.succeeds(api.create_session_options(options.place()))) return false;
  SessionOptions* const set = options.get();
  std::array<char, 8> value{};
  size_t size = value.size();
  return trial.succeeds(api.set_execution_mode(set, kSequential)) &&
         trial.succeeds(api.set_log_level(set, kSeverityFatal)) &&
         trial.succeeds(api.set_optimization_level(set, kOptimizeAll)) &&
         trial.succeeds(api.set_intra_op_threads(set, 1)) && trial.succeeds(api.set_inter_op_threads(set, 1)) &&
         trial.succeeds(api.add_config_entry(set, "penstock.trial", "yes")) &&
         trial.succeeds(api.config_entry(set, "penstock.trial", value.data(), &size)) &&
         trial.holds(std::strcmp(value.data(), "yes") == 0, "an entry of its options is not what was set");
}

bool try_tensor(Trial& trial, OwnedValue& value, std::array<float, 2>& data) {
  const Api& api = trial.api;
  const std::array<int64_t, 1> dims{2};
  int is_tensor = 0, type = 0;
  void* memory = nullptr;
  size_t rank = 0, count = 0;
  int64_t dim = 0;
  OwnedTensorInfo info(api);
  return trial.succeeds(api.create_tensor_over(trial.library.cpu_memory(), data.data(), sizeof data, dims.data(), 1,
                                               kFloats, value.place())) &&
         trial.succeeds(api.is_tensor(value.get(), &is_tensor)) &&
         trial.succeeds(api.tensor_data(value.get(), &memory)) &&
         trial.succeeds(api.tensor_info(value.get(), info.place())) &&
         trial.succeeds(api.element_type(info.get(), &type)) && trial.succeeds(api.rank(info.get(), &rank)) &&
         trial.holds(rank == 1, "a tensor has another rank than was given") &&
         trial.succeeds(api.dims(info.get(), &dim, 1)) && trial.succeeds(api.element_count(info.get(), &count)) &&
         trial.holds(is_tensor == 1 && type == kFloats && dim == 2 && count == 2 && memory == data.data(),
                     "a tensor is not what was given");
}

bool try_texts(Trial& trial) {
  const Api& api = trial.api;
  const int64_t one = 1;
  OwnedValue value(api);
  char* buffer = nullptr;
  size_t bytes = 0, offset = 1;
  std::array<char, 3> read{};
  if (!trial.succeeds(api.create_tensor(trial.library.allocator(), &one, 1, kTexts, value.place())) ||
      !trial.succeeds(api.string_buffer(value.get(), 0, 3, &buffer)))
    return false;
  std::memcpy(buffer, "a\0b", 3);
  return trial.succeeds(api.string_bytes(value.get(), &bytes)) &&
         trial.holds(bytes == 3, "a text has another length than was written") &&
         trial.succeeds(api.string_content(value.get(), read.data(), 3, &offset, 1)) &&
         trial.holds(offset == 0 && std::memcmp(read.data(), "a\0b", 3) == 0, "a text is not what was written");
}

bool try_fields(Trial& trial, const SessionHandle* session) {
  const Api& api = trial.api;
  Allocator* const allocator = trial.library.allocator();
  size_t inputs = 0, outputs = 0;
  char *input = nullptr, *output = nullptr;
  if (!trial.succeeds(api.input_count(session, &inputs)) || !trial.succeeds(api.output_count(session, &outputs)) ||
      !trial.holds(inputs == 1 && outputs == 1, "a graph has other fields than it was made with") ||
      !trial.succeeds(api.input_name(session, 0, allocator, &input)) ||
      !trial.succeeds(api.output_name(session, 0, allocator, &output)))
    return false;
  const bool are_names = std::strcmp(input, "a") == 0 && std::strcmp(output, "b") == 0;
  if (!trial.succeeds(api.free_memory(allocator, input)) || !trial.succeeds(api.free_memory(allocator, output)) ||
      !trial.holds(are_names, "fields of a graph have other names"))
    return false;
  OwnedType input_type(api), output_type(api);
  const TensorInfo* info = nullptr;
  int type = 0;
  return trial.succeeds(api.output_type(session, 0, output_type.place())) &&
         trial.succeeds(api.input_type(session, 0, input_type.place())) &&
         trial.succeeds(api.tensor_info_of_type(input_type.get(), &info)) &&
         trial.holds(info != nullptr, "an input of a graph is no tensor") &&
         trial.succeeds(api.element_type(info, &type)) &&
         trial.holds(type == kFloats, "an input of a graph has another type");
}

bool try_run(Trial& trial, const OwnedOptions& options) {
  const Api& api = trial.api;
  OwnedSession session(api), absent(api);
  std::string text;
  if (!trial.succeeds(api.create_session_of_bytes(trial.library.env(), kIdentity.data(), kIdentity.size(),
                                                  options.get(), session.place())) ||
      !try_fields(trial, session.get()) ||
      !trial.holds(
          take_failure(api,
                       api.create_session(trial.library.env(), "/penstock/no/such.onnx", options.get(), absent.place()),
                       text),
          "a file that is not there is loaded"))
    return false;
  OwnedRunOptions run(api);
  if (!trial.succeeds(api.create_run_options(run.place())) || !trial.succeeds(api.set_terminate(run.get())) ||
      !trial.succeeds(api.unset_terminate(run.get())))
    return false;
  std::array<float, 2> given{1.5f, -2.0f}, made{};
  OwnedValue input(api), output(api);
  if (!try_tensor(trial, input, given) || !try_tensor(trial, output, made)) return false;
  const char *input_name = "a", *output_name = "b";
  const Value* const inputs[] = {input.get()};
  Value* outputs[] = {output.get()};
  return trial.succeeds(api.run(session.get(), run.get(), &input_name, inputs, 1, &output_name, 1, outputs)) &&
         trial.holds(outputs[0] == output.get() && made == given, "a run gives another answer");
}
}  // namespace

std::string try_functions(const Library& library) {
  Trial trial{library, library.api(), ""};
  OwnedOptions options(library.api());
  if (try_options(trial, options) && try_texts(trial)) try_run(trial, options);
  return trial.fault;
}
}  // namespace penstock::ort
