#include "comparison/answer_comparison.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "batch/batch.hpp"
#include "kernel/cast.hpp"
#include "runtime/port.hpp"

namespace penstock {
namespace {
bool is_float(Dtype dtype) noexcept {
  return dtype == Dtype::kFloat32 || dtype == Dtype::kFloat64 || dtype == Dtype::kFloat16 || dtype == Dtype::kBfloat16;
}

bool is_same_number(double one, double other) noexcept {
  if (std::isnan(one) || std::isnan(other)) return std::isnan(one) && std::isnan(other);
  return one == other || std::abs(one - other) <= kRelativeTolerance * std::max(std::abs(one), std::abs(other));
}

bool is_same_row(const std::byte* one, const std::byte* other, Dtype dtype, size_t first, size_t count) noexcept {
  const size_t size = dtype_size_bytes(dtype);
  // Mostly they are: then the elements need not be looked at.
  if (std::memcmp(one + first * size, other + first * size, count * size) == 0) return true;
  if (!is_float(dtype)) return false;
  for (size_t i = first; i < first + count; ++i)
    if (!is_same_number(load_as_double(one + i * size, dtype), load_as_double(other + i * size, dtype))) return false;
  return true;
}

// A row as one of the two nodes gave it, and where the last one was found.
struct Side {
  size_t hint = 0;
  TensorView view;
  const std::byte* data = nullptr;

  bool find(const Request& request, const Source& source, uint32_t row) noexcept {
    view.dims = nullptr;
    data = row_at(request, source, row, hint, view);
    return view.dims != nullptr;
  }
};

bool is_same_in(const ComparedTensor& tensor, const Side& one, const Side& other) noexcept {
  if (one.view.dtype != other.view.dtype || one.view.row_bytes != other.view.row_bytes) return false;
  const size_t elements = one.view.row_bytes / dtype_size_bytes(one.view.dtype);
  const size_t count = tensor.count == 0 ? elements : tensor.count;
  if (count == 0) return true;
  return tensor.first + count <= elements && is_same_row(one.data, other.data, one.view.dtype, tensor.first, count);
}
}  // namespace

std::string AnswerComparison::bind(Plan& plan) const {
  if (tensors_.empty()) return "there is nothing to compare";
  for (const ComparedTensor& tensor : tensors_)
    for (const Source* source : {&tensor.one, &tensor.other}) {
      if (auto fault = check_source(plan, *source, plan.stages.size()); !fault.empty()) return fault;
      if (source->stage + 1u < plan.stages.size()) plan.stages[source->stage].is_retained = true;
    }
  return log_ == nullptr ? "" : log_->bind(plan);
}

void AnswerComparison::append(std::span<const LogItem> items) {
  for (const LogItem& item : items) compare(*item.request);
  if (log_ != nullptr) return log_->append(items);
  for (const LogItem& item : items) Port::unref(*item.request);
}

void AnswerComparison::compare(const Request& request) const noexcept {
  uint64_t compared = 0;
  uint64_t same = 0;
  std::vector<Side> ones(tensors_.size());
  std::vector<Side> others(tensors_.size());
  for (uint32_t row = 0; row < request.rows; ++row) {
    bool is_here = true;
    bool is_same = true;
    for (size_t t = 0; t < tensors_.size() && is_here; ++t) {
      is_here = ones[t].find(request, tensors_[t].one, row) && others[t].find(request, tensors_[t].other, row);
      is_same = is_here && is_same && is_same_in(tensors_[t], ones[t], others[t]);
    }
    compared += is_here ? 1 : 0;
    same += is_here && is_same ? 1 : 0;
  }
  counts_->compared_rows.fetch_add(compared, std::memory_order_relaxed);
  counts_->same_rows.fetch_add(same, std::memory_order_relaxed);
  counts_->lost_rows.fetch_add(request.rows - compared, std::memory_order_relaxed);
}
}  // namespace penstock
