// A TCP connection to 127.0.0.1 with its two buffers, and the meter that all connections share. The set-up of a
// connection (handshake, Open) blocks; once the load runs, sockets are non-blocking and one epoll loop serves them.
// Owner: the load; buffers live as long as the connection and grow only to the largest message seen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "histogram.hpp"

namespace flood {

int64_t now_ns() noexcept;

// Prints the sentence and ends the process with status 1: the load cannot be run at all.
[[noreturn]] void abandon(const std::string& sentence);

struct Meter {
  Histogram latency;
  uint64_t errors = 0;
  uint64_t mismatches = 0;
  uint64_t messages = 0;  // frames or responses that carried answers
  std::string first_error;

  void count_error(std::string_view sentence) {
    errors += 1;
    if (first_error.empty()) first_error = sentence;
  }
  // Forgets the warm-up, except what went wrong in it: a wrong answer is wrong at any time.
  void start() {
    latency.reset();
    messages = 0;
  }
};

class Connection {
 public:
  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  Connection(Connection&& other) noexcept;
  ~Connection();

  void connect(uint16_t port);
  void set_nonblocking();
  int descriptor() const noexcept { return descriptor_; }
  bool is_open() const noexcept { return descriptor_ >= 0; }
  void close() noexcept;

  // Reads what is there (at most the free space). False when the peer has closed or the socket failed.
  bool receive();
  // During the set-up, while the socket blocks: ends the program when nothing comes.
  void receive_or_abandon();
  std::span<const uint8_t> received() const noexcept { return {in_.data() + in_begin_, in_end_ - in_begin_}; }
  void consume(size_t size_bytes) noexcept;
  // Makes room for a message of `size_bytes` in one piece.
  void expect_message(size_t size_bytes);

  // Room for `size_bytes` more to send; the caller fills it. Sent by the next flush.
  uint8_t* append(size_t size_bytes);
  void append(std::string_view text);
  // False when the peer has closed or the socket failed. What does not fit now waits: see has_unsent.
  bool flush();
  bool has_unsent() const noexcept { return out_begin_ < out_.size(); }

 private:
  int descriptor_ = -1;
  std::vector<uint8_t> in_;
  size_t in_begin_ = 0;
  size_t in_end_ = 0;
  std::vector<uint8_t> out_;
  size_t out_begin_ = 0;
};

}  // namespace flood
