// What inference workers call for models on the tree kernels: rows of the batch in hand are answered in its own memory,
// and trees that one isolate has made are found by the others.
#include <map>
#include <mutex>
#include <new>
#include <string>
#include <vector>

#include "addon/spec.hpp"
#include "addon/trees/trees_box.hpp"
#include "addon/values.hpp"
#include "core/boundary_codes.hpp"

namespace penstock::addon {
namespace {
using trees::TreeEnsemble;

// Where rows of a tensor lie in the batch; null where it has no place there, or rows of another size.
std::byte* place_of(const Batch& batch, const TensorLayout& layout, size_t row_bytes, size_t first_row) {
  if (layout.offset_bytes == TensorLayout::kUnknown || layout.row_bytes != row_bytes) return nullptr;
  return batch.block->data() + layout.offset_bytes + first_row * row_bytes;
}

// The places of what a run writes.
struct Targets {
  std::byte* scores = nullptr;
  std::byte* labels = nullptr;
};

// False: an output has no place, or one of another size.
bool find_targets(const Batch& batch, const TreeEnsemble& trees, const Napi::Int32Array& sources, size_t first_row,
                  Targets& targets) {
  const std::vector<TensorLayout>& outputs = batch.bucket.layout.outputs;
  if (sources.ElementLength() != outputs.size()) return false;
  const size_t score_bytes = trees.score_columns() * dtype_size_bytes(trees.output_dtype());
  for (size_t i = 0; i < outputs.size(); ++i) {
    const bool is_label = sources[i] == static_cast<int32_t>(TreeOutputSource::kLabels);
    if (is_label && !trees.has_labels()) return false;
    std::byte*& target = is_label ? targets.labels : targets.scores;
    if (target != nullptr) return false;
    target = place_of(batch, outputs[i], is_label ? sizeof(int64_t) : score_bytes, first_row);
    if (target == nullptr) return false;
  }
  return true;
}

// runTreesBatch(worker, trees, sources, firstRow, rowCount)
Napi::Value run_trees_batch(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  WorkerBox& box = open_box<WorkerBox>(info, 0);
  if (!box.has_batch) throw_handle_error(env, "worker", "has no batch in hand: take one first");
  const Batch& batch = *box.slot.batch;
  const TreeEnsemble& trees = *open_box<TreesBox>(info, 1).trees;
  if (!info[2].IsTypedArray() || info[2].As<Napi::TypedArray>().TypedArrayType() != napi_int32_array)
    throw Napi::TypeError::New(env, "Expected sources to be an Int32Array.");
  const auto first_row = static_cast<size_t>(read_integer(info[3], "firstRow", 0, batch.rows - 1));
  const auto rows = static_cast<size_t>(
      read_integer(info[4], "rowCount", 1, static_cast<int64_t>(batch.rows) - static_cast<int64_t>(first_row)));
  // A non-batching queue has no rows: its tensors are whole.
  if (batch.bucket.queue.options.batching == Batching::kWhole || batch.bucket.layout.inputs.size() != 1)
    return Napi::Boolean::New(env, false);
  const size_t input_bytes = trees.features() * dtype_size_bytes(trees.input_dtype());
  const std::byte* const input = place_of(batch, batch.bucket.layout.inputs[0], input_bytes, first_row);
  Targets targets;
  if (input == nullptr || !find_targets(batch, trees, info[2].As<Napi::Int32Array>(), first_row, targets))
    return Napi::Boolean::New(env, false);
  // Where labels alone are asked for, the scores go here. Kept: it has the size of a batch.
  thread_local std::vector<std::byte> unasked;
  bool is_run = true;
  try {
    const size_t bytes = rows * trees.score_columns() * dtype_size_bytes(trees.output_dtype());
    if (targets.scores == nullptr && unasked.size() < bytes) unasked.resize(bytes);
  } catch (const std::bad_alloc&) {
    is_run = false;
  }
  std::byte* const scores = targets.scores != nullptr ? targets.scores : unasked.data();
  is_run = is_run && trees.run(input, rows, scores, reinterpret_cast<int64_t*>(targets.labels));
  if (!is_run) throw Napi::Error::New(env, "Expected memory for the rows of a tree ensemble but there is none.");
  return Napi::Boolean::New(env, true);
}

// Trees by the key of their model. They are held by handles, not by this: it forgets those that nobody holds.
class PublishedTrees {
 public:
  struct Found {
    std::shared_ptr<const TreeEnsemble> trees;
    std::string note;
  };
  static PublishedTrees& instance() {
    static PublishedTrees published;
    return published;
  }
  void publish(const std::string& key, const std::shared_ptr<const TreeEnsemble>& trees, std::string note) {
    std::lock_guard lock(mutex_);
    std::erase_if(published_, [](const auto& entry) { return entry.second.trees.expired(); });
    published_[key] = {trees, std::move(note)};
  }
  Found find(const std::string& key) {
    std::lock_guard lock(mutex_);
    const auto found = published_.find(key);
    return found == published_.end() ? Found{} : Found{found->second.trees.lock(), found->second.note};
  }

 private:
  struct Entry {
    std::weak_ptr<const TreeEnsemble> trees;
    std::string note;
  };
  std::mutex mutex_;
  std::map<std::string, Entry> published_;
};

// publishTrees(key, trees, note)
Napi::Value publish_trees(const Napi::CallbackInfo& info) {
  PublishedTrees::instance().publish(info[0].ToString().Utf8Value(), open_box<TreesBox>(info, 1).trees,
                                     info[2].ToString().Utf8Value());
  return info.Env().Undefined();
}

// findTrees(key)
Napi::Value find_trees(const Napi::CallbackInfo& info) {
  PublishedTrees::Found found = PublishedTrees::instance().find(info[0].ToString().Utf8Value());
  if (found.trees == nullptr) return info.Env().Null();
  auto box = std::make_unique<TreesBox>();
  box->trees = std::move(found.trees);
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("trees", make_handle(info.Env(), std::move(box)));
  result.Set("note", found.note);
  return result;
}
}  // namespace

void register_tree_batches(Napi::Env env, Napi::Object exports) {
  export_function<run_trees_batch>(env, exports, "runTreesBatch");
  export_function<publish_trees>(env, exports, "publishTrees");
  export_function<find_trees>(env, exports, "findTrees");
}
}  // namespace penstock::addon
