// One thread of the generator: an epoll loop over its share of the connections, which sends what is due, reads what
// came and hands over what it counted at the end of every interval. Threads share nothing while the load runs but the
// plan, the request sets and the hand-over.
//
// Open loop: arrivals are drawn ahead of time and each carries the time at which it was due. One that finds no room
// waits in the backlog with its clock running, so that a server which stalls is charged for all it kept waiting
// (coordinated omission: G. Tene, "How NOT to Measure Latency", 2013). The backlog is bounded; what does not fit is
// counted as a failure, not forgotten.
// Closed loop: every connection has so many users. A user sends, waits for the answer, thinks, and sends again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

#include "load/client/client.hpp"
#include "load/plan/arrivals.hpp"
#include "load/plan/schedule.hpp"

namespace penstock::load {

class Worker {
 public:
  // Called by the worker's thread with what it counted in one interval, one call per interval and a last one for what
  // was answered after the end.
  using HandOver = std::function<void(std::unique_ptr<Counters>)>;

  // `index` of `plan.threads` workers.
  Worker(const Plan& plan, const Address& address, const std::vector<RequestSet>& sets, uint32_t index);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();

  // Connects, waiting; ends the program when the server refuses.
  void open();
  // Runs the plan to its end. `start_ns` lies a little ahead.
  void run(int64_t start_ns, const HandOver& hand_over);

 private:
  struct Timer {
    int64_t at_ns;
    uint32_t connection;
    bool is_reconnect;
    size_t phase;
    bool operator>(const Timer& other) const noexcept { return at_ns > other.at_ns; }
  };
  struct Waiting {
    int64_t due_ns;
    Counts counts;
  };

  const Phase& phase() const noexcept { return plan_.phases[phase_]; }
  void begin_phase(size_t phase, int64_t now);
  void begin_users(int64_t now);
  void close_intervals(int64_t now);
  void take_arrivals(int64_t now);
  void draw_arrival();
  void send_backlog();
  void fire_timers(int64_t now);
  void refill(size_t index, int64_t now);
  void send(size_t index, int64_t due_ns, Counts counts);
  void mark_ready(size_t index);
  void mark_dirty(size_t index);
  void flush_dirty(int64_t now);
  void flush(size_t index, int64_t now);
  void poll_for_events(size_t index);
  void poll(int64_t until_ns);
  void serve(size_t index, uint32_t ready);
  void account_answers(size_t index, uint32_t before, int64_t now);
  void lose(size_t index, std::string_view reason, int64_t now);
  void drain();
  bool has_work() const noexcept;
  void hand_over_counters();

  const Plan& plan_;
  const std::vector<RequestSet>& sets_;
  size_t connections_;
  double share_;  // of the plan's rate
  uint64_t backlog_max_;
  std::string backlog_sentence_;
  std::vector<Interval> intervals_;
  // Apart, so that when answers come does not change what is sent.
  Random arrival_random_;
  Random mix_random_;
  Random think_random_;
  Mix mix_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<Counters> counters_;
  const HandOver* hand_over_ = nullptr;

  int poll_ = -1;
  Buffer scratch_;
  int64_t start_ns_ = 0;
  int64_t phase_start_ns_ = 0;
  int64_t phase_end_ns_ = 0;
  size_t phase_ = 0;
  size_t interval_ = 0;
  bool is_draining_ = false;
  std::optional<Arrivals> arrivals_;
  int64_t next_due_ns_ = 0;
  std::deque<Waiting> backlog_;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  std::vector<uint32_t> next_request_;  // by kind: bodies are used in turn
  std::vector<uint32_t> thinking_;      // by connection
  std::deque<uint32_t> ready_;          // connections with room, while an open loop runs; each at most once
  std::vector<uint8_t> is_ready_;
  std::vector<uint32_t> dirty_;  // connections with unsent bytes that were not tried yet
  std::vector<uint8_t> is_dirty_;
};

}  // namespace penstock::load
