#include "ort/session.hpp"

namespace penstock::ort {
namespace {
// The same as src/worker/sessions/session-options.ts: a pool that spins stops with its run, and every refusal reaches
// the caller as a text, so that the log is silent.
bool set_options(const Library& library, const SessionSpec& spec, OwnedOptions& options, std::string& refusal) {
  const Api& api = library.api();
  const auto fails = [&](Status* status) { return take_failure(api, status, refusal); };
  if (fails(api.create_session_options(options.place()))) return false;
  SessionOptions* const set = options.get();
  const int level = spec.is_optimized ? kOptimizeAll : kOptimizeNothing;
  return !(fails(api.set_intra_op_threads(set, spec.intra_op_threads)) || fails(api.set_inter_op_threads(set, 1)) ||
           fails(api.set_execution_mode(set, kSequential)) || fails(api.set_optimization_level(set, level)) ||
           fails(api.set_log_level(set, kSeverityFatal)) ||
           fails(api.add_config_entry(set, "session.intra_op.allow_spinning", spec.is_spinning ? "1" : "0")) ||
           fails(api.add_config_entry(set, "session.force_spinning_stop", "1")));
}

bool append_cuda(const Library& library, int device, SessionOptions* options, std::string& refusal) {
  const Api& api = library.api();
  const auto fails = [&](Status* status) { return take_failure(api, status, refusal); };
  OwnedCudaOptions cuda(api);
  const std::string number = std::to_string(device);
  const char* const key = "device_id";
  const char* const value = number.c_str();
  return !(fails(api.create_cuda_options(cuda.place())) ||
           fails(api.update_cuda_options(cuda.get(), &key, &value, 1)) || fails(api.append_cuda(options, cuda.get())));
}

bool read_type(const Api& api, const TypeInfo* type, FieldInfo& field, std::string& refusal) {
  const auto fails = [&](Status* status) { return take_failure(api, status, refusal); };
  const TensorInfo* info = nullptr;  // of the type, not to be released
  if (fails(api.tensor_info_of_type(type, &info))) return false;
  field.is_tensor = info != nullptr;
  if (!field.is_tensor) return true;
  size_t rank = 0;
  if (fails(api.element_type(info, &field.element_type)) || fails(api.rank(info, &rank))) return false;
  field.dims.resize(rank);
  return rank == 0 || !fails(api.dims(info, field.dims.data(), rank));
}

using Count = Status* (*)(const SessionHandle*, size_t*);
using Name = Status* (*)(const SessionHandle*, size_t, Allocator*, char**);
using Type = Status* (*)(const SessionHandle*, size_t, TypeInfo**);

bool read_side(const Library& library, const SessionHandle* session, Count count_of, Name name_of, Type type_of,
               std::vector<FieldInfo>& fields, std::string& refusal) {
  const Api& api = library.api();
  const auto fails = [&](Status* status) { return take_failure(api, status, refusal); };
  size_t count = 0;
  if (fails(count_of(session, &count))) return false;
  for (size_t i = 0; i < count; ++i) {
    FieldInfo field;
    char* name = nullptr;
    if (fails(name_of(session, i, library.allocator(), &name))) return false;
    field.name = name;
    if (fails(api.free_memory(library.allocator(), name))) return false;
    OwnedType type(api);
    if (fails(type_of(session, i, type.place())) || !read_type(api, type.get(), field, refusal)) return false;
    fields.push_back(std::move(field));
  }
  return true;
}
}  // namespace

std::shared_ptr<Session> Session::create(const Library& library, const SessionSpec& spec, std::string& refusal) {
  std::shared_ptr<Session> session(new Session(library));
  return session->open(spec, refusal) && session->read_fields(refusal) ? session : nullptr;
}

bool Session::open(const SessionSpec& spec, std::string& refusal) {
  const Api& api = library_.api();
  OwnedOptions options(api);
  if (!set_options(library_, spec, options, refusal)) return false;
  if (spec.cuda_device >= 0 && !append_cuda(library_, spec.cuda_device, options.get(), refusal)) return false;
  Status* const status = spec.path.empty()
                             ? api.create_session_of_bytes(library_.env(), spec.bytes.data(), spec.bytes.size(),
                                                           options.get(), handle_.place())
                             : api.create_session(library_.env(), spec.path.c_str(), options.get(), handle_.place());
  return !take_failure(api, status, refusal);
}

bool Session::read_fields(std::string& refusal) {
  const Api& api = library_.api();
  if (!read_side(library_, handle(), api.input_count, api.input_name, api.input_type, inputs_, refusal)) return false;
  if (!read_side(library_, handle(), api.output_count, api.output_name, api.output_type, outputs_, refusal))
    return false;
  for (const FieldInfo& field : inputs_) input_names_.push_back(field.name.c_str());
  for (const FieldInfo& field : outputs_) output_names_.push_back(field.name.c_str());
  return true;
}
}  // namespace penstock::ort
