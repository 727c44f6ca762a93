// The WebSocket connections of one port: channels, credit, frames in, frames out. Sockets stay in JavaScript; here a
// connection is a number. All of it runs on the port's thread.
//
//   frame ─ receive ─► checked, admitted, appended (one crossing, one copy)
//   finished requests ─ collect ─► grouped by channel ─ encode ─► one Results frame per channel and drain, in the
//   outbox
//
// Credit: a connection may have `window` requests whose results the kernel has not taken. A result returns its credit
// when its frame is handed to a socket that keeps up; of a congested socket the transport acknowledges frame by frame
// what the kernel took. So an honest reader always has the credit of what it has read, and one that does not read holds
// at most a window of results (and the frame that filled the socket).
//
// Bytes: into a socket that takes no more go kUnreadBytesMax; further results stay in their batches, charged to the
// memory budget, until it has taken some. And all of a connection's requests together may hold a quarter of the budget.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "core/block.hpp"
#include "core/caller_limit.hpp"
#include "runtime/executor.hpp"
#include "websocket/frame.hpp"
#include "websocket/frame_columns.hpp"

namespace penstock::websocket {
struct Channel {
  uint32_t id = 0;
  bool is_plain = false;
  bool has_columns = false;  // its requests are columns, and JavaScript knows what to say of them
  std::shared_ptr<Pipeline> pipeline;
  uint64_t signature = 0;
  // Finished and not yet encoded, linked by next_answer; `shape` adds them up.
  Request* head = nullptr;
  Request* tail = nullptr;
  bool is_listed = false;
  // What their callers get, one behind the other, where a program has made it of the plan's outputs.
  MadeAnswers made;
};

struct Connection {
  // A frame that was sent while the socket was congested, and that the kernel has not taken.
  struct Unread {
    uint32_t results = 0;
    size_t bytes = 0;
  };

  uint32_t id = 0;
  bool is_open = false;
  uint32_t generation = 0;
  uint32_t window = 0;
  uint32_t in_flight = 0;
  bool is_congested = false;
  std::shared_ptr<CallerLimit> limit;  // of its caller, shared with the caller's others; null: none
  std::deque<Unread> unacknowledged;
  size_t unread_bytes = 0;                         // of `unacknowledged`
  int64_t charged_bytes = 0;                       // of its requests, those in `channels` included
  int64_t ready_bytes = 0;                         // of those that are finished and not yet encoded
  std::vector<std::unique_ptr<Channel>> channels;  // by id
  Request* unanswered = nullptr;                   // at most `window`, linked by next_of_connection

  // These many requests are no longer in flight.
  void release(uint32_t requests) noexcept {
    in_flight -= requests;
    if (limit != nullptr) limit->release(requests);
  }
};

// A frame in the outbox.
struct Send {
  uint32_t connection = 0;
  size_t offset = 0;
  size_t bytes = 0;
  bool is_held = false;  // the credit of its results waits for acknowledge
};

class Gateway {
 public:
  static constexpr size_t kOutboxBytes = size_t{1} << 20;
  static constexpr uint32_t kResultsMax = 4096;  // of one frame
  static constexpr size_t kUnreadBytesMax = size_t{8} << 20;
  static constexpr int64_t kConnectionBudgetShare = 4;

  explicit Gateway(Port& port);

  uint32_t open_connection(uint32_t window);
  void close_connection(uint32_t connection);
  // False: no such connection, or the channel number is out of range.
  bool open_channel(uint32_t connection, uint32_t channel, std::shared_ptr<Pipeline> pipeline, bool is_plain);
  void close_channel(uint32_t connection, uint32_t channel);
  Connection* find(uint32_t connection) noexcept;
  // True: what was kept from the socket can be written now (drain).
  bool set_congested(Connection& connection, bool is_congested);
  // The kernel took the oldest `frames` frames that were sent while congested. True: as above.
  bool acknowledge(Connection& connection, size_t frames);
  bool cancel(uint32_t connection, uint32_t channel, uint32_t wire_id);

  // 0 admitted · > 0 the Body type of a message for JavaScript · < 0 -status. channel and wire_id are set as far as
  // they could be read; any number of 32 bits is one that a client may send. kReceivedWithRefusals: of a frame with
  // many requests some were refused, take_refusal has them.
  int32_t receive(uint32_t connection, Bytes frame, Failure& failure, int64_t& channel, int64_t& wire_id);

