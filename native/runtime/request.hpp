// A request in flight: which rows lie in which batches, how far it is, and what goes wrong with it. Slots are reserved
// once per port and reused; the vectors keep their capacity, so a warm port allocates nothing per request.
//
// Life:   submit ─► [stage 0] ─► … ─► [last stage] ─► answered ─► freed
//                       └ background rows ─────────► completed ─┘       refs: 1 answer + 1 continuation
//
// A request whose plan has a log is completed when it is logged; where the log is committed, its answer waits for that
// (log/row_log.hpp).
// Who may touch it: the thread that submits, then the thread that brings `foreground_rows` to zero (the continuation:
// exactly one thread at a time), the port's thread for the answer. Any thread may cancel: it only sets atomics.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "cache/prediction_cache.hpp"
#include "core/failure.hpp"
#include "flatbuffers/trace_context.hpp"
#include "plan/plan.hpp"
#include "runtime/logged_keys.hpp"
#include "runtime/request_timing.hpp"

namespace penstock {
class Port;
struct PipelineStats;

// Rows of one (stage, position) that lie in one batch.
struct Segment {
  Batch* batch = nullptr;  // null: released
  uint32_t entry = 0;
  uint16_t stage = 0;
  uint16_t position = 0;
};

// Whom the answer goes to.
struct Origin {
  bool is_wire = false;
  bool is_http = false;         // JSON bodies that http/gateway read
  double tag = -1;              // JavaScript requests, and the exchange of HTTP ones
  uint64_t request_number = 0;  // the last part of request_id; 0: a WebSocket request that did not ask for it
  uint32_t connection = 0;
  uint32_t connection_generation = 0;
  uint32_t channel = 0;
  uint32_t wire_id = 0;
};

// On cache lines of its own: its neighbours are in other threads' hands.
struct alignas(64) Request {
  // ── The line that travels: all that a worker touches of a request without checks, splits or shadows. Whatever else
  // it wrote would be one more line for the I/O thread to fetch back when it reuses the slot (~50 ns each).
  Port* port = nullptr;
  const Plan* plan_pointer = nullptr;  // `plan`, which owns it
  Request* next_answer = nullptr;
  int64_t ready_ns = 0;                      // when its answer was completed; 0: with the one before it
  int64_t deadline_us = 0;                   // 0: none
  std::atomic<uint32_t> foreground_rows{0};  // + 1 while the continuation is appending
  std::atomic<uint32_t> background_rows{0};  // + 1 until the continuation has ended
  std::atomic<uint32_t> refs{0};
  uint16_t stage = 0;
  std::atomic<bool> is_answered{false};
  std::atomic<bool> is_dead{false};  // cancelled or expired: do not run what has not run
  std::atomic<bool> has_failed{false};
  std::atomic<StatusCode> end_code{StatusCode::kOk};  // why it is dead
  std::atomic<bool> is_live{false};                   // between submit and free
  bool has_timing = false;                            // the answer reports where its time went
  bool has_audited_outputs = false;                   // the answer waits for background rows and has their outputs
  bool is_timed = false;                              // somebody will read first_run_ns and stage_done_ns
  bool has_number : 1 = false;                        // origin.request_number; the log gives one to the others
  bool has_keys : 1 = false;                          // `keys` has what the log wants of its meta
  bool has_trace_parent : 1 = false;                  // the answer repeats it
  bool has_cache : 1 = false;                         // its plan's cache was asked for it
  bool is_cached : 1 = false;                         // and had it: `cached` has its tensors, no segment has
  std::atomic<bool> has_failed_check{false};          // else check_bits need not be read

  // ── The port's thread's own, or rare.
  std::shared_ptr<Port> port_owner;  // while in flight
  uint32_t slot = 0;
  uint32_t generation = 0;
  std::shared_ptr<Plan> plan;
  std::shared_ptr<PipelineStats> stats;
  Origin origin;
  uint32_t rows = 0;
  Priority priority = Priority::kInteractive;
  int64_t admitted_ns = 0;
  int64_t due_ns = 0;  // from when its rows could run at this stage
  std::atomic<int64_t> first_run_ns{0};

