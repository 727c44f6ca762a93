#include "plan/executor.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <span>
#include <utility>

#include "core/assert.hpp"
#include "core/clock.hpp"
#include "kernel/cast.hpp"

namespace penstock {
Plane::Plane() : scheduler([](Batch& batch) { discard_batch(batch); }) {}
Plane::~Plane() {
  scheduler.close();
}

namespace {
// Rows of the request that option `option` of `position` gets.
uint32_t count_rows(const Request& request, const Position& position, size_t option) {
  if (position.split < 0) return request.rows;
  uint32_t count = 0;
  for (uint32_t row = 0; row < request.rows; ++row) count += request.option_of(position, row) == option ? 1u : 0u;
  return count;
}

template <typename Visit>
void for_each_option(const Request& request, const Stage& stage, std::span<const uint16_t> positions, Visit&& visit) {
  for (const uint16_t p : positions) {
    const Position& position = stage.positions[p];
    for (size_t option = 0; option < position.options.size(); ++option) {
      const uint32_t rows = count_rows(request, position, option);
      if (rows > 0) visit(*position.options[option].queue, rows);
    }
  }
}

bool route_all(Request& request, const MetaView& meta, Failure& failure) {
  const Plan& plan = *request.plan;
  request.routes.resize(plan.splits.size() * request.rows);
  for (size_t s = 0; s < plan.splits.size(); ++s)
    if (!route_rows(plan.splits[s], s, request.rows, meta, request.routes.data() + s * request.rows, failure))
      return false;
  return true;
}

// Rule 1. Reserves the foreground rows of stage 0 in their queues, all or nothing.
bool reserve_all(const Request& request, Failure& failure) {
  const Stage& stage = request.plan->stages[0];
  const size_t workers = request.port->plane->scheduler.worker_count();
  const int64_t budget_us = request.deadline_us == 0 ? INT64_MAX : request.deadline_us - request.admitted_ns / 1000;
  size_t reserved = 0;
  bool is_refused = false;
  for_each_option(request, stage, stage.foreground, [&](ModelQueue& queue, uint32_t rows) {
    if (is_refused) return;
    const double wait_us = queue.estimated_wait_us(request.priority, workers);
    if (budget_us <= 0 || (request.deadline_us != 0 && wait_us > static_cast<double>(budget_us))) {
      failure.set(StatusCode::kDeadlineExceeded, static_cast<int64_t>(wait_us), std::max<int64_t>(budget_us, 0));
      is_refused = true;
    } else if (!queue.try_reserve(request.priority, rows)) {
      const auto priority = static_cast<size_t>(request.priority);
      const auto retry_ms = static_cast<int64_t>(wait_us / 2000.0);  // when about half of the queue has gone
      failure.set(StatusCode::kQueueFull, queue.pending_rows[priority].load(std::memory_order_relaxed),
                  queue.options.pending_rows_max[priority], std::clamp<int64_t>(retry_ms, 1, 60'000));
      is_refused = true;
    } else {
      ++reserved;
    }
  });
  if (!is_refused) return true;
  for_each_option(request, stage, stage.foreground, [&](ModelQueue& queue, uint32_t rows) {
    if (reserved == 0) return;
    --reserved;
    queue.unreserve(request.priority, rows);
  });
  return false;
}

void copy_from_request(const Option& option, const Submission& submission, const Plan& plan, uint32_t row,
                       const Grant& grant) {
  for (size_t i = 0; i < option.feeds.size(); ++i) {
    const size_t j = option.feeds[i].request_input;
    const TensorLayout& tensor = grant.batch->lane.layout.inputs[i];
    std::byte* const target = grant.batch->input_row(i, grant.batch_row);
    const std::byte* const source = submission.inputs[j] + size_t{row} * submission.row_bytes[j];
    if (tensor.dtype == plan.inputs[j].dtype) {
      std::memcpy(target, source, tensor.row_bytes * grant.count);
    } else {
      const size_t elements = tensor.row_bytes / dtype_size_bytes(tensor.dtype) * grant.count;
      cast_elements(target, tensor.dtype, source, plan.inputs[j].dtype, elements);
    }
  }
}

void copy_from_stage(const Request& request, const Option& option, uint32_t row, const Grant& grant) {
  for (size_t i = 0; i < option.feeds.size(); ++i) {
    const Source& source = option.feeds[i].source;
    const TensorLayout& tensor = grant.batch->lane.layout.inputs[i];
    const size_t elements = tensor.row_bytes / dtype_size_bytes(tensor.dtype);
    size_t hint = 0;
    for (uint32_t done = 0; done < grant.count;) {
      TensorView view;
      const std::byte* const from = row_at(request, source, row + done, hint, view);
      PENSTOCK_ASSERT(from != nullptr);
      const Segment& segment = request.segments[hint];
      const Entry& entry = segment.batch->entries[segment.entry];
      const uint32_t count = std::min(grant.count - done, entry.request_row + entry.count - (row + done));
      std::byte* const target = grant.batch->input_row(i, grant.batch_row + done);
      if (view.dtype == tensor.dtype)
        std::memcpy(target, from, tensor.row_bytes * count);
      else
        cast_elements(target, tensor.dtype, from, view.dtype, elements * count);
      done += count;
    }
  }
}

// The lane for the option's inputs. Null: the shapes of the stage before do not fit, or there is no lane to be had.
Lane* lane_for(const Request& request, const Option& option, const Submission* submission) {
  ModelQueue& queue = *option.queue;
  constexpr size_t kFreeDimsMax = 64;
  std::array<int64_t, kFreeDimsMax> free_dims;
  size_t count = 0;
  if (queue.free_dim_count > kFreeDimsMax) return nullptr;
  for (size_t i = 0; i < option.feeds.size(); ++i) {
    const Field& field = queue.options.inputs[i];
    const Feed& feed = option.feeds[i];
    if (submission != nullptr) {
      if (field.is_static()) continue;
      // The request's field may be free where the model's is not; submit checked the static dims of both.
      size_t free_index = 0;
      for (size_t j = 0; j < feed.request_input; ++j)
        for (const int64_t dim : request.plan->inputs[j].dims) free_index += dim < 0 ? 1 : 0;
      const std::vector<int64_t>& request_dims = request.plan->inputs[feed.request_input].dims;
      if (request_dims.size() != field.dims.size()) return nullptr;
      for (size_t d = 0; d < field.dims.size(); ++d) {
        const int64_t dim = request_dims[d] < 0 ? submission->free_dims[free_index++] : request_dims[d];
        if (field.dims[d] < 0)
          free_dims[count++] = dim;
        else if (field.dims[d] != dim)
          return nullptr;
      }
      continue;
    }
    TensorShape shape;
    if (!shape_of(request, feed.source, shape) || shape.dims->size() != field.dims.size()) return nullptr;
    for (size_t d = 0; d < field.dims.size(); ++d) {
      if (field.dims[d] < 0)
        free_dims[count++] = (*shape.dims)[d];
      else if (field.dims[d] != (*shape.dims)[d])
        return nullptr;
    }
  }
  return queue.lane_of(free_dims.data(), queue.free_dim_count);
}

// Counts rows that will not come back from a batch. Never the last ones: the chain holds a token of both counters.
void forget_rows(Request& request, bool is_background, uint32_t rows) {
  std::atomic<uint32_t>& counter = is_background ? request.background_rows : request.foreground_rows;
  counter.fetch_sub(rows, std::memory_order_acq_rel);
}

void lose_position(Request& request, const Stage& stage, uint16_t position) {
  request.lost_positions.fetch_or(uint64_t{1} << (stage.first_position + position), std::memory_order_relaxed);
}

struct Run {
  uint16_t position;
  uint16_t option;
  uint32_t row;
  uint32_t count;
};

// Appends rows [row, row + count) that all take `option`. They are reserved in the option's queue.
void append_run(Request& request, const Stage& stage, const Run& run, Priority priority, const Submission* submission,
                Publisher& publisher) {
  const Position& position = stage.positions[run.position];
  const Option& option = position.options[run.option];
  Lane* const lane = lane_for(request, option, submission);
  uint32_t done = 0;
  while (lane != nullptr && done < run.count) {
    Entry entry{.request = &request,
                .request_row = run.row + done,
                .count = run.count - done,
                .stage = request.stage,
                .position = run.position,
                .option = run.option,
                .is_background = position.is_background};
    const Grant grant = option.queue->append(*lane, priority, entry);
    if (grant.batch == nullptr) break;
    request.segments.push_back({grant.batch, grant.entry, request.stage, run.position});
    if (submission != nullptr)
      copy_from_request(option, *submission, *request.plan, run.row + done, grant);
    else
      copy_from_stage(request, option, run.row + done, grant);
    done += grant.count;
    // Listed before the commit: afterwards a worker may have finished with the batch.
    if (grant.is_sealed) {
      ModelQueue::commit(grant);
      publisher.publish_now(*grant.batch);
    } else {
      publisher.add(*grant.batch);
      ModelQueue::commit(grant);
    }
  }
  if (done == run.count) return;
  const uint32_t rest = run.count - done;
  option.queue->unreserve(priority, rest);
  forget_rows(request, position.is_background, rest);
  if (position.is_background)
    lose_position(request, stage, run.position);
  else if (lane == nullptr)
    request.fail(StatusCode::kShape, run.position, 0, 0, "");
  else
    request.fail(StatusCode::kQueueFull, 0, 0, 100, "");
}

void append_position(Request& request, const Stage& stage, uint16_t p, Priority priority, const Submission* submission,
                     Publisher& publisher) {
  const Position& position = stage.positions[p];
  for (uint32_t row = 0; row < request.rows;) {
    const uint16_t option = request.option_of(position, row);
    uint32_t end = position.split < 0 ? request.rows : row + 1;
    while (end < request.rows && request.option_of(position, end) == option) ++end;
    append_run(request, stage, {p, option, row, end - row}, priority, submission, publisher);
    row = end;
  }
}

// Rule 4. All options of the position or none.
bool try_reserve_background(const Request& request, const Stage& stage, uint16_t p) {
  const std::span<const uint16_t> only(&p, 1);
  bool is_refused = false;
  size_t reserved = 0;
  for_each_option(request, stage, only, [&](ModelQueue& queue, uint32_t rows) {
    if (is_refused) return;
    if (queue.try_reserve(Priority::kBackground, rows))
      ++reserved;
    else
      is_refused = true;
  });
  if (!is_refused) return true;
  for_each_option(request, stage, only, [&](ModelQueue& queue, uint32_t rows) {
    if (reserved == 0) return;
    --reserved;
    queue.unreserve(Priority::kBackground, rows);
  });
  return false;
}

// Feeds the request's current stage. The caller holds the chain and, afterwards, one token of foreground_rows.
void start_stage(Request& request, const Submission* submission, Publisher& publisher) {
  const Stage& stage = request.plan->stages[request.stage];
  request.foreground_rows.store(request.rows * static_cast<uint32_t>(stage.foreground.size()) + 1,
                                std::memory_order_relaxed);
  for (const uint16_t p : stage.foreground) append_position(request, stage, p, request.priority, submission, publisher);
  for (const uint16_t p : stage.background) {
    if (!try_reserve_background(request, stage, p)) {
      lose_position(request, stage, p);
      request.stats->shed_rows[stage.first_position + p].fetch_add(request.rows, std::memory_order_relaxed);
      continue;
    }
    request.background_rows.fetch_add(request.rows, std::memory_order_relaxed);
    append_position(request, stage, p, Priority::kBackground, submission, publisher);
  }
}

void run_checks(Request& request) {
  const Plan& plan = *request.plan;
  std::array<RowView, Check::kSourcesMax> rows;
  std::array<size_t, Check::kSourcesMax> hints;
  for (size_t c = 0; c < plan.checks.size(); ++c) {
    const Check& check = plan.checks[c];
    if (check.after_stage != request.stage) continue;
    hints.fill(0);
    uint64_t failures = 0;
    for (uint32_t row = 0; row < request.rows; ++row) {
      for (size_t s = 0; s < check.sources.size(); ++s) {
        TensorView view;
        const std::byte* const data = row_at(request, check.sources[s], row, hints[s], view);
        PENSTOCK_ASSERT(data != nullptr);
        rows[s] = {data, view.row_bytes / dtype_size_bytes(view.dtype), view.dtype};
      }
      if (!check.program.run(std::span(rows.data(), check.sources.size()))) continue;
      request.check_bits[row] |= uint64_t{1} << c;
      ++failures;
    }
    if (failures > 0) request.stats->check_failures[c].fetch_add(failures, std::memory_order_relaxed);
  }
}

void settle(Request& request, Deliveries& deliveries) {
  const bool is_read = request.plan->is_audited && !request.has_failed.load(std::memory_order_acquire) &&
                       !request.is_dead.load(std::memory_order_acquire);
  if (is_read)
    deliveries.settled(request);
  else
    Port::unref(request);
}

void drop_background_rows(Request& request, uint32_t rows, Deliveries& deliveries) {
  if (request.background_rows.fetch_sub(rows, std::memory_order_acq_rel) == rows) settle(request, deliveries);
}

// The request is not to be touched afterwards.
void end_chain(Request& request, Deliveries& deliveries) {
  if (!request.is_answered.exchange(true, std::memory_order_acq_rel)) deliveries.answer(request);
  drop_background_rows(request, 1, deliveries);
}

// Rule 2: the caller brought foreground_rows to zero.
void run_chain(Request& request, int64_t done_ns, Deliveries& deliveries, Publisher& publisher) {
  for (;;) {
    request.stage_done_ns[request.stage] = done_ns;
    const bool is_over =
        request.has_failed.load(std::memory_order_acquire) || request.is_dead.load(std::memory_order_acquire);
    if (is_over) return end_chain(request, deliveries);
    if (!request.check_bits.empty()) run_checks(request);
    const uint16_t done = request.stage;
    if (done + 1u == request.plan->stages.size()) return end_chain(request, deliveries);
    ++request.stage;
    const Stage& stage = request.plan->stages[request.stage];
    for_each_option(request, stage, stage.foreground,
                    [&](ModelQueue& queue, uint32_t rows) { queue.reserve(request.priority, rows); });
    start_stage(request, nullptr, publisher);
    if (!request.plan->stages[done].is_retained) request.release_stage(done);
    if (request.foreground_rows.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  }
}

void prepare(Request& request, Port& port, Pipeline& pipeline, std::shared_ptr<Plan> plan,
             const Submission& submission) {
  request.port_owner = port.shared_from_this();
  request.plan = std::move(plan);
  request.stats = pipeline.stats;
  request.origin = submission.origin;
  request.rows = submission.rows;
  request.priority = submission.priority;
  request.deadline_us = submission.deadline_us;
  if (submission.deadline_us != 0) port.deadline_count.fetch_add(1, std::memory_order_relaxed);
  request.admitted_ns = port.burst_now_ns();
  request.first_run_ns.store(0, std::memory_order_relaxed);
  request.stage = 0;
  request.segments.clear();
  request.check_bits.assign(request.plan->checks.empty() ? 0 : submission.rows, 0);
  request.stage_done_ns.assign(request.plan->stages.size(), 0);
  request.failure.set(StatusCode::kOk);
  request.background_rows.store(1, std::memory_order_relaxed);
  request.lost_positions.store(0, std::memory_order_relaxed);
  request.refs.store(2, std::memory_order_relaxed);
  request.is_answered.store(false, std::memory_order_relaxed);
  request.is_dead.store(false, std::memory_order_relaxed);
  request.has_failed.store(false, std::memory_order_relaxed);
  request.end_code.store(StatusCode::kOk, std::memory_order_relaxed);
  request.awaits_release = false;
  request.plan->in_flight.fetch_add(1, std::memory_order_relaxed);
  request.stats->in_flight.fetch_add(1, std::memory_order_relaxed);
}

bool refuse(Pipeline& pipeline, const Failure& failure) {
  pipeline.stats->failure_counts[static_cast<size_t>(failure.code)].fetch_add(1, std::memory_order_relaxed);
  return false;
}

bool check_rows(const Plan& plan, const Submission& submission, Failure& failure) {
  const uint32_t limit = plan.is_whole ? 1 : plan.request_rows_max;
  if (submission.rows < 1)
    failure.set(StatusCode::kShape, 0, 1, 0);
  else if (submission.rows > limit)
    failure.set(StatusCode::kTooManyRows, limit, submission.rows);
  else
    return true;
  return false;
}
}  // namespace

Request* submit(Port& port, Pipeline& pipeline, std::shared_ptr<Plan> plan, const Submission& submission,
                Failure& failure) {
  if (port.plane->scheduler.is_closed())
    failure.set(StatusCode::kDraining);
  else if (plan == nullptr || plan->stages.empty())
    failure.set(StatusCode::kPipelineNotDeployed);
  else if (check_rows(*plan, submission, failure))
    failure.set(StatusCode::kOk);
  if (failure.code != StatusCode::kOk) return refuse(pipeline, failure), nullptr;
  Request* const slot = port.try_acquire();
  if (slot == nullptr) {
    failure.set(StatusCode::kQueueFull, port.in_flight(), port.in_flight(), 10);
    return refuse(pipeline, failure), nullptr;
  }
  Request& request = *slot;
  prepare(request, port, pipeline, std::move(plan), submission);
  if (!route_all(request, submission.meta, failure) || !reserve_all(request, failure)) {
    refuse(pipeline, failure);
    port.end_burst();
    request.refs.store(1, std::memory_order_relaxed);
    Port::unref(request);
    return nullptr;
  }
  request.is_live.store(true, std::memory_order_release);
  start_stage(request, &submission, port.publisher);
  if (request.foreground_rows.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    Deliveries deliveries;
    run_chain(request, now_ns(), deliveries, port.publisher);
    deliveries.flush();
  }
  return &request;
}

uint32_t drop_dead_rows(WorkerSeat& seat) {
  Batch& batch = *seat.batch;
  const int64_t now = now_ns();
  Deliveries deliveries;
  uint32_t kept = 0;
  for (Entry& entry : batch.entries) {
    Request& request = *entry.request;
    if (request.first_run_ns.load(std::memory_order_relaxed) == 0)
      request.first_run_ns.store(now, std::memory_order_relaxed);
    if (!request.should_run(now / 1000)) {
      entry.is_dropped = true;
      const bool is_expired = request.deadline_us != 0 && now / 1000 >= request.deadline_us;
      if (is_expired) end_request(request, StatusCode::kDeadlineExceeded, deliveries);
      continue;
    }
    if (entry.batch_row != kept) {
      for (size_t i = 0; i < batch.lane.layout.inputs.size(); ++i)
        std::memmove(batch.input_row(i, kept), batch.input_row(i, entry.batch_row),
                     batch.lane.layout.inputs[i].row_bytes * entry.count);
      entry.batch_row = kept;
    }
    kept += entry.count;
  }
  deliveries.flush();
  batch.rows = kept;
  return kept;
}

void fail_entry(Batch& batch, size_t index, StatusCode code, const std::string& text) {
  Entry& entry = batch.entries[index];
  if (entry.is_dropped || entry.is_failed) return;
  entry.is_failed = true;
  Request& request = *entry.request;
  const Stage& stage = request.plan->stages[entry.stage];
  if (!entry.is_background) return request.fail(code, 0, 0, 0, text);
  lose_position(request, stage, entry.position);
  request.stats->lost_rows[stage.first_position + entry.position].fetch_add(entry.count, std::memory_order_relaxed);
}

void fail_all_entries(Batch& batch, StatusCode code, const std::string& text) {
  for (size_t i = 0; i < batch.entries.size(); ++i) fail_entry(batch, i, code, text);
}

namespace {
// Hands every entry's rows back to its request. The batch's run pin is still held.
void return_rows(Batch& batch, Deliveries& deliveries, Publisher& publisher) {
  // Once for the batch: the counter's cache line is the one that admission on the other thread wants.
  uint32_t rows = 0;
  for (const Entry& entry : batch.entries) rows += entry.count;
  batch.lane.queue.unreserve(batch.priority, rows);
  const int64_t done_ns = now_ns();
  for (Entry& entry : batch.entries) {
    // Once its rows are returned the request may be gone: read the entry first.
    Request& request = *entry.request;
    const uint32_t count = entry.count;
    if (entry.is_background) {
      if (entry.is_dropped) lose_position(request, request.plan->stages[entry.stage], entry.position);
      drop_background_rows(request, count, deliveries);
    } else if (request.foreground_rows.fetch_sub(count, std::memory_order_acq_rel) == count) {
      run_chain(request, done_ns, deliveries, publisher);
    }
  }
}
}  // namespace

void complete_batch(WorkerSeat& seat, double run_us) {
  Batch& batch = *seat.batch;
  const std::shared_ptr<ModelQueue> queue = std::move(seat.queue);
  const int64_t waited_us = std::max<int64_t>(0, (seat.taken_ns - batch.opened_ns) / 1000);
  queue->queue_us.record(static_cast<uint64_t>(waited_us));
  if (run_us >= 0 && batch.rows > 0) queue->record_run(batch.rows, run_us);
  if (run_us >= 0 && !batch.has_all_outputs())
    fail_all_entries(batch, StatusCode::kRunFailed, "The run left an output without a value.");
  queue->scheduler.finish(seat);
  Deliveries deliveries;
  Publisher publisher;
  return_rows(batch, deliveries, publisher);
  deliveries.flush();
  publisher.flush();
  batch.unpin();
}

void discard_batch(Batch& batch) {
  const std::shared_ptr<ModelQueue> queue = batch.lane.queue.shared_from_this();
  fail_all_entries(batch, StatusCode::kDraining, "");
  Deliveries deliveries;
  Publisher publisher;
  return_rows(batch, deliveries, publisher);
  deliveries.flush();
  publisher.flush();
  batch.unpin();
}

bool end_request(Request& request, StatusCode code, Deliveries& deliveries) {
  if (request.is_answered.exchange(true, std::memory_order_acq_rel)) return false;
  request.end_code.store(code, std::memory_order_relaxed);
  request.is_dead.store(true, std::memory_order_release);
  deliveries.answer(request);
  return true;
}

int64_t expire_requests(Port& port, int64_t now_us) {
  int64_t next_us = 0;
  if (port.deadline_count.load(std::memory_order_relaxed) == 0) return next_us;
  Deliveries deliveries;
  port.for_each_live([&](Request& request) {
    if (request.deadline_us == 0 || request.is_answered.load(std::memory_order_relaxed)) return;
    if (request.deadline_us <= now_us)
      end_request(request, StatusCode::kDeadlineExceeded, deliveries);
    else if (next_us == 0 || request.deadline_us < next_us)
      next_us = request.deadline_us;
  });
  deliveries.flush();
  return next_us;
}

void record_answer(const Request& request, int64_t now) {
  PipelineStats& stats = *request.stats;
  const StatusCode end = request.end_code.load(std::memory_order_relaxed);
  const StatusCode code = end != StatusCode::kOk ? end : request.failure.code;
  stats.total_us.record(static_cast<uint64_t>(std::max<int64_t>(0, now - request.admitted_ns)) / 1000);
  if (code != StatusCode::kOk) {
    stats.failure_counts[static_cast<size_t>(code)].fetch_add(1, std::memory_order_relaxed);
    return;
  }
  stats.request_count.fetch_add(1, std::memory_order_relaxed);
  stats.row_count.fetch_add(request.rows, std::memory_order_relaxed);
}
}  // namespace penstock
