// penstock-kernels: each SIMD kernel against its scalar reference and against the memory bandwidth of the same minute.
//   penstock-kernels [--rounds 7] [--level avx2] [--large-mib 96] [--cache-kib 256] [--only softmax]
// Prints one JSON line a kernel and size. Results are checked against the reference before any clock starts; a wrong
// one ends the program with status 1. Goals: ratios that hold on a noisy machine (kernel, stream and reference take
// turns, medians of the rounds). Non-goals: absolute records; other threads.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "cases.hpp"

using namespace penstock;
using namespace penstock::bench;

namespace {
struct Options {
  size_t rounds = 7;
  size_t large_bytes = 0;
  size_t cache_bytes = size_t{256} << 10;
  kernel::SimdLevel level = kernel::active_level();
  std::string only;
};

[[noreturn]] void refuse(const char* sentence, const char* value) {
  std::fprintf(stderr, "penstock-kernels: %s but received %s\n", sentence, value);
  std::exit(2);
}

size_t read_count(const char* text) {
  char* end = nullptr;
  const long value = std::strtol(text, &end, 10);
  if (*end != '\0' || value < 1 || value > 1 << 20) refuse("Expected a number in 1..1048576", text);
  return static_cast<size_t>(value);
}

kernel::SimdLevel read_level(const char* text) {
  for (size_t i = 0; i <= static_cast<size_t>(kernel::machine_level()); ++i)
    if (std::strcmp(text, kernel::level_name(static_cast<kernel::SimdLevel>(i))) == 0)
      return static_cast<kernel::SimdLevel>(i);
  refuse("Expected --level to be scalar, baseline, avx2 or avx512, as far as this machine has it,", text);
}

Options read_options(int count, char** values) {
  Options options;
  // Three times the last cache: a stream that comes round finds nothing of the round before.
  options.large_bytes = 3 * last_level_cache_bytes();
  for (int i = 1; i < count; i += 2) {
    const std::string name = values[i];
    if (i + 1 == count) refuse("Expected a value after each option", values[i]);
    if (name == "--rounds")
      options.rounds = read_count(values[i + 1]);
    else if (name == "--large-mib")
      options.large_bytes = read_count(values[i + 1]) << 20;
    else if (name == "--cache-kib")
      options.cache_bytes = read_count(values[i + 1]) << 10;
    else if (name == "--level")
      options.level = read_level(values[i + 1]);
    else if (name == "--only")
      options.only = values[i + 1];
    else
      refuse("Expected --rounds, --large-mib, --cache-kib, --level or --only", values[i]);
  }
  return options;
}

bool is_right(const Case& c, const std::vector<std::byte>& expected) {
  if (c.tolerance == 0.0) return *c.target == expected;
  const auto* const a = reinterpret_cast<const float*>(c.target->data());
  const auto* const b = reinterpret_cast<const float*>(expected.data());
  for (size_t i = 0; i < expected.size() / sizeof(float); ++i)
    if (!(std::fabs(a[i] - b[i]) <= static_cast<float>(c.tolerance) * std::fabs(b[i]) + 1.2e-38f)) return false;
  return true;
}

void check(const Case& c, kernel::SimdLevel level) {
  c.run(kernel::kernels_at(kernel::SimdLevel::kScalar));
  const std::vector<std::byte> expected = *c.target;
  std::fill(c.target->begin(), c.target->end(), std::byte{0xa5});
  c.run(kernel::kernels_at(level));
  if (is_right(c, expected)) return;
  std::fprintf(stderr, "penstock-kernels: %s gives another result than its reference\n", c.name.c_str());
  std::exit(1);
}

void measure(const Case& c, const char* size, const Options& options, Bandwidth& bandwidth) {
  check(c, options.level);
  const kernel::Kernels& simd = kernel::kernels_at(options.level);
  const kernel::Kernels& reference = kernel::kernels_at(kernel::SimdLevel::kScalar);
  const Stream stream = stream_of(c.traffic);
  std::vector<double> seconds, shares, speedups, stream_rates;
  for (size_t round = 0; round < options.rounds; ++round) {
    const double before = bandwidth.seconds(stream, c.traffic.total_bytes());
    const double taken = seconds_of([&] { c.run(simd); });
    const double after = bandwidth.seconds(stream, c.traffic.total_bytes());
    const double naive = seconds_of([&] { c.run(reference); });
    const double ceiling = (before + after) / 2;
    seconds.push_back(taken);
    shares.push_back(ceiling / taken);
    speedups.push_back(naive / taken);
    stream_rates.push_back(static_cast<double>(c.traffic.total_bytes()) / ceiling * 1e-9);
  }
  c.run(simd);
  const Spread time = spread_of(seconds), share = spread_of(shares), speedup = spread_of(speedups);
  const auto total = static_cast<double>(c.traffic.total_bytes());
  std::printf(
      "{\"kernel\":\"%s\",\"level\":\"%s\",\"size\":\"%s\",\"bytes\":%zu,\"bound\":\"%s\",\"stream\":\"%s\","
      "\"nsPerRow\":%.4g,\"nsPerElement\":%.4g,\"gbPerSecond\":%.4g,\"streamGbPerSecond\":%.4g,"
      "\"share\":%.3f,\"shareLeast\":%.3f,\"shareMost\":%.3f,"
      "\"speedup\":%.2f,\"speedupLeast\":%.2f,\"speedupMost\":%.2f,\"hash\":\"%016llx\"}\n",
      c.name.c_str(), kernel::level_name(options.level), size, c.traffic.total_bytes(),
      c.bound == Bound::kMemory ? "memory" : "compute", stream_name(stream),
      time.median / static_cast<double>(c.rows) * 1e9, time.median / static_cast<double>(c.elements) * 1e9,
      total / time.median * 1e-9, spread_of(stream_rates).median, share.median, share.least, share.most, speedup.median,
      speedup.least, speedup.most, static_cast<unsigned long long>(hash_of(*c.target)));
  std::fflush(stdout);
}
}  // namespace

int main(int count, char** values) {
  const Options options = read_options(count, values);
  const struct {
    const char* name;
    size_t bytes;
  } sizes[] = {{"cache", options.cache_bytes}, {"memory", options.large_bytes}};
  for (const auto& size : sizes) {
    Bandwidth bandwidth(size.bytes);
    for (size_t i = 0; i < case_count(); ++i) {
      if (!options.only.empty() && make_case(i, 1 << 16).name.find(options.only) == std::string::npos) continue;
      measure(make_case(i, size.bytes), size.name, options, bandwidth);
    }
  }
  return 0;
}
