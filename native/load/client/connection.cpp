#include "load/client/connection.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include "core/assert.hpp"
#include "load/plan/abandon.hpp"

namespace penstock::load {
namespace {

constexpr size_t kPiecesPerSend = 64;

}  // namespace

int64_t now_ns() noexcept {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

void Buffer::reserve(size_t capacity) {
  if (capacity <= capacity_) return;
  auto bytes = std::make_unique_for_overwrite<uint8_t[]>(capacity);
  if (size_ > 0) std::memcpy(bytes.get(), bytes_.get(), size_);
  bytes_ = std::move(bytes);
  capacity_ = capacity;
}

uint8_t* Buffer::grow(size_t size_bytes) {
  if (size_bytes > capacity_ - size_) reserve(std::max(size_ + size_bytes, 2 * capacity_));
  uint8_t* const at = bytes_.get() + size_;
  size_ += size_bytes;
  return at;
}

Address resolve(const std::string& host, uint16_t port) {
  Address address;
  address.text = host + ":" + std::to_string(port);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int status = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (status != 0 || found == nullptr)
    abandon(LoadStatus::kTarget, "Cannot find the host " + host + ": " + gai_strerror(status));
  PENSTOCK_ASSERT(found->ai_addrlen <= sizeof address.bytes);
  std::memcpy(address.bytes, found->ai_addr, found->ai_addrlen);
  address.size = found->ai_addrlen;
  address.family = found->ai_family;
  freeaddrinfo(found);
  return address;
}

void Connection::close() noexcept {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  is_watched = is_watched_for_room = false;
  in_bytes_ = expected_bytes_ = 0;
  is_in_rest_ = false;
  rest_.resize(0);
  out_.resize(0);
  out_sent_ = first_piece_ = 0;
  pieces_.clear();
}

bool Connection::connect(const Address& address) noexcept {
  close();
  descriptor_ = ::socket(address.family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor_ < 0) return false;
  const int one = 1;
  ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  const auto* target = reinterpret_cast<const sockaddr*>(address.bytes);
  if (::connect(descriptor_, target, address.size) == 0 || errno == EINPROGRESS) return true;
  const int error = errno;
  close();
  errno = error;
  return false;
}

bool Connection::wait(bool is_for_writing, int limit_ms) const noexcept {
  pollfd poll{descriptor_, static_cast<short>(is_for_writing ? POLLOUT : POLLIN), 0};
  return ::poll(&poll, 1, limit_ms) > 0;
}

int Connection::connect_error(int limit_ms) const noexcept {
  if (!wait(true, limit_ms)) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

bool Connection::receive(Buffer& scratch) {
  ssize_t size = 0;
  if (is_in_rest_) {
    const size_t wanted = std::max(expected_bytes_, in_bytes_ + 1);
    if (rest_.capacity() < wanted) rest_.reserve(std::max(wanted, 2 * rest_.capacity()));
    size = ::recv(descriptor_, rest_.data() + in_bytes_, rest_.capacity() - in_bytes_, 0);
    in_ = rest_.data();
  } else {
    size = ::recv(descriptor_, scratch.data(), scratch.capacity(), 0);
    in_ = scratch.data();
    in_bytes_ = 0;
  }
  if (size < 0) return errno == EAGAIN || errno == EINTR;
  in_bytes_ += static_cast<size_t>(size);
  return size > 0;
}

void Connection::consume(size_t size_bytes) noexcept {
  in_ += size_bytes;
  in_bytes_ -= size_bytes;
  expected_bytes_ = 0;
}

void Connection::keep_rest() {
  if (in_bytes_ == 0) {
    is_in_rest_ = false;
    rest_.resize(0);
    return;
  }
  if (is_in_rest_) {
    if (in_ != rest_.data()) std::memmove(rest_.data(), in_, in_bytes_);
  } else {
    rest_.resize(0);
    rest_.reserve(std::max(expected_bytes_, in_bytes_));
    std::memcpy(rest_.data(), in_, in_bytes_);
  }
  rest_.resize(in_bytes_);
  in_ = rest_.data();
  is_in_rest_ = true;
}

uint8_t* Connection::append(size_t size_bytes) {
  if (has_unsent() && pieces_.back().lent == nullptr)
    pieces_.back().size_bytes += size_bytes;
  else
    pieces_.push_back({nullptr, size_bytes});
  return out_.grow(size_bytes);
}

void Connection::append(std::string_view text) {
  std::memcpy(append(text.size()), text.data(), text.size());
}

void Connection::append_lent(ByteSpan bytes) {
  if (!bytes.empty()) pieces_.push_back({bytes.data(), bytes.size()});
}

bool Connection::flush() noexcept {
  while (has_unsent()) {
    std::array<iovec, kPiecesPerSend> parts;
    size_t count = 0;
    size_t own_at = out_sent_;
    for (size_t piece = first_piece_; piece < pieces_.size() && count < parts.size(); ++piece, ++count) {
      const auto& [lent, size_bytes] = pieces_[piece];
      const uint8_t* const from = lent == nullptr ? out_.data() + own_at : lent;
      if (lent == nullptr) own_at += size_bytes;
      parts[count] = {const_cast<uint8_t*>(from), size_bytes};
    }
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = count;
    // The usual case, a few short messages in one piece, saves the kernel a copy of the list.
    const ssize_t sent = count == 1 ? ::send(descriptor_, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL)
                                    : ::sendmsg(descriptor_, &message, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno == EAGAIN || errno == ENOTCONN;  // not connected yet: the loop watches for room
    for (auto left = static_cast<size_t>(sent); left > 0;) {
      Piece& piece = pieces_[first_piece_];
      const size_t part = std::min(left, piece.size_bytes);
      if (piece.lent == nullptr)
        out_sent_ += part;
      else
        piece.lent += part;
      piece.size_bytes -= part;
      left -= part;
      if (piece.size_bytes == 0) first_piece_ += 1;
    }
  }
  pieces_.clear();
  out_.resize(0);
  out_sent_ = first_piece_ = 0;
  return true;
}

}  // namespace penstock::load
