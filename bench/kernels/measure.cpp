// The streams are compiled for the machine that runs them (-march=native): inside the cache a narrower stream would be
// a ceiling too low.
#include "measure.hpp"

#include <time.h>
#include <unistd.h>

#include <algorithm>

namespace penstock::bench {
namespace {
double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Keeps the compiler from seeing through a loop, and from making it a call of memcpy or memset.
void touch(const void* memory) {
  asm volatile("" : : "r"(memory) : "memory");
}

void copy_stream(uint64_t* target, const uint64_t* source, size_t count) {
  for (size_t i = 0; i < count; ++i) target[i] = source[i];
  touch(target);
}

void read_stream(const uint64_t* source, size_t count) {
  uint64_t sums[32] = {};
  for (size_t i = 0; i + 32 <= count; i += 32)
    for (size_t lane = 0; lane < 32; ++lane) sums[lane] |= source[i + lane];
  touch(sums);
}

void write_stream(uint64_t* target, size_t count) {
  for (size_t i = 0; i < count; ++i) target[i] = count;
  touch(target);
}
}  // namespace

Stream stream_of(const Traffic& traffic) {
  if (traffic.written_bytes * 8 < traffic.read_bytes) return Stream::kRead;
  return traffic.read_bytes * 8 < traffic.written_bytes ? Stream::kWrite : Stream::kCopy;
}

const char* stream_name(Stream stream) {
  return stream == Stream::kCopy ? "copy" : stream == Stream::kRead ? "read" : "write";
}

Bandwidth::Bandwidth(size_t bytes) : source_(bytes / 16, 1), target_(bytes / 16, 2) {}

double Bandwidth::seconds(Stream stream, size_t bytes) {
  const size_t count = source_.size();
  const size_t moved = count * 8 * (stream == Stream::kCopy ? 2 : 1);
  const double once = seconds_of([&] {
    if (stream == Stream::kCopy)
      copy_stream(target_.data(), source_.data(), count);
    else if (stream == Stream::kRead)
      read_stream(source_.data(), count);
    else
      write_stream(target_.data(), count);
  });
  return once * static_cast<double>(bytes) / static_cast<double>(moved);
}

double seconds_of(const std::function<void()>& run) {
  constexpr double kEnough = 1e-3;
  size_t calls = 0;
  const double start = cpu_seconds();
  double elapsed = 0.0;
  for (size_t next = 1; elapsed < kEnough; next *= 2) {
    for (size_t i = 0; i < next; ++i) run();
    calls += next;
    elapsed = cpu_seconds() - start;
  }
  return elapsed / static_cast<double>(calls);
}

Spread spread_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {values[values.size() / 2], values.front(), values.back()};
}

size_t last_level_cache_bytes() {
#if defined(_SC_LEVEL3_CACHE_SIZE)
  const long bytes = sysconf(_SC_LEVEL3_CACHE_SIZE);
  if (bytes > 0) return static_cast<size_t>(bytes);
#endif
  return size_t{32} << 20;
}

// FNV-1a.
uint64_t hash_of(std::span<const std::byte> bytes) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const std::byte byte : bytes) hash = (hash ^ static_cast<uint64_t>(byte)) * 0x100000001b3u;
  return hash;
}
}  // namespace penstock::bench
