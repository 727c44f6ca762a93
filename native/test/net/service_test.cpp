// Claims about requests that an I/O thread serves by itself: with the real gateway and scheduler, and sockets that only
// count.
#include "net/service/io_service.hpp"

#include <atomic>
#include <map>
#include <string>
#include <thread>

#include "test/engine_fixture.hpp"
#include "test/infer_frame.hpp"
#include "test/testing.hpp"

using namespace penstock;
using namespace penstock::testing;
using namespace penstock::net::service;

namespace {
// Sockets of a kernel that takes `room` more bytes of each.
struct FakeSockets final : net::StreamSink {
  struct Socket {
    std::vector<std::vector<uint8_t>> messages;
    uint64_t queued = 0;
    size_t buffered = 0;
    size_t room = SIZE_MAX;
  };
  std::map<uint64_t, Socket> sockets;
  std::map<uint64_t, std::string> replies;

  void send(uint64_t number, std::span<const std::byte> message) override {
    Socket& socket = sockets[number];
    const auto* const bytes = reinterpret_cast<const uint8_t*>(message.data());
    socket.messages.emplace_back(bytes, bytes + message.size());
    socket.queued += message.size();
    socket.buffered += message.size();
  }
  // The end of a turn. Returns the sockets that keep a rest.
  std::vector<uint64_t> flush() {
    std::vector<uint64_t> rest;
    for (auto& [number, socket] : sockets) {
      take(socket);
      if (socket.buffered > 0) rest.push_back(number);
    }
    return rest;
  }
  void take(Socket& socket) {
    const size_t taken = std::min(socket.room, socket.buffered);
    socket.buffered -= taken;
    socket.room -= taken;
  }
  uint64_t queued_bytes(uint64_t number) override { return sockets[number].queued; }
  size_t buffered_bytes(uint64_t number) override { return sockets[number].buffered; }
  void reply(uint64_t exchange, const net::StreamReply& reply) override {
    const auto* const bytes = reinterpret_cast<const char*>(reply.body.data());
    replies[exchange] = std::to_string(reply.status) + " " + std::string(bytes, reply.body.size());
  }
  void wake() noexcept override {}
};

struct Fixture {
  Engine engine;
  std::shared_ptr<LoopWaker> waker = std::make_shared<LoopWaker>();
  FakeSockets sockets;
  std::shared_ptr<IoService> service;
  int wakes_of_script = 0;

  explicit Fixture(std::array<uint32_t, 2> pending = {4096, 64}) {
    auto queue = make_queue(engine.runtime, 10, 8, pending);
    CLAIM(engine.deploy(make_plan({{one_model(std::move(queue), from_request())}})).empty());
    engine.port->close();
    engine.port = std::make_shared<Port>(engine.runtime, 4096, [waker = waker] { waker->wake(); });
    service = std::make_shared<IoService>(engine.port, waker, std::make_shared<websocket::Gateway>(*engine.port),
                                          std::make_shared<json::Gateway>(*engine.port),
                                          std::make_shared<AnswerCounters>(engine.port->writer),
                                          [this] { ++wakes_of_script; });
    service->attach(&sockets);
  }
  FrameService& frames() { return service->frames(); }
  // As JavaScript does once the caller is known.
  uint32_t open(uint64_t socket, uint32_t window = 64) {
    frames().open_socket(socket);
    service->end_turn();
    const auto held = service->context().lock();
    const auto connection = frames().open_connection(socket, window);
    auto pipeline = std::shared_ptr<Pipeline>(&engine.pipeline, [](Pipeline*) {});
    CLAIM(frames().gateway().open_channel(connection, 5, std::move(pipeline), false));
    return connection;
  }
  void close(uint64_t socket, uint32_t connection) {
    frames().close_socket(socket);
    service->end_turn();
    const auto held = service->context().lock();
    frames().close_connection(connection);
  }
  bool receive(uint64_t socket, const std::vector<uint8_t>& frame) {
    return frames().receive(socket, {frame.data(), frame.size()});
  }
  void run() {
    service->end_turn();
    engine.run_all();
    service->end_turn();
    for (const uint64_t socket : sockets.flush()) frames().weigh(socket);
  }
  std::vector<RefusedFrame> refused() {
    const auto held = service->context().lock();
    service->context().script_is_here();
    return frames().take_refused(100);
  }
  std::vector<HeldBytes> held_bytes() {
    const auto held = service->context().lock();
    service->context().script_is_here();
    return frames().take_held(100);
  }
};

// The requests that a Results frame answers, and the first value of each of its rows of two.
struct Results {
  std::vector<uint32_t> requests;
  std::vector<float> firsts;
};
Results read_results(const std::vector<uint8_t>& message) {
  Results results;
  Body type{};
  websocket::Table body;
  websocket::Vector requests;
  websocket::Vector data;
  CLAIM(websocket::read_message({message.data(), message.size()}, type, body) == FrameFault::kNone);
  CLAIM(type == Body::kResults);
  CLAIM(body.vector(slots::results::requests, 4, requests) && body.vector(slots::results::data, 1, data));
  for (size_t i = 0; i < requests.count; ++i) {
    results.requests.push_back(requests.get<uint32_t>(i));
    results.firsts.push_back(data.get<float>(2 * i));
  }
  return results;
}
}  // namespace

