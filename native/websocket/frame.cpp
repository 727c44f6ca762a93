#include "websocket/frame.hpp"

#include <cstring>

namespace penstock::websocket {
FrameFault read_message(Bytes frame, Body& type, Table& body) noexcept {
  Table message;
  if (!Table::open_at_offset(frame, 0, message)) return FrameFault::kNoMessage;
  uint8_t id = 0;
  if (!message.scalar(slots::message::body_type, id) || id == 0) return FrameFault::kNoBody;
  if (!message.table(slots::message::body, body)) return FrameFault::kNoBody;
  type = static_cast<Body>(id);
  return FrameFault::kNone;
}

FrameFault read_infer(const Table& body, InferFrame& infer) noexcept {
  Vector meta;
  const bool is_whole =
      body.scalar(slots::infer::channel, infer.channel) && body.scalar(slots::infer::request, infer.request) &&
      body.scalar(slots::infer::rows, infer.rows) && body.vector(slots::infer::data, 1, infer.data) &&
      body.vector(slots::infer::dims, 4, infer.dims) && body.vector(slots::infer::texts, 4, infer.texts) &&
      body.vector(slots::infer::meta, 4, meta) && body.scalar(slots::infer::deadline_ms, infer.deadline_ms) &&
      body.scalar(slots::infer::priority, infer.priority) && body.scalar(slots::infer::timing, infer.timing) &&
      body.scalar(slots::infer::request_id, infer.request_id);
  if (!is_whole) return FrameFault::kInfer;
  return meta.count == 0 || MetaView::parse(meta, infer.meta) ? FrameFault::kNone : FrameFault::kMeta;
}

FrameFault read_infer_many(const Table& body, InferManyFrame& many) noexcept {
  namespace slots = slots::infer_many;
  const bool is_whole = body.scalar(slots::channel, many.channel) && body.vector(slots::requests, 4, many.requests) &&
                        body.vector(slots::rows, 4, many.rows) && body.vector(slots::data, 1, many.data) &&
                        body.vector(slots::deadlines_ms, 4, many.deadlines_ms) &&
                        body.vector(slots::priorities, 1, many.priorities) &&
                        body.vector(slots::request_ids, 1, many.request_ids);
  const size_t count = many.requests.count;
  if (!is_whole || count == 0 || count > kInferManyMax) return FrameFault::kInferMany;
  for (const Vector* const each : {&many.rows, &many.deadlines_ms, &many.priorities, &many.request_ids})
    if (each->exists() && each->count != count) return FrameFault::kInferMany;
  uint64_t rows = count;
  if (many.rows.exists()) {
    rows = 0;
    for (size_t i = 0; i < count; ++i) rows += many.rows.get<uint32_t>(i);
  }
  if (rows > UINT32_MAX) return FrameFault::kInferMany;
  many.rows_in_all = static_cast<uint32_t>(rows);
  return FrameFault::kNone;
}

namespace {
// Fixed head of a Results frame: see the picture in the header.
constexpr size_t kMessageVtable = kFlatbufferRootBytes, kMessageVtableBytes = 8, kMessage = 16, kMessageBytes = 12;
constexpr size_t kResultsVtable = 28;
static_assert(kMessageVtable + kMessageVtableBytes <= kMessage && kMessage + kMessageBytes <= kResultsVtable);

// Only a frame with a timing, numbers, traceparents or uses of a cache has room for them: all others are as if there
// were none.
struct ResultsHead {
  size_t vtable_bytes;
  size_t table;  // its first byte
  size_t table_bytes;
  size_t vectors;  // where they begin
};
constexpr ResultsHead make_head(size_t fields) noexcept {
  const size_t vtable_bytes = 4 + 2 * fields;
  const size_t table_bytes = 4 + 4 + 4 * (fields - 2);  // all but the channel and texts are offsets of vectors
  return {vtable_bytes, kResultsVtable + vtable_bytes, table_bytes, kResultsVtable + vtable_bytes + table_bytes};
}
constexpr ResultsHead kPlainHead = make_head(8);
constexpr ResultsHead kTimedHead = make_head(10);
constexpr ResultsHead kFullHead = make_head(12);    // numbers even, for the table lies at a multiple of 4
constexpr ResultsHead kCachedHead = make_head(14);  // one slot more than there are fields
static_assert(slots::results::texts == kPlainHead.vtable_bytes - 2 && kPlainHead.table % 4 == 0);
static_assert(slots::results::timing_models == kTimedHead.vtable_bytes - 2 && kTimedHead.table % 4 == 0);
static_assert(slots::results::traceparents == kFullHead.vtable_bytes - 2 && kFullHead.table % 4 == 0);
static_assert(slots::results::caches == kCachedHead.vtable_bytes - 4 && kCachedHead.table % 4 == 0);

const ResultsHead& head_of(const ResultsShape& shape) noexcept {
  if (shape.has_caches) return kCachedHead;
  if (shape.has_request_numbers || shape.traced > 0) return kFullHead;
  return shape.timing_values > 0 ? kTimedHead : kPlainHead;
}

constexpr size_t kTracedBytes = text_bytes_of(kTraceParentBytes), kUntracedBytes = text_bytes_of(0);

template <typename T>
void store(std::byte* frame, size_t at, T value) noexcept {
  std::memcpy(frame + at, &value, sizeof(T));
}

// Returns where the values of a vector start and moves `at` behind it.
size_t place_vector(size_t& at, size_t count, size_t element_bytes) noexcept {
  at = align_up(at, 4);
  if (element_bytes == 8 && at % 8 != 4) at += 4;  // the values, behind the count, lie at a multiple of 8
  const size_t values = at + 4;
  at = values + count * element_bytes;
  return values;
}

// Field number `index` of the Results table points to the vector whose values start at `values`.
void point_to(std::byte* frame, size_t table, uint16_t slot, size_t field, size_t values, size_t count) noexcept {
  if (values == 0) return;
  store<uint16_t>(frame, kResultsVtable + slot, static_cast<uint16_t>(field));
  store<uint32_t>(frame, table + field, static_cast<uint32_t>(values - 4 - (table + field)));
  store<uint32_t>(frame, values - 4, static_cast<uint32_t>(count));
}
}  // namespace

ResultsPlaces place_results(const ResultsShape& shape) noexcept {
  ResultsPlaces places;
  size_t at = head_of(shape).vectors;
  places.requests = place_vector(at, shape.results, 4);
  if (shape.has_row_counts) places.row_counts = place_vector(at, shape.results, 4);
  if (shape.dims > 0) places.dims = place_vector(at, shape.dims, 4);
  if (shape.has_check_failures) places.check_failures = place_vector(at, shape.rows, 8);
  if (shape.has_routes) places.routes = place_vector(at, shape.rows, 2);
  if (shape.timing_values > 0) {
    places.timing = place_vector(at, shape.timing_values, 8);
    places.timing_models = place_vector(at, shape.timing_models, 4);
    places.timing_texts = at;
    at += shape.timing_text_bytes;
  }
  if (shape.has_request_numbers) places.request_numbers = place_vector(at, shape.results, 8);
  if (shape.traced > 0) {
    places.traceparents = place_vector(at, shape.results, 4);
    at += shape.traced * kTracedBytes + (shape.results - shape.traced) * kUntracedBytes;
  }
  if (shape.has_caches) places.caches = place_vector(at, shape.results, 1);
  places.data = place_vector(at, shape.data_bytes, 1);
  places.frame_bytes = align_up(at, 4);
  return places;
}

size_t text_bytes(std::string_view text) noexcept {
  return text_bytes_of(text.size());
}

size_t write_text(std::byte* frame, size_t pointer, size_t at, std::string_view text) noexcept {
  store<uint32_t>(frame, pointer, static_cast<uint32_t>(at - pointer));
  std::memset(frame + at, 0, text_bytes(text));
  store<uint32_t>(frame, at, static_cast<uint32_t>(text.size()));
  if (!text.empty()) std::memcpy(frame + at + 4, text.data(), text.size());
  return at + text_bytes(text);
}

void write_results_frame(const ResultsShape& shape, const ResultsPlaces& places, std::byte* frame) noexcept {
  // The outbox is reused: gaps of up to 8 bytes before a vector must not carry another client's bytes. Cleared first,
  // because a gap's memset also covers places that are written below or by the caller.
  for (const size_t values :
       {places.requests, places.row_counts, places.dims, places.check_failures, places.routes, places.timing,
        places.timing_models, places.request_numbers, places.traceparents, places.caches, places.data})
    if (values != 0) std::memset(frame + values - 12, 0, 12);
  const ResultsHead& head = head_of(shape);
  std::memset(frame, 0, head.vectors);
  store<uint32_t>(frame, 0, kMessage);
  store<uint16_t>(frame, kMessageVtable, kMessageVtableBytes);
  store<uint16_t>(frame, kMessageVtable + 2, kMessageBytes);
  store<uint16_t>(frame, kMessageVtable + slots::message::body_type, 8);
  store<uint16_t>(frame, kMessageVtable + slots::message::body, 4);
  store<int32_t>(frame, kMessage, kMessage - kMessageVtable);
  store<uint32_t>(frame, kMessage + 4, static_cast<uint32_t>(head.table - (kMessage + 4)));
  store<uint8_t>(frame, kMessage + 8, static_cast<uint8_t>(Body::kResults));

  store<uint16_t>(frame, kResultsVtable, static_cast<uint16_t>(head.vtable_bytes));
  store<uint16_t>(frame, kResultsVtable + 2, static_cast<uint16_t>(head.table_bytes));
  store<int32_t>(frame, head.table, static_cast<int32_t>(head.vtable_bytes));
  store<uint16_t>(frame, kResultsVtable + slots::results::channel, 4);
  store<uint32_t>(frame, head.table + 4, shape.channel);
  point_to(frame, head.table, slots::results::requests, 8, places.requests, shape.results);
  point_to(frame, head.table, slots::results::rows, 12, places.row_counts, shape.results);
  point_to(frame, head.table, slots::results::data, 16, places.data, shape.data_bytes);
  point_to(frame, head.table, slots::results::dims, 20, places.dims, shape.dims);
  point_to(frame, head.table, slots::results::check_failures, 24, places.check_failures, shape.rows);
  point_to(frame, head.table, slots::results::routes, 28, places.routes, shape.rows);
  point_to(frame, head.table, slots::results::timing, 32, places.timing, shape.timing_values);
  point_to(frame, head.table, slots::results::timing_models, 36, places.timing_models, shape.timing_models);
  point_to(frame, head.table, slots::results::request_numbers, 40, places.request_numbers, shape.results);
  point_to(frame, head.table, slots::results::traceparents, 44, places.traceparents, shape.results);
  point_to(frame, head.table, slots::results::caches, 48, places.caches, shape.results);
  // The padding behind the values is sent too: no stranger's bytes in it.
  const size_t end = places.data + shape.data_bytes;
  std::memset(frame + end, 0, places.frame_bytes - end);
}
}  // namespace penstock::websocket
