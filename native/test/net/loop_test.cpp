// I/O threads with real sockets: whatever way the bytes come, and however a client behaves, each request is answered
// once and nothing is left. The part of JavaScript is played by a thread that echoes what it gets.
#include "net/loop.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <map>

#include "net/listener.hpp"
#include "net/websocket/frame_writer.hpp"
#include "test/testing.hpp"

namespace {
using namespace penstock::net;
using penstock::IoEventKind;

constexpr int kPatienceMs = 10'000;

LoopOptions quick_options() {
  LoopOptions options;
  options.websocket_path = "/stream";
  options.message_bytes_max = 16 << 20;
  options.idle_ms = options.silence_ms = options.head_ms = options.body_ms = 60'000;
  options.body_bytes_min = 1;
  options.linger_ms = 1000;
  options.unhandled_bytes_max = 256 * 1024;
  return options;
}

// Answers GET with the path, POST with the body, "/large" with many bytes, "/never" never; echoes messages of
// WebSockets.
class EchoServer {
 public:
  explicit EchoServer(uint32_t threads = 1, const LoopOptions& options = quick_options())
      : events_([this] { notify(); }) {
    for (uint32_t number = 0; number < threads; ++number)
      loops_.push_back(std::make_unique<IoLoop>(number, options, events_));
    std::vector<IoLoop*> all;
    for (const auto& loop : loops_) all.push_back(loop.get());
    loops_.front()->set_peers(all);
    for (const auto& loop : loops_) loop->start();
    const Listener listener = open_listener("127.0.0.1", 0);
    CLAIM(listener.fd >= 0);
    port_ = listener.port;
    loops_.front()->post({.kind = CommandKind::kListen, .number = static_cast<uint64_t>(listener.fd)});
    script_ = std::thread([this] { run(); });
  }
  ~EchoServer() {
    {
      std::lock_guard lock(mutex_);
      is_stopping_ = true;
    }
    wake_.notify_one();
    script_.join();
    for (const auto& loop : loops_) loop->stop();
  }

  uint16_t port() const { return port_; }
  int connections() const { return connections_.load(); }
  uint32_t connections_of(size_t loop) const { return loops_[loop]->connection_count(); }
  int aborted() const { return aborted_.load(); }
  int closed_code() const { return closed_code_.load(); }
  // While true, events are left where they are.
  std::atomic<bool> is_asleep{false};

