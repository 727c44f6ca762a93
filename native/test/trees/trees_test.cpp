// Claims about tree ensembles: every level and every number of rows gives what ONNX defines, and no spec of a stranger
// does harm.
#include <thread>

#include "test/trees/trees_fixture.hpp"

using namespace penstock;
using namespace penstock::kernel;
using namespace penstock::testing;

namespace {
constexpr size_t kRowCounts[] = {0, 1, 2, 5, 6, 7, 15, 16, 17, 31, 33, 63, 64, 65, 70, 128, 131};

std::shared_ptr<const TreeEnsemble> built(const TreesSpec& spec) {
  std::string fault;
  auto ensemble = TreeEnsemble::build(spec, fault);
  if (ensemble == nullptr) std::printf("  refused: it has %s\n", fault.c_str());
  return ensemble;
}
std::string refusal(const TreesSpec& spec) {
  std::string fault;
  return TreeEnsemble::build(spec, fault) == nullptr ? fault : "";
}

template <typename Value>
bool answers_as_defined(const TreesSpec& spec) {
  const auto ensemble = built(spec);
  if (ensemble == nullptr) return false;
  const size_t rows = 131, targets = spec.target_count;
  const std::vector<Value> values = awkward_rows<Value>(spec, rows);
  std::vector<float> expected;
  for (size_t r = 0; r < rows; ++r)
    for (const float score : defined_scores(spec, values.data() + r * spec.features)) expected.push_back(score);
  for (size_t level = 0; level <= static_cast<size_t>(machine_level()); ++level)
    for (const size_t count : kRowCounts) {
      const size_t first = below(rows - count + 1);
      Buffer<Value> input(count * spec.features, sizeof(Value) * below(3));
      std::copy_n(values.begin() + static_cast<ptrdiff_t>(first * spec.features), count * spec.features, input.data());
      Buffer<float> scores(count * targets, sizeof(float) * below(3));
      if (!ensemble->run(input.data(), count, scores.data(), nullptr, static_cast<SimdLevel>(level))) return false;
      for (size_t i = 0; i < count * targets; ++i) {
        if (is_same(scores[i], expected[first * targets + i])) continue;
        std::printf("  level %s, %zu rows, score %zu: %g, not %g\n", level_name(static_cast<SimdLevel>(level)), count,
                    i, static_cast<double>(scores[i]), static_cast<double>(expected[first * targets + i]));
        return false;
      }
    }
  return true;
}

bool answers_as_defined(const TreesSpec& spec) {
  return spec.is_double() ? answers_as_defined<double>(spec) : answers_as_defined<float>(spec);
}

TreesSpec forest_of(const TreeOptions& options) {
  TreeWriter writer(options);
  writer.add_forest();
  return std::move(writer.spec);
}
}  // namespace

TEST("trees: any modes, widths, sizes and missing values answer as ONNX defines") {
  for (int round = 0; round < 60; ++round) {
    TreeOptions options;
    options.is_double = below(3) == 0;
    options.trees = 1 + static_cast<uint32_t>(below(20));
    options.features = 1 + static_cast<uint32_t>(below(12));
    options.leaves = std::array<uint32_t, 6>{1, 2, 16, 33, 70, 130}[below(6)];
    options.has_all_modes = below(4) != 0;
    options.has_missing = below(3) != 0;
    CLAIM(answers_as_defined(forest_of(options)));
  }
}

TEST("trees: bit vectors of every number of words, and tails, lopsided ones too") {
  for (const uint32_t leaves : {8, 9, 16, 17, 31, 32, 33, 64, 65, 96, 97, 128, 129, 200, 400})
    for (const bool is_lopsided : {false, true}) {
      TreeOptions options;
      options.has_all_modes = false;
      options.trees = 5;
      options.leaves = leaves;
      options.is_lopsided = is_lopsided;
      TreeWriter writer(options);
      writer.add_forest();
      CLAIM(answers_as_defined(writer.spec));
    }
}

TEST("trees: targets, aggregates and base values, leaves that write any of them") {
  for (int round = 0; round < 60; ++round) {
    TreeOptions options;
    options.is_double = below(3) == 0;
    options.targets = 1 + static_cast<uint32_t>(below(4));
    options.has_sparse_leaves = below(2) == 0;
    options.leaves = below(4) == 0 ? 150 : 12;
    TreesSpec spec = forest_of(options);
    spec.aggregate = static_cast<TreeAggregate>(below(4));
    if (below(2) == 0)
      for (uint32_t k = 0; k < spec.target_count; ++k) spec.base_values.push_back(static_cast<double>(tame()));
    CLAIM(answers_as_defined(spec));
  }
}

