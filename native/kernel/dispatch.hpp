// Which variant of each kernel runs. The level is found once, from what the processor and its operating system support,
// and never changes; PENSTOCK_SIMD=scalar|baseline|avx2|avx512 in the environment lowers it (to compare, or to work
// around a processor), and cannot raise it. Tests and benchmarks ask for a level by argument.
#pragma once
#include "kernel/bins.hpp"
#include "kernel/cast.hpp"
#include "kernel/columns.hpp"
#include "kernel/layout.hpp"
#include "kernel/maps.hpp"
#include "kernel/one_hot.hpp"
#include "kernel/quantize.hpp"
#include "kernel/rank.hpp"
#include "kernel/resize.hpp"
#include "kernel/rows.hpp"
#include "kernel/softmax.hpp"

namespace penstock::kernel {
// Ordered: each level's machines run all levels before it. kBaseline: SSE2 on x86-64, NEON on arm64.
enum class SimdLevel : uint8_t { kScalar, kBaseline, kAvx2, kAvx512 };
inline constexpr size_t kSimdLevels = 4;

struct Kernels {
  BinKernels bins;
  CastKernels cast;
  ColumnKernels columns;
  LayoutKernels layout;
  MapKernels maps;
  OneHotKernels one_hot;
  QuantizeKernels quantize;
  RankKernels rank;
  ResizeKernels resize;
  RowKernels rows;
  SoftmaxKernels softmax;
};

// The highest level that this build has and this machine runs.
SimdLevel machine_level() noexcept;
// The level in use: that of the machine, or what PENSTOCK_SIMD lowers it to.
SimdLevel active_level() noexcept;
const char* level_name(SimdLevel level) noexcept;

// `level` is at most machine_level(): higher variants would execute instructions that this machine lacks.
const Kernels& kernels_at(SimdLevel level) noexcept;
const Kernels& kernels() noexcept;
}  // namespace penstock::kernel
