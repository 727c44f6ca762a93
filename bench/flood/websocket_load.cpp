// Infer frames over WebSocket, subprotocol penstock.v1, `in_flight` on every connection.
//
// All frames are encoded before the load starts; sending copies one and patches its request id. The id is
// `turn * capacity + slot`: the low bits find the request in O(1) whatever the order of the answers, the rest tells a
// repeated or invented answer from the one that is awaited.
#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <string>

#include "load.hpp"
#include "wire.hpp"

namespace flood {
namespace {

constexpr uint32_t kChannel = 1;
constexpr size_t kFrameBytesMax = size_t{64} << 20;
constexpr uint8_t kOpcodeText = 1;
constexpr uint8_t kOpcodeBinary = 2;
constexpr uint8_t kOpcodeClose = 8;
constexpr uint8_t kOpcodePing = 9;
constexpr uint8_t kOpcodePong = 10;

struct Frame {
  uint8_t opcode = 0;
  bool is_final = false;
  wire::Bytes payload;
};

// A client's frame with mask zero: masked as RFC 6455 asks, and free to make.
void append_frame_header(std::vector<uint8_t>& out, uint8_t opcode, size_t payload_bytes) {
  out.push_back(static_cast<uint8_t>(0x80 | opcode));
  if (payload_bytes < 126) {
    out.push_back(static_cast<uint8_t>(0x80 | payload_bytes));
  } else if (payload_bytes <= 0xffff) {
    out.push_back(0x80 | 126);
    for (int shift = 8; shift >= 0; shift -= 8) out.push_back(static_cast<uint8_t>(payload_bytes >> shift));
  } else {
    out.push_back(0x80 | 127);
    for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<uint8_t>(uint64_t{payload_bytes} >> shift));
  }
  out.insert(out.end(), 4, 0);
}

std::vector<uint8_t> framed(uint8_t opcode, wire::Bytes payload) {
  std::vector<uint8_t> out;
  append_frame_header(out, opcode, payload.size());
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

// The next complete frame, consumed; its payload stays valid until the connection receives again.
std::optional<Frame> next_frame(Connection& connection) {
  const wire::Bytes bytes = connection.received();
  if (bytes.size() < 2) return std::nullopt;
  size_t header_bytes = 2;
  size_t payload_bytes = bytes[1] & 0x7fu;
  if ((bytes[1] & 0x80u) != 0) abandon("The server sent a masked frame");
  if (payload_bytes >= 126) {
    const size_t length_bytes = payload_bytes == 126 ? 2 : 8;
    header_bytes += length_bytes;
    if (bytes.size() < header_bytes) return std::nullopt;
    payload_bytes = 0;
    for (size_t index = 2; index < header_bytes; ++index) payload_bytes = payload_bytes << 8 | bytes[index];
  }
  if (payload_bytes > kFrameBytesMax) abandon("The server sent a frame of more than 64 MiB");
  if (bytes.size() - header_bytes < payload_bytes) {
    connection.expect_message(header_bytes + payload_bytes);
    return std::nullopt;
  }
  connection.consume(header_bytes + payload_bytes);
  return Frame{static_cast<uint8_t>(bytes[0] & 0x0f), (bytes[0] & 0x80) != 0,
               bytes.subspan(header_bytes, payload_bytes)};
}

struct EncodedRequest {
  std::vector<uint8_t> frame;
  size_t id_position = 0;
};

struct Slot {
  uint32_t id = 0;
  uint32_t request = 0;  // index in the request set
  int64_t sent_ns = 0;
  bool is_awaited = false;
};

struct Stream {
  Connection connection;
  std::vector<Slot> slots;
  uint32_t next_request = 0;
};

class WebSocketLoad final : public Load {
 public:
  WebSocketLoad(const Options& options, const RequestSet& set, Meter& meter)
      : options_(options), set_(set), meter_(meter), slot_capacity_(std::bit_ceil(options.in_flight)) {
    streams_.resize(options.connections);
    for (size_t index = 0; index < streams_.size(); ++index) {
      streams_[index].slots.resize(options.in_flight);
      // Neighbours start at different requests, so that a batch does not hold one row many times.
      streams_[index].next_request = static_cast<uint32_t>(index * 7 % set.requests.size());
    }
    encoded_.reserve(set.requests.size());
    for (const Request& request : set.requests) encoded_.push_back(encode(request));
    finished_.reserve(options.in_flight);
  }

  size_t connection_count() const noexcept override { return streams_.size(); }
  Connection& connection(size_t index) noexcept override { return streams_[index].connection; }

  void open(size_t index) override {
    Connection& connection = streams_[index].connection;
    connection.connect(options_.port);
    upgrade(connection);
    const wire::Message hello = await_message(connection);
    if (!wire::is_hello(hello)) abandon("Expected the server's first message to be Hello");
    const uint32_t window = wire::hello_window(hello.body);
    if (window < options_.in_flight) {
      abandon("Expected --in-flight to be at most the server's window of " + std::to_string(window) + " requests");
    }
    const std::vector<uint8_t> open = framed(kOpcodeBinary, wire::encode_open(kChannel, options_.pipeline));
    std::memcpy(connection.append(open.size()), open.data(), open.size());
    if (!connection.flush()) abandon("The server closed the connection before Open");
    const wire::Message opened = await_message(connection);
    if (wire::is_failure(opened)) abandon("The server refused Open: " + text_of(opened));
    if (!wire::is_opened(opened)) abandon("Expected the server to answer Open with Opened");
  }

  void start(size_t index) override {
    Stream& stream = streams_[index];
    const int64_t now = now_ns();
    for (uint32_t slot = 0; slot < options_.in_flight; ++slot) {
      stream.slots[slot].id = slot;
      send(stream, slot, now);
    }
  }

  bool advance(size_t index) override {
    Stream& stream = streams_[index];
    const int64_t received_ns = now_ns();
    finished_.clear();
    while (const std::optional<Frame> frame = next_frame(stream.connection)) {
      if (!read_frame(stream, *frame, received_ns)) return false;
    }
    // Replaced after all of this read's answers: the next requests leave in one piece.
    const int64_t sent_ns = now_ns();
    for (const uint32_t slot : finished_) send(stream, slot, sent_ns);
    return true;
  }

 private:
  EncodedRequest encode(const Request& request) const {
    EncodedRequest encoded;
    size_t id_position = 0;
    const auto message = wire::encode_infer(kChannel, set_.rows_per_request, request.input, id_position);
    encoded.frame = framed(kOpcodeBinary, message);
    encoded.id_position = encoded.frame.size() - message.size() + id_position;
    return encoded;
  }

  void upgrade(Connection& connection) const {
    connection.append(
        "GET " + options_.path +
        " HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: penstock.v1\r\n\r\n");
    if (!connection.flush()) abandon("The server closed the connection during the upgrade");
    for (;;) {
      const wire::Bytes bytes = connection.received();
      const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      const size_t end = text.find("\r\n\r\n");
      if (end != std::string_view::npos) {
        if (!text.starts_with("HTTP/1.1 101")) {
          abandon("The server refused the upgrade: " + std::string(text.substr(0, text.find('\r'))));
        }
        connection.consume(end + 4);
        return;
      }
      connection.receive_or_abandon();
    }
  }

  static wire::Message await_message(Connection& connection) {
    for (;;) {
      const std::optional<Frame> frame = next_frame(connection);
      if (!frame) {
        connection.receive_or_abandon();
      } else if (frame->opcode == kOpcodeBinary) {
        const std::optional<wire::Message> message = wire::read_message(frame->payload);
        if (!message) abandon("The server sent a message that cannot be read");
        return *message;
      } else if (frame->opcode == kOpcodeClose) {
        abandon("The server closed the connection during its set-up" + close_reason(*frame));
      }
    }
  }

  static std::string close_reason(const Frame& frame) {
    if (frame.payload.size() < 2) return "";
    const int code = frame.payload[0] << 8 | frame.payload[1];
    const wire::Bytes reason = frame.payload.subspan(2);
    return ": " + std::to_string(code) + " " + std::string(reason.begin(), reason.end());
  }

  static std::string text_of(const wire::Message& message) {
    const auto failure = wire::read_failure(message.body);
    if (!failure) return "a Failure that cannot be read";
    return std::string(failure->code) + " " + std::string(failure->message);
  }

  void send(Stream& stream, uint32_t slot_index, int64_t now) {
    Slot& slot = stream.slots[slot_index];
    const EncodedRequest& encoded = encoded_[stream.next_request];
    slot.id += slot_capacity_;
    slot.request = stream.next_request;
    slot.sent_ns = now;
    slot.is_awaited = true;
    stream.next_request = (stream.next_request + 1) % static_cast<uint32_t>(encoded_.size());
    uint8_t* at = stream.connection.append(encoded.frame.size());
    std::memcpy(at, encoded.frame.data(), encoded.frame.size());
    wire::store_u32(at + encoded.id_position, slot.id);
  }

  bool read_frame(Stream& stream, const Frame& frame, int64_t received_ns) {
    if (frame.opcode == kOpcodePing) {
      const std::vector<uint8_t> pong = framed(kOpcodePong, frame.payload);
      std::memcpy(stream.connection.append(pong.size()), pong.data(), pong.size());
      return true;
    }
    if (frame.opcode == kOpcodePong) return true;
    if (frame.opcode == kOpcodeClose) {
      meter_.count_error("the server closed a connection" + close_reason(frame));
      return false;
    }
    if (frame.opcode != kOpcodeBinary || !frame.is_final) {
      meter_.count_error(frame.opcode == kOpcodeText ? "a text frame" : "a fragmented frame");
      return false;
    }
    return read_message(stream, frame.payload, received_ns);
  }

  bool read_message(Stream& stream, wire::Bytes payload, int64_t received_ns) {
    const std::optional<wire::Message> message = wire::read_message(payload);
    if (message && wire::is_results(*message)) return read_results(stream, message->body, received_ns);
    if (message && wire::is_failure(*message)) {
      const auto failure = wire::read_failure(message->body);
      meter_.count_error(text_of(*message));
      return failure.has_value() && finish(stream, failure->request, received_ns) != nullptr;
    }
    if (message) return true;  // Credit, Goaway and what later versions add
    meter_.count_error("a message that cannot be read");
    return false;
  }

  bool read_results(Stream& stream, const wire::Table& body, int64_t received_ns) {
    const std::optional<wire::Results> results = wire::read_results(body);
    if (!results) {
      meter_.count_error("a Results message that cannot be read");
      return false;
    }
    meter_.messages += 1;
    const size_t result_bytes = set_.requests.front().expected.size() * sizeof(float);
    const size_t result_count = results->requests.size() / 4;
    if (results->data.size() != result_count * result_bytes) {
      meter_.count_error("a Results message whose data do not fit its requests");
      return false;
    }
    for (size_t index = 0; index < result_count; ++index) {
      const uint32_t rows = results->rows.empty() ? 1 : wire::load_u32(results->rows.data() + index * 4);
      const Slot* slot = finish(stream, wire::load_u32(results->requests.data() + index * 4), received_ns);
      if (slot == nullptr) return false;
      const wire::Bytes data = results->data.subspan(index * result_bytes, result_bytes);
      const bool is_right =
          rows == set_.rows_per_request && set_.matches_bytes(data, set_.requests[slot->request]);
      if (!is_right) meter_.mismatches += 1;
    }
    return true;
  }

  // Records the latency of request `id` and frees its slot; nullptr when nobody waits for it.
  const Slot* finish(Stream& stream, uint32_t id, int64_t received_ns) {
    const uint32_t slot_index = id & (slot_capacity_ - 1);
    if (slot_index >= stream.slots.size() || stream.slots[slot_index].id != id ||
        !stream.slots[slot_index].is_awaited) {
      meter_.count_error("an answer to a request that is not awaited");
      return nullptr;
    }
    Slot& slot = stream.slots[slot_index];
    slot.is_awaited = false;
    meter_.latency.record(static_cast<uint64_t>(std::max<int64_t>(0, received_ns - slot.sent_ns)));
    finished_.push_back(slot_index);
    return &slot;
  }

  const Options& options_;
  const RequestSet& set_;
  Meter& meter_;
  uint32_t slot_capacity_;
  std::vector<Stream> streams_;
  std::vector<EncodedRequest> encoded_;
  std::vector<uint32_t> finished_;
};

}  // namespace

std::unique_ptr<Load> make_websocket_load(const Options& options, const RequestSet& set, Meter& meter) {
  return std::make_unique<WebSocketLoad>(options, set, meter);
}

}  // namespace flood
