// rows.hpp in vectors. A row of a feature matrix is 50 to 1,000 bytes: a call of memcpy for each costs as much as its
// bytes, and rows taken at random miss the cache. So rows are copied inline, whole vectors and one that overlaps the
// last, and the rows ahead are fetched early.
#include "kernel/rows.hpp"
#include "kernel/simd.hpp"

namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE {
namespace {
constexpr size_t kAhead = 12;          // rows; about a memory latency of copying
constexpr size_t kInlineBytes = 2048;  // beyond it memcpy's own loop is as good
constexpr size_t kLineBytes = 64;

// Whole chunks, then one that ends where the row ends. bytes >= kChunk, which is a size that one register moves.
template <size_t kChunk>
[[gnu::always_inline]] inline void copy_chunks(std::byte* target, const std::byte* source, size_t bytes) noexcept {
  for (size_t at = 0; at + kChunk <= bytes; at += kChunk) __builtin_memcpy(target + at, source + at, kChunk);
  __builtin_memcpy(target + bytes - kChunk, source + bytes - kChunk, kChunk);
}

[[gnu::always_inline]] inline void copy_row(std::byte* target, const std::byte* source, size_t bytes) noexcept {
  if (bytes > kInlineBytes)
    __builtin_memcpy(target, source, bytes);
  else if (bytes >= kVectorBytes)
    copy_chunks<kVectorBytes>(target, source, bytes);
  else if (bytes >= 16)
    copy_chunks<16>(target, source, bytes);
  else if (bytes >= 8)
    copy_chunks<8>(target, source, bytes);
  else if (bytes >= 4)
    copy_chunks<4>(target, source, bytes);
  else
    for (size_t at = 0; at < bytes; ++at) target[at] = source[at];
}

[[gnu::always_inline]] inline void fetch_row(const std::byte* row, size_t bytes) noexcept {
  const size_t length = bytes < kInlineBytes ? bytes : kInlineBytes;
  for (size_t at = 0; at < length; at += kLineBytes) __builtin_prefetch(row + at);
}

void gather(std::byte* target, const std::byte* source, const uint32_t* indices, size_t count,
            size_t row_bytes) noexcept {
  for (size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) fetch_row(source + indices[i + kAhead] * row_bytes, row_bytes);
    copy_row(target + i * row_bytes, source + indices[i] * row_bytes, row_bytes);
  }
}

void scatter(std::byte* target, const std::byte* source, const uint32_t* indices, size_t count,
             size_t row_bytes) noexcept {
  for (size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) fetch_row(target + indices[i + kAhead] * row_bytes, row_bytes);
    copy_row(target + indices[i] * row_bytes, source + i * row_bytes, row_bytes);
  }
}

template <typename Element>
void pad_rows(std::byte* target, size_t target_bytes, const std::byte* source, size_t source_bytes, size_t rows,
              const std::byte* fill) noexcept {
  using Anywhere = typename Loose<Element>::Type;
  const Element value = *reinterpret_cast<const Anywhere*>(fill);
  const size_t count = (target_bytes - source_bytes) / sizeof(Element);
  for (size_t r = 0; r < rows; ++r) {
    copy_row(target + r * target_bytes, source + r * source_bytes, source_bytes);
    auto* const rest = reinterpret_cast<Anywhere*>(target + r * target_bytes + source_bytes);
    for (size_t i = 0; i < count; ++i) rest[i] = value;
  }
}

void pad(std::byte* target, size_t target_bytes, const std::byte* source, size_t source_bytes, size_t rows,
         const std::byte* fill, size_t fill_bytes) noexcept {
  if (fill_bytes == 8)
    pad_rows<uint64_t>(target, target_bytes, source, source_bytes, rows, fill);
  else if (fill_bytes == 4)
    pad_rows<uint32_t>(target, target_bytes, source, source_bytes, rows, fill);
  else if (fill_bytes == 2)
    pad_rows<uint16_t>(target, target_bytes, source, source_bytes, rows, fill);
  else
    pad_rows<uint8_t>(target, target_bytes, source, source_bytes, rows, fill);
}

void slice(std::byte* target, size_t target_bytes, const std::byte* source, size_t source_bytes, size_t offset_bytes,
           size_t rows) noexcept {
  for (size_t r = 0; r < rows; ++r)
    copy_row(target + r * target_bytes, source + r * source_bytes + offset_bytes, target_bytes);
}

// Rows of one element: a column into its place of a matrix.
template <typename Element>
void place_elements(std::byte* target, size_t target_bytes, const std::byte* source, size_t rows) noexcept {
  using Anywhere = typename Loose<Element>::Type;
  const auto* const from = reinterpret_cast<const Anywhere*>(source);
  for (size_t r = 0; r < rows; ++r) *reinterpret_cast<Anywhere*>(target + r * target_bytes) = from[r];
}

void place(std::byte* target, size_t target_bytes, size_t offset_bytes, const std::byte* source, size_t source_bytes,
           size_t rows) noexcept {
  if (source_bytes == 4) return place_elements<uint32_t>(target + offset_bytes, target_bytes, source, rows);
  if (source_bytes == 8) return place_elements<uint64_t>(target + offset_bytes, target_bytes, source, rows);
  for (size_t r = 0; r < rows; ++r)
    copy_row(target + r * target_bytes + offset_bytes, source + r * source_bytes, source_bytes);
}
}  // namespace

extern const RowKernels row_kernels = {gather, scatter, pad, slice, place};
}  // namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE
