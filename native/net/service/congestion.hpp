// Which of a congested socket's frames the kernel has taken, from the number of bytes that still wait in it: frames
// leave in order, so one is gone when all bytes up to its end are. The rule of src/transport/congestion.ts, for sockets
// whose bytes the event loop counts from the first one on. Thread: the I/O thread's, or whoever holds the service's
// lock.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>

namespace penstock::net::service {
class Congestion {
 public:
  // A frame whose credit waits for the kernel was queued; it ends at byte `queued_bytes` of all that the socket was
  // given.
  void add_held(uint64_t queued_bytes) { held_ends_.push_back(queued_bytes); }

  // Frames that left since the last call, when `buffered_bytes` of `queued_bytes` still wait.
  size_t take_acknowledged(uint64_t queued_bytes, size_t buffered_bytes) {
    const uint64_t gone = queued_bytes - buffered_bytes;
    size_t frames = 0;
    for (; !held_ends_.empty() && held_ends_.front() <= gone; ++frames) held_ends_.pop_front();
    return frames;
  }

  size_t held_frames() const noexcept { return held_ends_.size(); }

 private:
  std::deque<uint64_t> held_ends_;
};
}  // namespace penstock::net::service
