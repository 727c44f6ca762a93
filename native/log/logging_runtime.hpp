// A runtime whose pipelines may have logs: the runtime, and the thread that writes all of them.
// Invariant: the scheduler is closed before the writer ends, so that what is completed at the end is still written.
#pragma once
#include <cstdint>
#include <limits>

#include "log/log_writer.hpp"
#include "runtime/runtime.hpp"

namespace penstock {
class LoggingRuntime final : public Runtime {
 public:
  explicit LoggingRuntime(bool is_measuring = true, FileLayer& log_files = FileLayer::system(),
                          int64_t budget_bytes = std::numeric_limits<int64_t>::max())
      : Runtime(is_measuring, budget_bytes), log_writer(log_files) {}
  ~LoggingRuntime() { scheduler.close(); }

  LogWriter log_writer;
};
}  // namespace penstock
