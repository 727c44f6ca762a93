// Infer frames over WebSocket, subprotocol penstock.v1, as many on a connection as its window and the plan allow.
//
// All frames are encoded before the load. Sending copies a short one and fills in its request number; of a long one
// only the head is copied and the rest lent. The number is `turn * capacity + slot`: the low bits find the request in
// O(1) whatever the order of the answers, the rest distinguishes a repeated or invented answer from one that is
// awaited.
//
//   connect → kUpgrading → kHello → kOpening → kReady → (Goaway) kLeaving → connect again
#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "load/client/client.hpp"
#include "load/client/messages.hpp"
#include "load/plan/abandon.hpp"
#include "load/websocket/many_frame.hpp"
#include "load/websocket/websocket_frame.hpp"

namespace penstock::load {
namespace {

constexpr size_t kCopyBytesMax = 16 * 1024;
// Data of one frame of many requests.
constexpr size_t kGatheredBytesMax = 256 * 1024;
// An open loop may have so many on a connection, if the server's window allows.
constexpr uint32_t kOpenLoopSlots = 1024;

enum class Stage { kClosed, kUpgrading, kHello, kOpening, kReady, kLeaving };

struct EncodedRequest {
  std::vector<uint8_t> head;  // copied; all of a short frame
  ByteSpan rest;              // lent
  size_t request_position = 0;
  std::optional<ManyItem> item;  // what it adds to a frame that it shares
};

struct Kind {
  const RequestKind* plan;
  AnswerChecker checker;
  uint32_t channel;
  std::vector<EncodedRequest> requests;

  Kind(const RequestKind& request, const RequestSet& set, uint32_t number)
      : plan(&request), checker(set), channel(number) {}
  bool expects(std::string_view code) const noexcept {
    return std::find(plan->expect_codes.begin(), plan->expect_codes.end(), code) != plan->expect_codes.end();
  }
};

struct Slot {
  uint32_t id = 0;
  bool is_awaited = false;
  Job job;
};

struct Stream {
  Connection connection;
  Stage stage = Stage::kClosed;
  size_t opened = 0;
  uint32_t limit = 0;  // slots in use at most: the window, or what the plan needs
  uint32_t in_flight = 0;
  std::vector<Slot> slots;
  std::vector<uint32_t> free_slots;
  uint32_t frame_limit = 1;  // requests of a frame at most
  // By channel - 1, as the server says: bytes of a row of each input; empty: its requests share no frame.
  std::vector<std::vector<size_t>> row_bytes;
  // Sent and not yet written: requests of one channel.
  uint32_t gathered_channel = 0;
  std::vector<ManyItem> gathered;
  size_t gathered_bytes = 0;
};

uint32_t slots_of(const Plan& plan) noexcept {
  uint32_t slots = 1;
  for (const Phase& phase : plan.phases) slots = std::max(slots, phase.is_open ? kOpenLoopSlots : phase.in_flight);
  return slots;
}

uint32_t most_in_flight(const Plan& plan) noexcept {
  uint32_t most = 1;
  for (const Phase& phase : plan.phases) most = phase.is_open ? most : std::max(most, phase.in_flight);
  return most;
}

EncodedRequest encode(const Request& request, uint32_t channel) {
  const std::optional<InferPlaces> places = find_infer_places(request.body);
  if (!places)
    abandon(LoadStatus::kPlan, "Expected every WebSocket body to be an Infer message with channel and request");
  const size_t copied_end = std::max(places->channel, places->request) + sizeof(uint32_t);
  const size_t copied = request.body.size() <= kCopyBytesMax ? request.body.size() : copied_end;
  EncodedRequest encoded;
  append_frame_header(encoded.head, kOpcodeBinary, request.body.size());
  const size_t header_bytes = encoded.head.size();
  encoded.head.insert(encoded.head.end(), request.body.begin(), request.body.begin() + static_cast<ptrdiff_t>(copied));
  std::memcpy(encoded.head.data() + header_bytes + places->channel, &channel, sizeof channel);
  encoded.request_position = header_bytes + places->request;
  encoded.rest = request.body.subspan(copied);
  encoded.item = read_many_item(request.body);
  return encoded;
}

class WebSocketClient final : public Client {
 public:
  WebSocketClient(const Plan& plan, const Address& address, const std::vector<RequestSet>& sets, size_t connections)
      : plan_(plan),
        address_(address),
        slot_count_(slots_of(plan)),
        capacity_(std::bit_ceil(slot_count_)),
        streams_(connections) {
    kinds_.reserve(sets.size());
    for (size_t index = 0; index < sets.size(); ++index) {
      const uint32_t channel = channel_of(plan.requests[index].pipeline);
      Kind& kind = kinds_.emplace_back(plan.requests[index], sets[index], channel);
      for (const Request& request : sets[index].requests()) kind.requests.push_back(encode(request, channel));
    }
    for (Stream& stream : streams_) {
      stream.slots.resize(slot_count_);
      for (uint32_t slot = 0; slot < slot_count_; ++slot) stream.slots[slot].id = slot;
    }
  }

