// Compares what two nodes of a plan gave for the same rows, where live requests are judged beside their answers: a
// model and the one that may take its place. It stands where a log stands, before the log if there is one, and sees
// requests when their last background row is back, so that no caller waits for it.
//
//   completed requests ─► append ─► rows compared, counts ─► the log, or done
//
// Rows are the same when all their elements are: integers, booleans by value; floats that differ by at most
// kRelativeTolerance of the larger, which is what kernels of other machines differ by; NaN and NaN.
// Threads: counts are read by any; the rest as RequestLog.
#pragma once
#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "plan/plan.hpp"
#include "plan/request_log.hpp"

namespace penstock {
constexpr double kRelativeTolerance = 1e-5;

// Outlives the plans that count here.
struct ComparisonCounts {
  std::atomic<uint64_t> compared_rows{0};
  std::atomic<uint64_t> same_rows{0};
  std::atomic<uint64_t> lost_rows{0};  // that one of the two has not answered
};

// Elements [first, first + count) of the rows of two tensors. count 0: all of them.
struct ComparedTensor {
  Source one;
  Source other;
  uint32_t first = 0;
  uint32_t count = 0;
};

class AnswerComparison final : public RequestLog {
 public:
  AnswerComparison(std::shared_ptr<ComparisonCounts> counts, std::vector<ComparedTensor> tensors,
                   std::shared_ptr<RequestLog> log)
      : counts_(std::move(counts)), tensors_(std::move(tensors)), log_(std::move(log)) {}

  std::string bind(Plan& plan) const override;
  void append(std::span<const LogItem> items) override;
  bool keep_keys(LoggedKeys& keys, const MetaView& meta, std::span<const RowKey> row_keys, uint32_t rows) override {
    return log_ != nullptr && log_->keep_keys(keys, meta, row_keys, rows);
  }
  bool is_refusing() const noexcept override { return log_ != nullptr && log_->is_refusing(); }
  int last_fault() const noexcept override { return log_ == nullptr ? 0 : log_->last_fault(); }
  bool is_committed() const noexcept override { return log_ != nullptr && log_->is_committed(); }

 private:
  void compare(const Request& request) const noexcept;

  const std::shared_ptr<ComparisonCounts> counts_;
  const std::vector<ComparedTensor> tensors_;
  const std::shared_ptr<RequestLog> log_;
};
}  // namespace penstock
