// JSON columns over HTTP without JavaScript: on an I/O thread bodies are read and admitted, and answers printed into
// the sockets.
//
//   event loop ─ receive ─► head judged? ─┬─ no ──────────────────────► JavaScript, with head and body
//                                         └─ yes ─► json::Gateway ─┬──► admitted
//                                                                  └──► not read, or refused: JavaScript
//   answers of a turn ─┬─ printed ─────────────────────────────────────► replied
//                      └─ failed ──────────────────────────────────────► JavaScript writes the reply: `reply_later`
//
// A ticket is a number for an exchange that is admitted, which is used again once it has been replied to.
// Threads: the I/O thread in a turn (IoContext), or JavaScript under the lock, as each part says.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "json/gateway.hpp"
#include "net/service/heads.hpp"
#include "net/service/io_context.hpp"

namespace penstock::net::service {
class JsonService {
 public:
  static constexpr size_t kRoutesMax = 8;
  // What takes long to read or to print stalls everybody else of the thread: JavaScript does it in parts.
  static constexpr size_t kTakenBytesMax = size_t{64} << 10;

  JsonService(IoContext& context, std::shared_ptr<json::Gateway> gateway)
      : context_(context), gateway_(std::move(gateway)) {}

  // ── the I/O thread ──
  // Begins the turn. `head` in `received`, and `body`, are lent for the call. Its ticket; kNotTaken: JavaScript is to
  // get it.
  int64_t receive(uint64_t exchange, const RequestParser& head, std::string_view received, std::string_view body);
  // The caller is gone.
  void abort(int64_t ticket);

  // ── the I/O thread, within a turn ──
  void add_answer(Request& request);
  void send_replies();

  // ── JavaScript, under the lock ──
  void keep_head(std::string key, JudgedHead head) { heads_.keep(std::move(key), std::move(head)); }
  // Answered requests whose replies JavaScript writes, linked by next_answer; their references with them.
  Request* take_left() noexcept { return std::exchange(left_, nullptr); }
  void leave_again(Request& request) noexcept { request.next_answer = std::exchange(left_, &request); }
  // What it writes: sent in the next turn, which the caller wakes.
  void reply_later(uint32_t ticket, int status, std::string headers, std::vector<std::byte> body);
  // Whether its request is answered, and the reply not given yet.
  uint32_t route_of(uint32_t ticket) const noexcept { return exchanges_[ticket].route; }
  bool is_answered(uint32_t ticket) const noexcept { return ticket < exchanges_.size() && exchanges_[ticket].is_left; }
  uint64_t answered(size_t route) const noexcept { return answered_[route]; }

 private:
  struct Exchange {
    uint64_t number = 0;
    Request* request = nullptr;  // until it is answered
    std::shared_ptr<CallerLimit> limit;
    uint32_t route = 0;
    bool is_gone = false;
    bool is_left = false;  // JavaScript writes its reply
  };
  struct LaterReply {
    uint32_t ticket = 0;
    int status = 0;
    std::string headers;
    std::vector<std::byte> body;
  };

  uint32_t take_ticket();
  void give_back(uint32_t ticket) noexcept;

  IoContext& context_;
  const std::shared_ptr<json::Gateway> gateway_;
  Heads heads_;
  std::vector<Exchange> exchanges_;
  std::vector<uint32_t> free_tickets_;
  Failure failure_;
  std::string key_;
  Request* left_ = nullptr;
  std::vector<LaterReply> later_;
  std::array<uint64_t, kRoutesMax> answered_{};
};
}  // namespace penstock::net::service
