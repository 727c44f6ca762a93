// What an I/O thread and whoever serves its requests without JavaScript say to each other. The thread (loop.hpp) calls
// StreamHandler; a handler answers by StreamSink, at once or in a later turn. Whatever a handler does not take goes to
// JavaScript, and so does everything where there is no handler.
//
//     kernel ─ bytes ─► IoLoop ─┬─ receive, receive_request ─► StreamHandler ─ true, ticket ─► served natively
//                               └─ false / kNotTaken ────────► EventQueue ───► JavaScript
//     turn: epoll → bytes parsed, handlers called → other threads' commands → end_turn() → one write a connection
//
// A connection, whether it is a WebSocket or an exchange of HTTP, is a number that is never used again: naming one that
// is gone does nothing. Thread: all of it the I/O thread's, but StreamSink::wake.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "net/http/request_parser.hpp"

namespace penstock::net {

// An answer of HTTP with a length. The sink writes length and connection itself.
struct StreamReply {
  int status = 200;
  // Whole header lines with their ends, but for those that say where the body ends.
  std::string_view headers = {};
  std::span<const std::byte> body = {};  // lent for the call
};

class StreamSink {
 public:
  virtual ~StreamSink() = default;
  // Gives a WebSocket one whole binary message; copied before this returns, and written at the end of the turn.
  virtual void send(uint64_t socket, std::span<const std::byte> message) = 0;
  // All bytes that the socket was given so far, frame headers included, and those that the kernel has not taken.
  virtual uint64_t queued_bytes(uint64_t socket) = 0;
  virtual size_t buffered_bytes(uint64_t socket) = 0;
  // Ends the exchange.
  virtual void reply(uint64_t exchange, const StreamReply& reply) = 0;
  // Any thread: a turn begins soon, and ends with end_turn(). Cheap when one is due already.
  virtual void wake() noexcept = 0;
};

class StreamHandler {
 public:
  static constexpr int64_t kNotTaken = -1;

  virtual ~StreamHandler() = default;
  // ── WebSockets ──
  virtual void open_socket(uint64_t socket) = 0;
  virtual void close_socket(uint64_t socket) = 0;
  // One whole binary message, lent for the call. False: JavaScript is to get it.
  virtual bool receive(uint64_t socket, std::span<const std::byte> message) = 0;
  // A message goes to JavaScript without being offered here, a text: it keeps its place among the others.
  virtual void leave(uint64_t socket) = 0;
  // The kernel took some of what waited, or did not take all that it was given.
  virtual void weigh(uint64_t socket) = 0;
  // ── HTTP ──
  // A request whose body is whole: `head` in `received`, both lent for the call. Its ticket, or kNotTaken.
  virtual int64_t receive_request(uint64_t exchange, const RequestParser& head, std::string_view received,
                                  std::string_view body) = 0;
  // The caller of a request that was taken is gone.
  virtual void abort_request(int64_t ticket) = 0;
  // ── turns ──
  // The last thing before a turn's bytes are written.
  virtual void end_turn() = 0;
  // Milliseconds until a turn is needed though nothing happens; -1: none is.
  virtual int next_timeout_ms() const = 0;
};

}  // namespace penstock::net
