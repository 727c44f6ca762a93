// penstock-flood: a closed-loop load generator for Penstock and for HTTP servers with the same JSON bodies.
//
// Goals: one thread and no allocation per request, so that on a shared machine it takes as little as possible from
// the server it measures, and says how much (generatorCpuSeconds); every answer checked against ONNX Runtime's own.
// Non-goals: open-loop arrival, TLS, other machines. Latency in a closed loop is latency under that concurrency only.
//
// Exit status: 0 when all answers were right, 3 when some were wrong or failed, 1 when the load could not be run,
// 2 for wrong arguments.
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <vector>

#include "load.hpp"
#include "report.hpp"

namespace flood {
namespace {

class Loop {
 public:
  Loop(Load& load, Meter& meter) : load_(load), meter_(meter), poll_(epoll_create1(EPOLL_CLOEXEC)) {
    if (poll_ < 0) abandon("Cannot open an epoll instance");
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop() { ::close(poll_); }

  void open_all() {
    for (size_t index = 0; index < load_.connection_count(); ++index) {
      load_.open(index);
      load_.connection(index).set_nonblocking();
      watch(EPOLL_CTL_ADD, index, EPOLLIN);
    }
    open_count_ = load_.connection_count();
    is_blocked_.assign(open_count_, false);
    for (size_t index = 0; index < load_.connection_count(); ++index) {
      load_.start(index);
      flush(index);
    }
  }

  // Serves the connections until the clock passes `until_ns`. False when no connection is left.
  bool run(int64_t until_ns) {
    std::array<epoll_event, 256> events;
    for (;;) {
      const int64_t left_ms = (until_ns - now_ns()) / 1'000'000;
      if (left_ms < 0) return true;
      const int count = epoll_wait(poll_, events.data(), static_cast<int>(events.size()), static_cast<int>(left_ms));
      if (count < 0 && errno != EINTR) abandon("epoll_wait failed");
      for (int event = 0; event < count; ++event) {
        serve(static_cast<size_t>(events[static_cast<size_t>(event)].data.u64),
              events[static_cast<size_t>(event)].events);
      }
      if (open_count_ == 0) return false;
      if (now_ns() >= until_ns) return true;
    }
  }

 private:
  void watch(int operation, size_t index, uint32_t interest) {
    epoll_event event{};
    event.events = interest;
    event.data.u64 = index;
    if (epoll_ctl(poll_, operation, load_.connection(index).descriptor(), &event) != 0) abandon("epoll_ctl failed");
  }

  void serve(size_t index, uint32_t ready) {
    Connection& connection = load_.connection(index);
    if (!connection.is_open()) return;
    if ((ready & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) {
      if (!connection.receive()) return lose(index, "the server closed a connection");
      if (!load_.advance(index)) return lose(index, "a connection could not go on");
    }
    flush(index);
  }

  // Sends what is waiting; watches for room to write only while the socket has none.
  void flush(size_t index) {
    Connection& connection = load_.connection(index);
    if (!connection.flush()) return lose(index, "a write failed");
    if (connection.has_unsent() == is_blocked_[index]) return;
    is_blocked_[index] = connection.has_unsent();
    watch(EPOLL_CTL_MOD, index, is_blocked_[index] ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }

  void lose(size_t index, const char* reason) {
    meter_.count_error(reason);
    load_.connection(index).close();
    open_count_ -= 1;
  }

  Load& load_;
  Meter& meter_;
  int poll_;
  size_t open_count_ = 0;
  std::vector<bool> is_blocked_;
};

// Thousands of connections need more descriptors than the usual soft limit; failing that, connect says so.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int64_t nanoseconds(double seconds) { return static_cast<int64_t>(seconds * 1e9); }

int run(const Options& options) {
  raise_descriptor_limit();
  const RequestSet set = read_request_set(options.requests_path);
  Meter meter;
  const auto load = options.mode == Mode::kHttp ? make_http_load(options, set, meter)
                                                : make_websocket_load(options, set, meter);
  Loop loop(*load, meter);
  loop.open_all();
  bool is_alive = loop.run(now_ns() + nanoseconds(options.warmup_seconds));
  meter.start();
  const Span before{0, own_cpu_seconds(), process_cpu_seconds(options.server_pid)};
  const int64_t start_ns = now_ns();
  is_alive = is_alive && loop.run(start_ns + nanoseconds(options.seconds));
  const double seconds = static_cast<double>(now_ns() - start_ns) * 1e-9;
  const double server_cpu_seconds = process_cpu_seconds(options.server_pid);
  const bool is_server_known = before.server_cpu_seconds >= 0 && server_cpu_seconds >= 0;
  print_report(options, set, meter,
               {seconds, own_cpu_seconds() - before.own_cpu_seconds,
                is_server_known ? server_cpu_seconds - before.server_cpu_seconds : -1});
  return is_alive && meter.errors == 0 && meter.mismatches == 0 && meter.latency.count() > 0 ? 0 : 3;
}

}  // namespace
}  // namespace flood

int main(int argument_count, char** arguments) {
  return flood::run(flood::parse_options(argument_count, arguments));
}
