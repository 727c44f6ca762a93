#include "runtime/caching.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "core/clock.hpp"
#include "runtime/runtime.hpp"

namespace penstock {
namespace {
CacheKey key_of(const Request& request, const Submission& submission) noexcept {
  const Plan& plan = *request.plan;
  return {.rows = request.rows,
          .free_dims = {submission.free_dims, submission.free_dims == nullptr ? 0 : plan.free_dim_count},
          .routes = request.routes,
          .inputs = submission.inputs,
          .row_bytes = submission.row_bytes,
          .input_count = plan.inputs.size()};
}

// Everything that a run would have left behind: times, failed checks, what was lost.
void take_answer(Request& request, std::shared_ptr<const CachedAnswer> answer) {
  const int64_t done_ns = now_ns();
  request.is_timed = true;
  request.first_run_ns.store(done_ns, std::memory_order_relaxed);
  std::fill(request.stage_done_ns.begin(), request.stage_done_ns.end(), done_ns);
  request.lost_positions.store(answer->lost_positions, std::memory_order_relaxed);
  if (!answer->check_bits.empty()) {
    request.check_bits = answer->check_bits;
    request.has_failed_check.store(true, std::memory_order_relaxed);
    for (const uint64_t bits : request.check_bits)
      for (uint64_t left = bits; left != 0; left &= left - 1)
        request.stats->check_failures[static_cast<size_t>(std::countr_zero(left))].fetch_add(1,
                                                                                             std::memory_order_relaxed);
  }
  request.foreground_rows.store(0, std::memory_order_relaxed);
  request.cached = std::move(answer);
  request.is_cached = true;
}

bool is_lost(const Request& request, const Source& source) noexcept {
  const uint32_t position = request.plan->stages[source.stage].first_position + source.position;
  return (request.lost_positions.load(std::memory_order_acquire) >> position & 1) != 0;
}

// Fills the draft's tensors. False: the answer cannot be kept, because its rows differ in shape or memory is short.
bool fill(CachedAnswer& draft, const Request& request) {
  const Plan& plan = *request.plan;
  draft.tensors.resize(plan.cached_sources.size());
  size_t bytes = 0;
  for (size_t i = 0; i < draft.tensors.size(); ++i) {
    const CachedSource& kept = plan.cached_sources[i];
    if (is_lost(request, kept.source)) continue;
    TensorShape shape;
    if (!shape_of(request, kept.source, shape)) return false;
    draft.tensors[i] = {nullptr, shape.dtype, shape.row_bytes, *shape.dims};
    if (kept.input < 0) bytes += align_up(shape.row_bytes * request.rows, kAlignmentBytes);
  }
  // One tensor without elements has an address all the same.
  if (!PredictionCache::reserve(draft, std::max(bytes, kAlignmentBytes))) return false;
  std::byte* at = draft.values->data();
  for (size_t i = 0; i < draft.tensors.size(); ++i) {
    const CachedSource& kept = plan.cached_sources[i];
    CachedTensor& tensor = draft.tensors[i];
    if (is_lost(request, kept.source)) continue;
    if (kept.input >= 0) {
      tensor.data = draft.input(static_cast<size_t>(kept.input));
      continue;
    }
    gather(request, kept.source, tensor.row_bytes, at);
    tensor.data = at;
    at += align_up(tensor.row_bytes * request.rows, kAlignmentBytes);
  }
  return true;
}
}  // namespace

bool find_cached(Request& request, const Submission& submission) {
  request.has_cache = request.rows > 0;
  if (!request.has_cache) return false;
  PredictionCache& cache = *request.plan->cache;
  const CacheKey key = key_of(request, submission);
  PredictionCache::Lookup lookup = cache.find(key, now_ns());
  CacheCounters& counters = request.stats->cache;
  if (lookup.answer != nullptr) {
    counters.hits.fetch_add(1, std::memory_order_relaxed);
    take_answer(request, std::move(lookup.answer));
    return true;
  }
  counters.misses.fetch_add(1, std::memory_order_relaxed);
  if (request.priority != Priority::kInteractive) return false;
  auto [draft, evicted] = cache.draft(key, lookup.hash);
  request.cache_draft = std::move(draft);
  if (evicted > 0) counters.evictions.fetch_add(evicted, std::memory_order_relaxed);
  return false;
}

void keep_answer(Request& request) {
  const std::shared_ptr<CachedAnswer> draft = std::exchange(request.cache_draft, nullptr);
  if (!fill(*draft, request)) return;
  draft->lost_positions = request.lost_positions.load(std::memory_order_acquire);
  if (request.has_failed_check.load(std::memory_order_relaxed)) draft->check_bits = request.check_bits;
  const uint64_t evicted = request.plan->cache->keep(draft, now_ns());
  if (evicted > 0) request.stats->cache.evictions.fetch_add(evicted, std::memory_order_relaxed);
}

void Runtime::add_cache(const std::shared_ptr<PredictionCache>& cache) {
  std::lock_guard lock(caches_mutex_);
  caches_.push_back(cache);
}

void Runtime::trim_caches(int64_t now_ns) {
  std::vector<std::shared_ptr<PredictionCache>> caches;
  {
    std::lock_guard lock(caches_mutex_);
    std::erase_if(caches_, [](const auto& cache) { return cache.expired(); });
    for (const auto& known : caches_)
      if (auto cache = known.lock()) caches.push_back(std::move(cache));
  }
  for (const auto& cache : caches) cache->trim(now_ns);
}

const CachedTensor* cached_tensor(const Request& request, const Source& source) noexcept {
  const std::vector<CachedSource>& sources = request.plan_pointer->cached_sources;
  for (size_t i = 0; i < sources.size(); ++i)
    if (sources[i].source.is_same_as(source)) {
      const CachedTensor& tensor = request.cached->tensors[i];
      return tensor.data == nullptr ? nullptr : &tensor;
    }
  return nullptr;
}
}  // namespace penstock
