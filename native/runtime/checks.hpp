// Evaluates the checks of requests on what their batches hold, and notes on which rows they failed.
//
// A check that reads one node of its stage, as nearly all do, is evaluated for the whole batch before its rows go back
// to their requests, and nothing is written of rows that pass: their requests are other threads' cache lines. A check
// that reads several nodes or an earlier stage is evaluated request by request, by the thread that has the
// continuation.
#pragma once
#include "batch/batch.hpp"
#include "runtime/request.hpp"

namespace penstock {
// The checks that read nothing but this batch. Thread: the worker that ran it, before it returns a row.
void run_batch_checks(const Batch& batch) noexcept;
// The others, after the request's stage. Thread: the continuation's.
void run_scattered_checks(Request& request) noexcept;
}  // namespace penstock
