#include "load/client/messages.hpp"

#include <cstring>

namespace penstock::load {
namespace {

flatbuffers::Bytes bytes_of(ByteSpan span) noexcept {
  return {span.data(), span.size()};
}

ByteSpan span_of(const flatbuffers::Vector& vector) noexcept {
  return {vector.begin(), vector.count};
}

}  // namespace

std::optional<Message> read_message(ByteSpan frame) noexcept {
  Message message;
  if (websocket::read_message(bytes_of(frame), message.type, message.table) != FrameFault::kNone) return std::nullopt;
  return message;
}

std::optional<Results> read_results(const flatbuffers::Table& table) noexcept {
  Results results;
  flatbuffers::Vector data;
  if (!table.vector(slots::results::requests, 4, results.requests) || results.requests.count == 0) return std::nullopt;
  if (!table.vector(slots::results::rows, 4, results.rows)) return std::nullopt;
  if (!table.vector(slots::results::data, 1, data)) return std::nullopt;
  if (results.rows.exists() && results.rows.count != results.requests.count) return std::nullopt;
  if (data.exists()) results.data = span_of(data);
  results.rows_in_all = results.requests.count;
  if (results.rows.exists()) {
    results.rows_in_all = 0;
    for (size_t index = 0; index < results.rows.count; ++index)
      results.rows_in_all += results.rows.get<uint32_t>(index);
  }
  return results;
}

std::optional<Failure> read_failure(const flatbuffers::Table& table) noexcept {
  Failure failure;
  std::optional<std::string_view> code;
  std::optional<std::string_view> message;
  if (!table.scalar(slots::failure::request, failure.request)) return std::nullopt;
  if (!table.string(slots::failure::code, code) || !table.string(slots::failure::message, message)) return std::nullopt;
  failure.code = code.value_or("");
  failure.message = message.value_or("");
  return failure;
}

uint32_t hello_window(const flatbuffers::Table& table) noexcept {
  uint32_t window = 0;
  return table.scalar(slots::hello::window_requests, window) ? window : 0;
}

uint32_t hello_infer_many(const flatbuffers::Table& table) noexcept {
  uint32_t requests = 0;
  return table.scalar(slots::hello::infer_many_max, requests) ? requests : 0;
}

uint32_t credit_window(const flatbuffers::Table& table) noexcept {
  uint32_t window = 0;
  return table.scalar(slots::credit::window_requests, window) ? window : 0;
}

// The example `hex open` of docs/reference/wire-protocol.md, with another channel and name.
std::vector<uint8_t> encode_open(uint32_t channel, std::string_view pipeline) {
  static_assert(slots::message::body_type == 4 && slots::message::body == 6);
  static_assert(slots::open::channel == 4 && slots::open::pipeline == 6);
  constexpr uint8_t kHead[] = {
      12, 0, 0,  0,               // root: the table Message at 12
      8,  0, 12, 0, 11, 0, 4, 0,  // its vtable: body_type at +11, body at +4
      8,  0, 0,  0, 16, 0, 0, 0, 0, 0, 0, static_cast<uint8_t>(Body::kOpen),  // Message: body 16 further
      8,  0, 12, 0, 8,  0, 4, 0,  // vtable of Open: channel at +8, pipeline at +4
      8,  0, 0,  0, 8,  0, 0, 0,  // Open: pipeline 8 further
  };
  const auto name_bytes = static_cast<uint32_t>(pipeline.size());
  // Strings end in a zero that their length does not count.
  std::vector<uint8_t> frame(sizeof kHead + sizeof channel + sizeof name_bytes + pipeline.size() + 1);
  uint8_t* at = frame.data();
  std::memcpy(at, kHead, sizeof kHead);
  std::memcpy(at += sizeof kHead, &channel, sizeof channel);
  std::memcpy(at += sizeof channel, &name_bytes, sizeof name_bytes);
  std::memcpy(at += sizeof name_bytes, pipeline.data(), pipeline.size());
  return frame;
}

std::optional<InferPlaces> find_infer_places(ByteSpan message) noexcept {
  const std::optional<Message> read = read_message(message);
  if (!read || read->type != Body::kInfer) return std::nullopt;
  const InferPlaces places{read->table.place_of(slots::infer::channel, 4),
                           read->table.place_of(slots::infer::request, 4)};
  if (places.channel == 0 || places.request == 0) return std::nullopt;
  return places;
}

bool is_right_message(const AnswerChecker& checker, size_t request, ByteSpan message) noexcept {
  const std::optional<Message> read = read_message(message);
  if (!read || read->type != Body::kResults) return false;
  const std::optional<Results> results = read_results(read->table);
  return results && results->requests.count == 1 && checker.is_right_binary(request, results->data);
}

}  // namespace penstock::load