 private:
  void notify() {
    {
      std::lock_guard lock(mutex_);
      has_events_ = true;
    }
    wake_.notify_one();
  }
  void run() {
    std::vector<IoEvent> events;
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait_for(lock, std::chrono::milliseconds(20), [&] { return has_events_ || is_stopping_; });
      if (is_stopping_) return;
      has_events_ = false;
      lock.unlock();
      if (!is_asleep) {
        events_.take(events);
        for (IoEvent& event : events) handle(event);
        events.clear();
      }
      lock.lock();
    }
  }
  void handle(IoEvent& event) {
    switch (event.kind) {
      case IoEventKind::kOpened:
        shares_[IoLoop::slot_of(event.id) + 1'000'000 * IoLoop::loop_of(event.id)] = event.share;
        ++connections_;
        return;
      case IoEventKind::kGone:
        --connections_;
        return;
      case IoEventKind::kRequest:
        bodies_[event.id] = {event.text, event.bytes};
        if (event.number == 1) post({.kind = CommandKind::kContinue, .id = event.id});
        break;
      case IoEventKind::kData:
        bodies_[event.id].second.append(event.bytes);
        break;
      case IoEventKind::kUpgrade:
        return post({.kind = CommandKind::kUpgrade, .id = event.id, .text = "echo"});
      case IoEventKind::kMessage:
        share(event.id).queued_bytes += event.bytes.size() + frame_header_bytes(event.bytes.size());
        post({.kind = CommandKind::kSend, .id = event.id, .flag = event.flag, .bytes = event.bytes});
        return handled(event);
      case IoEventKind::kAborted:
        ++aborted_;
        bodies_.erase(event.id);
        return;
      case IoEventKind::kClosed:
        closed_code_ = static_cast<int>(event.number);
        return;
      default:
        return;
    }
    if (event.flag) respond(event.id);
    handled(event);
  }
  void handled(const IoEvent& event) {
    ConnectionShare& of = share(event.id);
    of.unhandled_bytes -= static_cast<int64_t>(event.bytes.size());
    if (of.unhandled_bytes <= 0 && of.is_paused.exchange(false)) post({.kind = CommandKind::kResume, .id = event.id});
  }
  void respond(uint64_t id) {
    auto [head, body] = std::move(bodies_[id]);
    const size_t path_at = head.find('\n') + 1;
    const std::string path = head.substr(path_at, head.find('\n', path_at) - path_at);
    if (path == "/never") return;
    bodies_.erase(id);
    Command answer{.kind = CommandKind::kAnswer, .id = id, .status = 200, .flag = true};
    answer.bytes = path == "/large" ? std::string(8 << 20, 'x') : head.starts_with("GET") ? path : body;
    answer.number = answer.bytes.size();
    share(id).queued_bytes += answer.bytes.size();
    post(std::move(answer));
  }
  ConnectionShare& share(uint64_t id) { return *shares_[IoLoop::slot_of(id) + 1'000'000 * IoLoop::loop_of(id)]; }
  void post(Command command) { loops_[IoLoop::loop_of(command.id)]->post(std::move(command)); }

  EventQueue events_;
  std::vector<std::unique_ptr<IoLoop>> loops_;
  std::thread script_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool has_events_ = false;
  bool is_stopping_ = false;
  uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::atomic<int> aborted_{0};
  std::atomic<int> closed_code_{0};
  std::map<uint64_t, std::shared_ptr<ConnectionShare>> shares_;
  std::map<uint64_t, std::pair<std::string, std::string>> bodies_;
};

