// What flows through a transform program: columns of rows, each row of `width` elements. Rules.
// 1. A missing float is NaN and has no validity. Of integers, bools and texts a bit of `validity` tells whether the
//    row has a value, the lowest bit first, as in Arrow; null: all have one. Only columns of width 1 have missing ones.
// 2. Within a block, validity is a byte a row, 1 or 0, and a text is where its bytes lie: nothing is copied until the
//    program's end.
// 3. What stands in the place of a missing value is defined (zero bytes, an empty text) once an instruction wrote it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/dtype_codes.hpp"

namespace penstock::transform {
inline bool is_float(Dtype dtype) noexcept {
  return dtype == Dtype::kFloat32 || dtype == Dtype::kFloat64 || dtype == Dtype::kFloat16 || dtype == Dtype::kBfloat16;
}

struct Text {
  const char* data = nullptr;
  uint32_t size = 0;
  std::string_view view() const noexcept { return {data, size}; }
};

struct ValueType {
  Dtype dtype = Dtype::kFloat32;
  bool is_nullable = false;  // has validity: Rule 1
  uint32_t width = 1;        // elements a row

  bool is_text() const noexcept { return dtype == Dtype::kString; }
  size_t element_bytes() const noexcept { return is_text() ? sizeof(Text) : dtype_size_bytes(dtype); }
  size_t row_bytes() const noexcept { return element_bytes() * width; }
};

// A whole column, the caller's or the scratch's. Numbers: rows * width elements, aligned to their size, bool a byte.
// Texts: `data` are UTF-8 bytes, element i those from offsets[i] to offsets[i + 1]; rows * width + 1 offsets.
struct Column {
  const std::byte* data = nullptr;
  const uint8_t* validity = nullptr;
  const int32_t* offsets = nullptr;
};
}  // namespace penstock::transform