  // The next request of the last frame that was refused; false: there are no more. Those that are left
  // when the next frame comes are forgotten: take them at once.
  bool take_refusal(Failure& failure, int64_t& channel, int64_t& wire_id);

  // The answer of a WebSocket request is ready. kCollected: the next encode writes it. kFailed: the caller sends the
  // client a Failure and drops the answer's reference. kDropped: the connection or channel is gone, and so is the
  // reference.
  enum class Answer : uint8_t { kCollected, kFailed, kDropped };
  Answer collect(Request& request);
  // Writes frames until `room` sends are used or the outbox is full. False: more remains.
  bool encode(std::vector<Send>& sends, size_t room);
  // The answer of a failed request was read.
  void count_delivered(const Origin& origin) noexcept;
  bool is_current(const Origin& origin) noexcept;

  void reset_outbox() noexcept { outbox_used_ = 0; }
  const std::shared_ptr<Block>& outbox() const noexcept { return outbox_; }

 private:
  Channel* find_channel(Connection& connection, uint32_t channel) noexcept;
  // kLeft: for JavaScript, nothing was done.
  enum class Admission : uint8_t { kAdmitted, kRefused, kLeft };
  Admission admit(Connection& connection, uint32_t connection_id, Channel& channel, const InferFrame& infer,
                  Failure& failure);
  // The same of columns; what it does not take is left.
  Admission admit_columns(Connection& connection, uint32_t connection_id, Channel& channel, const InferFrame& infer,
                          Failure& failure);
  int32_t receive_many(Connection& connection, uint32_t connection_id, const Table& body, Failure& failure,
                       int64_t& channel_id, int64_t& wire_id);
  // Admits the requests of a frame one behind the other, and notes those that are refused.
  void admit_many(Connection& connection, uint32_t connection_id, Channel& channel, const InferManyFrame& many);
  bool place_many(const Plan* plan, const Channel& channel, const InferManyFrame& many, Submission& submission,
                  Failure& failure);
  void refuse_many(const InferManyFrame& many, const Failure& failure);
  Admission submit_placed(Connection& connection, uint32_t connection_id, Channel& channel, const InferFrame& infer,
                          std::shared_ptr<Plan> plan, Submission& submission, Failure& failure);
  // Points `submission` at the tensors of a frame. False: they do not add up.
  bool place_tensors(const Plan& plan, const InferFrame& infer, Submission& submission, Failure& failure);
  // False: the caller has used up its rate, or has as many requests in flight as it may.
  bool take_limit(CallerLimit& limit, Failure& failure) noexcept;
  bool encode_channel(uint32_t connection_id, Connection& connection, Channel& channel, std::vector<Send>& sends,
                      size_t room);
  // False: the result fits into no frame, or there is no memory for one so large. Else `encode` has room for it.
  bool reserve_frame(const Request& request);
  // Makes what the caller gets of the plan's outputs, where that is another thing, and charges the request for it.
  bool make_answer(Request& request, Channel& channel);
  void drop_finished(Connection& connection, Channel& channel);
  static bool is_held_back(const Connection& connection) noexcept {
    return connection.is_congested && connection.unread_bytes >= kUnreadBytesMax;
  }
  bool list_held_back(Connection& connection);
  static void link(Connection& connection, Request& request) noexcept;
  static void unlink(Connection& connection, Request& request) noexcept;
  // Ends the connection's unanswered requests that match.
  template <typename Match>
  size_t end_requests(Connection& connection, Match&& match);

  struct Listed {
    uint32_t connection;
    uint32_t generation;
    uint32_t channel;
  };

  Port& port_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<uint32_t> free_connections_;
  std::vector<Listed> listed_;
  std::shared_ptr<Block> outbox_;
  size_t outbox_used_ = 0;
  const int64_t connection_bytes_max_;
  std::shared_ptr<Block> larger_outbox_;  // for a result that is collected and does not fit into the outbox
  FrameColumns columns_;
  struct Refusal {
    uint32_t channel = 0;
    uint32_t wire_id = 0;
    Failure failure;
  };
  std::vector<Refusal> refusals_;  // of the last frame with many requests
  size_t refusals_taken_ = 0;
  // Scratch of admit: keeps its capacity.
  std::vector<const std::byte*> input_pointers_;
  std::vector<const std::byte*> request_pointers_;  // of one request of many
  std::vector<size_t> row_bytes_;
  std::vector<int64_t> free_dims_;
};
}  // namespace penstock::websocket
