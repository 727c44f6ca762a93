// How many bytes a request is expected to make its batches hold (plan/row_bytes.hpp says how many a row does). They are
// charged to the runtime's budget at admission, and given back when the request is freed; what runs in the background
// is charged when it starts, because it is shed where the foreground is refused.
#pragma once
#include <cstdint>

#include "runtime/executor.hpp"

namespace penstock {
// Charges the request for its foreground. False, with the reason: it does not fit.
bool charge_request(Request& request, const Submission& submission, Failure& failure) noexcept;
// The same for a background node, from the half that the background may fill. False: it is to be shed.
bool try_charge_background(Request& request, const Position& position, const Submission* submission) noexcept;

// Before a run: what its outputs are now expected to be larger than when their requests were charged. False: they do
// not fit, and the entry's request was failed.
bool try_charge_larger(Batch& batch, Entry& entry) noexcept;
// After a run: what they were larger than expected.
void charge_outputs(Batch& batch) noexcept;
}  // namespace penstock
