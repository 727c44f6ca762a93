// The hot messages of penstock.v1: Infer and InferMany come in, Results go out. Everything else of the protocol is
// JavaScript's. Slots come from src/protocol/penstock.fbs (tools/codegen). Bytes that come in are untrusted: see
// flat_reader.hpp.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/block.hpp"
#include "core/boundary_codes.hpp"
#include "flatbuffers/flat_reader.hpp"
#include "flatbuffers/meta.hpp"
#include "flatbuffers/trace_context.hpp"
#include "flatbuffers/wire_slots.hpp"

namespace penstock::websocket {
using flatbuffers::Bytes;
using flatbuffers::Table;
using flatbuffers::Vector;

struct InferFrame {
  uint32_t channel = 0;
  uint32_t request = 0;
  uint32_t rows = 1;
  Vector data;
  Vector dims;
  Vector texts;  // offsets of strings
  MetaView meta;
  uint32_t deadline_ms = 0;
  uint8_t priority = 0;
  uint8_t timing = 0;
  uint8_t request_id = 0;
};

// Requests that share a frame. The vectors but `data` have an entry for each of `requests`, or are absent.
struct InferManyFrame {
  uint32_t channel = 0;
  Vector requests;  // u32 each, 1..kInferManyMax
  Vector rows;      // u32 each; absent: 1 each
  Vector data;
  Vector deadlines_ms;  // u32 each
  Vector priorities;    // u8 each
  Vector request_ids;   // u8 each
  uint32_t rows_in_all = 0;

  uint32_t rows_of(size_t index) const noexcept { return rows.exists() ? rows.get<uint32_t>(index) : 1; }
};

// Reads the envelope: which message it is, and its table.
FrameFault read_message(Bytes frame, Body& type, Table& body) noexcept;
FrameFault read_infer(const Table& body, InferFrame& infer) noexcept;
FrameFault read_infer_many(const Table& body, InferManyFrame& many) noexcept;

// A Results frame written forward into memory of the caller. Sizes are known before the first byte, so nothing moves:
//
//   root · vtable(Message) · Message · vtable(Results) · Results · requests · rows? · dims? · check_failures? · routes?
//   · timing? · timing_models? · request_numbers? · traceparents? · caches? · data
//
// The frame begins at a multiple of 8, as FlatBuffers wants its buffers.
struct ResultsShape {
  uint32_t channel = 0;
  uint32_t results = 0;
  uint32_t rows = 0;  // over all results
  bool has_row_counts = false;
  uint32_t dims = 0;  // values in `dims`, 0: absent
  bool has_check_failures = false;
  bool has_routes = false;
  uint32_t timing_values = 0;  // 0: absent, and the models with it
  uint32_t timing_models = 0;
  size_t timing_text_bytes = 0;  // sum of text_bytes over the models
  bool has_request_numbers = false;
  uint32_t traced = 0;  // results with a traceparent; 0: `traceparents` are absent
  bool has_caches = false;
  size_t data_bytes = 0;
};

// Where the caller puts the values. Offsets from the frame's first byte; 0: absent.
struct ResultsPlaces {
  size_t requests = 0;
  size_t row_counts = 0;
  size_t dims = 0;
  size_t check_failures = 0;
  size_t routes = 0;
  size_t timing = 0;
  size_t timing_models = 0;
  size_t timing_texts = 0;
  size_t request_numbers = 0;
  size_t traceparents = 0;  // the texts follow
  size_t caches = 0;
  size_t data = 0;
  size_t frame_bytes = 0;
};

// What a string of `size` bytes takes: its length, its bytes, the zero behind them, and padding.
constexpr size_t text_bytes_of(size_t size) noexcept {
  return align_up(4 + size + 1, 4);
}

// No frame of the shape is longer, and few are much shorter: cheap, for it is asked for every result.
constexpr size_t frame_bytes_bound(const ResultsShape& shape) noexcept {
  constexpr size_t kFixedBytes = 256;  // the tables; the length and the gap of each vector
  constexpr size_t kResultBytes = 4 + 4 + 8 + 4 + 1 + text_bytes_of(kTraceParentBytes);
  constexpr size_t kRowBytes = 8 + 2;
  return kFixedBytes + shape.results * kResultBytes + shape.rows * kRowBytes + size_t{shape.dims} * 4 +
         size_t{shape.timing_values} * 8 + size_t{shape.timing_models} * 4 + shape.timing_text_bytes + shape.data_bytes;
}

// Pure arithmetic: also gives the size of a frame before there is room for it.
ResultsPlaces place_results(const ResultsShape& shape) noexcept;
// Bytes that write_text takes.
size_t text_bytes(std::string_view text) noexcept;
// Writes a string at `at`, a multiple of 4, and points the offset at `pointer` to it. Returns where the next one goes.
size_t write_text(std::byte* frame, size_t pointer, size_t at, std::string_view text) noexcept;
// Writes all but the values.
void write_results_frame(const ResultsShape& shape, const ResultsPlaces& places, std::byte* frame) noexcept;
}  // namespace penstock::websocket
