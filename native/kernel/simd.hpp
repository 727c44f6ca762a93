// What the SIMD variants share. Every <op>_simd.cpp is compiled once per level (native/CMakeLists.txt: the same source,
// other flags), into the namespace PENSTOCK_SIMD_NAMESPACE; dispatch.cpp picks the level when the process starts.
// Rules.
// 1. No function template or inline function of another header may be instantiated here: the linker keeps one copy of
//    it for the whole program, and that copy might be the one for a processor which this machine is not. Builtins,
//    intrinsics, and what this file declares in the level's namespace.
// 2. Loops whose body the compiler turns into vectors by itself stay plain loops; vectors are written out where it
//    cannot (searches, reductions in a fixed order). Rejected: a library of vector classes for a dozen loops.
// 3. Sums are taken in kSumLanes lanes at every level, so that all levels give the same bits. No FMA, for the same
//    reason: -ffp-contract=off.
// 4. Element pointers are aligned to their element, never to a vector; byte pointers to nothing.
#pragma once
#include <cstddef>
#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#ifndef PENSTOCK_SIMD_NAMESPACE
#error "a SIMD source is compiled through native/CMakeLists.txt, once per level"
#endif

// The iterations do not depend on each other, in-place calls included (target == source, never shifted).
#if defined(__clang__)
#define PENSTOCK_INDEPENDENT _Pragma("clang loop vectorize(enable)")
#else
#define PENSTOCK_INDEPENDENT _Pragma("GCC ivdep")
#endif

namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE {
#if defined(__AVX512F__)
inline constexpr size_t kVectorBytes = 64;
#elif defined(__AVX2__)
inline constexpr size_t kVectorBytes = 32;
#else
inline constexpr size_t kVectorBytes = 16;
#endif
inline constexpr size_t kLanes = kVectorBytes / sizeof(float);
// Rule 3.
inline constexpr size_t kSumLanes = 16;

typedef float Floats __attribute__((vector_size(kVectorBytes)));
typedef int32_t Ints __attribute__((vector_size(kVectorBytes)));
typedef uint32_t Words __attribute__((vector_size(kVectorBytes)));
typedef float FloatsAnywhere __attribute__((vector_size(kVectorBytes), aligned(4), may_alias));
// An element at any address (rule 4): Loose<float>::Type. A template argument would lose the attributes of a plain
// typedef.
template <typename T>
struct Loose {
  typedef T Type __attribute__((aligned(1), may_alias));
};

static inline Floats load(const float* source) noexcept {
  return *reinterpret_cast<const FloatsAnywhere*>(source);
}
static inline Floats splat(float value) noexcept {
  return Floats{} + value;
}
// One bit a lane of a comparison's result.
static inline uint32_t bits_of(Ints mask) noexcept {
#if defined(__AVX512F__)
  return _mm512_movepi32_mask(reinterpret_cast<__m512i>(mask));
#elif defined(__AVX2__)
  return static_cast<uint32_t>(_mm256_movemask_ps(reinterpret_cast<__m256>(mask)));
#elif defined(__SSE2__)
  return static_cast<uint32_t>(_mm_movemask_ps(reinterpret_cast<__m128>(mask)));
#else
  uint32_t bits = 0;
  for (size_t i = 0; i < kLanes; ++i) bits |= (mask[i] != 0 ? 1u : 0u) << i;
  return bits;
#endif
}
static inline bool any(Ints mask) noexcept {
  return bits_of(mask) != 0;
}

}  // namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE
