// Tree ensembles for JavaScript: made of flat arrays, which are copied; run over memory that is lent for the call, on
// the caller's thread. Isolates find each other's by number.
#include <mutex>

#include "addon/spec.hpp"
#include "addon/trees/trees_box.hpp"
#include "addon/values.hpp"

namespace penstock::addon {
namespace {
using trees::TreeEnsemble;
using trees::TreesSpec;

[[noreturn]] void refuse_trees(Napi::Env env, const std::string& sentence) {
  throw Napi::RangeError::New(env, sentence);
}

template <typename T>
std::vector<T> read_array(const Napi::Object& spec, const char* name, napi_typedarray_type type,
                          bool is_optional = false) {
  const Napi::Value value = spec.Get(name);
  if (is_optional && value.IsUndefined()) return {};
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type)
    refuse_trees(spec.Env(), std::string("Expected ") + name + " to be a typed array of its kind.");
  const ByteSpan bytes = read_bytes(spec.Env(), value, name);
  std::vector<T> elements(bytes.size / sizeof(T));
  if (!elements.empty()) std::memcpy(elements.data(), bytes.data, elements.size() * sizeof(T));
  return elements;
}

// Values of the spec's own width, as doubles.
std::vector<double> read_values(const Napi::Object& spec, const char* name, bool is_double, bool is_optional = false) {
  if (is_double) return read_array<double>(spec, name, napi_float64_array, is_optional);
  const std::vector<float> floats = read_array<float>(spec, name, napi_float32_array, is_optional);
  return {floats.begin(), floats.end()};
}

TreesSpec read_spec(const Napi::Object& object) {
  const auto integer = [&](const char* name, int64_t most) { return read_integer(object.Get(name), name, 0, most); };
  TreesSpec spec;
  spec.input_dtype = static_cast<Dtype>(integer("inputDtype", UINT8_MAX));
  spec.features = static_cast<uint32_t>(integer("features", kTreeFeaturesMax));
  spec.value_dtype = static_cast<Dtype>(integer("valueDtype", UINT8_MAX));
  spec.output_dtype = static_cast<Dtype>(integer("outputDtype", UINT8_MAX));
  const bool is_double = spec.is_double();
  spec.scale_offset = read_array<float>(object, "scaleOffset", napi_float32_array, true);
  spec.scale_factor = read_array<float>(object, "scaleFactor", napi_float32_array, true);
  const auto indexes = [&](const char* name, bool is_optional = false) {
    return read_array<uint32_t>(object, name, napi_uint32_array, is_optional);
  };
  spec.roots = indexes("roots");
  spec.modes = read_array<uint8_t>(object, "modes", napi_uint8_array);
  spec.feature_ids = indexes("featureIds");
  spec.thresholds = read_values(object, "thresholds", is_double);
  spec.true_nodes = indexes("trueNodes");
  spec.false_nodes = indexes("falseNodes");
  spec.missing_true = read_array<uint8_t>(object, "missingTrue", napi_uint8_array, true);
  spec.weight_starts = indexes("weightStarts");
  spec.targets = indexes("targets");
  spec.weights = read_values(object, "weights", is_double);
  spec.member_starts = indexes("memberStarts", true);
  spec.members = read_values(object, "members", is_double, true);
  spec.kind = static_cast<TreeKind>(integer("kind", UINT8_MAX));
  spec.target_count = static_cast<uint32_t>(integer("targetCount", kTreeTargetsMax));
  spec.aggregate = static_cast<TreeAggregate>(integer("aggregate", UINT8_MAX));
  spec.post_transform = static_cast<TreePostTransform>(integer("postTransform", UINT8_MAX));
  spec.base_values = read_values(object, "baseValues", is_double);
  spec.class_labels = read_array<int64_t>(object, "classLabels", napi_bigint64_array, true);
  return spec;
}

Napi::Value handle_of(Napi::Env env, std::shared_ptr<const TreeEnsemble> ensemble) {
  auto box = std::make_unique<TreesBox>();
  box->trees = std::move(ensemble);
  return make_handle(env, std::move(box));
}

// makeTrees(spec)
Napi::Value make_trees(const Napi::CallbackInfo& info) {
  if (!info[0].IsObject()) throw Napi::TypeError::New(info.Env(), "Expected a spec of a tree ensemble.");
  std::string fault;
  std::shared_ptr<const TreeEnsemble> ensemble;
  try {
    ensemble = TreeEnsemble::build(read_spec(info[0].As<Napi::Object>()), fault);
  } catch (const std::bad_alloc&) {
    refuse_trees(info.Env(), "Expected memory for the tree ensemble but there is none.");
  }
  if (ensemble == nullptr)
    refuse_trees(info.Env(), "Expected a tree ensemble that the tree kernels answer as ONNX Runtime does but it has " +
                                 fault + ".");
  return handle_of(info.Env(), std::move(ensemble));
}

// treesInfo(trees)
Napi::Value trees_info(const Napi::CallbackInfo& info) {
  const TreeEnsemble& trees = *open_box<TreesBox>(info, 0).trees;
  Napi::Object result = Napi::Object::New(info.Env());
  const auto set = [&](const char* name, size_t value) { result.Set(name, static_cast<double>(value)); };
  set("trees", trees.tree_count());
  set("nodes", trees.node_count());
  set("leavesMax", trees.leaf_count_max());
  set("scoreColumns", trees.score_columns());
  result.Set("hasLabels", trees.has_labels());
  set("bytes", trees.bytes());
  result.Set("kernelMany", trees.many_rows_kernel());
  result.Set("kernelFew", trees.few_rows_kernel());
  return result;
}

// The memory of an argument. @throws RangeError unless it has exactly `bytes`, aligned to its elements.
void* lent(const Napi::CallbackInfo& info, size_t argument, const char* name, size_t bytes, size_t alignment) {
  const ByteSpan span = read_bytes(info.Env(), info[argument], name);
  if (span.size != bytes || reinterpret_cast<uintptr_t>(span.data) % alignment != 0)
    refuse_trees(info.Env(), std::string("Expected ") + name + " to have " + std::to_string(bytes) +
                                 " aligned bytes but it has " + std::to_string(span.size) + ".");
  return const_cast<uint8_t*>(span.data);
}

// runTrees(trees, input, rows, scores, labels)
Napi::Value run_trees(const Napi::CallbackInfo& info) {
  const TreeEnsemble& trees = *open_box<TreesBox>(info, 0).trees;
  const auto rows = static_cast<size_t>(read_integer(info[2], "rows", 0, INT32_MAX));
  const size_t input_bytes = dtype_size_bytes(trees.input_dtype()),
               score_bytes = dtype_size_bytes(trees.output_dtype());
  const void* const input = lent(info, 1, "input", rows * trees.features() * input_bytes, input_bytes);
  void* const scores = lent(info, 3, "scores", rows * trees.score_columns() * score_bytes, score_bytes);
  int64_t* labels = nullptr;
  if (!info[4].IsNull() && !info[4].IsUndefined()) {
    if (!trees.has_labels()) refuse_trees(info.Env(), "Expected no labels of a regressor.");
    labels = static_cast<int64_t*>(lent(info, 4, "labels", rows * sizeof(int64_t), sizeof(int64_t)));
  }
  if (!trees.run(input, rows, scores, labels))
    throw Napi::Error::New(info.Env(), "Expected memory for the rows of a tree ensemble but there is none.");
  return info.Env().Undefined();
}

// Numbers of ensembles that isolates have shared: they are held by handles, not by this.
class SharedTrees {
 public:
  static SharedTrees& instance() {
    static SharedTrees shared;
    return shared;
  }
  double share(const std::shared_ptr<const TreeEnsemble>& ensemble) {
    std::lock_guard lock(mutex_);
    for (size_t i = 0; i < shared_.size(); ++i)
      if (shared_[i].lock() == ensemble) return static_cast<double>(i + 1);
    shared_.push_back(ensemble);
    return static_cast<double>(shared_.size());
  }
  std::shared_ptr<const TreeEnsemble> adopt(size_t id) {
    std::lock_guard lock(mutex_);
    return id < 1 || id > shared_.size() ? nullptr : shared_[id - 1].lock();
  }

