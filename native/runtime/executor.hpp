// Moves requests through their plan: admission, appends, what happens when a batch is done, and how a request ends.
// All of it is native: between two steps rows go from batch to batch here, on the worker that finished the batch, and
// JavaScript hears of a request when its answer is ready.
//
// Rules.
// 1. Admission checks everything that can be refused (rows, routing keys, queue limits, deadline) before a row is
// copied.
// 2. Whoever brings foreground_rows to zero owns the continuation and is the only one to touch the request's plain
// fields.
// 3. The answer is claimed once (is_answered): by the continuation, by what it waits for (the log; the background rows,
// where the request asked for theirs), by a cancel, or by a passed deadline.
// 4. Background nodes never hold the answer up, unless it asks for their outputs, and never fail it; what is shed
// or fails is counted and marked lost.
#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "flatbuffers/meta.hpp"
#include "runtime/port.hpp"
#include "runtime/runtime.hpp"

namespace penstock {
// A request as it arrives. `inputs[i]` points to rows * row_bytes(i) bytes, lent until submit returns.
struct Submission {
  const std::byte* const* inputs = nullptr;
  const size_t* row_bytes = nullptr;
  // Per-row dims of the request's free dims, in order over all inputs (plan.free_dim_count of them).
  const int64_t* free_dims = nullptr;
  uint32_t rows = 1;  // 0: passes every stage without a run, is answered by tensors without rows, and is not logged
  MetaView meta;
  std::span<const RowKey> row_keys;  // that the log wants of the rows; lent until `submit` returns
  std::string_view trace_parent;  // that the answer repeats: kTraceParentBytes, or empty
  int64_t deadline_us = 0;
  Priority priority = Priority::kInteractive;
  bool has_timing = false;           // the answer shall report where its time went
  bool has_audited_outputs = false;  // the answer shall wait for background rows and have plan.audited_outputs
  Origin origin;
};

// Null with the reason in `failure`: nothing was admitted, nothing is to be released.
Request* submit(Port& port, Pipeline& pipeline, std::shared_ptr<Plan> plan, const Submission& submission,
                Failure& failure);

// After take: removes rows that need no run any more (cancelled, expired). Returns the rows left; 0: skip the run.
uint32_t drop_dead_rows(WorkerSlot& slot);
// Marks entries failed before complete_batch. True: the failure reaches no caller, the entry is of the background.
bool fail_entry(Batch& batch, size_t entry, StatusCode code, const std::string& text);
// Whether anybody waits for rows of a batch that runs: no deadline has passed, nobody has cancelled. Background rows
// are always waited for. While the worker is inside the run, any thread.
bool has_caller(const Entry& entry, int64_t now_us);
bool has_callers(const Batch& batch, int64_t now_us);
void fail_all_entries(Batch& batch, StatusCode code, const std::string& text);
// The batch in hand is done: requests advance, answers are delivered. When the session was called and when it returned;
// nothing: it was not run.
struct RunSpan {
  int64_t start_ns = 0;
  int64_t end_ns = 0;
};
void complete_batch(WorkerSlot& slot, std::optional<RunSpan> run);
// A batch that will never run because the runtime closed.
void discard_batch(Batch& batch);

// Ends an unanswered request with `code`; its rows leave their batches when those are taken. False: already answered.
bool end_request(Request& request, StatusCode code, Completions& completions);
// Ends requests whose deadline has passed. Returns the next deadline, or 0.
int64_t expire_requests(Port& port, int64_t now_us);
}  // namespace penstock
