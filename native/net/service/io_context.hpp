// What an I/O thread and JavaScript share: a port with its completion queue, and the one lock around it.
//
// JavaScript works on the same port and gateways for all that is rare: it opens channels, cancels, closes and reads
// what was left to it. The I/O thread holds the lock from the first request of a turn until the turn ends, so that a
// request costs none; JavaScript waits for that end, which is short, and is let in before the next turn begins.
// Messages to JavaScript wait in lists of their owners; `wake_script_once` says that there are some.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "net/stream.hpp"
#include "runtime/answer_counters.hpp"
#include "runtime/port.hpp"

namespace penstock::net::service {
// Wakes the event loop from any thread, as long as there is one.
class LoopWaker {
 public:
  void attach(StreamSink* sink) {
    std::lock_guard lock(mutex_);
    sink_ = sink;
  }
  // There is something to do at the end of a turn.
  void wake() {
    is_woken_.store(true, std::memory_order_release);
    std::lock_guard lock(mutex_);
    if (sink_ != nullptr) sink_->wake();
  }
  bool take() noexcept { return is_woken_.exchange(false, std::memory_order_acq_rel); }

 private:
  std::mutex mutex_;
  StreamSink* sink_ = nullptr;
  std::atomic<bool> is_woken_{false};
};

class IoContext {
 public:
  IoContext(std::shared_ptr<Port> port_of_thread, std::shared_ptr<LoopWaker> waker_of_port,
            std::shared_ptr<AnswerCounters> counters_of_port, std::function<void()> wake_script)
      : port(std::move(port_of_thread)),
        waker(std::move(waker_of_port)),
        counters(std::move(counters_of_port)),
        wake_script_(std::move(wake_script)) {}

  // The I/O thread's: idempotent within a turn.
  void begin_turn() {
    if (!turn_.owns_lock()) turn_.lock();
  }
  bool has_turn() const noexcept { return turn_.owns_lock(); }
  // For what the loop says besides requests, also while it writes, after the turn: the lock is held no longer than
  // that.
  class Visit {
   public:
    explicit Visit(IoContext& context) : context_(context), is_alone_(!context.has_turn()) { context_.begin_turn(); }
    ~Visit() {
      if (is_alone_) context_.end_turn();
    }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

   private:
    IoContext& context_;
    const bool is_alone_;
  };
  void end_turn() {
    if (turn_.owns_lock()) turn_.unlock();
    // Whoever waits sleeps, and would find the lock taken again by the time it is awake.
    for (int i = 0; i < kYieldsMax && waiting_.load(std::memory_order_relaxed) > 0; ++i) std::this_thread::yield();
  }
  // JavaScript's.
  std::unique_lock<std::mutex> lock() {
    waiting_.fetch_add(1, std::memory_order_relaxed);
    std::unique_lock lock(mutex_);
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    return lock;
  }

  // Under the lock. JavaScript is woken once, however much there is when it comes.
  void wake_script_once() {
    if (!std::exchange(is_script_woken_, true)) wake_script_();
  }
  void script_is_here() noexcept { is_script_woken_ = false; }

  const std::shared_ptr<Port> port;
  const std::shared_ptr<LoopWaker> waker;  // the port's notify
  const std::shared_ptr<AnswerCounters> counters;
  StreamSink* sink = nullptr;  // null: no loop is attached
  // Requests were appended to batches that are not published yet.
  bool has_appended = false;

 private:
  static constexpr int kYieldsMax = 100;

  const std::function<void()> wake_script_;
  std::mutex mutex_;
  std::unique_lock<std::mutex> turn_{mutex_, std::defer_lock};
  std::atomic<int> waiting_{0};
  bool is_script_woken_ = false;
};
}  // namespace penstock::net::service
