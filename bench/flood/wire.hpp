// The few messages of penstock.v1 that a generator needs, read and written by hand: Open and Infer go out, Hello,
// Opened, Results and Failure come in. Field slots come from the schema (native/wire/wire_slots.hpp). The reader is
// bounded: every offset and length is checked against the frame, so a broken server shows as an error, not a crash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flood::wire {

using Bytes = std::span<const uint8_t>;

// A table inside a frame. `field(slot)` is the position of the field's value, 0 when absent or out of the frame.
class Table {
 public:
  Table(Bytes frame, size_t position) noexcept;
  bool is_valid() const noexcept { return is_valid_; }
  uint32_t u32(unsigned slot, uint32_t fallback) const noexcept;
  uint8_t u8(unsigned slot, uint8_t fallback) const noexcept;
  // Elements of a vector of `element_bytes`; empty when absent, nullopt when it leaves the frame.
  std::optional<Bytes> vector(unsigned slot, size_t element_bytes) const noexcept;
  std::optional<size_t> table_position(unsigned slot) const noexcept;

 private:
  size_t field(unsigned slot, size_t size_bytes) const noexcept;

  Bytes frame_;
  size_t position_ = 0;
  size_t vtable_ = 0;
  size_t vtable_bytes_ = 0;
  size_t table_bytes_ = 0;
  bool is_valid_ = false;
};

struct Message {
  uint8_t body_type = 0;
  Table body;
};

std::optional<Message> read_message(Bytes frame) noexcept;

struct Results {
  Bytes requests;  // u32 each
  Bytes rows;      // u32 each, or empty: one row each
  Bytes data;
};
std::optional<Results> read_results(const Table& body) noexcept;

struct Failure {
  uint32_t request = 0;
  std::string_view code;
  std::string_view message;
};
std::optional<Failure> read_failure(const Table& body) noexcept;

uint32_t hello_window(const Table& body) noexcept;

uint32_t load_u32(const uint8_t* at) noexcept;
void store_u32(uint8_t* at, uint32_t value) noexcept;

bool is_hello(const Message& message) noexcept;
bool is_opened(const Message& message) noexcept;
bool is_results(const Message& message) noexcept;
bool is_failure(const Message& message) noexcept;

std::vector<uint8_t> encode_open(uint32_t channel, std::string_view pipeline);

// An Infer of channel `channel`; `request_position` receives where the u32 request id lies, to be patched.
std::vector<uint8_t> encode_infer(uint32_t channel, uint32_t rows, Bytes data, size_t& request_position);

}  // namespace flood::wire
