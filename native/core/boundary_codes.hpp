// Generated from src/protocol/boundary.json by tools/codegen: do not edit, run `npm run codegen`.
// What crosses the border of the addon as numbers, and limits that both of its sides know.
// clang-format off
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/status_codes.hpp"

namespace penstock {

// Kinds of the events that a port's drain brings, with their a, b and c.
enum class PortEvent : uint8_t {
  kAnswered = 1,  // a request of JavaScript: tag, request, planKey; then readAnswer
  kFailed = 2,  // a request of JavaScript: tag, request, planKey; then readFailure
  kSend = 4,  // connection, offset, bytes in the outbox: valid until the next drain
  kSendFailed = 5,  // connection, request, channel * 2^32 + wire id; then readFailure
  kJob = 6,  // tag, job number; then readJob
  kSendHeld = 7,  // as send, to a congested socket: its results keep their credit until acknowledge
  kJsonOutbox = 8,  // the answers that follow lie in another jsonOutbox
  kHttpAnswered = 9,  // request number, offset, bytes in the jsonOutbox: valid until the next drain
  kHttpFailed = 10,  // exchange, request; then readFailure
  kHttpLarge = 11,  // exchange, request, requestNumber; then readAnswer: its text is to be printed in parts
};

// What a worker's take brings.
enum class Take : uint8_t {
  kClosed = 0,  // the runtime is closed
  kBatch = 1,  // a batch: WorkerInfoSlot says which
  kJob = 2,  // a job: takeJob
  kTimeout = 3,  // nothing came within the timeout
  kRetired = 4,  // the worker was set aside or retired, and is to end
};
inline constexpr size_t kTakeCount = 5;

// How requests share the runs of a model.
enum class Batching : uint8_t {
  kRows = 0,  // requests share batches
  kRow = 1,  // one row a run: a fixed leading 1
  kWhole = 2,  // one request a run, tensors as they are
};
inline constexpr size_t kBatchingCount = 3;

// What a column of a log holds.
enum class ColumnKind : uint8_t {
  kTime = 0,  // when the request was completed
  kTensor = 1,  // elements of an input or output
  kAnomalyCount = 2,  // how many checks failed on the row
  kAnomaly = 3,  // whether one check failed on it
  kElapsed = 4,  // nanoseconds until the first run and of each step
  kRequestNumber = 5,  // the last part of the request's id
  kRoute = 6,  // the branch that a split chose for the row
  kShape = 7,  // dims of a tensor whose number of elements does not give them
  kKey = 8,  // a text that came in the request's meta
};
inline constexpr size_t kColumnKindCount = 9;

// What is logged, and what waits for it.
enum class Durability : uint8_t {
  kAsync = 0,  // all requests; nothing waits
  kSampled = 1,  // some requests; nothing waits
  kCommitted = 2,  // all requests; answers wait until their rows are on the disk
};
inline constexpr size_t kDurabilityCount = 3;

// The byte that a log's job event brings.
enum class LogReply : uint8_t {
  kKept = 0,  // the rows are on the disk, or in files
  kLost = 1,  // the disk failed with them
};
inline constexpr size_t kLogReplyCount = 2;

// Why a frame is malformed.
enum class FrameFault : int64_t {
  kNone = 0,  // it is well-formed
  kNoMessage = 1,  // it does not begin with a message
  kNoBody = 2,  // the message has no body of a known type
  kInfer = 3,  // a field of its Infer lies outside the frame
  kMeta = 4,  // its meta is not one value, or one per row, under each key
};
inline constexpr size_t kFrameFaultCount = 5;

// Why a routing key does not route.
enum class MetaFault : int64_t {
  kNone = -1,  // it does
  kUnusable = 0,  // neither a text nor a number
  kOutOfRange = 1,  // a number that is no fraction and no exact integer
  kWrongLength = 2,  // neither one value nor one per row
  kMissing = 3,  // the split requires it
};

// In place of an input's index in the details of ERR_SHAPE.
enum class ShapeInput : int64_t {
  kBeyondDimMax = -2,  // a dim is above DIM_MAX: expected and received are dims
  kAll = -1,  // how many inputs, free dims or bytes there are in all
};

// In place of the bytes wanted in the details of ERR_QUEUE_FULL.
enum class QueueFullWanted : int64_t {
  kConnectionShare = -1,  // one connection's share of the memory budget is used up
  kRows = 0,  // no bytes: used and limit are rows of a queue
};

// Infer.priority, and the order of whatever is kept by priority.
enum class Priority : uint8_t {
  kInteractive = 0,  // somebody waits for it
  kBackground = 1,  // runs when nothing interactive waits; is shed first
};
inline constexpr size_t kPriorityCount = 2;

// Which tensors of a batch a source means.
enum class SourceSide : uint8_t {
  kInputs = 0,  // the model's inputs
  kOutputs = 1,  // its outputs
};
inline constexpr size_t kSourceSideCount = 2;

// With what penstock-load exits when it cannot go on.
enum class LoadStatus : int {
  kTarget = 1,  // the server is not there, or refuses the set-up
  kPlan = 2,  // the plan, or a file that it names, is at fault
};

// One event among those of a drain, each as long as this: float64.
struct PortEventSlot {
  static constexpr size_t kKind = 0;
  static constexpr size_t kA = 1;
  static constexpr size_t kB = 2;
  static constexpr size_t kC = 3;
  static constexpr size_t kLength = 4;
};

// What a worker learns of the batch in hand: int32. isAlone is 1 when nothing else ran or waited in the runtime; while
// freedBatches stays the same, so does every batch that was ever seen.
struct WorkerInfoSlot {
  static constexpr size_t kModelKey = 0;
  static constexpr size_t kBatchId = 1;
  static constexpr size_t kRows = 2;
  static constexpr size_t kEntryCount = 3;
  static constexpr size_t kBucketId = 4;
  static constexpr size_t kIsAlone = 5;
  static constexpr size_t kFreedBatches = 6;
  static constexpr size_t kLength = 7;
};

// What is known of a refused frame or body: the four details of its failure, then whose it was.
struct RefusalSlot {
  static constexpr size_t kDetail0 = 0;
  static constexpr size_t kDetail1 = 1;
  static constexpr size_t kDetail2 = 2;
  static constexpr size_t kDetail3 = 3;
  static constexpr size_t kChannel = 4;
  static constexpr size_t kWireId = 5;
  static constexpr size_t kLength = 6;
};

// A histogram as an array: values of 0, the sum in ns or rows; from its length on the counts of the buckets.
struct HistogramSlot {
  static constexpr size_t kZeros = 0;
  static constexpr size_t kSum = 1;
  static constexpr size_t kLength = 2;
};

// A request's timing begins with these, in microseconds.
struct TimingHeadSlot {
  static constexpr size_t kTotal = 0;
  static constexpr size_t kSend = 1;
  static constexpr size_t kLength = 2;
};

// Then follow these of each model: the step's index, and microseconds.
struct TimingStepSlot {
  static constexpr size_t kStep = 0;
  static constexpr size_t kQueue = 1;
  static constexpr size_t kAssemble = 2;
  static constexpr size_t kRun = 3;
  static constexpr size_t kScatter = 4;
  static constexpr size_t kLength = 5;
};

// An input's index or ShapeInput; bytes, or dims.
struct ShapeDetail {
  static constexpr StatusCode kCode = StatusCode::kShape;
  int64_t input = 0;
  int64_t expected = 0;
  int64_t received = 0;
  constexpr std::array<int64_t, 4> values() const noexcept { return {input, expected, received}; }
};

// The split's index, the row, a MetaFault.
struct MetaDetail {
  static constexpr StatusCode kCode = StatusCode::kMeta;
  int64_t split = 0;
  int64_t row = 0;
  int64_t fault = 0;
  constexpr std::array<int64_t, 4> values() const noexcept { return {split, row, fault}; }
};

// Rows.
struct TooManyRowsDetail {
  static constexpr StatusCode kCode = StatusCode::kTooManyRows;
  int64_t limit = 0;
  int64_t received = 0;
  constexpr std::array<int64_t, 4> values() const noexcept { return {limit, received}; }
};

// A FrameFault.
struct FrameDetail {
  static constexpr StatusCode kCode = StatusCode::kFrame;
  int64_t fault = 0;
  constexpr std::array<int64_t, 4> values() const noexcept { return {fault}; }
};

// Rows, or bytes of the memory budget; `wanted`: the bytes that did not fit, or a QueueFullWanted.
struct QueueFullDetail {
  static constexpr StatusCode kCode = StatusCode::kQueueFull;
  int64_t used = 0;
  int64_t limit = 0;
  int64_t retry_after_ms = 0;
  int64_t wanted = 0;
  constexpr std::array<int64_t, 4> values() const noexcept { return {used, limit, retry_after_ms, wanted}; }
};

// Requests.
struct CreditExceededDetail {
  static constexpr StatusCode kCode = StatusCode::kCreditExceeded;
  int64_t in_flight = 0;
  int64_t window = 0;
  constexpr std::array<int64_t, 4> values() const noexcept { return {in_flight, window}; }
};

// The estimated wait, 0 when the deadline has passed; and what there was.
struct DeadlineExceededDetail {
  static constexpr StatusCode kCode = StatusCode::kDeadlineExceeded;
  int64_t wait_us = 0;
  int64_t budget_us = 0;
  constexpr std::array<int64_t, 4> values() const noexcept { return {wait_us, budget_us}; }
};

// 1: the text is a sentence of ours, not the runtime's reason.
struct RunFailedDetail {
  static constexpr StatusCode kCode = StatusCode::kRunFailed;
  int64_t is_ours = 0;
  constexpr std::array<int64_t, 4> values() const noexcept { return {is_ours}; }
};

// errno.
struct StorageDetail {
  static constexpr StatusCode kCode = StatusCode::kStorage;
  int64_t fault = 0;
  constexpr std::array<int64_t, 4> values() const noexcept { return {fault}; }
};

// 1: too many are in flight; else how long to wait.
struct RateLimitedDetail {
  static constexpr StatusCode kCode = StatusCode::kRateLimited;
  int64_t is_busy = 0;
  int64_t retry_after_us = 0;
  constexpr std::array<int64_t, 4> values() const noexcept { return {is_busy, retry_after_us}; }
};

// 2^schema buckets hold the values from one power of two to the next.
inline constexpr uint32_t kHistogramSchema = 3;
// Powers of two that have buckets, 68 minutes of a duration; what is above is counted in the last one.
inline constexpr uint32_t kHistogramPowers = 42;
// A second is 2^30 units of a duration.
inline constexpr uint32_t kHistogramSecondPower = 30;
// Characters of one element as JSON, without its comma.
inline constexpr size_t kElementCharactersMax = 32;
// MetadataVersion.V5 of Arrow's Message.fbs.
inline constexpr uint8_t kArrowVersionV5 = 4;
// MessageHeader.RecordBatch of Arrow's Message.fbs.
inline constexpr uint8_t kArrowHeaderRecordBatch = 3;
// Buffers and bodies of Arrow messages begin at multiples of it.
inline constexpr size_t kArrowAlignmentBytes = 8;
// Bytes of a page of memory, as /proc counts them on x86-64 and most of arm64.
inline constexpr size_t kPageBytes = 4096;
// Milliseconds. An hour: whoever waits longer wants a job, not a request.
inline constexpr int64_t kDeadlineMsMax = 3600000;
// Requests of one isolate that are not answered yet at most, by option.
inline constexpr uint32_t kRequestsInFlightCeiling = 1048576;
// Rows of one batch at most, by option.
inline constexpr uint32_t kBatchRowsCeiling = 65536;
// Pixels of one side of an image that is resized: positions stay exact in the weights' arithmetic.
inline constexpr int64_t kImageSideMax = 16777216;
// Milliseconds from which a run is long: shorter ones end before another worker could be started. Long runs leave the
// last free worker to other models.
inline constexpr int64_t kLongRunMs = 50;
// Runs of a model until it is taken for what they were: until then it may be long. What was measured on random rows
// does not count: how long a loop turns may lie in the rows.
inline constexpr uint32_t kTrustedRuns = 64;
// Bytes of one segment of a log before the next one is begun: what becomes one Parquet file.
inline constexpr uint64_t kLogSegmentBytesMax = 67108864;
// Milliseconds after its first row that a segment is ended, however small.
inline constexpr int64_t kLogSegmentMsMax = 900000;
// Dims of a tensor; ONNX Runtime's kernels end before that.
inline constexpr size_t kRankMax = 16;
// Characters of a tensor without elements as nested JSON arrays: its brackets take no memory of a model, so that a
// small request could ask for any number.
inline constexpr size_t kEmptyNestCharactersMax = 67108864;
// Checks of a pipeline: one bit each in the 64-bit failure mask of a row.
inline constexpr size_t kChecksMax = 64;
// Instructions of a compiled check; bounds the work per row.
inline constexpr size_t kCheckInstructionsMax = 1024;
// Values that a compiled check holds at a time: the addon's stack, on the thread's own.
inline constexpr size_t kCheckStackMax = 64;
// Tensors that one check reads.
inline constexpr size_t kCheckSourcesMax = 64;
// Models and splits of a pipeline, over all steps: one bit each in the addon's masks.
inline constexpr size_t kPositionsMax = 64;
// Bytes of a FlatBuffer: its offsets are of 32 bits, one of them signed.
inline constexpr size_t kFrameBytesLimit = 2147483647;
// Bytes of the offset with which a FlatBuffer begins; our writers put the first vtable behind it.
inline constexpr size_t kFlatbufferRootBytes = 4;
// Above the numbers of a connection's channels, which begin at 1: an array finds them.
inline constexpr uint32_t kChannelsMax = 1024;
// Connections of one load generator, each a file descriptor.
inline constexpr uint32_t kBenchConnectionsMax = 4096;
// Requests in flight per connection of a load generator; a server's window is smaller still.
inline constexpr uint32_t kBenchInFlightMax = 65536;
// Seconds of one phase of a load: a day.
inline constexpr uint32_t kBenchSecondsMax = 86400;

}  // namespace penstock
