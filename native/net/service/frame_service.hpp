// WebSocket requests without JavaScript: on an I/O thread frames are admitted, and results written to the sockets.
//
//   event loop ─ receive ─► gateway ─┬─ admitted ────────────────────────► published at the end of the turn
//                                    ├─ refused, and known why ─────────► the message of refusals.hpp
//                                    ├─ refused ────────────────────────► JavaScript writes the Failure
//                                    └─ anything else, malformed ones ──► left: JavaScript gets the frame
//   answers of a turn ─┬─ results ──────────────────────────────────────► Results frames, straight into the sockets
//                      └─ failures ─────────────────────────────────────► the same as refused
//
// Rules. 1. A frame that is left goes before all later ones of its socket: while JavaScript has not handled it, they
// are left as well. Results are in no order. 2. A socket is a number; JavaScript may name one that is gone.
// Threads: the I/O thread in a turn (IoContext), or JavaScript under the lock, as each part says.
#pragma once
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "net/service/congestion.hpp"
#include "net/service/io_context.hpp"
#include "net/service/refusals.hpp"
#include "websocket/gateway.hpp"

namespace penstock::net::service {
// A frame that was refused, or a request that failed: its Failure is JavaScript's to write.
struct RefusedFrame {
  uint32_t connection = 0;
  uint32_t channel = 0;
  uint32_t request = 0;
  Failure failure;
};

// What waits for a reader that is slower than its own requests.
struct HeldBytes {
  uint32_t connection = 0;
  size_t buffered = 0;  // in its socket
  int64_t ready = 0;    // results that are kept from the socket
};

class FrameService {
 public:
  static constexpr size_t kRefusedMax = 4096;  // further frames are left, whose queue makes their senders wait

  FrameService(IoContext& context, std::shared_ptr<websocket::Gateway> gateway)
      : context_(context), gateway_(std::move(gateway)) {}

  // ── the I/O thread: receive begins the turn, the others visit ──
  void open_socket(uint64_t socket);
  void close_socket(uint64_t socket);
  // One whole binary message, lent for the call. False: JavaScript is to get it, and says `handled` afterwards.
  bool receive(uint64_t socket, websocket::Bytes message);
  // A message that is JavaScript's whatever it says, a text: it keeps its place among the others.
  void leave(uint64_t socket);
  // The kernel took some of what waited, or left some of what it was given.
  void weigh(uint64_t socket);

  // ── the I/O thread, within a turn ──
  void add_answer(Request& request);
  // Writes what was added.
  void send_results();

  // ── JavaScript, under the lock ──
  // The socket's caller is known. Returns the gateway's number of the connection.
  uint32_t open_connection(uint64_t socket, uint32_t window);
  void close_connection(uint32_t connection);
  // What the oldest frame that was left asked for is done.
  void handled(uint64_t socket);
  // Takes what the gateway refused of a frame with many requests: JavaScript writes their failures.
  void take_refusals(uint32_t connection);
  void keep_refusal(RefusalTemplate refusal) { refusals_.keep(std::move(refusal)); }
  // At most `count`, the oldest first.
  std::vector<RefusedFrame> take_refused(size_t count);
  std::vector<HeldBytes> take_held(size_t count);
  websocket::Gateway& gateway() noexcept { return *gateway_; }
  size_t socket_count() const noexcept { return sockets_.size(); }

 private:
  struct Served {
    uint64_t number = 0;
    int64_t connection = -1;  // -1: its caller is not known yet
    uint32_t left = 0;        // frames that JavaScript has not handled
    bool is_open = false;     // the loop has it; an entry ends with this and its connection
    bool is_congested = false;
    bool is_noted = false;  // in noted_
    size_t buffered_bytes = 0;
    Congestion congestion;
  };

  Served* find(uint64_t socket) noexcept;
  Served& find_or_make(uint64_t socket);
  void forget_ended(const Served& served);
  Served* served_by(uint32_t connection) noexcept;
  void fail(uint32_t connection, uint32_t channel, uint32_t request, Failure failure);
  void leave_failure(uint32_t connection, uint32_t channel, uint32_t request, Failure failure);
  void send_all();
  void weigh(Served& served);
  // Gives back the credit of what the kernel has taken. True: some came back.
  bool acknowledge(Served& served, size_t buffered_bytes);
  void note_held(Served& served);

  IoContext& context_;
  const std::shared_ptr<websocket::Gateway> gateway_;
  std::unordered_map<uint64_t, std::unique_ptr<Served>> sockets_;
  std::vector<Served*> by_connection_;
  Served* known_ = nullptr;  // found last: a burst comes of one socket
  Refusals refusals_;
  Failure failure_;
  std::vector<websocket::Send> sends_;
  std::vector<RefusedFrame> refused_;
  std::vector<uint32_t> noted_;  // connections whose held bytes have changed
};
}  // namespace penstock::net::service
