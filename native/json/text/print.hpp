// Tensors as JSON text, straight from batch memory, byte for byte what src/tensor/print.ts writes: the shortest decimal
// that reads back to the same float32 (or float64), laid out as JavaScript lays numbers out; integers exactly; NaN and
// infinities as null. A test compares the two over random bits.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/dtype_codes.hpp"

namespace penstock::json {
// No element's text is longer.

// Writes one element and returns the end of its text. `element` needs no alignment.
char* print_element(const std::byte* element, Dtype dtype, char* text) noexcept;
// Writes `elements` nested in `dims[axis …]`; a bare value when no dim is left. The text has room for
// `nest_characters`.
char* print_nest(const std::byte* elements, Dtype dtype, const std::vector<int64_t>& dims, size_t axis,
                 char* text) noexcept;
// The part of print_nest's text that belongs to elements [start, start + count) of `dims`, which hold some: the arrays
// that begin at each of them open before it, those that end with it close behind it. All parts in order are the whole.
// Room: count * (kElementCharactersMax + 1 + 2 * dims.size()).
char* print_nest_part(const std::byte* elements, Dtype dtype, const std::vector<int64_t>& dims, size_t start,
                      size_t count, char* text) noexcept;
// What `nest_characters` gives for any number of characters beyond counting: more than any text may have.
constexpr size_t kCharactersMany = size_t{1} << 48;
// At least as many characters as print_nest writes for all of `dims`.
size_t nest_characters(const std::vector<int64_t>& dims) noexcept;
// A number that is exactly a float32.
char* print_float32(double value, char* text) noexcept;
char* print_float64(double value, char* text) noexcept;
}  // namespace penstock::json
