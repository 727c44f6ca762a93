// The hot messages of penstock.v1: Infer comes in, Results go out. Everything else of the protocol is JavaScript's.
// Slots come from src/protocol/penstock.fbs (tools/codegen). Bytes that come in are untrusted: see flat_reader.hpp.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/boundary_codes.hpp"
#include "flatbuffers/flat_reader.hpp"
#include "flatbuffers/meta.hpp"
#include "flatbuffers/wire_slots.hpp"

namespace penstock::wire {
using flatbuffers::Bytes;
using flatbuffers::Table;
using flatbuffers::Vector;

struct InferFrame {
  uint32_t channel = 0;
  uint32_t request = 0;
  uint32_t rows = 1;
  Vector data;
  Vector dims;
  MetaView meta;
  uint32_t deadline_ms = 0;
  uint8_t priority = 0;
  uint8_t timing = 0;
  uint8_t request_id = 0;
};

// Reads the envelope: which message it is, and its table.
FrameFault read_message(Bytes frame, Body& type, Table& body) noexcept;
FrameFault read_infer(const Table& body, InferFrame& infer) noexcept;

// A Results frame written forward into memory of the caller. Sizes are known before the first byte, so nothing moves:
//
//   root · vtable(Message) · Message · vtable(Results) · Results · requests · rows? · dims? · check_failures? · routes?
//   · timing? · timing_models? · request_numbers? · data
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
  size_t data = 0;
  size_t frame_bytes = 0;
};

// Pure arithmetic: also gives the size of a frame before there is room for it.
ResultsPlaces place_results(const ResultsShape& shape) noexcept;
// Bytes that write_text takes.
size_t text_bytes(std::string_view text) noexcept;
// Writes a string at `at`, a multiple of 4, and points the offset at `pointer` to it. Returns where the next one goes.
size_t write_text(std::byte* frame, size_t pointer, size_t at, std::string_view text) noexcept;
// Writes all but the values.
void write_results_frame(const ResultsShape& shape, const ResultsPlaces& places, std::byte* frame) noexcept;
}  // namespace penstock::wire
