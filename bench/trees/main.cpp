// penstock-trees: the tree kernels against ONNX Runtime with one thread, through its C API and so without JavaScript.
//
//   penstock-trees LIBRARY MODEL.onnx MODEL.spec --rows 1,16,64,256,1024,8192 [--levels avx2,avx512] [--rounds 9]
//
// Both sides get the same rows, which rotate: a row that is asked twice in a row is answered from branches that the
// processor has memorised. Answers are compared bit by bit before the clock starts. Time is CPU time of this thread,
// and sides take turns, round by round; a line a size is printed as JSON, with medians.
#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "../kernels/measure.hpp"
#include "onnx_runtime.hpp"
#include "spec_file.hpp"
#include "trees/trees.hpp"

using namespace penstock;
using namespace penstock::bench;

namespace {
struct Options {
  std::vector<size_t> sizes{1, 16, 64, 256, 1024, 8192};
  std::vector<kernel::SimdLevel> levels;
  size_t rounds = 9;
};

[[noreturn]] void stop(const std::string& sentence) {
  std::fprintf(stderr, "penstock-trees: %s\n", sentence.c_str());
  std::exit(1);
}

std::vector<std::string> parts_of(const std::string& list) {
  std::vector<std::string> parts(1);
  for (const char c : list) {
    if (c == ',')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

Options read_options(int count, char** arguments) {
  Options options;
  for (int i = 4; i + 1 < count; i += 2) {
    const std::string name = arguments[i], value = arguments[i + 1];
    if (name == "--rounds") options.rounds = static_cast<size_t>(std::atoi(value.c_str()));
    if (name == "--rows") {
      options.sizes.clear();
      for (const std::string& part : parts_of(value))
        options.sizes.push_back(static_cast<size_t>(std::atoi(part.c_str())));
    }
    if (name != "--levels") continue;
    for (const std::string& part : parts_of(value))
      for (size_t level = 0; level <= static_cast<size_t>(kernel::machine_level()); ++level)
        if (part == kernel::level_name(static_cast<kernel::SimdLevel>(level)))
          options.levels.push_back(static_cast<kernel::SimdLevel>(level));
  }
  if (options.levels.empty()) options.levels.push_back(kernel::active_level());
  return options;
}

// Rows are taken from a pool in turn, so that no batch is asked twice within it.
struct Batches {
  const std::vector<float>& pool;
  size_t features, rows;
  size_t next = 0;
  const float* take() {
    const size_t count = pool.size() / features;
    if (next + rows > count) next = 0;
    const float* const batch = pool.data() + next * features;
    next += rows;
    return batch;
  }
};

void compare(const trees::TreeEnsemble& ours, OnnxRuntime& theirs, const std::vector<float>& pool,
             const Options& options) {
  const size_t features = ours.features(), rows = pool.size() / features, columns = ours.score_columns();
  const std::vector<float> expected = theirs.run(pool.data(), rows, features, columns);
  for (const kernel::SimdLevel level : options.levels)
    for (const size_t size : options.sizes) {
      std::vector<float> scores(rows * columns);
      for (size_t r = 0; r < rows; r += size)
        ours.run(pool.data() + r * features, std::min(size, rows - r), scores.data() + r * columns, nullptr, level);
      if (std::memcmp(scores.data(), expected.data(), scores.size() * sizeof(float)) != 0)
        stop("answers differ from ONNX Runtime's at level " + std::string(kernel::level_name(level)));
    }
}

void measure(const trees::TreeEnsemble& ours, OnnxRuntime& theirs, const std::vector<float>& pool, size_t rows,
             const Options& options) {
  const size_t features = ours.features(), columns = ours.score_columns();
  std::vector<float> scores(rows * columns);
  std::vector<double> their_seconds;
  std::vector<std::vector<double>> ratios(options.levels.size()), our_seconds(options.levels.size());
  Batches batches{pool, features, rows};
  for (size_t round = 0; round < options.rounds; ++round) {
    const double base = seconds_of([&] { theirs.run_into(batches.take(), rows, features, scores.data(), columns); });
    their_seconds.push_back(base);
    for (size_t i = 0; i < options.levels.size(); ++i) {
      const double own = seconds_of([&] { ours.run(batches.take(), rows, scores.data(), nullptr, options.levels[i]); });
      our_seconds[i].push_back(own);
      ratios[i].push_back(base / own);
    }
  }
  std::printf("{\"rows\":%zu,\"onnxRuntimeUs\":%.3f", rows, spread_of(their_seconds).median * 1e6);
  for (size_t i = 0; i < options.levels.size(); ++i) {
    const char* const name = kernel::level_name(options.levels[i]);
    const Spread ratio = spread_of(ratios[i]);
    std::printf(",\"%s\":{\"us\":%.3f,\"ratio\":%.2f,\"least\":%.2f,\"most\":%.2f}", name,
                spread_of(our_seconds[i]).median * 1e6, ratio.median, ratio.least, ratio.most);
  }
  std::printf("}\n");
  std::fflush(stdout);
}
}  // namespace

int main(int count, char** arguments) {
  if (count < 4) stop("expected LIBRARY MODEL.onnx MODEL.spec");
  const Options options = read_options(count, arguments);
  SpecFile file(arguments[3]);
  std::string fault;
  const auto ours = trees::TreeEnsemble::build(file.spec(), fault);
  if (ours == nullptr) stop("the ensemble has " + fault);
  OnnxRuntime theirs(arguments[1], arguments[2], ours->has_labels());
  const std::vector<float> pool = file.floats("rows");
  compare(*ours, theirs, pool, options);
  for (const size_t rows : options.sizes) measure(*ours, theirs, pool, rows, options);
  return 0;
}
