// Why a request was refused or failed: a code of src/protocol/errors.json, up to four numbers and the runtime's text.
// The sentences are written in TypeScript, in one place; here are only the facts. `details` by code:
//   kShape                 [input index, expected bytes or dim, received]     kTooManyRows        [limit, received, 0]
//   kMeta                  [split index, row, 0 not a number · 1 out of [0,1] · 2 wrong length]
//   kQueueFull             [rows pending, limit, retry after ms, 0], or, of the memory budget,
//                          [bytes held, its limit, retry after ms, bytes wanted],
//                          or of a connection's share of it, [bytes held, its limit, retry after ms, -1]
//   kDeadlineExceeded      [estimated wait us, budget us, 0]           kCreditExceeded     [in flight, window, 0]
//   kFrame                 [byte offset, FrameFault, 0]
//   kRateLimited           [1: too many in flight, retry after us, 0, 0]
//   kRunFailed             [1: `text` is a sentence of ours, not the runtime's reason, 0, 0]
// Frames that name a request put [channel, wire id] behind the failure instead; see wire/frame.hpp.
#pragma once
#include <array>
#include <cstdint>
#include <string>

#include "core/status_codes.hpp"

namespace penstock {
struct Failure {
  StatusCode code = StatusCode::kOk;
  std::array<int64_t, 4> details{};
  std::string text;

  void set(StatusCode new_code, int64_t a = 0, int64_t b = 0, int64_t c = 0, int64_t d = 0) {
    code = new_code;
    details = {a, b, c, d};
    text.clear();
  }
};
}  // namespace penstock
