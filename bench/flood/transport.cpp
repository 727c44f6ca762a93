// Sockets and buffers; see transport.hpp.
#include "transport.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>

namespace flood {
namespace {

constexpr size_t kReadBytes = 256 * 1024;
// A server that says nothing for so long during the set-up is not there.
constexpr time_t kSetupSeconds = 10;

}  // namespace

int64_t now_ns() noexcept {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

void abandon(const std::string& sentence) {
  std::fprintf(stderr, "%s\n", sentence.c_str());
  std::exit(1);
}

Connection::Connection(Connection&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      in_(std::move(other.in_)),
      in_begin_(other.in_begin_),
      in_end_(other.in_end_),
      out_(std::move(other.out_)),
      out_begin_(other.out_begin_) {}

Connection::~Connection() { close(); }

void Connection::close() noexcept {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

void Connection::connect(uint16_t port) {
  descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor_ < 0) abandon("Cannot open a socket: " + std::string(std::strerror(errno)));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    abandon("Cannot connect to 127.0.0.1:" + std::to_string(port) + ": " + std::strerror(errno));
  }
  const int one = 1;
  ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  const timeval limit{kSetupSeconds, 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  in_.resize(kReadBytes);
}

void Connection::set_nonblocking() {
  const int flags = ::fcntl(descriptor_, F_GETFL);
  if (flags < 0 || ::fcntl(descriptor_, F_SETFL, flags | O_NONBLOCK) != 0) abandon("Cannot make a socket non-blocking");
}

bool Connection::receive() {
  if (in_end_ == in_.size()) expect_message(in_end_ - in_begin_ + 1);
  const ssize_t size = ::recv(descriptor_, in_.data() + in_end_, in_.size() - in_end_, 0);
  if (size < 0) return errno == EAGAIN || errno == EINTR;
  in_end_ += static_cast<size_t>(size);
  return size > 0;
}

void Connection::receive_or_abandon() {
  const size_t before = in_end_ - in_begin_;
  const bool is_alive = receive();
  if (!is_alive) abandon("The server closed the connection during its set-up");
  if (in_end_ - in_begin_ == before) abandon("The server did not answer for 10 seconds during the set-up");
}

void Connection::consume(size_t size_bytes) noexcept {
  in_begin_ += size_bytes;
  if (in_begin_ == in_end_) in_begin_ = in_end_ = 0;
}

void Connection::expect_message(size_t size_bytes) {
  if (in_begin_ + size_bytes <= in_.size()) return;
  std::memmove(in_.data(), in_.data() + in_begin_, in_end_ - in_begin_);
  in_end_ -= in_begin_;
  in_begin_ = 0;
  if (size_bytes > in_.size()) in_.resize(size_bytes);
}

uint8_t* Connection::append(size_t size_bytes) {
  const size_t position = out_.size();
  out_.resize(position + size_bytes);
  return out_.data() + position;
}

void Connection::append(std::string_view text) { std::memcpy(append(text.size()), text.data(), text.size()); }

bool Connection::flush() {
  while (has_unsent()) {
    const ssize_t size = ::send(descriptor_, out_.data() + out_begin_, out_.size() - out_begin_, MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return errno == EAGAIN;
    out_begin_ += static_cast<size_t>(size);
  }
  out_.clear();
  out_begin_ = 0;
  return true;
}

}  // namespace flood
