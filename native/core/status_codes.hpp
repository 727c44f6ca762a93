// Generated from src/protocol/errors.json by tools/codegen: do not edit, run `npm run codegen`.
// Status numbers as they cross the border of the addon; 0 is success.
// clang-format off
#pragma once

#include <cstddef>
#include <cstdint>

namespace penstock {

enum class StatusCode : uint8_t {
  kOk = 0,
  kArgument = 1,  // An argument is missing, of the wrong type or out of its range.
  kShape = 2,  // A tensor's rank, dims or number of bytes do not fit the signature.
  kDtype = 3,  // A tensor's dtype is not the signature's and cannot be cast without loss.
  kMeta = 4,  // A routing key is present but is no number in [0,1], or not one value per row.
  kTooManyRows = 5,  // The request has more rows than the pipeline takes in one request.
  kFrame = 6,  // A WebSocket frame is not a well-formed penstock.v1 message.
  kChannelNotFound = 7,  // The channel was never opened on this connection, or is closed.
  kPipelineNotDeployed = 8,  // The pipeline exists but is not deployed.
  kChannelStale = 9,  // The pipeline's signature changed since the channel was opened; open it again.
  kQueueFull = 10,  // The model's queue is full; nothing was run.
  kCreditExceeded = 11,  // The connection has more requests in flight than its window allows.
  kDeadlineExceeded = 12,  // The deadline passed, or cannot be met at the queue's present rate.
  kAborted = 13,  // The caller cancelled the request.
  kRunFailed = 14,  // ONNX Runtime refused to run this request.
  kWorkerLost = 15,  // The inference worker ended while the request was running.
  kDraining = 16,  // The server is shutting down and takes no new work.
  kHandle = 17,  // A native handle is closed, of another kind or of another isolate.
  kStorage = 18,  // The state on disk could not be read or written.
  kRateLimited = 19,  // The caller has made as many requests as it may, a second or at a time; nothing was run.
};

// One more than the greatest number: the size of a table indexed by status.
inline constexpr size_t kStatusCodeCount = 20;

}  // namespace penstock
