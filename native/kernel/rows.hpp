// Moving rows: numpy's take, put, pad and slicing along the first two axes, for elements of any dtype. Sizes are bytes
// of one row; target and source do not overlap and need no alignment. Memory-bound; copies are exact.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernel/variants.hpp"

namespace penstock::kernel {
struct RowKernels {
  // target[i] = source[indices[i]] for count rows. Indices are checked by the caller; they may repeat.
  void (*gather)(std::byte* target, const std::byte* source, const uint32_t* indices, size_t count,
                 size_t row_bytes) noexcept;
  // target[indices[i]] = source[i] for count rows, in order: of equal indices the last wins.
  void (*scatter)(std::byte* target, const std::byte* source, const uint32_t* indices, size_t count,
                  size_t row_bytes) noexcept;
  // Rows of source_bytes become rows of target_bytes >= source_bytes: the rest is the element `fill`, 1, 2, 4 or 8
  // bytes.
  void (*pad)(std::byte* target, size_t target_bytes, const std::byte* source, size_t source_bytes, size_t rows,
              const std::byte* fill, size_t fill_bytes) noexcept;
  // target row = target_bytes of each source row, from offset_bytes on.
  void (*slice)(std::byte* target, size_t target_bytes, const std::byte* source, size_t source_bytes,
                size_t offset_bytes, size_t rows) noexcept;
  // The other way round: each source row of source_bytes to offset_bytes of its target row; the rest of it stays.
  void (*place)(std::byte* target, size_t target_bytes, size_t offset_bytes, const std::byte* source,
                size_t source_bytes, size_t rows) noexcept;
};

PENSTOCK_KERNEL_VARIANTS(RowKernels, row_kernels)
}  // namespace penstock::kernel
