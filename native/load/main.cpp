// penstock-load: the load generator of `penstock bench`, for Penstock and for other inference servers over HTTP.
//
// Goals: never the bottleneck, so that on a shared machine it takes little from the server it measures, and says how
// much (generatorCpuSeconds); every answer checked while the clock runs; latencies that a stalled server cannot hide.
// Non-goals: TLS, HTTP/2, gRPC. Linux only: epoll, /proc.
//
// Plan on stdin (plan/plan.hpp), events on stdout (src/loadtest/native/load-plan.ts), one sentence on stderr when it
// cannot run.
// Exit status: 0 the plan ran, whatever the answers were · 1 the server is not there or refuses · 2 the plan is wrong.
#include <sys/resource.h>

#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "load/plan/abandon.hpp"
#include "load/report/reporter.hpp"
#include "load/worker.hpp"

namespace penstock::load {
namespace {

constexpr int64_t kStartDelayNs = 2'000'000;

// Thousands of connections need more descriptors than the usual soft limit; failing that, connect says so.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

std::string read_all(std::FILE* file) {
  std::string text;
  char part[4096];
  while (const size_t size = std::fread(part, 1, sizeof part, file)) text.append(part, size);
  return text;
}

int run() {
  std::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  const Plan plan = parse_plan(read_all(stdin));
  std::vector<RequestSet> sets;
  sets.reserve(plan.requests.size());
  for (const RequestKind& request : plan.requests) sets.emplace_back(request.bodies_path);
  const Address address = resolve(plan.host, plan.port);
  std::vector<std::unique_ptr<Worker>> workers;
  for (uint32_t index = 0; index < plan.threads; ++index) {
    workers.push_back(std::make_unique<Worker>(plan, address, sets, index));
    workers.back()->open();
  }
  Reporter reporter(plan, stdout);
  const int64_t start_ns = now_ns() + kStartDelayNs;
  std::vector<std::thread> threads;
  for (size_t index = 0; index < workers.size(); ++index) {
    threads.emplace_back([&, index] {
      workers[index]->run(
          start_ns, [&, index](std::unique_ptr<Counters> counters) { reporter.hand_over(index, std::move(counters)); });
    });
  }
  reporter.run(start_ns);
  for (std::thread& thread : threads) thread.join();
  return 0;
}

}  // namespace
}  // namespace penstock::load

int main() {
  return penstock::load::run();
}