TEST("service: frames are admitted and their results written in turns, and JavaScript hears nothing") {
  Fixture fixture;
  const uint32_t a = fixture.open(7);
  const uint32_t b = fixture.open(8);
  CLAIM(fixture.receive(7, infer_frame(5, 71, 1, {1, 2})) && fixture.receive(8, infer_frame(5, 81, 1, {3, 4})));
  CLAIM(fixture.receive(7, infer_frame(5, 72, 1, {5, 6})));
  fixture.run();
  CLAIM(fixture.sockets.sockets[7].messages.size() == 1 && fixture.sockets.sockets[8].messages.size() == 1);
  const Results of_a = read_results(fixture.sockets.sockets[7].messages[0]);
  CLAIM((of_a.requests == std::vector<uint32_t>{71, 72} && of_a.firsts == std::vector<float>{11, 15}));
  CLAIM(read_results(fixture.sockets.sockets[8].messages[0]).firsts == std::vector<float>{13});
  CLAIM(fixture.wakes_of_script == 0 && fixture.engine.port->in_flight() == 0);
  fixture.close(7, a);
  fixture.close(8, b);
}

TEST("service: what is left goes before all later frames of its socket, and of no other") {
  Fixture fixture;
  fixture.frames().open_socket(9);
  // Its caller is not known yet.
  CLAIM(!fixture.receive(9, infer_frame(5, 1, 1, {1, 2})));
  fixture.service->end_turn();
  uint32_t connection = 0;
  {
    const auto held = fixture.service->context().lock();
    connection = fixture.frames().open_connection(9, 64);
    auto pipeline = std::shared_ptr<Pipeline>(&fixture.engine.pipeline, [](Pipeline*) {});
    CLAIM(fixture.frames().gateway().open_channel(connection, 5, std::move(pipeline), false));
  }
  const uint32_t other = fixture.open(10);
  CLAIM(!fixture.receive(9, infer_frame(5, 2, 1, {1, 2})) && fixture.receive(10, infer_frame(5, 2, 1, {1, 2})));
  fixture.service->end_turn();
  const auto handle = [&] {
    const auto held = fixture.service->context().lock();
    fixture.frames().handled(9);
  };
  handle();
  CLAIM(!fixture.receive(9, infer_frame(5, 3, 1, {1, 2})));
  fixture.service->end_turn();
  handle();
  handle();
  CLAIM(fixture.receive(9, infer_frame(5, 4, 1, {1, 2})));
  // A message of another kind, and one that is malformed, are JavaScript's.
  CLAIM(!fixture.receive(9, infer_frame(5, 5, 1, {1, 2}, Body::kCancel)));
  fixture.service->end_turn();
  handle();
  CLAIM(!fixture.receive(9, {1, 2, 3}));
  fixture.run();
  CLAIM(read_results(fixture.sockets.sockets[9].messages.at(0)).requests == std::vector<uint32_t>{4});
  fixture.close(9, connection);
  fixture.close(10, other);
}

