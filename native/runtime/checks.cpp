#include "runtime/checks.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <span>

#include "core/assert.hpp"
#include "core/boundary_codes.hpp"
#include "runtime/runtime.hpp"

namespace penstock {
namespace {
using Sources = std::array<RowsView, kCheckSourcesMax>;

void note_failure(Request& request, size_t check, uint32_t row) noexcept {
  request.has_failed_check.store(true, std::memory_order_relaxed);
  request.check_bits[row] |= uint64_t{1} << check;
}

void count_failures(const Request& request, size_t check, uint64_t rows) noexcept {
  if (rows > 0) request.stats->check_failures[check].fetch_add(rows, std::memory_order_relaxed);
}

bool is_judged(const Entry& entry) noexcept {
  return !entry.is_dropped && !entry.is_failed && !entry.is_background && entry.request->plan_pointer->has_batch_checks;
}

// Entries of one plan, stage, node and branch, whose rows lie one behind the other.
std::span<const Entry> group_from(std::span<const Entry> entries) noexcept {
  const Entry& first = entries.front();
  size_t size = 1;
  uint32_t next_row = first.batch_row + first.count;
  for (; size < entries.size(); ++size) {
    const Entry& entry = entries[size];
    if (!is_judged(entry) || entry.batch_row != next_row ||
        entry.request->plan_pointer != first.request->plan_pointer || entry.stage != first.stage ||
        entry.position != first.position || entry.option != first.option)
      break;
    next_row += entry.count;
  }
  return entries.first(size);
}

// The requests of rows that are asked for in ascending order.
class Owners {
 public:
  explicit Owners(std::span<const Entry> group) noexcept : entry_(group.data()) {}
  void note_failure_of(uint32_t batch_row, size_t check) noexcept {
    while (batch_row >= entry_->batch_row + entry_->count) ++entry_;
    note_failure(*entry_->request, check, entry_->request_row + (batch_row - entry_->batch_row));
  }

 private:
  const Entry* entry_;
};

void judge(const Batch& batch, std::span<const Entry> group, size_t index, const Check& check) noexcept {
  Sources rows;
  for (size_t s = 0; s < check.sources.size(); ++s) {
    const Source& source = check.sources[s];
    const TensorView view = batch.view(source.side, source.slots[group.front().option]);
    rows[s] = {view.data + size_t{group.front().batch_row} * view.row_bytes, view.row_bytes, view.dtype};
  }
  Owners owners(group);
  uint64_t failures = 0;
  const uint32_t end = group.back().batch_row + group.back().count;
  for (uint32_t row = group.front().batch_row; row < end; row += CheckProgram::kBlockRows) {
    const uint32_t count = std::min(CheckProgram::kBlockRows, end - row);
    const uint32_t failed = check.program.run(std::span(rows.data(), check.sources.size()), count);
    failures += static_cast<uint64_t>(std::popcount(failed));
    for (uint32_t left = failed; left != 0; left &= left - 1)
      owners.note_failure_of(row + static_cast<uint32_t>(std::countr_zero(left)), index);
    for (size_t s = 0; s < check.sources.size(); ++s) rows[s].data += size_t{count} * rows[s].row_bytes;
  }
  // All of one plan, so of one pipeline.
  count_failures(*group.front().request, index, failures);
}
}  // namespace

void run_batch_checks(const Batch& batch) noexcept {
  const std::span<const Entry> entries(batch.entries);
  for (size_t i = 0; i < entries.size();) {
    if (!is_judged(entries[i])) {
      ++i;
      continue;
    }
    const std::span<const Entry> group = group_from(entries.subspan(i));
    const Plan& plan = *group.front().request->plan_pointer;
    for (size_t c = 0; c < plan.checks.size(); ++c) {
      const Check& check = plan.checks[c];
      if (check.after_stage == group.front().stage && check.only_position == group.front().position)
        judge(batch, group, c, check);
    }
    i += group.size();
  }
}

void run_scattered_checks(Request& request) noexcept {
  const Plan& plan = *request.plan;
  Sources rows;
  std::array<size_t, kCheckSourcesMax> hints;
  for (size_t c = 0; c < plan.checks.size(); ++c) {
    const Check& check = plan.checks[c];
    if (check.after_stage != request.stage || check.only_position >= 0) continue;
    std::fill_n(hints.begin(), check.sources.size(), size_t{0});
    uint64_t failures = 0;
    for (uint32_t row = 0; row < request.rows; ++row) {
      for (size_t s = 0; s < check.sources.size(); ++s) {
        TensorView view;
        const std::byte* const data = row_at(request, check.sources[s], row, hints[s], view);
        PENSTOCK_ASSERT(view.dims != nullptr);
        rows[s] = {data, view.row_bytes, view.dtype};
      }
      if (check.program.run(std::span(rows.data(), check.sources.size()), 1) == 0) continue;
      note_failure(request, c, row);
      ++failures;
    }
    count_failures(request, c, failures);
  }
}
}  // namespace penstock