  std::vector<Segment> segments;
  std::vector<uint16_t> routes;      // [split][row]
  std::vector<uint64_t> check_bits;  // [row]; empty without checks
  std::vector<int64_t> stage_done_ns;
  std::vector<StepTiming> steps;                // empty unless has_timing
  LoggedKeys keys;                              // with has_keys
  std::shared_ptr<const CachedAnswer> cached;   // with is_cached
  std::shared_ptr<CachedAnswer> cache_draft{};  // to be filled and kept when it is completed
  Failure failure;
  std::atomic<uint64_t> lost_positions{0};  // background positions that were shed or failed
  std::atomic<int64_t> charged_bytes{0};    // to the runtime's budget, until it is freed

  Request* next_free = nullptr;
  // Among the unanswered requests of its WebSocket connection; the port's thread only.
  Request* previous_of_connection = nullptr;
  Request* next_of_connection = nullptr;
  int64_t connection_bytes = 0;  // of `charged_bytes`, counted with the connection
  // With has_trace_parent; made when the slot first has one, for few have.
  std::unique_ptr<std::array<char, kTraceParentBytes>> trace_parent;

  // The first failure wins; later ones are dropped. Any thread.
  void fail(StatusCode code, std::string text);
  template <typename Detail>
  void fail(const Detail& detail, std::string text) {
    fail(Failure{Detail::kCode, detail.values(), std::move(text)});
  }
  void fail(Failure why);
  // How an answered request ended; kOk: with its outputs.
  StatusCode status() const noexcept {
    const StatusCode end = end_code.load(std::memory_order_relaxed);
    if (end != StatusCode::kOk || !has_failed.load(std::memory_order_acquire)) return end;
    return failure.code;
  }
  bool should_run(int64_t now_us) const noexcept {
    return !is_dead.load(std::memory_order_relaxed) && !has_failed.load(std::memory_order_relaxed) &&
           (deadline_us == 0 || now_us < deadline_us);
  }
  uint16_t option_of(const Position& position, uint32_t row) const noexcept {
    return position.split < 0 ? uint16_t{0} : routes[static_cast<size_t>(position.split) * rows + row];
  }
  void release_stage(uint16_t stage_index);
  void release_all();
};
static_assert(sizeof(Request*) != 8 || offsetof(Request, port_owner) == 64, "the line that travels is one cache line");

// Calls visit(ns) for the times that answers report: admission to first run, then one per stage. None is negative.
template <typename Visit>
void for_each_elapsed(const Request& request, Visit&& visit) {
  int64_t before = request.admitted_ns;
  const auto visit_until = [&](int64_t timestamp_ns) {
    const int64_t step = timestamp_ns > before ? timestamp_ns - before : 0;
    before += step;
    visit(step);
  };
  visit_until(request.first_run_ns.load(std::memory_order_relaxed));
  for (const int64_t done_ns : request.stage_done_ns) visit_until(done_ns);
}

// What one tensor of a request is once its batches have run: dims and bytes a row, equal over all its segments.
struct TensorShape {
  Dtype dtype = Dtype::kFloat32;
  size_t row_bytes = 0;
  const std::vector<int64_t>* dims = nullptr;
};

// False when the source has no rows (shed), or its segments disagree about the shape. Of a request that has none, an
// answer's or another's shape is the one that its model declares.
bool shape_of(const Request& request, const Source& source, TensorShape& shape) noexcept;
// False: rows of an output have different shapes, and nobody can be given them as one tensor.
bool has_answer_shapes(const Request& request) noexcept;
// Why a request that was answered without results has none.
Failure failure_of(const Request& request);
// An answer that no dialect could write is a failure before any of them begins to.
void expect_answer_shapes(Request& request);
// Copies all rows in request order to `target` (rows * shape.row_bytes).
void gather(const Request& request, const Source& source, size_t row_bytes, std::byte* target) noexcept;
// Where row `row` lies, in `view`, whose dims stay null when it lies nowhere; the address of a row without elements may
// be null. `hint` is the segment index to try first and is updated.
const std::byte* row_at(const Request& request, const Source& source, uint32_t row, size_t& hint,
                        TensorView& view) noexcept;
}  // namespace penstock