TEST("trees: weights are added in the order of the trees, whatever cancels") {
  TreeOptions options;
  options.leaves = 1;
  options.trees = 4;
  TreesSpec spec = forest_of(options);
  spec.weights = {1e8, 1.0, -1e8, 1.0};
  const auto ensemble = built(spec);
  std::vector<float> rows(100 * spec.features, 0.0f), scores(100);
  CLAIM(ensemble->run(rows.data(), 100, scores.data(), nullptr) && scores[0] == 1.0f && scores[99] == 1.0f);
}

TEST("trees: classifiers answer the same at every level and among any rows") {
  for (int round = 0; round < 60; ++round) {
    TreeOptions options;
    options.is_double = below(3) == 0;
    options.targets = 1 + static_cast<uint32_t>(below(4));
    options.has_sparse_leaves = below(3) == 0;
    TreesSpec spec = forest_of(options);
    spec.kind = TreeKind::kClassifier;
    spec.post_transform = static_cast<TreePostTransform>(below(5));
    if (options.targets == 2 && below(2) == 0) std::fill(spec.targets.begin(), spec.targets.end(), 1);
    for (uint32_t k = 0; k < spec.target_count; ++k) spec.class_labels.push_back(10 + k);
    std::string fault;
    const auto ensemble = TreeEnsemble::build(spec, fault);
    if (ensemble == nullptr) continue;  // an answer that nobody defines
    const size_t rows = 75, targets = spec.target_count;
    std::vector<double> wide = awkward_rows<double>(spec, rows);
    std::vector<float> narrow = awkward_rows<float>(spec, rows);
    const auto* input = spec.is_double() ? reinterpret_cast<const std::byte*>(wide.data())
                                         : reinterpret_cast<const std::byte*>(narrow.data());
    const size_t row_bytes = spec.features * (spec.is_double() ? 8 : 4);
    std::vector<float> expected(rows * targets), scores(rows * targets);
    std::vector<int64_t> expected_labels(rows), labels(rows);
    for (size_t r = 0; r < rows; ++r)
      ensemble->run(input + r * row_bytes, 1, expected.data() + r * targets, expected_labels.data() + r,
                    SimdLevel::kScalar);
    for (size_t level = 0; level <= static_cast<size_t>(machine_level()); ++level) {
      ensemble->run(input, rows, scores.data(), labels.data(), static_cast<SimdLevel>(level));
      CLAIM(labels == expected_labels && std::memcmp(scores.data(), expected.data(), scores.size() * 4) == 0);
    }
  }
}

TEST("trees: inputs of other dtypes are cast first, and scaled in float32") {
  TreeOptions options;
  options.has_missing = false;
  TreesSpec spec = forest_of(options);
  const auto plain = built(spec);
  std::vector<int64_t> integers(20 * spec.features);
  std::vector<float> floats;
  for (int64_t& value : integers) {
    value = static_cast<int64_t>(random_source()()) >> below(63);
    floats.push_back(static_cast<float>(value));
  }
  std::vector<float> expected(20), scores(20);
  plain->run(floats.data(), 20, expected.data(), nullptr);
  spec.input_dtype = Dtype::kInt64;
  built(spec)->run(integers.data(), 20, scores.data(), nullptr);
  CLAIM(scores == expected);
  spec.input_dtype = Dtype::kFloat32;
  spec.scale_offset = {1.5f};
  for (uint32_t c = 0; c < spec.features; ++c) spec.scale_factor.push_back(static_cast<float>(c) * 0.3f + 0.1f);
  std::vector<float> scaled = floats;
  for (size_t i = 0; i < scaled.size(); ++i) scaled[i] = (floats[i] - 1.5f) * spec.scale_factor[i % spec.features];
  plain->run(scaled.data(), 20, expected.data(), nullptr);
  built(spec)->run(floats.data(), 20, scores.data(), nullptr);
  CLAIM(scores == expected);
}