TEST("service: a full queue's refusals wait for JavaScript, and once it has written one, later ones do not") {
  Fixture fixture({2, 2});
  const uint32_t connection = fixture.open(7);
  for (uint32_t i = 1; i <= 4; ++i) CLAIM(fixture.receive(7, infer_frame(5, i, 1, {1, 2})));
  fixture.service->end_turn();
  const auto refused = fixture.refused();
  CLAIM(refused.size() == 2 && fixture.wakes_of_script == 1);
  CLAIM(refused[0].request == 3 && refused[0].channel == 5 && refused[0].failure.code == StatusCode::kQueueFull);
  CLAIM(refused[0].connection == connection && fixture.sockets.sockets[7].messages.empty());
  {
    const auto held = fixture.service->context().lock();
    fixture.frames().keep_refusal({.failure = refused[0].failure,
                                   .message = std::vector<std::byte>(16),
                                   .channel_at = 4,
                                   .request_at = 8,
                                   .until_us = now_us() + 1'000'000});
  }
  CLAIM(fixture.receive(7, infer_frame(5, 77, 1, {1, 2})));
  fixture.service->end_turn();
  const auto& messages = fixture.sockets.sockets[7].messages;
  CLAIM(messages.size() == 1 && messages[0].size() == 16 && messages[0][4] == 5 && messages[0][8] == 77);
  CLAIM(fixture.refused().empty());
  // Another reason is not the same message.
  const std::vector<float> three(6, 1.0f);
  CLAIM(fixture.receive(7, infer_frame(5, 78, 2, three)));
  fixture.run();
  const auto others = fixture.refused();
  CLAIM(others.size() == 1 && others[0].failure.code == StatusCode::kShape);
  fixture.close(7, connection);
}

TEST("service: a reader that does not read holds its credit, and gets it back as the kernel takes frames") {
  Fixture fixture;
  const uint32_t connection = fixture.open(7, 4);
  FakeSockets::Socket& socket = fixture.sockets.sockets[7];
  socket.room = 40;
  const auto answer_one = [&](uint32_t request) {
    CLAIM(fixture.receive(7, infer_frame(5, request, 1, {1, 2})));
    fixture.run();
  };
  answer_one(1);
  CLAIM(socket.buffered > 0);
  const auto held = fixture.held_bytes();
  CLAIM(held.size() == 1 && held[0].connection == connection && held[0].buffered == socket.buffered);
  // The frame that filled the socket was not held; the four after it are.
  for (uint32_t request = 2; request <= 5; ++request) answer_one(request);
  CLAIM(!fixture.receive(7, infer_frame(5, 6, 1, {1, 2})));  // too much in flight: JavaScript closes it
  fixture.service->end_turn();
  {
    const auto lock = fixture.service->context().lock();
    fixture.frames().handled(7);
  }
  socket.room = SIZE_MAX;
  fixture.sockets.take(socket);
  fixture.frames().weigh(7);
  fixture.service->end_turn();
  const auto relieved = fixture.held_bytes();
  CLAIM(relieved.size() == 1 && relieved[0].buffered == 0);
  answer_one(7);
  CLAIM(socket.messages.size() == 6 && fixture.engine.port->in_flight() == 0);
  fixture.close(7, connection);
}

TEST("service: a request whose deadline passes fails in a turn that no event began") {
  Fixture fixture;
  const uint32_t connection = fixture.open(7);
  CLAIM(fixture.service->next_timeout_ms() == -1);
  CLAIM(fixture.receive(7, infer_frame(5, 1, 1, {1, 2}, Body::kInfer, 20)));
  fixture.service->end_turn();
  for (int i = 0; i < 200 && fixture.engine.port->in_flight() > 0 && fixture.wakes_of_script == 0; ++i) {
    const int wait_ms = fixture.service->next_timeout_ms();
    CLAIM(wait_ms >= 0 && wait_ms <= 20);
    std::this_thread::sleep_for(std::chrono::milliseconds(std::max(wait_ms, 1)));
    fixture.service->end_turn();
  }
  const auto refused = fixture.refused();
  CLAIM(refused.size() == 1 && refused[0].failure.code == StatusCode::kDeadlineExceeded && refused[0].request == 1);
  fixture.run();
  std::this_thread::sleep_for(std::chrono::milliseconds(25));
  fixture.service->end_turn();
  CLAIM(fixture.service->next_timeout_ms() == -1);
  fixture.close(7, connection);
}

