// What trees.ts writes: named arrays, one after the other: the length of the name, the name, the bytes of the array,
// the array.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "trees/spec.hpp"

namespace penstock::bench {
class SpecFile {
 public:
  explicit SpecFile(const char* path) {
    std::FILE* const file = std::fopen(path, "rb");
    uint32_t size = 0;
    while (file != nullptr && std::fread(&size, sizeof(size), 1, file) == 1) {
      std::string name(size, '\0');
      if (std::fread(name.data(), 1, size, file) != size || std::fread(&size, sizeof(size), 1, file) != 1) break;
      std::vector<char>& bytes = arrays_[name];
      bytes.resize(size);
      if (std::fread(bytes.data(), 1, size, file) != size) break;
    }
    if (file == nullptr) std::exit(1);
    std::fclose(file);
  }

  std::vector<float> floats(const char* name) { return array<float>(name); }

  trees::TreesSpec spec() {
    trees::TreesSpec spec;
    spec.input_dtype = spec.value_dtype = spec.output_dtype = Dtype::kFloat32;
    const std::vector<uint32_t> numbers = array<uint32_t>("numbers");
    spec.features = numbers.at(0);
    spec.kind = static_cast<TreeKind>(numbers.at(1));
    spec.target_count = numbers.at(2);
    spec.aggregate = static_cast<TreeAggregate>(numbers.at(3));
    spec.post_transform = static_cast<TreePostTransform>(numbers.at(4));
    spec.roots = array<uint32_t>("roots");
    spec.modes = array<uint8_t>("modes");
    spec.feature_ids = array<uint32_t>("featureIds");
    spec.thresholds = doubles("thresholds");
    spec.true_nodes = array<uint32_t>("trueNodes");
    spec.false_nodes = array<uint32_t>("falseNodes");
    spec.missing_true = array<uint8_t>("missingTrue");
    spec.weight_starts = array<uint32_t>("weightStarts");
    spec.targets = array<uint32_t>("targets");
    spec.weights = doubles("weights");
    spec.base_values = doubles("baseValues");
    spec.class_labels = array<int64_t>("classLabels");
    return spec;
  }

 private:
  template <typename T>
  std::vector<T> array(const char* name) {
    const std::vector<char>& bytes = arrays_[name];
    std::vector<T> values(bytes.size() / sizeof(T));
    if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
    return values;
  }
  std::vector<double> doubles(const char* name) {
    const std::vector<float> values = floats(name);
    return {values.begin(), values.end()};
  }

  std::map<std::string, std::vector<char>> arrays_;
};
}  // namespace penstock::bench