TEST("trees: threads run one ensemble at once") {
  TreeOptions options;
  options.leaves = 150;
  const TreesSpec spec = forest_of(options);
  const auto ensemble = built(spec);
  const std::vector<float> values = awkward_rows<float>(spec, 100);
  std::vector<float> expected(100);
  ensemble->run(values.data(), 100, expected.data(), nullptr);
  std::vector<std::thread> threads;
  std::vector<int> is_right(4, 0);
  for (size_t i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      bool all = true;
      for (size_t round = 0; round < 50; ++round) {
        const size_t rows = 1 + (round * 7 + i) % 100;
        std::vector<float> scores(rows);
        all = all && ensemble->run(values.data(), rows, scores.data(), nullptr) &&
              std::equal(scores.begin(), scores.end(), expected.begin());
      }
      is_right[i] = all ? 1 : 0;
    });
  for (std::thread& thread : threads) thread.join();
  CLAIM(std::count(is_right.begin(), is_right.end(), 1) == 4);
}

TEST("trees: unsound specs are refused with what is wrong") {
  TreeOptions options;
  options.leaves = 6;
  const TreesSpec sound = forest_of(options);
  const auto says = [&](auto change, const char* words) {
    TreesSpec spec = sound;
    change(spec);
    const std::string fault = refusal(spec);
    if (fault.find(words) == std::string::npos) std::printf("  %s: \"%s\"\n", words, fault.c_str());
    return fault.find(words) != std::string::npos;
  };
  const auto inner =
      static_cast<size_t>(std::find_if(sound.modes.begin(), sound.modes.end(), [](uint8_t mode) { return mode != 7; }) -
                          sound.modes.begin());
  CLAIM(says([](TreesSpec& s) { s.roots.clear(); }, "trees"));
  CLAIM(says([](TreesSpec& s) { s.roots[0] = 1 << 20; }, "root"));
  CLAIM(says([&](TreesSpec& s) { s.true_nodes[inner] = 1 << 20; }, "children"));
  CLAIM(says([&](TreesSpec& s) { s.false_nodes[inner] = static_cast<uint32_t>(inner); }, "comes back"));
  CLAIM(says([&](TreesSpec& s) { s.feature_ids[inner] = s.features; }, "feature"));
  CLAIM(says([](TreesSpec& s) { s.modes[0] = 8; }, "mode"));
  CLAIM(says([](TreesSpec& s) { s.targets[0] = 1; }, "target"));
  CLAIM(says([](TreesSpec& s) { s.weights.pop_back(); }, "targets of weights"));
  CLAIM(says([](TreesSpec& s) { std::swap(s.weight_starts[0], s.weight_starts.back()); }, "ascend"));
  CLAIM(says([](TreesSpec& s) { s.thresholds.pop_back(); }, "thresholds"));
  CLAIM(says([](TreesSpec& s) { s.base_values = {1, 2}; }, "base values"));
  CLAIM(says([](TreesSpec& s) { s.input_dtype = Dtype::kString; }, "input"));
  CLAIM(says([](TreesSpec& s) { s.features = 0; }, "features"));
  CLAIM(says([](TreesSpec& s) { s.target_count = 0; }, "targets"));
  CLAIM(says([](TreesSpec& s) { s.aggregate = static_cast<TreeAggregate>(9); }, "aggregate"));
  CLAIM(says([](TreesSpec& s) { s.kind = TreeKind::kClassifier; }, "labels"));
  CLAIM(says([](TreesSpec& s) { s.scale_offset = {1, 2}; }, "scaler"));
}

TEST("trees: deep trees and shared nodes are bounded, not followed") {
  TreeOptions options;
  options.has_all_modes = false;
  TreeWriter deep(options);
  deep.spec.roots = {0};
  for (uint32_t i = 0; i <= kTreeDepthMax; ++i) deep.add_node(TreeMode::kLessOrEqual);
  const uint32_t leaf = deep.add_node(TreeMode::kLeaf);
  for (uint32_t i = 0; i <= kTreeDepthMax; ++i) {
    deep.spec.true_nodes[i] = leaf;
    deep.spec.false_nodes[i] = i == kTreeDepthMax ? leaf : i + 1;
  }
  CLAIM(refusal(deep.spec).find("deeper") != std::string::npos);
  deep.spec.roots = {1};
  CLAIM(answers_as_defined(deep.spec));
  // Both children of each node are the next one: 2^4000 ways.
  for (uint32_t i = 0; i <= kTreeDepthMax; ++i) deep.spec.true_nodes[i] = deep.spec.false_nodes[i];
  CLAIM(refusal(deep.spec).find("shared") != std::string::npos);
}

int main() {
  return penstock::testing::run_all();
}
