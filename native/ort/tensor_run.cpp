#include "ort/tensor_run.hpp"

#include <cstring>
#include <numeric>

#include "ort/stoppable.hpp"

namespace penstock::ort {
namespace {
constexpr int kText = static_cast<int>(Dtype::kString);

class Values {
 public:
  Values(const Api& api, size_t count) : api_(api), values_(count, nullptr) {}
  ~Values() {
    for (Value* const value : values_)
      if (value != nullptr) api_.release_value(value);
  }
  Values(const Values&) = delete;
  Values& operator=(const Values&) = delete;
  Value** data() noexcept { return values_.data(); }
  Value*& operator[](size_t i) noexcept { return values_[i]; }

 private:
  const Api& api_;
  std::vector<Value*> values_;
};

size_t product_of(const std::vector<int64_t>& dims) {
  return std::accumulate(dims.begin(), dims.end(), size_t{1},
                         [](size_t product, int64_t dim) { return product * static_cast<size_t>(dim); });
}

bool make_text(const Library& library, const GivenTensor& tensor, Value** value, std::string& refusal) {
  const Api& api = library.api();
  const auto& dims = tensor.dims;
  if (product_of(dims) != tensor.strings.size()) {
    refusal = "Expected as many strings as the shape has elements";
    return false;
  }
  if (take_failure(api, api.create_tensor(library.allocator(), dims.data(), dims.size(), kText, value), refusal))
    return false;
  for (size_t i = 0; i < tensor.strings.size(); ++i) {
    const std::string& text = tensor.strings[i];
    char* buffer = nullptr;
    if (take_failure(api, api.string_buffer(*value, i, text.size(), &buffer), refusal)) return false;
    if (!text.empty()) std::memcpy(buffer, text.data(), text.size());
  }
  return true;
}

bool make_value(const Library& library, const GivenTensor& tensor, Value** value, std::string& refusal) {
  if (tensor.element_type == kText) return make_text(library, tensor, value, refusal);
  const Api& api = library.api();
  // Only read: the run writes outputs, and those are its own.
  auto* const data = const_cast<std::byte*>(tensor.data);
  return !take_failure(api,
                       api.create_tensor_over(library.cpu_memory(), data, tensor.size_bytes, tensor.dims.data(),
                                              tensor.dims.size(), tensor.element_type, value),
                       refusal);
}

bool read_text(const Api& api, const Value* value, size_t count, std::vector<std::string>& strings,
               std::string& refusal) {
  size_t bytes = 0;
  if (count == 0) return true;
  if (take_failure(api, api.string_bytes(value, &bytes), refusal)) return false;
  std::string all(bytes, '\0');
  std::vector<size_t> offsets(count);
  if (take_failure(api, api.string_content(value, all.data(), bytes, offsets.data(), count), refusal)) return false;
  for (size_t i = 0; i < count; ++i) {
    const size_t end = i + 1 < count ? offsets[i + 1] : bytes;
    strings.emplace_back(all, offsets[i], end - offsets[i]);
  }
  return true;
}

bool read_result(const Api& api, const char* name, Value* value, ResultTensor& result, std::string& refusal) {
  ValueInfo info;
  int is_tensor = 0;
  if (value == nullptr || take_failure(api, api.is_tensor(value, &is_tensor), refusal) || is_tensor == 0) {
    if (refusal.empty()) refusal = std::string("Expected output ") + name + " to be a tensor";
    return false;
  }
  if (!read_value_info(api, value, info, refusal)) return false;
  result.element_type = info.element_type;
  result.dims = std::move(info.dims);
  if (info.element_type == kText) return read_text(api, value, info.element_count, result.strings, refusal);
  const size_t element_bytes = dtype_size_bytes(static_cast<Dtype>(info.element_type));
  if (element_bytes == 0) {
    refusal = std::string("Expected output ") + name + " to be of a served dtype";
    return false;
  }
  void* data = nullptr;
  if (take_failure(api, api.tensor_data(value, &data), refusal)) return false;
  const auto* const bytes = static_cast<const std::byte*>(data);
  result.bytes.assign(bytes, bytes + info.element_count * element_bytes);
  return true;
}
}  // namespace

bool read_value_info(const Api& api, const Value* value, ValueInfo& info, std::string& refusal) {
  const auto fails = [&](Status* status) { return take_failure(api, status, refusal); };
  OwnedTensorInfo shape(api);
  size_t rank = 0;
  if (fails(api.tensor_info(value, shape.place())) || fails(api.element_type(shape.get(), &info.element_type)) ||
      fails(api.rank(shape.get(), &rank)))
    return false;
  info.dims.resize(rank);
  return !(rank > 0 && fails(api.dims(shape.get(), info.dims.data(), rank))) &&
         !fails(api.element_count(shape.get(), &info.element_count));
}

std::string run_tensors(const Session& session, const std::vector<GivenTensor>& inputs, RunStop* stop,
                        std::vector<ResultTensor>& results) {
  const Library& library = session.library();
  const Api& api = library.api();
  std::string refusal;
  Values values(api, inputs.size());
  std::vector<const char*> names;
  for (size_t i = 0; i < inputs.size(); ++i) {
    names.push_back(session.input_names()[inputs[i].input]);
    if (!make_value(library, inputs[i], &values[i], refusal)) return refusal;
  }
  const size_t output_count = session.output_names().size();
  Values outputs(api, output_count);
  Stoppable run(library);
  if (!run.prepare(refusal)) return refusal;
  if (stop != nullptr && !stop->begin(run)) return kStoppedText;
  Status* const status = api.run(session.handle(), run.options(), names.data(), values.data(), inputs.size(),
                                 session.output_names().data(), output_count, outputs.data());
  if (stop != nullptr) stop->end();
  if (take_failure(api, status, refusal)) return stop != nullptr && stop->is_wanted() ? kStoppedText : refusal;
  results.resize(output_count);
  for (size_t i = 0; i < output_count; ++i)
    if (!read_result(api, session.output_names()[i], outputs[i], results[i], refusal)) return refusal;
  return "";
}
}  // namespace penstock::ort
