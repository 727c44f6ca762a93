#include "kernel/dispatch.hpp"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>

#include "core/assert.hpp"

namespace penstock::kernel {
namespace {
#define PENSTOCK_TABLE(variant)                                                                           \
  {variant::bin_kernels,    variant::cast_kernels,    variant::column_kernels,   variant::layout_kernels, \
   variant::map_kernels,    variant::one_hot_kernels, variant::quantize_kernels, variant::rank_kernels,   \
   variant::resize_kernels, variant::row_kernels,     variant::softmax_kernels}

// Built on first use: constants of other translation units are ready then, whatever order they are initialised in.
const Kernels* tables() noexcept {
#if defined(__x86_64__)
  static const Kernels all[kSimdLevels] = {PENSTOCK_TABLE(scalar), PENSTOCK_TABLE(baseline), PENSTOCK_TABLE(avx2),
                                           PENSTOCK_TABLE(avx512)};
#else
  static const Kernels all[] = {PENSTOCK_TABLE(scalar), PENSTOCK_TABLE(baseline)};
#endif
  return all;
}

SimdLevel chosen_level() noexcept {
  const char* const wish = std::getenv("PENSTOCK_SIMD");
  if (wish == nullptr) return machine_level();
  for (size_t i = 0; i < kSimdLevels; ++i) {
    const auto level = static_cast<SimdLevel>(i);
    if (std::strcmp(wish, level_name(level)) == 0) return std::min(level, machine_level());
  }
  return machine_level();
}
}  // namespace

SimdLevel machine_level() noexcept {
#if defined(__x86_64__)
  // These builtins also ask whether the operating system saves the registers.
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("f16c")) return SimdLevel::kBaseline;
  const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  return has_avx512 ? SimdLevel::kAvx512 : SimdLevel::kAvx2;
#else
  return SimdLevel::kBaseline;
#endif
}

SimdLevel active_level() noexcept {
  static const SimdLevel level = chosen_level();
  return level;
}

const char* level_name(SimdLevel level) noexcept {
  constexpr const char* kNames[kSimdLevels] = {"scalar", "baseline", "avx2", "avx512"};
  return kNames[static_cast<size_t>(level)];
}

const Kernels& kernels_at(SimdLevel level) noexcept {
  PENSTOCK_ASSERT(level <= machine_level());
  return tables()[static_cast<size_t>(level)];
}

const Kernels& kernels() noexcept {
  static const Kernels& active = kernels_at(active_level());
  return active;
}

void transpose(const LayoutKernels& kernels, std::byte* target, const std::byte* source, size_t count, size_t pixels,
               size_t channels, size_t element_bytes) noexcept {
  PENSTOCK_ASSERT(std::has_single_bit(element_bytes) && element_bytes <= 8);
  kernels.transposes[static_cast<size_t>(std::countr_zero(element_bytes))](target, source, count, pixels, channels);
}
}  // namespace penstock::kernel

namespace penstock {
void cast_elements(std::byte* target, Dtype target_dtype, const std::byte* source, Dtype source_dtype,
                   size_t count) noexcept {
  kernel::kernels().cast.elements(target, target_dtype, source, source_dtype, count);
}
}  // namespace penstock
