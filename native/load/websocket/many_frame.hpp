// InferMany frames of a generator: requests of one channel that are sent together, each a part of the Infer message
// that its body is. Laid out as src/protocol/infer-many-encoder.ts does it:
//
//   root · vtable of Message · Message · vtable of InferMany · InferMany · data · requests · rows?
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "load/client/connection.hpp"
#include "load/client/messages.hpp"

namespace penstock::load {

// What a request adds to a frame.
struct ManyItem {
  uint32_t request = 0;
  uint32_t rows = 1;
  ByteSpan data;  // input after input, as in its Infer
};

// The part of an Infer that an InferMany has a place for; nothing when it says more than channel, request, rows and
// data.
std::optional<ManyItem> read_many_item(ByteSpan infer) noexcept;

// Bytes of a row of each input, from an Opened; empty: its requests cannot share a frame (not offered, free dims, or
// string inputs).
std::vector<size_t> read_row_bytes(const flatbuffers::Table& opened);

// Appends one frame of `items`, whose data are `row_bytes` a row each.
void append_many_frame(Connection& connection, uint32_t channel, std::span<const ManyItem> items,
                       std::span<const size_t> row_bytes);

}  // namespace penstock::load
