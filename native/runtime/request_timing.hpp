// Where the time of one request went, kept only for requests that ask for it. The timestamps lie in the batches
// (phases.hpp); they are copied out step by step, because a step's batches are let go before the next one runs.
//
//   admitted ─queue─ assemble ─ run ─ scatter ─ queue (next step) ─ … ─ scatter ─ send ─ written
//
// For one model a step the parts add up to the total: each begins where the one before ended. Of a request that lies in
// several batches of a model, the batch that ended last is reported; of several models of a step, each.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace penstock {
struct Plan;
struct Request;

// Rows of a request at one model of one step.
struct StepTiming {
  uint16_t stage = 0;
  uint16_t position = 0;
  uint16_t option = 0;
  int64_t due_ns = 0;
  int64_t taken_ns = 0;
  int64_t run_start_ns = 0;
  int64_t run_end_ns = 0;
  int64_t handed_ns = 0;  // 0: the last step, whose rows became the answer
};

// The foreground rows of the request's stage have run and their batches are still held. Called by the continuation.
void note_step(Request& request, int64_t handed_ns);

// TimingHeadSlot, then TimingStepSlot for each noted model.
void write_timing(const Request& request, int64_t written_ns, double* values);
size_t timing_length(const Request& request) noexcept;
const std::string& label_of(const Plan& plan, const StepTiming& step) noexcept;
}  // namespace penstock