TEST("service: results of a socket that is gone go nowhere, and its number is forgotten") {
  Fixture fixture;
  const uint32_t connection = fixture.open(7);
  CLAIM(fixture.receive(7, infer_frame(5, 1, 1, {1, 2})));
  fixture.service->end_turn();
  fixture.frames().close_socket(7);
  fixture.run();
  CLAIM(fixture.sockets.sockets[7].messages.empty());
  const auto held = fixture.service->context().lock();
  fixture.frames().close_connection(connection);
  CLAIM(fixture.frames().socket_count() == 0 && fixture.engine.port->in_flight() == 0);
}

TEST("service: JavaScript may know the caller of a socket before the loop has opened it, and end it before that") {
  Fixture fixture;
  const auto open_and_close = [&](bool ends_first) {
    uint32_t connection = 0;
    {
      const auto held = fixture.service->context().lock();
      connection = fixture.frames().open_connection(3, 4);
    }
    if (!ends_first) fixture.frames().open_socket(3);
    {
      const auto held = fixture.service->context().lock();
      fixture.frames().close_connection(connection);
    }
    if (ends_first) fixture.frames().open_socket(3);
    CLAIM(fixture.frames().socket_count() == 1);
    fixture.frames().close_socket(3);
    CLAIM(fixture.frames().socket_count() == 0);
  };
  open_and_close(false);
  open_and_close(true);
}

namespace {
struct JsonFixture : Fixture {
  std::shared_ptr<CallerLimit> limit = std::make_shared<CallerLimit>(0, 1, 2);
  std::string path = "/v1/pipelines/adds/infer";
  std::string headers = "Host: localhost\r\nContent-Type: application/json\r\n";

  JsonFixture() {
    auto form = std::make_shared<AnswerForm>();
    form->input_names = {"x"};
    form->outputs.push_back({0, "\"y\":"});
    form->metadata = ",\"metadata\":{\"request_id\":\"i-";
    engine.pipeline.plan()->answer_form = std::move(form);
  }
  std::string key() const { return path + "\napplication/json\n\n\n\nlocalhost\n\n\n"; }
  void judge(int64_t moment_us = 1'000'000) {
    const auto held = service->context().lock();
    service->json().keep_head(key(), {.pipeline = std::shared_ptr<Pipeline>(&engine.pipeline, [](Pipeline*) {}),
                                      .plan_key = engine.pipeline.plan()->key,
                                      .limit = limit,
                                      .route = 1,
                                      .until_us = now_us() + moment_us});
  }
  int64_t post(uint64_t exchange, const std::string& body, const std::string& more = "", const char* query = "") {
    const std::string head = "POST " + path + query + " HTTP/1.1\r\n" + headers + more +
                             "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
    net::RequestParser parser;
    CLAIM(parser.read(head, {}) == net::RequestParser::Progress::kWhole);
    return service->receive_request(exchange, parser, head, body);
  }
};
constexpr int64_t kNotTaken = net::StreamHandler::kNotTaken;
const char* const kRow = R"({"x":[[1,2]]})";
}  // namespace

TEST("service: a body with a head that was judged is admitted and its answer printed, and counted") {
  JsonFixture fixture;
  CLAIM(fixture.post(1, kRow) == kNotTaken);
  fixture.service->end_turn();
  fixture.judge();
  CLAIM(fixture.post(2, kRow) >= 0 && fixture.limit->in_flight() == 1);
  fixture.run();
  CLAIM(fixture.sockets.replies.size() == 1);
  CLAIM(fixture.sockets.replies[2].starts_with(R"(200 {"outputs":{"y":[[11,12]]})"));
  CLAIM(fixture.service->json().answered(1) == 1 && fixture.limit->in_flight() == 0);
  CLAIM(fixture.wakes_of_script == 0 && fixture.engine.port->in_flight() == 0);
}

TEST("service: another head, a body that does not fit and a caller at its limit are JavaScript's") {
  JsonFixture fixture;
  fixture.judge();
  CLAIM(fixture.post(1, kRow, "X-Request-Id: 7\r\n") == kNotTaken);
  CLAIM(fixture.post(1, kRow, "Accept: text/csv\r\n") == kNotTaken);
  CLAIM(fixture.post(1, kRow, "Content-Type: application/json\r\n") == kNotTaken);
  CLAIM(fixture.post(1, kRow, "Penstock-Deadline-Ms: 9\r\n") == kNotTaken);
  CLAIM(fixture.post(1, kRow, "", "?a=1") == kNotTaken);
  CLAIM(fixture.post(1, R"({"x":[[1,"2"]]})") == kNotTaken && fixture.limit->in_flight() == 0);
  CLAIM(fixture.post(1, kRow, "User-Agent: any\r\n") >= 0 && fixture.post(2, kRow) >= 0);
  CLAIM(fixture.post(3, kRow) == kNotTaken);
  fixture.run();
  CLAIM(fixture.sockets.replies.size() == 2 && fixture.limit->in_flight() == 0);
  // What a plan's form is, only JavaScript says.
  fixture.engine.pipeline.plan()->key = 99;
  CLAIM(fixture.post(4, kRow) == kNotTaken);
  fixture.service->end_turn();
}

