// Time and bandwidth. Time is CPU time of this thread, so that work of others on the machine costs cache and memory
// bandwidth but not whole time slices; what it still costs both sides of a ratio, because they are measured in turn.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace penstock::bench {
// Bytes that a run must move at least: each element read once, each written once.
struct Traffic {
  size_t read_bytes;
  size_t written_bytes;
  size_t total_bytes() const { return read_bytes + written_bytes; }
};

// The three streams that a memory-bound kernel can be compared with: plain vector loads and stores, no non-temporal
// ones.
enum class Stream : uint8_t { kCopy, kRead, kWrite };
// Mostly reading and mostly writing have ceilings of their own: less than an eighth goes the other way.
Stream stream_of(const Traffic& traffic);
const char* stream_name(Stream stream);

class Bandwidth {
 public:
  // Two buffers of `bytes` together.
  explicit Bandwidth(size_t bytes);
  // Seconds for `bytes` of traffic, measured over at least that much.
  double seconds(Stream stream, size_t bytes);

 private:
  std::vector<uint64_t> source_, target_;
};

// Seconds of one call; short ones are repeated until the clock can see them.
double seconds_of(const std::function<void()>& run);

struct Spread {
  double median;
  double least;
  double most;
};
Spread spread_of(std::vector<double> values);

size_t last_level_cache_bytes();
uint64_t hash_of(std::span<const std::byte> bytes);
}  // namespace penstock::bench
