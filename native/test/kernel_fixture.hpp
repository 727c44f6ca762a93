// What the tests of kernels share: awkward numbers, buffers that end where memory ends, and claims at each level of
// this machine. Buffers end where their last element ends, so that AddressSanitizer sees a vector that reads or writes
// beyond it. The seed is printed; PENSTOCK_TEST_SEED repeats a run.
#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>

#include "kernel/dispatch.hpp"
#include "test/testing.hpp"

namespace penstock::testing {
using namespace penstock::kernel;

inline constexpr float kInfinity = std::numeric_limits<float>::infinity();

inline uint64_t seed() {
  static const uint64_t value = [] {
    const char* const wish = std::getenv("PENSTOCK_TEST_SEED");
    const uint64_t chosen = wish != nullptr ? std::strtoull(wish, nullptr, 10) : std::random_device{}();
    std::printf("seed %llu\n", static_cast<unsigned long long>(chosen));
    return chosen;
  }();
  return value;
}
inline std::mt19937_64& random_source() {
  static std::mt19937_64 source(seed());
  return source;
}
inline size_t below(size_t bound) {
  return random_source()() % bound;
}

// `count` elements that end where the memory ends and begin `offset` bytes behind an aligned address.
template <typename T>
class Buffer {
 public:
  explicit Buffer(size_t count, size_t offset = 0)
      : bytes_(std::max<size_t>(count * sizeof(T) + offset, 1)), count_(count), offset_(offset) {}
  T* data() { return reinterpret_cast<T*>(bytes_.data() + offset_); }
  std::byte* bytes() { return bytes_.data() + offset_; }
  size_t count() const { return count_; }
  T& operator[](size_t i) { return data()[i]; }

 private:
  std::vector<std::byte> bytes_;
  size_t count_;
  size_t offset_;
};

// Ordinary numbers and, one time in four, those that kernels get wrong.
inline float awkward() {
  constexpr float kSpecial[] = {0.0f,         -0.0f,      1e-45f,    -1e-45f,       1.1754942e-38f, 1.1754944e-38f,
                                65504.0f,     65519.996f, 65520.0f,  65536.0f,      5.9604645e-8f,  2.9802322e-8f,
                                6.097555e-5f, 0.5f,       1.5f,      2.5f,          -2.5f,          127.5f,
                                128.5f,       -128.5f,    255.5f,    2147483520.0f, 2147483648.0f,  -2147483648.0f,
                                3e38f,        -3e38f,     kInfinity, -kInfinity};
  const uint64_t kind = below(16);
  if (kind == 0) return std::bit_cast<float>(static_cast<uint32_t>(0x7f800001u + below(0x7ffffeu)));  // any NaN
  if (kind < 4) return kSpecial[below(std::size(kSpecial))];
  if (kind < 6) return std::bit_cast<float>(static_cast<uint32_t>(random_source()()));  // any bits
  return static_cast<float>(std::normal_distribution<double>(0.0, 40.0)(random_source()));
}
inline float tame() {
  return static_cast<float>(std::normal_distribution<double>(0.0, 4.0)(random_source()));
}

inline Buffer<float> awkward_floats(size_t count, size_t offset = 0) {
  Buffer<float> buffer(count, offset);
  for (size_t i = 0; i < count; ++i) buffer[i] = awkward();
  return buffer;
}

inline bool is_same(float a, float b) {
  return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b) || (std::isnan(a) && std::isnan(b));
}
inline bool is_same(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b) || (std::isnan(a) && std::isnan(b));
}
inline bool is_same(int32_t a, int32_t b) {
  return a == b;
}
template <typename T>
bool is_same(Buffer<T>& a, Buffer<T>& b) {
  for (size_t i = 0; i < a.count(); ++i) {
    if (is_same(a[i], b[i])) continue;
    std::printf("  element %zu of %zu: %g, the reference %g\n", i, a.count(), static_cast<double>(a[i]),
                static_cast<double>(b[i]));
    return false;
  }
  return true;
}
inline bool is_same_bytes(Buffer<std::byte>& a, Buffer<std::byte>& b) {
  return a.count() == b.count() && std::memcmp(a.bytes(), b.bytes(), a.count()) == 0;
}

// Lengths around the lanes of every level, and some with tails behind many vectors.
inline constexpr size_t kLengths[] = {0,  1,  2,  3,  4,  5,   7,   8,   9,   15,  16,   17,   29,  31,
                                      32, 33, 63, 64, 65, 127, 129, 255, 256, 257, 1023, 1025, 2500};
inline const Kernels& reference() {
  return kernels_at(SimdLevel::kScalar);
}

// The levels of this machine at which `claim(kernels)` does not hold.
template <typename Claim>
std::vector<SimdLevel> failing_levels(Claim claim) {
  std::vector<SimdLevel> failing;
  for (size_t i = 1; i <= static_cast<size_t>(machine_level()); ++i)
    if (!claim(kernels_at(static_cast<SimdLevel>(i)))) failing.push_back(static_cast<SimdLevel>(i));
  return failing;
}
template <typename Claim>
void at_each_level(Claim claim) {
  for (const SimdLevel level : failing_levels(claim)) {
    ++failures;
    std::printf("  not so at level %s, seed %llu\n", level_name(level), static_cast<unsigned long long>(seed()));
  }
}
}  // namespace penstock::testing
