// What is measured: one entry a kernel and shape, with data of its own. Shapes are those of serving: 29-feature rows,
// 1,000 classes, 224 x 224 images.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernel/dispatch.hpp"
#include "measure.hpp"

namespace penstock::bench {
// kMemory: must reach 0.6 of the bandwidth of its stream. kCompute: must be 4 times as fast as its reference.
enum class Bound : uint8_t { kMemory, kCompute };

struct Case {
  std::string name;
  Bound bound;
  size_t rows;
  size_t elements;
  Traffic traffic;
  // Runs the kernel of a level into `target`.
  std::function<void(const kernel::Kernels&)> run;
  // 0: bits must be equal. Otherwise float32 results within this, relative.
  double tolerance;
  std::shared_ptr<std::vector<std::byte>> target;
};

// Makes case `index` with about `bytes` of traffic; memory is the case's own, so hold one at a time.
size_t case_count();
Case make_case(size_t index, size_t bytes);
}  // namespace penstock::bench