class Client {
 public:
  explicit Client(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    constexpr int kOn = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &kOn, sizeof(kOn));
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CLAIM(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  }
  ~Client() { close(); }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  void reset() {
    const linger now = {.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close();
  }
  void half_close() const { ::shutdown(fd_, SHUT_WR); }
  bool send(std::string_view rest) const {
    while (!rest.empty()) {
      const ssize_t sent = ::send(fd_, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      rest.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  // False: nothing more comes.
  bool read_some() {
    pollfd ready = {.fd = fd_, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, kPatienceMs) <= 0) return false;
    char buffer[65'536];
    const ssize_t received = ::recv(fd_, buffer, sizeof(buffer), 0);
    if (received > 0) bytes.append(buffer, static_cast<size_t>(received));
    return received > 0;
  }
  bool read_until(std::string_view end) {
    while (!bytes.ends_with(end))
      if (!read_some()) return false;
    return true;
  }
  bool read_bytes(size_t count) {
    while (bytes.size() < count)
      if (!read_some()) return false;
    return true;
  }
  void read_to_end() {
    while (read_some()) continue;
  }
  std::string bytes;

 private:
  int fd_;
};

void until(const char* what, const std::function<bool()>& is_so) {
  for (int waited_ms = 0; !is_so(); waited_ms += 5) {
    if (waited_ms > kPatienceMs) {
      std::fprintf(stderr, "waited for: %s\n", what);
      CLAIM(!"it happened");
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

std::string post_request(std::string_view body) {
  return "POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

std::string client_frame(std::string_view payload, uint8_t opcode = 0x82) {
  std::string frame;
  frame.push_back(static_cast<char>(opcode));
  if (payload.size() < 126) {
    frame.push_back(static_cast<char>(0x80 | payload.size()));
  } else {
    frame.push_back(static_cast<char>(0x80 | 127));
    for (int shift = 56; shift >= 0; shift -= 8) frame.push_back(static_cast<char>(payload.size() >> shift & 0xFF));
  }
  const char mask[4] = {1, 2, 3, 4};
  frame.append(mask, 4);
  for (size_t index = 0; index < payload.size(); ++index)
    frame.push_back(static_cast<char>(payload[index] ^ mask[index % 4]));
  return frame;
}

constexpr std::string_view kHandshake =
    "GET /stream HTTP/1.1\r\nhost: h\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
    "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

void open_websocket(Client& client) {
  CLAIM(client.send(kHandshake));
  CLAIM(client.read_until("\r\n\r\n"));
  CLAIM(client.bytes.starts_with("HTTP/1.1 101 "));
  client.bytes.clear();
}

TEST("a request is answered, cut at every byte") {
  EchoServer server;
  const std::string request = post_request("hello");
  Client client(server.port());
  for (size_t cut = 1; cut < request.size(); ++cut) {
    client.bytes.clear();
    CLAIM(client.send(std::string_view{request}.substr(0, cut)));
    std::this_thread::sleep_for(std::chrono::microseconds(300));
    CLAIM(client.send(std::string_view{request}.substr(cut)));
    CLAIM(client.read_until("\r\n\r\nhello"));
    CLAIM(client.bytes.starts_with("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n"));
  }
}

TEST("requests that come together are answered in order, byte by byte or at once") {
  EchoServer server;
  std::string together;
  std::string expected;
  for (int index = 0; index < 50; ++index) {
    const std::string body = "body " + std::to_string(index);
    together += index % 2 == 0 ? post_request(body) : "GET /" + std::to_string(index) + " HTTP/1.1\r\nhost: h\r\n\r\n";
    const std::string answer = index % 2 == 0 ? body : std::string("/").append(std::to_string(index));
    expected += "HTTP/1.1 200 OK\r\ncontent-length: " + std::to_string(answer.size()) + "\r\n\r\n" + answer;
  }
  Client client(server.port());
  CLAIM(client.send(together));
  CLAIM(client.read_bytes(expected.size()));
  CLAIM(client.bytes == expected);
  client.bytes.clear();
  for (const char byte : together) CLAIM(client.send({&byte, 1}));
  CLAIM(client.read_bytes(expected.size()));
  CLAIM(client.bytes == expected);
}

TEST("a body that is long, chunked or waited for arrives whole") {
  EchoServer server;
  const std::string body(3 << 20, 'b');
  Client client(server.port());
  CLAIM(client.send(post_request(body)));
  CLAIM(client.read_until("\r\n\r\n" + body));
  client.bytes.clear();
  CLAIM(client.send("POST /echo HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n"));
  CLAIM(client.send("4;x=y\r\ndefg\r\n0\r\nlast: one\r\n\r\n"));
  CLAIM(client.read_until("\r\n\r\nabcdefg"));
  client.bytes.clear();
  CLAIM(client.send("POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n"));
  CLAIM(client.read_until("HTTP/1.1 100 Continue\r\n\r\n"));
  CLAIM(client.send("ok"));
  CLAIM(client.read_until("\r\n\r\nok"));
}

TEST("what is no HTTP is answered once, and the connection ends without a reset") {
  EchoServer server;
  for (const std::string_view junk :
       {"nonsense\r\n\r\n", "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n"}) {
    Client client(server.port());
    CLAIM(client.send(junk));
    CLAIM(client.send(std::string(300'000, 'z')));
    client.read_to_end();
    CLAIM(client.bytes.starts_with("HTTP/1.1 400 "));
    CLAIM(client.bytes.ends_with("}\n"));
  }
  until("all are gone", [&] { return server.connections() == 0; });
}

TEST("a client that closes its side still gets an answer that is ready; one that is gone aborts its request") {
  EchoServer server;
  Client half(server.port());
  CLAIM(half.send(post_request("half")));
  half.half_close();
  half.read_to_end();
  CLAIM(half.bytes.ends_with("\r\n\r\nhalf"));
  for (const bool is_reset : {true, false}) {
    const int aborted = server.aborted();
    Client client(server.port());
    CLAIM(client.send("GET /never HTTP/1.1\r\nhost: h\r\n\r\n"));
    until("it is open", [&] { return server.connections() == 1; });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    is_reset ? client.reset() : client.close();
    until("it is aborted", [&] { return server.aborted() == aborted + 1; });
    until("it is gone", [&] { return server.connections() == 0; });
  }
}

TEST("a reader that reads late gets all of a large answer; one that never reads is let go") {
  LoopOptions options = quick_options();
  options.silence_ms = 2000;
  EchoServer server(1, options);
  Client late(server.port());
  CLAIM(late.send("GET /large HTTP/1.1\r\nhost: h\r\n\r\n"));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  CLAIM(late.read_bytes(8 << 20));
  Client never(server.port());
  CLAIM(never.send("GET /large HTTP/1.1\r\nhost: h\r\n\r\n"));
  until("it is let go", [&] { return server.connections() == 0; });
}

TEST("a sender whose bytes nobody takes is not read: nothing grows") {
  EchoServer server;
  Client client(server.port());
  open_websocket(client);
  server.is_asleep = true;
  const std::string frame = client_frame(std::string(100'000, 'm'));
  std::atomic<int> sent{0};
  std::thread sender([&] {
    for (int index = 0; index < 200; ++index) {
      if (!client.send(frame)) return;
      ++sent;
    }
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  // 20 MB were to be sent; the kernel's buffers and the bound hold less.
  CLAIM(sent.load() < 180);
  server.is_asleep = false;
  CLAIM(client.read_bytes(200 * (100'000 + 10)));
  sender.join();
  CLAIM(sent.load() == 200);
}

TEST("messages come back whole, cut at every byte, with pings between") {
  EchoServer server;
  Client client(server.port());
  open_websocket(client);
  const std::string bytes = client_frame("first") + client_frame("ping", 0x89) + client_frame("text", 0x81);
  const std::string expected = std::string("\x82\x05") + "first" + "\x8a\x04" + "ping" + "\x81\x04" + "text";
  for (size_t cut = 1; cut < bytes.size(); ++cut) {
    client.bytes.clear();
    CLAIM(client.send(std::string_view{bytes}.substr(0, cut)));
    std::this_thread::sleep_for(std::chrono::microseconds(300));
    CLAIM(client.send(std::string_view{bytes}.substr(cut)));
    // A pong needs no script, and may overtake the echo.
    CLAIM(client.read_bytes(expected.size()));
    for (const char* part : {"\x82\x05"
                             "first",
                             "\x8a\x04"
                             "ping",
                             "\x81\x04"
                             "text"})
      CLAIM(client.bytes.find(part) != std::string::npos);
  }
  client.bytes.clear();
  CLAIM(client.send(client_frame(std::string("\x03\xe9", 2), 0x88)));
  client.read_to_end();
  CLAIM(client.bytes == std::string("\x88\x02\x03\xe9", 4));
  until("it is gone", [&] { return server.connections() == 0; });
  CLAIM(server.closed_code() == 1001);
}

TEST("an unmasked frame closes the WebSocket with 1002") {
  EchoServer server;
  Client client(server.port());
  open_websocket(client);
  CLAIM(client.send(std::string("\x82\x01x", 3)));
  client.read_to_end();
  CLAIM(client.bytes.substr(0, 1) == "\x88");
  CLAIM(client.bytes.substr(2, 2) == std::string("\x03\xea", 2));
}

TEST("what is silent is let go: half a head, half a body, no byte at all, a WebSocket without pong") {
  LoopOptions options = quick_options();
  options.silence_ms = 1000;
  options.idle_ms = 4000;
  EchoServer server(1, options);
  Client nothing(server.port());
  Client head(server.port());
  Client body(server.port());
  Client socket(server.port());
  CLAIM(head.send("GET / HT"));
  CLAIM(body.send("POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nabc"));
  open_websocket(socket);
  nothing.read_to_end();
  head.read_to_end();
  body.read_to_end();
  socket.read_to_end();
  CLAIM(socket.bytes == std::string("\x89\x00", 2));
  until("all are gone", [&] { return server.connections() == 0; });
  CLAIM(server.aborted() == 1);
}

TEST("one byte now and then keeps neither a head nor a body") {
  LoopOptions options = quick_options();
  options.head_ms = options.body_ms = 1500;
  options.body_bytes_min = 1000;
  EchoServer server(1, options);
  Client head(server.port());
  Client body(server.port());
  CLAIM(body.send("POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 1000\r\n\r\n"));
  CLAIM(head.send("GET /"));
  for (int index = 0; index < 60 && server.connections() != 0; ++index) {
    [[maybe_unused]] const bool is_sent = head.send("a") && body.send("b");
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  until("both are gone", [&] { return server.connections() == 0; });
}

TEST("a full table of descriptors: who cannot be served is closed at once, and the others are served") {
  EchoServer server;
  Client kept(server.port());
  CLAIM(kept.send(post_request("a")));
  CLAIM(kept.read_until("\r\n\r\na"));
  rlimit before = {};
  ::getrlimit(RLIMIT_NOFILE, &before);
  Client refused(server.port());
  CLAIM(refused.send(post_request("first")));
  CLAIM(refused.read_until("first"));
  std::vector<int> fillers;
  const rlimit narrow = {.rlim_cur = 64, .rlim_max = before.rlim_max};
  CLAIM(::setrlimit(RLIMIT_NOFILE, &narrow) == 0);
  // Made before the table is full: its connection is what finds no room.
  const int late = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  for (int fd = ::open("/dev/null", O_RDONLY); fd >= 0; fd = ::open("/dev/null", O_RDONLY)) fillers.push_back(fd);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(server.port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CLAIM(::connect(late, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  pollfd ready = {.fd = late, .events = POLLIN, .revents = 0};
  CLAIM(::poll(&ready, 1, kPatienceMs) == 1);
  char byte = 0;
  CLAIM(::recv(late, &byte, 1, 0) <= 0);
  kept.bytes.clear();
  CLAIM(kept.send(post_request("b")));
  CLAIM(kept.read_until("\r\n\r\nb"));
  for (const int fd : fillers) ::close(fd);
  ::close(late);
  ::setrlimit(RLIMIT_NOFILE, &before);
  Client again(server.port());
  CLAIM(again.send(post_request("c")));
  CLAIM(again.read_until("\r\n\r\nc"));
}

TEST("several threads: connections are spread evenly, and all are served") {
  EchoServer server(3);
  std::vector<std::unique_ptr<Client>> clients;
  for (int index = 0; index < 30; ++index) {
    clients.push_back(std::make_unique<Client>(server.port()));
    CLAIM(clients.back()->send(post_request(std::to_string(index))));
    CLAIM(clients.back()->read_until("\r\n\r\n" + std::to_string(index)));
  }
  for (size_t loop = 0; loop < 3; ++loop) CLAIM(server.connections_of(loop) == 10);
  clients.clear();
  until("all are gone", [&] { return server.connections() == 0; });
}

TEST("a port is one process's alone") {
  const Listener first = open_listener("127.0.0.1", 0);
  CLAIM(first.fd >= 0);
  CLAIM(open_listener("127.0.0.1", first.port).fd < 0);
  CLAIM(open_listener("no.such.host.invalid", 0).fd < 0);
  ::close(first.fd);
}
}  // namespace

int main() {
  return penstock::testing::run_all();
}