  Connection& connection(size_t index) noexcept override { return streams_[index].connection; }

  void open(size_t index, Buffer& scratch) override {
    Stream& stream = streams_[index];
    int error = 0;
    if (!reopen(index))
      error = errno;
    else
      error = stream.connection.connect_error(kSetupLimitMs);
    if (error != 0) abandon(LoadStatus::kTarget, "Cannot connect to " + address_.text + ": " + std::strerror(error));
    while (stream.stage != Stage::kReady) {
      if (!stream.connection.flush())
        abandon(LoadStatus::kTarget, "The server closed the connection during its set-up");
      if (!stream.connection.wait(false, kSetupLimitMs)) {
        abandon(LoadStatus::kTarget, "The server did not answer for 10 seconds during the set-up");
      }
      const bool is_open = stream.connection.receive(scratch);
      if (!advance(index, 0)) abandon(LoadStatus::kTarget, reason_);
      stream.connection.keep_rest();
      if (!is_open) abandon(LoadStatus::kTarget, "The server closed the connection during its set-up");
    }
    const uint32_t needed = most_in_flight(plan_);
    if (stream.limit < needed) {
      abandon(LoadStatus::kPlan, "Expected in flight to be at most the server's window of " +
                                     std::to_string(stream.limit) + " requests but received " + std::to_string(needed));
    }
  }

  uint32_t room(size_t index) const noexcept override {
    const Stream& stream = streams_[index];
    return stream.stage == Stage::kReady && stream.in_flight < stream.limit ? stream.limit - stream.in_flight : 0;
  }
  uint32_t in_flight(size_t index) const noexcept override { return streams_[index].in_flight; }

  void send(size_t index, const Job& job) override {
    Stream& stream = streams_[index];
    Slot& slot = stream.slots[stream.free_slots.back()];
    stream.free_slots.pop_back();
    stream.in_flight += 1;
    slot.id += capacity_;
    slot.is_awaited = true;
    slot.job = job;
    const Kind& kind = kinds_[job.kind];
    const EncodedRequest& encoded = kind.requests[job.request];
    if (gather(stream, kind.channel, encoded, slot.id)) return;
    finish_frames(index);
    uint8_t* const at = stream.connection.append(encoded.head.size());
    std::memcpy(at, encoded.head.data(), encoded.head.size());
    std::memcpy(at + encoded.request_position, &slot.id, sizeof slot.id);
    if (!encoded.rest.empty()) stream.connection.append_lent(encoded.rest);
  }

  void finish_frames(size_t index) override {
    Stream& stream = streams_[index];
    if (stream.gathered.empty()) return;
    append_many_frame(stream.connection, stream.gathered_channel, stream.gathered,
                      stream.row_bytes[stream.gathered_channel - 1]);
    stream.gathered.clear();
    stream.gathered_bytes = 0;
  }

  bool advance(size_t index, int64_t now_ns) override {
    Stream& stream = streams_[index];
    if (stream.stage == Stage::kUpgrading && !upgrade(stream)) return false;
    if (stream.stage == Stage::kUpgrading) return true;
    Frame frame;
    for (;;) {
      const FrameProgress progress = next_frame(stream.connection, frame);
      if (progress == FrameProgress::kIncomplete) break;
      if (progress == FrameProgress::kBroken) return refuse("the server sent a frame that is none");
      if (!read_frame(stream, frame, now_ns)) return false;
    }
    return stream.stage != Stage::kLeaving || stream.in_flight > 0 || refuse("");
  }

  void lose(size_t index, std::string_view reason, int64_t) override {
    give_up(index, reason);
    streams_[index].connection.close();
    streams_[index].stage = Stage::kClosed;
  }

  bool reopen(size_t index) override {
    Stream& stream = streams_[index];
    if (!stream.connection.connect(address_)) return false;
    stream.stage = Stage::kUpgrading;
    stream.opened = 0;
    stream.frame_limit = 1;
    stream.row_bytes.assign(pipelines_.size(), {});
    stream.gathered.clear();
    stream.gathered_bytes = 0;
    std::string request = "GET /v1/stream HTTP/1.1\r\nHost: " + address_.text +
                          "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
                          "\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: penstock.v1\r\n";
    for (const std::string& header : plan_.headers) request += header + "\r\n";
    stream.connection.append(request + "\r\n");
    return true;
  }

