// What the logs of a pipeline count. The pipeline owns the counters, because they outlive each of its logs; the log's
// writer and the threads that append add to them.
#pragma once
#include <atomic>
#include <cstdint>

#include "core/histogram.hpp"

namespace penstock {
// Sums over all logs of a pipeline, one after the other and side by side.
struct LogStats {
  std::atomic<uint64_t> rows{0};          // written
  std::atomic<uint64_t> dropped_rows{0};  // not written, or lost by a failed sync
  std::atomic<uint64_t> bytes{0};
  std::atomic<uint64_t> changed_keys{0};  // texts that were cut, or were no UTF-8
  std::atomic<uint32_t> failing_logs{0};
  std::atomic<int32_t> last_fault{0};  // errno
  Histogram commit;                    // from the append of the oldest row until all were synced; the writer's own
};
}  // namespace penstock
