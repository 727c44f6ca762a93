// The messages of penstock.v1 that a generator meets: Open goes out, Infer goes out with two numbers filled in, Hello,
// Opened, Results, Failure and Goaway come in. Reading is bounded by flatbuffers/flat_reader.hpp, so a broken server
// shows as an error and not as a crash. Views live as long as the frame.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "load/client/compare.hpp"
#include "websocket/frame.hpp"

namespace penstock::load {

struct Message {
  Body type = Body::kNone;
  flatbuffers::Table table;
};
std::optional<Message> read_message(ByteSpan frame) noexcept;

struct Results {
  flatbuffers::Vector requests;  // u32 each
  flatbuffers::Vector rows;      // u32 each, or absent: one row each
  ByteSpan data;
  uint64_t rows_in_all = 0;
};
std::optional<Results> read_results(const flatbuffers::Table& table) noexcept;

struct Failure {
  uint32_t request = 0;
  std::string_view code;
  std::string_view message;
};
std::optional<Failure> read_failure(const flatbuffers::Table& table) noexcept;

uint32_t hello_window(const flatbuffers::Table& table) noexcept;
// Requests that a frame may carry; 0: one an Infer.
uint32_t hello_infer_many(const flatbuffers::Table& table) noexcept;
uint32_t credit_window(const flatbuffers::Table& table) noexcept;

// A Message with Open.
std::vector<uint8_t> encode_open(uint32_t channel, std::string_view pipeline);

// Where channel and request number lie in an Infer message, to be filled in per request.
struct InferPlaces {
  size_t channel = 0;
  size_t request = 0;
};
// Nothing when the message is no Infer that has both fields.
std::optional<InferPlaces> find_infer_places(ByteSpan message) noexcept;

// A response of type application/x-penstock: a Message with one result.
bool is_right_message(const AnswerChecker& checker, size_t request, ByteSpan message) noexcept;

}  // namespace penstock::load