 private:
  std::mutex mutex_;
  std::vector<std::weak_ptr<const TreeEnsemble>> shared_;
};

// shareTrees(trees)
Napi::Value share_trees(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), SharedTrees::instance().share(open_box<TreesBox>(info, 0).trees));
}

// adoptTrees(id)
Napi::Value adopt_trees(const Napi::CallbackInfo& info) {
  auto ensemble = SharedTrees::instance().adopt(static_cast<size_t>(read_integer(info[0], "id", 1, INT32_MAX)));
  if (ensemble == nullptr) refuse_trees(info.Env(), "Expected the number of a tree ensemble that somebody holds.");
  return handle_of(info.Env(), std::move(ensemble));
}
// closeTrees(trees)
Napi::Value close_trees(const Napi::CallbackInfo& info) {
  TreesBox& box = open_box<TreesBox>(info, 0, true);
  box.is_closed = true;
  box.trees.reset();
  return info.Env().Undefined();
}
}  // namespace

void register_trees(Napi::Env env, Napi::Object exports) {
  export_function<make_trees>(env, exports, "makeTrees");
  export_function<trees_info>(env, exports, "treesInfo");
  export_function<run_trees>(env, exports, "runTrees");
  export_function<share_trees>(env, exports, "shareTrees");
  export_function<adopt_trees>(env, exports, "adoptTrees");
  export_function<close_trees>(env, exports, "closeTrees");
}
}  // namespace penstock::addon
