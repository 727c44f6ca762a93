// The reference of rows.hpp.
#include "kernel/rows.hpp"

#include <cstring>

namespace penstock::kernel::scalar {
namespace {
void gather(std::byte* target, const std::byte* source, const uint32_t* indices, size_t count,
            size_t row_bytes) noexcept {
  for (size_t i = 0; i < count; ++i) std::memcpy(target + i * row_bytes, source + indices[i] * row_bytes, row_bytes);
}

void scatter(std::byte* target, const std::byte* source, const uint32_t* indices, size_t count,
             size_t row_bytes) noexcept {
  for (size_t i = 0; i < count; ++i) std::memcpy(target + indices[i] * row_bytes, source + i * row_bytes, row_bytes);
}

void pad(std::byte* target, size_t target_bytes, const std::byte* source, size_t source_bytes, size_t rows,
         const std::byte* fill, size_t fill_bytes) noexcept {
  for (size_t r = 0; r < rows; ++r) {
    std::byte* const row = target + r * target_bytes;
    std::memcpy(row, source + r * source_bytes, source_bytes);
    for (size_t at = source_bytes; at < target_bytes; at += fill_bytes) std::memcpy(row + at, fill, fill_bytes);
  }
}

void slice(std::byte* target, size_t target_bytes, const std::byte* source, size_t source_bytes, size_t offset_bytes,
           size_t rows) noexcept {
  for (size_t r = 0; r < rows; ++r)
    std::memcpy(target + r * target_bytes, source + r * source_bytes + offset_bytes, target_bytes);
}

void place(std::byte* target, size_t target_bytes, size_t offset_bytes, const std::byte* source, size_t source_bytes,
           size_t rows) noexcept {
  for (size_t r = 0; r < rows; ++r)
    std::memcpy(target + r * target_bytes + offset_bytes, source + r * source_bytes, source_bytes);
}
}  // namespace

extern const RowKernels row_kernels = {gather, scatter, pad, slice, place};
}  // namespace penstock::kernel::scalar
