// Everything an I/O thread serves without JavaScript, and the turns in which it does so: what arrives is admitted as it
// comes, batches are published once a turn, and all that workers have finished by then is written.
// Threads: the I/O thread's, but for `context().lock()` and what the services offer under it.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "net/service/frame_service.hpp"
#include "net/service/io_context.hpp"
#include "net/service/json_service.hpp"

namespace penstock::net::service {
class IoService final : public StreamHandler {
 public:
  // `waker` is what the port's notify calls. `wake_script` runs under the lock, on any thread.
  IoService(std::shared_ptr<Port> port, std::shared_ptr<LoopWaker> waker, std::shared_ptr<websocket::Gateway> frames,
            std::shared_ptr<json::Gateway> json, std::shared_ptr<AnswerCounters> counters,
            std::function<void()> wake_script)
      : context_(std::move(port), std::move(waker), std::move(counters), std::move(wake_script)),
        frames_(context_, std::move(frames)),
        json_(context_, std::move(json)) {}

  // Before the loop runs, and with null after it has ended.
  void attach(StreamSink* sink);

  void open_socket(uint64_t socket) override { frames_.open_socket(socket); }
  void close_socket(uint64_t socket) override { frames_.close_socket(socket); }
  bool receive(uint64_t socket, std::span<const std::byte> message) override {
    return frames_.receive(socket, {reinterpret_cast<const uint8_t*>(message.data()), message.size()});
  }
  void leave(uint64_t socket) override { frames_.leave(socket); }
  void weigh(uint64_t socket) override { frames_.weigh(socket); }
  int64_t receive_request(uint64_t exchange, const RequestParser& head, std::string_view received,
                          std::string_view body) override {
    return json_.receive(exchange, head, received, body);
  }
  void abort_request(int64_t ticket) override { json_.abort(ticket); }
  void end_turn() override;
  int next_timeout_ms() const noexcept override;

  IoContext& context() noexcept { return context_; }
  FrameService& frames() noexcept { return frames_; }
  JsonService& json() noexcept { return json_; }

 private:
  void collect_answers();
  void expire(int64_t now_us);

  IoContext context_;
  FrameService frames_;
  JsonService json_;
  int64_t ready_ns_ = 0;
  int64_t expiry_us_ = 0;  // when deadlines are looked at next; 0: nothing has one
  int64_t scanned_us_ = 0;
};
}  // namespace penstock::net::service
