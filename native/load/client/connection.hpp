// A TCP connection with what waits to be sent and what was received in part.
//
// Reading: all connections of a thread share one block of memory that stays in the cache; only a message that was cut
// off is copied to memory of the connection, and a long one is then received straight behind its beginning.
// Writing: short messages are copied one after the other and leave in one send; long ones are referred to in the
// memory of the request set (lent until sent, which is the life of the set) and leave with sendmsg, uncopied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "load/plan/request_set.hpp"

namespace penstock::load {

int64_t now_ns() noexcept;

// Bytes that grow and are never cleared with zeros.
class Buffer {
 public:
  uint8_t* data() noexcept { return bytes_.get(); }
  size_t size() const noexcept { return size_; }
  size_t capacity() const noexcept { return capacity_; }
  void reserve(size_t capacity);
  // Room for `size_bytes` more at the end; the caller fills it.
  uint8_t* grow(size_t size_bytes);
  void resize(size_t size) noexcept { size_ = size; }

 private:
  std::unique_ptr<uint8_t[]> bytes_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

// Where a host is: resolved once, before the load.
struct Address {
  alignas(8) unsigned char bytes[128];
  unsigned size = 0;
  int family = 0;
  std::string text;  // for people: host:port
};
// Ends the process with a sentence when the host has no address.
Address resolve(const std::string& host, uint16_t port);

class Connection {
 public:
  static constexpr size_t kScratchBytes = 256 * 1024;

  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { close(); }

  // Begins to connect, without waiting. False when that failed at once; errno says why.
  bool connect(const Address& address) noexcept;
  // Waits until the socket can be read (or written); false after `limit_ms`.
  bool wait(bool is_for_writing, int limit_ms) const noexcept;
  // Waits until the connection stands. 0, or the errno of why it does not.
  int connect_error(int limit_ms) const noexcept;
  int descriptor() const noexcept { return descriptor_; }
  bool is_open() const noexcept { return descriptor_ >= 0; }
  void close() noexcept;

  // One recv. False when the peer has closed or the socket failed.
  bool receive(Buffer& scratch);
  ByteSpan received() const noexcept { return {in_, in_bytes_}; }
  void consume(size_t size_bytes) noexcept;
  // The message at the front will have so many bytes: they are received in one piece.
  void expect_message(size_t size_bytes) noexcept { expected_bytes_ = size_bytes; }
  // To be called before the scratch memory is used for another connection.
  void keep_rest();

  uint8_t* append(size_t size_bytes);
  void append(std::string_view text);
  void append_lent(ByteSpan bytes);
  // Sends what fits. False when the peer has closed or the socket failed.
  bool flush() noexcept;
  bool has_unsent() const noexcept { return first_piece_ < pieces_.size(); }

  bool is_watched = false;  // by the loop that owns the connection
  bool is_watched_for_room = false;

 private:
  struct Piece {
    const uint8_t* lent;  // nullptr: bytes of out_
    size_t size_bytes;
  };

  int descriptor_ = -1;
  const uint8_t* in_ = nullptr;  // in the scratch memory, or in rest_
  size_t in_bytes_ = 0;
  size_t expected_bytes_ = 0;
  bool is_in_rest_ = false;
  Buffer rest_;
  Buffer out_;
  size_t out_sent_ = 0;
  std::vector<Piece> pieces_;
  size_t first_piece_ = 0;
};

}  // namespace penstock::load
