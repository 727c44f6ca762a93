// The thread that writes all logs of a runtime. It sleeps until a log has a write's worth of rows, somebody waits for
// his, or rows have waited long enough; then it looks at every log once. Begun with the first log.
#pragma once
#include <memory>
#include <mutex>
#include <thread>

#include "log/row_log.hpp"

namespace penstock {
class LogWriter {
 public:
  explicit LogWriter(FileLayer& files = FileLayer::system()) : hub_(std::make_shared<LogHub>(files)) {}
  // Writes and seals everything.
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // Its owner closes it; nothing is on the disk before the first row.
  std::shared_ptr<RowLog> open(std::shared_ptr<LogStats> stats, LogOptions options);

 private:
  const std::shared_ptr<LogHub> hub_;
  std::mutex mutex_;
  std::thread thread_;
};
}  // namespace penstock