TEST("service: what was judged is judged again after a moment") {
  JsonFixture fixture;
  fixture.judge(20'000);
  CLAIM(fixture.post(1, kRow) >= 0);
  fixture.run();
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  CLAIM(fixture.post(2, kRow) == kNotTaken);
  fixture.service->end_turn();
}

TEST("service: a request that fails is replied to by JavaScript, and one whose caller is gone by nobody") {
  JsonFixture fixture;
  fixture.judge();
  const auto take_left = [&] {
    const auto held = fixture.service->context().lock();
    fixture.service->context().script_is_here();
    std::vector<uint32_t> tickets;
    for (Request* request = fixture.service->json().take_left(); request != nullptr;) {
      Request& left = *std::exchange(request, request->next_answer);
      tickets.push_back(static_cast<uint32_t>(left.origin.tag));
      CLAIM(left.status() != StatusCode::kOk);
      Port::unref(left);
    }
    return tickets;
  };
  const int64_t ticket = fixture.post(1, R"({"inputs":{"x":[[1,2]]},"deadlineMs":1})");
  CLAIM(ticket >= 0);
  fixture.service->end_turn();
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  fixture.service->end_turn();
  auto tickets = take_left();
  CLAIM(tickets == std::vector<uint32_t>{static_cast<uint32_t>(ticket)} && fixture.sockets.replies.empty());
  const auto reply = [&](uint32_t to) {
    const auto held = fixture.service->context().lock();
    CLAIM(fixture.service->json().is_answered(to));
    fixture.service->json().reply_later(to, 504, "", {std::byte{'!'}});
    CLAIM(!fixture.service->json().is_answered(to));
    fixture.waker->wake();
  };
  reply(tickets[0]);
  fixture.service->end_turn();
  CLAIM(fixture.sockets.replies[1] == "504 !" && fixture.limit->in_flight() == 0);
  const int64_t gone = fixture.post(2, kRow);
  fixture.service->end_turn();
  fixture.service->abort_request(gone);
  fixture.run();
  tickets = take_left();
  CLAIM(tickets.size() == 1);
  reply(tickets.at(0));
  fixture.service->end_turn();
  CLAIM(fixture.sockets.replies.size() == 1 && fixture.limit->in_flight() == 0);
}

TEST("service: JavaScript opens, cancels and closes while the I/O thread serves at full speed") {
  Fixture fixture;
  const uint32_t connection = fixture.open(7);
  std::atomic<bool> is_done{false};
  std::thread script([&] {
    for (int i = 0; i < 300; ++i) {
      const auto held = fixture.service->context().lock();
      auto pipeline = std::shared_ptr<Pipeline>(&fixture.engine.pipeline, [](Pipeline*) {});
      fixture.frames().gateway().open_channel(connection, 6, std::move(pipeline), false);
      fixture.frames().gateway().cancel(connection, 5, static_cast<uint32_t>(i));
      fixture.frames().gateway().close_channel(connection, 6);
    }
    is_done = true;
  });
  uint32_t request = 0;
  // Some turns at least: the other thread may be through before this one had the lock.
  for (int turn = 0; turn < 50 || !is_done; ++turn) {
    for (int i = 0; i < 16; ++i) CLAIM(fixture.receive(7, infer_frame(5, ++request, 1, {1, 2})));
    fixture.run();
    fixture.refused();
  }
  script.join();
  fixture.run();
  size_t answered = 0;
  for (const auto& message : fixture.sockets.sockets[7].messages) answered += read_results(message).requests.size();
  CLAIM(answered > 0 && fixture.engine.port->in_flight() == 0);
  fixture.close(7, connection);
}

int main() {
  return run_all();
}
