// One engine's scheduler and pipelines. Several engines may live in one process; their runtimes share nothing.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <vector>

#include "core/boundary_codes.hpp"
#include "core/byte_budget.hpp"
#include "core/histogram.hpp"
#include "core/shards.hpp"
#include "plan/plan.hpp"
#include "queue/scheduler.hpp"
#include "runtime/log_stats.hpp"

namespace penstock {
// What a port counts of the answers of one pipeline; answer_counters.hpp says what the times are.
struct alignas(64) AnswerTimes {
  Counter results;
  Counter rows;
  Histogram total;
  Histogram send;
};

// What the caches of a pipeline's deployments did, one after the other.
struct CacheCounters {
  std::atomic<uint64_t> hits{0};
  std::atomic<uint64_t> misses{0};
  std::atomic<uint64_t> evictions{0};  // for want of room
};

struct PipelineStats {
  std::atomic<uint32_t> in_flight{0};
  std::array<std::atomic<uint64_t>, kStatusCodeCount> failure_counts{};
  std::array<std::atomic<uint64_t>, kPositionsMax> shed_rows{};
  // By position, then by what they were lost for.
  std::array<std::array<std::atomic<uint64_t>, kStatusCodeCount>, kPositionsMax> lost_rows{};
  std::array<std::atomic<uint64_t>, kChecksMax> check_failures{};
  CacheCounters cache;
  Shards<AnswerTimes> answers;
};

// The slot under which a pipeline's name is served: plans come and go behind it.
class Pipeline {
 public:
  std::shared_ptr<Plan> plan() const {
    std::lock_guard lock(mutex_);
    return plan_;
  }
  void set_plan(std::shared_ptr<Plan> plan) {
    std::lock_guard lock(mutex_);
    plan_.swap(plan);
  }
  const std::shared_ptr<PipelineStats> stats = std::make_shared<PipelineStats>();
  const std::shared_ptr<LogStats> log_stats = std::make_shared<LogStats>();

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<Plan> plan_;
};

class Runtime {
 public:
  // Not measuring: nothing is counted per request or batch but what scheduling needs.
  explicit Runtime(bool is_measuring = true, int64_t budget_bytes = std::numeric_limits<int64_t>::max());
  virtual ~Runtime();  // log/logging_runtime.hpp adds a log writer
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // Numbers a WebSocket request that asks for its id: above all numbers of JavaScript and the log, and exact there.
  uint64_t number_request() noexcept { return kNumbersFirst + numbered_.fetch_add(1, std::memory_order_relaxed); }

  // Its answers that are too old go with trim_caches.
  void add_cache(const std::shared_ptr<PredictionCache>& cache);
  void trim_caches(int64_t now_ns);

  // Before the scheduler, whose batches give back what their requests hold.
  ByteBudget budget;
  Scheduler scheduler;
  WriterNumbers ports;

 private:
  static constexpr uint64_t kNumbersFirst = (uint64_t{1} << 52) + (uint64_t{1} << 51);
  std::atomic<uint64_t> numbered_{0};
  std::mutex caches_mutex_;
  std::vector<std::weak_ptr<PredictionCache>> caches_;
};
}  // namespace penstock