  void give_up(size_t index, std::string_view reason) override {
    Stream& stream = streams_[index];
    for (Slot& slot : stream.slots) {
      if (slot.is_awaited) counters().fail(slot.job, reason);
      slot.is_awaited = false;
    }
    stream.in_flight = 0;
  }

 private:
  // False: the request has a frame of its own. What does not fit its data to the rows of the channel has, too: the
  // server then says so of it alone.
  bool gather(Stream& stream, uint32_t channel, const EncodedRequest& encoded, uint32_t id) {
    if (stream.frame_limit < 2 || !encoded.item) return false;
    size_t row_bytes = 0;
    for (const size_t bytes : stream.row_bytes[channel - 1]) row_bytes += bytes;
    const ManyItem& item = *encoded.item;
    if (row_bytes == 0 || item.rows * row_bytes != item.data.size() || item.data.size() > kGatheredBytesMax)
      return false;
    const bool is_full =
        stream.gathered.size() >= stream.frame_limit || stream.gathered_bytes + item.data.size() > kGatheredBytesMax;
    if (is_full || channel != stream.gathered_channel) finish_frames(static_cast<size_t>(&stream - streams_.data()));
    stream.gathered_channel = channel;
    stream.gathered.push_back({id, item.rows, item.data});
    stream.gathered_bytes += item.data.size();
    return true;
  }

  bool refuse(std::string sentence) {
    reason_ = std::move(sentence);
    return false;
  }

  uint32_t channel_of(const std::string& pipeline) {
    const auto found = std::find(pipelines_.begin(), pipelines_.end(), pipeline);
    const auto channel = static_cast<uint32_t>(found - pipelines_.begin()) + 1;
    if (found == pipelines_.end()) pipelines_.push_back(pipeline);
    return channel;
  }

  bool upgrade(Stream& stream) {
    const ByteSpan bytes = stream.connection.received();
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const size_t end = text.find("\r\n\r\n");
    if (end == std::string_view::npos) return true;
    if (!text.starts_with("HTTP/1.1 101")) {
      return refuse("The server refused the upgrade to penstock.v1: " + std::string(text.substr(0, text.find('\r'))));
    }
    stream.connection.consume(end + 4);
    stream.stage = Stage::kHello;
    return true;
  }

  bool read_frame(Stream& stream, const Frame& frame, int64_t now_ns) {
    if (frame.opcode == kOpcodePing) {
      std::vector<uint8_t> pong;
      append_frame_header(pong, kOpcodePong, frame.payload.size());
      pong.insert(pong.end(), frame.payload.begin(), frame.payload.end());
      std::memcpy(stream.connection.append(pong.size()), pong.data(), pong.size());
      return true;
    }
    if (frame.opcode == kOpcodePong) return true;
    if (frame.opcode == kOpcodeClose) return refuse("the server closed a connection" + close_reason(frame));
    if (frame.opcode != kOpcodeBinary || !frame.is_final) return refuse("the server sent a text or fragmented frame");
    const std::optional<Message> message = read_message(frame.payload);
    if (!message) return refuse("the server sent a message that cannot be read");
    return stream.stage == Stage::kReady || stream.stage == Stage::kLeaving ? read_answer(stream, *message, now_ns)
                                                                            : read_set_up(stream, *message);
  }

  static std::string close_reason(const Frame& frame) {
    if (frame.payload.size() < 2) return "";
    const int code = frame.payload[0] << 8 | frame.payload[1];
    const ByteSpan text = frame.payload.subspan(2);
    return ": " + std::to_string(code) + " " + std::string(reinterpret_cast<const char*>(text.data()), text.size());
  }

  bool read_set_up(Stream& stream, const Message& message) {
    if (stream.stage == Stage::kHello && message.type == Body::kHello) {
      stream.limit = std::min(slot_count_, hello_window(message.table));
      stream.frame_limit = std::min(plan_.requests_per_frame, hello_infer_many(message.table));
      stream.free_slots.clear();
      for (uint32_t slot = slot_count_; slot > 0; --slot) stream.free_slots.push_back(slot - 1);
      stream.stage = Stage::kOpening;
      for (size_t pipeline = 0; pipeline < pipelines_.size(); ++pipeline) send_open(stream, pipeline);
      return true;
    }
    if (message.type == Body::kFailure) {
      const std::optional<Failure> failure = read_failure(message.table);
      return refuse("The server refused to open a pipeline: " + (failure ? sentence_of(*failure) : std::string()));
    }
    if (message.type == Body::kGoaway) return refuse("The server is shutting down");
    if (stream.stage == Stage::kHello) return refuse("Expected the server's first message to be Hello");
    if (message.type != Body::kOpened) return true;
    uint32_t channel = 0;
    if (message.table.scalar(slots::opened::channel, channel) && channel - 1 < stream.row_bytes.size())
      stream.row_bytes[channel - 1] = read_row_bytes(message.table);
    if (++stream.opened == pipelines_.size()) stream.stage = Stage::kReady;
    return true;
  }

