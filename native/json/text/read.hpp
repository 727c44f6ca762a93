// A number array of a JSON body, nested and rectangular, straight into the elements of a dtype: no values in between.
//
// It accepts what is surely right, null for a missing float included, and says no to all else (ragged, other words,
// out of range, strings, too many) without saying why: the reader in TypeScript (transport/http/tensor-reader.ts) reads
// the body again, knows the words, and refuses or accepts. So there is one place that refuses, and this one accepts a
// subset of what that accepts, with the same bits: a float32 is the nearest double rounded once more, as a Float32Array
// stores it. Hostile input: no recursion, no read beyond the end, depth bounded by kRankMax, memory by the elements
// allowed.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "core/boundary_codes.hpp"
#include "core/dtype_codes.hpp"
#include "json/text/cursor.hpp"

namespace penstock::json {
// Elements on their way into a batch. Kept by its owner from request to request, so that it is warm and grows rarely;
// large memory grows by remapping, not by copying.
class Elements {
 public:
  static constexpr size_t kKeptBytesMax = size_t{8} << 20;

  std::byte* data() const noexcept { return memory_.get(); }
  // False: no memory. `capacity` bytes at least, doubled when it grows.
  bool reserve(size_t bytes) noexcept;
  size_t capacity() const noexcept { return capacity_; }
  // What it will be once `bytes` were reserved.
  size_t capacity_for(size_t bytes) const noexcept;
  // Gives back what an unusually large request took.
  void trim() noexcept;

 private:
  struct Free {
    void operator()(std::byte* memory) const noexcept { std::free(memory); }
  };
  std::unique_ptr<std::byte, Free> memory_;
  size_t capacity_ = 0;
};

struct Nest {
  std::array<int64_t, kRankMax> dims{};
  size_t rank = 0;
  size_t count = 0;   // elements
  size_t arrays = 0;  // read in all
};

// Reads one value at the cursor: a bare number has rank 0. False: see above; cursor and nest are then of no use.
bool read_nest(Cursor& cursor, Dtype dtype, size_t count_max, Elements& elements, Nest& nest) noexcept;
}  // namespace penstock::json
