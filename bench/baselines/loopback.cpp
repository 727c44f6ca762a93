// Loopback TCP bandwidth: what the kernel moves from one process to another when nothing is done with the bytes. One
// connection, one thread on each side, writes of MESSAGE_BYTES, reads into one buffer that is never looked at.
//   loopback MESSAGE_BYTES SECONDS      prints {"bytesPerSecond":N}
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {
constexpr size_t kReadBytes = 512 * 1024;
constexpr double kWarmupShare = 0.25;

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

// The child: sends until the other side closes.
[[noreturn]] void send_all(uint16_t port, size_t message_bytes) {
  const int socket_fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = port;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket_fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("connect");
  const std::vector<char> message(message_bytes, 'x');
  for (;;) {
    for (size_t sent = 0; sent < message.size();) {
      const ssize_t count = send(socket_fd, message.data() + sent, message.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) std::_Exit(0);
      sent += static_cast<size_t>(count);
    }
  }
}

uint64_t receive_for(int socket_fd, std::vector<char>& buffer, double seconds, double& elapsed_seconds) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  uint64_t bytes = 0;
  do {
    const ssize_t count = recv(socket_fd, buffer.data(), buffer.size(), 0);
    if (count <= 0) fail("recv");
    bytes += static_cast<uint64_t>(count);
    elapsed_seconds = std::chrono::duration<double>(Clock::now() - start).count();
  } while (elapsed_seconds < seconds);
  return bytes;
}
}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::fprintf(stderr, "Expected loopback MESSAGE_BYTES SECONDS\n");
    return 2;
  }
  const auto message_bytes = static_cast<size_t>(std::strtoull(arguments[1], nullptr, 10));
  const double seconds = std::strtod(arguments[2], nullptr);
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  socklen_t length = sizeof address;
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), length) != 0 || listen(listener, 1) != 0) fail("listen");
  if (getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) != 0) fail("getsockname");
  const pid_t child = fork();
  if (child == 0) send_all(address.sin_port, message_bytes);
  const int socket_fd = accept(listener, nullptr, nullptr);
  if (socket_fd < 0) fail("accept");
  std::vector<char> buffer(kReadBytes);
  double elapsed_seconds = 0;
  receive_for(socket_fd, buffer, seconds * kWarmupShare, elapsed_seconds);
  const uint64_t bytes = receive_for(socket_fd, buffer, seconds, elapsed_seconds);
  close(socket_fd);
  waitpid(child, nullptr, 0);
  std::printf("{\"bytesPerSecond\":%.0f}\n", static_cast<double>(bytes) / elapsed_seconds);
  return 0;
}