  void send_open(Stream& stream, size_t pipeline) const {
    const std::vector<uint8_t> message = encode_open(static_cast<uint32_t>(pipeline) + 1, pipelines_[pipeline]);
    std::vector<uint8_t> frame;
    append_frame_header(frame, kOpcodeBinary, message.size());
    frame.insert(frame.end(), message.begin(), message.end());
    std::memcpy(stream.connection.append(frame.size()), frame.data(), frame.size());
  }

  static std::string sentence_of(const Failure& failure) {
    return std::string(failure.code) + ": " + std::string(failure.message);
  }

  bool read_answer(Stream& stream, const Message& message, int64_t now_ns) {
    if (message.type == Body::kResults) return read_answers(stream, message.table, now_ns);
    if (message.type == Body::kFailure) return read_refusal(stream, message.table, now_ns);
    if (message.type == Body::kGoaway) stream.stage = Stage::kLeaving;
    if (message.type == Body::kCredit) stream.limit = std::min(slot_count_, credit_window(message.table));
    return true;
  }

  bool read_refusal(Stream& stream, const flatbuffers::Table& table, int64_t now_ns) {
    const std::optional<Failure> failure = read_failure(table);
    const Job* job = failure ? take_job(stream, failure->request) : nullptr;
    if (job == nullptr) return refuse("the server failed something else than a request");
    if (kinds_[job->kind].expects(failure->code))
      counters().finish(*job, Outcome::kRight, now_ns);
    else
      counters().fail(*job, sentence_of(*failure), now_ns);
    return true;
  }

  bool read_answers(Stream& stream, const flatbuffers::Table& table, int64_t now_ns) {
    const std::optional<Results> results = read_results(table);
    if (!results) return refuse("the server sent Results that cannot be read");
    counters().messages += 1;
    // Frames with several results have no free dims, so that every row has as many bytes.
    const uint64_t row_bytes = results->rows_in_all == 0 ? 0 : results->data.size() / results->rows_in_all;
    size_t at = 0;
    for (size_t index = 0; index < results->requests.count; ++index) {
      const Job* job = take_job(stream, results->requests.get<uint32_t>(index));
      if (job == nullptr) return refuse("the server answered a request that is not awaited");
      const uint64_t rows = results->rows.exists() ? results->rows.get<uint32_t>(index) : 1;
      const bool is_only = results->requests.count == 1;
      const size_t size = is_only ? results->data.size() : static_cast<size_t>(rows * row_bytes);
      if (size > results->data.size() - at) return refuse("the server sent Results with less data than rows");
      const Kind& kind = kinds_[job->kind];
      if (kind.plan->expect_status != 0)
        counters().fail(*job, "an answer where a refusal was expected");
      else
        counters().finish(*job, is_right(kind, *job, rows, results->data.subspan(at, size)), now_ns);
      at += size;
    }
    return true;
  }

  static Outcome is_right(const Kind& kind, const Job& job, uint64_t rows, ByteSpan data) noexcept {
    return rows == kind.plan->rows && kind.checker.is_right_binary(job.request, data) ? Outcome::kRight
                                                                                      : Outcome::kWrong;
  }

  // The job of request `id`, its slot freed; nullptr when nobody waits for it. Valid until the next send.
  const Job* take_job(Stream& stream, uint32_t id) {
    const uint32_t index = id & (capacity_ - 1);
    if (index >= stream.slots.size()) return nullptr;
    Slot& slot = stream.slots[index];
    if (slot.id != id || !slot.is_awaited) return nullptr;
    slot.is_awaited = false;
    stream.in_flight -= 1;
    stream.free_slots.push_back(index);
    return &slot.job;
  }

  const Plan& plan_;
  const Address& address_;
  uint32_t slot_count_;
  uint32_t capacity_;
  std::vector<Stream> streams_;
  std::vector<Kind> kinds_;
  std::vector<std::string> pipelines_;
};

}  // namespace

std::unique_ptr<Client> make_websocket_client(const Plan& plan, const Address& address,
                                              const std::vector<RequestSet>& sets, size_t connections) {
  return std::make_unique<WebSocketClient>(plan, address, sets, connections);
}

}  // namespace penstock::load
