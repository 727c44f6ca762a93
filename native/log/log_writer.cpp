#include "log/log_writer.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/clock.hpp"

namespace penstock {
namespace {
// Returns when the next log is due.
int64_t run_logs(const std::vector<std::shared_ptr<RowLog>>& logs, LogHub& hub) {
  int64_t due_ns = std::numeric_limits<int64_t>::max();
  for (const auto& log : logs) {
    if (log->run(now_ns())) {
      due_ns = std::min(due_ns, log->next_run_ns());
      continue;
    }
    std::lock_guard lock(hub.mutex);
    std::erase(hub.logs, log);
  }
  return due_ns;
}

void sleep_until(LogHub& hub, int64_t due_ns) {
  const int64_t begun_ns = now_ns();
  std::unique_lock lock(hub.mutex);
  while (!hub.is_stopping) {
    const int attention = hub.attention.load(std::memory_order_acquire);
    if (attention == LogHub::kNow) return;
    int64_t until_ns = due_ns;
    if (attention == LogHub::kSoon) until_ns = std::min(until_ns, begun_ns + RowLog::kWriteDelayNs);
    if (until_ns <= now_ns()) return;
    if (until_ns == std::numeric_limits<int64_t>::max())
      hub.woken.wait(lock);
    else
      hub.woken.wait_for(lock, std::chrono::nanoseconds(until_ns - now_ns()));
  }
}

void write_logs(const std::shared_ptr<LogHub>& hub) {
  std::vector<std::shared_ptr<RowLog>> logs;
  for (;;) {
    bool is_stopping = false;
    {
      std::lock_guard lock(hub->mutex);
      logs = hub->logs;
      is_stopping = hub->is_stopping;
    }
    if (is_stopping)
      for (const auto& log : logs) log->close({});
    hub->attention.store(LogHub::kNone, std::memory_order_release);
    const int64_t due_ns = run_logs(logs, *hub);
    logs.clear();
    if (is_stopping) return;
    sleep_until(*hub, due_ns);
  }
}
}  // namespace

LogWriter::~LogWriter() {
  {
    std::lock_guard lock(hub_->mutex);
    hub_->is_stopping = true;
  }
  hub_->woken.notify_one();
  if (!thread_.joinable()) return;
  // The last request that the thread answers may be what held the runtime: then it ends by itself.
  if (thread_.get_id() == std::this_thread::get_id())
    thread_.detach();
  else
    thread_.join();
}

std::shared_ptr<RowLog> LogWriter::open(std::shared_ptr<LogStats> stats, LogOptions options) {
  auto log = std::make_shared<RowLog>(hub_, std::move(stats), std::move(options));
  {
    std::lock_guard lock(hub_->mutex);
    hub_->logs.push_back(log);
  }
  std::lock_guard lock(mutex_);
  if (!thread_.joinable()) thread_ = std::thread([hub = hub_] { write_logs(hub); });
  return log;
}
}  // namespace penstock
