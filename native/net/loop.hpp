// One I/O thread: an epoll loop over its connections. A turn takes what the kernel has, then the commands of other
// threads, then lets the handler finish, and writes once to each connection that has something to say.
//
// Rules. 1. A connection belongs to one thread for good; other threads name it by number and post commands. 2. The
// thread never waits for another: queues are swapped under a lock that nobody holds for long. 3. What a connection may
// hold is bounded: a head, HeldBytes of requests that come ahead of their turn, bytes that JavaScript has not handled.
//
// Level-triggered: with an edge, every request would cost a second recv() that finds nothing. One receive buffer serves
// all connections; what is left of an unfinished head is kept by its connection. Time-outs are looked for once a second
// over all connections: a second is as exact as any of them needs to be, and a heap would cost at each byte.
// Rejected: io_uring (not allowed in many containers), a listening socket per thread (SO_REUSEPORT spreads by hash, so
// that a few connections meet on one thread, and lets other processes of the user share the port).
#pragma once
#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "net/connection.hpp"
#include "net/events.hpp"
#include "net/http/limits.hpp"
#include "net/stream.hpp"

namespace penstock::net {

struct LoopOptions {
  HttpLimits http = {};
  std::string websocket_path = {};
  size_t message_bytes_max = 0;
  // A WebSocket without a byte received for so long is closed; a ping is sent at half of it.
  int64_t idle_ms = 0;
  // A connection without a byte in either direction for so long, while the client is to send or to read, is closed.
  int64_t silence_ms = 0;
  // From the first byte of a head to its last.
  int64_t head_ms = 0;
  // A body brings body_bytes_min in each of these.
  int64_t body_ms = 0;
  uint64_t body_bytes_min = 0;
  // For which a closed connection reads on, so that its last answer arrives.
  int64_t linger_ms = 0;
  // Received bytes that JavaScript has not handled, a connection.
  int64_t unhandled_bytes_max = 0;
};

class IoLoop final : public StreamSink {
 public:
  // `number`: 0..kLoopsMax - 1, unique among the loops of a group. `events`: outlives the loop.
  IoLoop(uint32_t number, const LoopOptions& options, EventQueue& events);
  ~IoLoop() override;
  IoLoop(const IoLoop&) = delete;
  IoLoop& operator=(const IoLoop&) = delete;

  // False: the system has no descriptor for it.
  bool is_ready() const noexcept { return epoll_fd_ >= 0 && wake_fd_ >= 0; }
  // Before start(); outlives the loop. Null: everything is JavaScript's.
  void set_handler(StreamHandler* handler) noexcept { handler_ = handler; }
  // Before start(): where accepted connections go, this loop included; each goes to the loop with the fewest.
  void set_peers(std::vector<IoLoop*> peers) { peers_ = std::move(peers); }
  void start();
  // Closes all connections and ends the thread. Idempotent.
  void stop();

  // Any thread.
  void post(Command command);
  void wake() noexcept override;
  uint32_t connection_count() const noexcept { return connection_count_.load(std::memory_order_relaxed); }

  // The loop's own thread: StreamSink.
  void send(uint64_t socket, std::span<const std::byte> message) override;
  uint64_t queued_bytes(uint64_t socket) override;
  size_t buffered_bytes(uint64_t socket) override;
  void reply(uint64_t exchange, const StreamReply& reply) override;

  // An id: loop, generation of the slot, slot. Exact in a double.
  static constexpr uint32_t kSlotBits = 20;
  static constexpr uint32_t kGenerationBits = 28;
  static constexpr uint32_t kLoopsMax = 32;
  static constexpr uint32_t loop_of(uint64_t id) noexcept {
    return static_cast<uint32_t>(id >> (kSlotBits + kGenerationBits));
  }
  static constexpr uint32_t slot_of(uint64_t id) noexcept {
    return static_cast<uint32_t>(id & ((uint64_t{1} << kSlotBits) - 1));
  }

 private:
  struct Slot {
    std::unique_ptr<Connection> connection = nullptr;
    uint32_t generation = 0;
  };

  // loop.cpp
  void run();
  int timeout_ms() const noexcept;
  void take_event(uint64_t tag, uint32_t events);
  void run_commands();
  void run_command(Command& command);
  void accept_connections();
  bool accept_into_reserve();
  void place_connection(int fd);
  void adopt(int fd);
  void listen_on(int fd);
  void stop_listening();
  void read_from(Connection& connection);
  void peer_ended(Connection& connection);
  void consume(Connection& connection, std::span<char> bytes);
  void watch(Connection& connection);
  void touch(Connection& connection);
  void flush_all();
  void flush(Connection& connection);
  void note_taken(Connection& connection, size_t bytes);
  void finish_written(Connection& connection);
  void close_connection(Connection& connection, uint16_t code);
  void sweep();
  bool is_overdue(const Connection& connection) const noexcept;
  uint64_t next_id(Slot& slot, uint32_t index) noexcept;
  // Null: gone, or another by now. By connection, exchange or WebSocket, or paced exchange.
  Connection* find(uint64_t id) noexcept;
  void emit(IoEvent event) { pending_events_.push_back(std::move(event)); }
  void emit_bytes(Connection& connection, IoEvent event);
  void release_unhandled(Connection& connection);

  // loop_http.cpp
  void consume_http(Connection& connection, std::string_view received);
  // False: what is left of `rest` waits in the connection.
  bool consume_http_part(Connection& connection, std::string_view& rest);
  bool read_head(Connection& connection, std::string_view& rest);
  void begin_exchange(Connection& connection, const RequestParser& head, std::string_view received,
                      std::string_view& rest);
  bool begin_handshake(Connection& connection, const RequestParser& head, std::string_view received);
  // The body's bytes that are there, in `payload`; false: it broke a rule, and the connection ends.
  bool take_body(Connection& connection, std::string_view& rest, std::string& payload);
  void read_body(Connection& connection, std::string_view& rest);
  void refuse(Connection& connection, HttpFault fault);
  void answer(Connection& connection, Command& command);
  bool begin_answer(Connection& connection, const Command& command);
  void write_body(Connection& connection, std::string_view bytes);
  void end_exchange(Connection& connection);
  void resume_http(Connection& connection);

  // loop_websocket.cpp
  void upgrade(Connection& connection, const std::string& subprotocol);
  void consume_frames(Connection& connection, std::span<char> bytes);
  void take_message(Connection& connection, const MessageEvent& message);
  void send_message(Connection& connection, std::string_view message, bool is_binary, bool is_counted);
  void send_control(Connection& connection, std::string_view frame);
  void end_socket(Connection& connection, uint16_t code, std::string_view reason, bool is_told);

  const uint32_t number_;
  const LoopOptions options_;
  EventQueue& events_;
  StreamHandler* handler_ = nullptr;
  std::vector<IoLoop*> peers_;
  int epoll_fd_ = -1;
  int wake_fd_ = -1;
  int listen_fd_ = -1;
  // Given up for a moment when the process has no descriptor left, so that a connection can be taken and closed.
  int reserve_fd_ = -1;
  std::thread thread_;

  std::mutex commands_mutex_;
  std::vector<Command> commands_;
  std::atomic<bool> is_woken_{false};
  std::atomic<uint32_t> connection_count_{0};

  // The thread's own.
  bool is_stopping_ = false;
  int64_t now_ms_ = 0;
  int64_t next_sweep_ms_ = 0;
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_slots_;
  std::vector<uint32_t> dirty_;
  std::vector<Command> running_;
  std::vector<IoEvent> pending_events_;
  std::vector<char> receive_buffer_;
  RequestParser parser_;
};

}  // namespace penstock::net
