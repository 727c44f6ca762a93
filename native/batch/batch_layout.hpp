// How a batch's memory is divided. A bucket is one shape of one queue: all its batches have this layout.
//
//   block: | input 0: [rows_max, ...dims] | pad to 64 | input 1 … | output 0: [rows_max, ...dims] | … |
//
// Outputs whose dims are free, or that the runtime would not write here, have no place (offset kUnknown): the runtime
// allocates them and they are copied once. A tensor without elements has a place of no bytes; a block has at least one
// cache line, so that it has an address.
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "core/dtype_codes.hpp"

namespace penstock {
// dims exclude the row axis, except in non-batching queues; -1 is free.
struct Field {
  Dtype dtype = Dtype::kFloat32;
  std::vector<int64_t> dims;
  // The runtime does not write it into memory that it is given, so that it has no place in a batch.
  bool is_copied = false;

  bool is_static() const noexcept {
    for (const int64_t dim : dims)
      if (dim < 0) return false;
    return true;
  }
};

struct TensorLayout {
  static constexpr size_t kUnknown = std::numeric_limits<size_t>::max();
  size_t offset_bytes = kUnknown;
  size_t row_bytes = 0;
  Dtype dtype = Dtype::kFloat32;
  std::vector<int64_t> dims;
};

struct BatchLayout {
  std::vector<TensorLayout> inputs;
  std::vector<TensorLayout> outputs;
  size_t block_bytes = 0;
  uint32_t rows_max = 0;
};

// Bytes of one row of `dims` x `dtype`, 0 where a dim is 0; nothing when the product overflows or a dim is free.
std::optional<size_t> row_bytes_of(Dtype dtype, const std::vector<int64_t>& dims) noexcept;

// How large a batch may be. A single row is always let in by `input_bytes_max`: it bounds the time of a run, not
// memory.
struct BatchBounds {
  uint32_t rows_max = 1;
  size_t bytes_max = 0;
  size_t input_bytes_max = std::numeric_limits<size_t>::max();
};

// `free_dims`: the values of the inputs' free dims in order. Nothing when a single row exceeds `bytes_max`.
std::optional<BatchLayout> make_layout(const std::vector<Field>& inputs, const std::vector<Field>& outputs,
                                       const int64_t* free_dims, const BatchBounds& bounds);
}  // namespace penstock
