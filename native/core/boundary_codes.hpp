// Generated from src/protocol/boundary.json by tools/codegen: do not edit, run `npm run codegen`.
// What crosses the border of the addon as numbers, and limits that both of its sides know.
// clang-format off
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/status_codes.hpp"

namespace penstock {

// What happened to a connection, a request or a WebSocket of an I/O thread; IoEventSlot has what comes with it.
enum class IoEventKind : uint8_t {
  kOpened = 1,  // a connection
  kGone = 2,  // it is closed
  kRequest = 3,  // text: head; bytes: of the body so far; flag: all of it; number: 1 when the client waits for leave to send
  kUpgrade = 4,  // a WebSocket's handshake; text: head
  kData = 5,  // bytes: more of a body; flag: the last
  kAborted = 6,  // the caller of a request is gone
  kWritable = 7,  // the kernel took some of an answer that asked for it; number: bytes that still wait
  kMessage = 8,  // bytes; flag: binary
  kDrained = 9,  // the kernel took some of what a WebSocket was given
  kClosed = 10,  // a WebSocket; number: close code
};

// Bits of a part of an answer.
enum class AnswerFlag : uint8_t {
  kLast = 1,  // nothing follows
  kCloses = 2,  // the connection ends behind it
  kWantsWritable = 4,  // events follow until the kernel has what was given
  kChunked = 8,  // the body comes in parts, without a length
};

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
  kHttpFailed = 10,  // exchange, request, route of an I/O thread; then readFailure
  kHttpLarge = 11,  // exchange, request, requestNumber; then readAnswer: its text is to be printed in parts
  kFrameFailed = 12,  // of an I/O thread: connection, place, channel * 2^32 + wire id; then readFrameFailure
  kHeld = 13,  // of an I/O thread: connection, bytes that wait in its socket, bytes of results that are kept from it
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
  kCache = 9,  // whether the answer came from the prediction cache
};
inline constexpr size_t kColumnKindCount = 10;

// Results.caches: what the prediction cache did for a request.
enum class CacheUse : uint8_t {
  kNone = 0,  // it was not asked
  kHit = 1,  // the answer came from it
  kMiss = 2,  // the models ran
};
inline constexpr size_t kCacheUseCount = 3;

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
  kInferMany = 5,  // a field of its InferMany lies outside the frame, or the fields do not speak of as many requests
};
inline constexpr size_t kFrameFaultCount = 6;

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

// Why a body of rows is not read at all; with the byte at which it was seen.
enum class BodyFault : uint8_t {
  kNone = 0,  // it was read
  kEnd = 1,  // it ends inside a value
  kValue = 2,  // no JSON value begins here
  kNotFinite = 3,  // NaN or Infinity, which JSON does not have
  kKey = 4,  // no key of an object begins here
  kColon = 5,  // no colon stands behind the key
  kComma = 6,  // neither a comma nor the closing bracket stands behind the value
  kControl = 7,  // a control character inside a string
  kEscape = 8,  // a backslash that begins no escape
  kUtf8 = 9,  // bytes that are no UTF-8
  kDepth = 10,  // nested deeper than JSON_DEPTH_MAX
  kTrailing = 11,  // more text behind the value
  kRows = 12,  // neither an object nor a list of objects
  kTooManyRows = 13,  // more rows than the caller allows
  kTooLarge = 14,  // its columns take more memory than the caller allows
  kNoMemory = 15,  // the memory budget is used up, or the system has no more
  kOffsets = 16,  // a column of texts whose offsets do not begin at 0, descend, or leave its bytes
};
inline constexpr size_t kBodyFaultCount = 17;

// Which rule of a contract a value, a field or a row breaks.
enum class ContractRule : uint8_t {
  kType = 0,  // another kind of value than the field's dtype
  kInteger = 1,  // a number with a fraction for an integer dtype
  kRange = 2,  // a number beyond the range of the dtype
  kMissing = 3,  // the row does not have a required field
  kNull = 4,  // null, or NaN in a column, for a field that is not nullable
  kMinimum = 5,  // below min
  kExclusiveMinimum = 6,  // min or below it
  kMaximum = 7,  // above max
  kExclusiveMaximum = 8,  // max or above it
  kAccepted = 9,  // none of the accepted values
  kMinLength = 10,  // fewer characters than minLength
  kMaxLength = 11,  // more characters than maxLength
  kUnique = 12,  // a value that an earlier row of the request has
  kShape = 13,  // neither an array of the field's shape nor a flat one of as many values
  kExtra = 14,  // a field that the contract does not have
  kDuplicate = 15,  // a field that the row has twice
  kNul = 16,  // a text with the character U+0000, at which ONNX Runtime ends it
  kEncoding = 17,  // a text that is no UTF-8: half of a surrogate pair as an escape, or other bytes in a column
};
inline constexpr size_t kContractRuleCount = 18;

// What becomes of a value that breaks a rule.
enum class OnInvalid : uint8_t {
  kReject = 0,  // the request is refused
  kFlag = 1,  // the row is flagged; the value is kept, or missing where the dtype cannot hold it
  kClamp = 2,  // a number beyond a bound becomes that bound; all else is rejected
  kImpute = 3,  // the value becomes the field's impute value
  kDrop = 4,  // the row is left out
};
inline constexpr size_t kOnInvalidCount = 5;

// Where a member of an answer by the names of a contract comes from.
enum class RowMember : uint8_t {
  kEcho = 0,  // the row that was sent
  kOutput = 1,  // an output of the pipeline
  kText = 2,  // the same text in every answer
};
inline constexpr size_t kRowMemberCount = 3;

// What becomes of fields that a contract does not have.
enum class ExtraFields : uint8_t {
  kReject = 0,  // the request is refused
  kIgnore = 1,  // they are stepped over
  kLog = 2,  // they are stepped over, counted and named once a request
};
inline constexpr size_t kExtraFieldsCount = 3;

// With what penstock-load exits when it cannot go on.
enum class LoadStatus : int {
  kTarget = 1,  // the server is not there, or refuses the set-up
  kPlan = 2,  // the plan, or a file that it names, is at fault
};

// Instructions of a transform program. `element` counts within a row.
enum class TransformOpcode : uint8_t {
  kCast = 1,  // elements to another dtype; texts to float64 or int64; what is missing or does not fit fails its row
  kImputeFloats = 2,  // NaN becomes numbers[element]
  kImputeValues = 3,  // a missing value becomes table[0] or texts[0]
  kNormalise = 4,  // (x - numbers[element]) / numbers[width + element]
  kScale = 5,  // x * numbers[element] + numbers[width + element]
  kClip = 6,  // to numbers[element] .. numbers[width + element], of integers the same of integers
  kLog1p = 7,  // log(1 + x)
  kSigmoid = 8,  // 1 / (1 + exp(-x))
  kRound = 9,  // to multiples of 1 / numbers[0], or with integers[0] of numbers[0]
  kThreshold = 10,  // 1 where x > numbers[0], else 0
  kBins = 11,  // the number of numbers[] at or below x, with integers[0] below x; NaN fails its row unless integers[1]
  kLookup = 12,  // the index of x among the keys; integers[0] where it is none of them, integers[1] where it is missing; -1: none, -2: the row fails
  kGather = 13,  // table[code] or texts[code]; of -1 a missing value
  kOneHot = 14,  // 1 where the code is table[element], else 0
  kConcat = 15,  // the elements of all inputs, one behind the other
  kSlice = 16,  // elements from integers[0] on
  kTranspose = 17,  // axes permuted: integers are the dims, then the axis that comes at each place
  kResize = 18,  // images: count, height, width, channels, height and width of the result, whether linear
  kWindow = 19,  // a box of a row, table[0] or texts[0] where it lies outside: integers are the dims, where the box begins on each axis, the dims of the box
  kSoftmax = 20,  // exp(x - max) / sum over the row
  kArgMax = 21,  // the element of the largest
  kTopK = 22,  // the largest and their elements
  kHash = 23,  // MurmurHash3 with seed integers[0], modulo integers[1]
  kMeanPool = 24,  // the mean over integers[0] steps of a row, of those whose mask is not 0
  kL2Normalise = 25,  // x / the Euclidean norm of the row
};

// In place of the code of a category, in a transform program.
enum class CategoryCode : int64_t {
  kNone = -1,  // it is no category
  kFails = -2,  // the row fails
};

// Why a row fails in a transform program.
enum class RowErrorKind : uint8_t {
  kMissing = 1,  // the value is missing where none may be
  kUnknownCategory = 2,  // it is none of the categories
  kOutOfRange = 3,  // it does not fit the dtype
  kNotNumber = 4,  // the text is no number
};

// How a node of a tree compares an element x with its threshold t: true goes to its true branch. The codes are those of
// TreeEnsemble in ai.onnx.ml 5, which has no leaf among its nodes.
enum class TreeMode : uint8_t {
  kLessOrEqual = 0,  // x <= t
  kLess = 1,  // x < t
  kGreaterOrEqual = 2,  // x >= t
  kGreater = 3,  // x > t
  kEqual = 4,  // x == t
  kNotEqual = 5,  // x != t
  kMember = 6,  // x is one of the node's members
  kLeaf = 7,  // the tree ends here
};
inline constexpr size_t kTreeModeCount = 8;

// What becomes of the leaves of all trees. The codes are those of TreeEnsemble in ai.onnx.ml 5.
enum class TreeAggregate : uint8_t {
  kAverage = 0,  // their sum by the number of trees
  kSum = 1,  // their sum
  kMin = 2,  // the least
  kMax = 3,  // the greatest
};
inline constexpr size_t kTreeAggregateCount = 4;

// What becomes of the scores of a row. The codes are those of TreeEnsemble in ai.onnx.ml 5.
enum class TreePostTransform : uint8_t {
  kNone = 0,  // they stay
  kSoftmax = 1,  // probabilities of classes
  kLogistic = 2,  // a sigmoid of each
  kSoftmaxZero = 3,  // softmax, where scores of 0 stay 0
  kProbit = 4,  // the inverse of the normal distribution
};
inline constexpr size_t kTreePostTransformCount = 5;

// What a tree ensemble answers.
enum class TreeKind : uint8_t {
  kRegressor = 0,  // a score a target
  kClassifier = 1,  // a score a class, and a label
};
inline constexpr size_t kTreeKindCount = 2;

// What an output of a model on the tree kernels is.
enum class TreeOutputSource : int {
  kScores = 0,  // the scores of a row
  kLabels = 1,  // the label of a row
};
inline constexpr size_t kTreeOutputSourceCount = 2;

// One event among those of ioTake, each as long as this. text: METHOD, path, ?query and address of a head, a line each,
// then name and value of each header; bytes: an ArrayBuffer.
struct IoEventSlot {
  static constexpr size_t kKind = 0;
  static constexpr size_t kId = 1;
  static constexpr size_t kNumber = 2;
  static constexpr size_t kFlag = 3;
  static constexpr size_t kText = 4;
  static constexpr size_t kBytes = 5;
  static constexpr size_t kLength = 6;
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
// freedBatches stays the same, so does every batch that was ever seen; isStopped is 1 when another thread has ended the
// run.
struct WorkerInfoSlot {
  static constexpr size_t kModelKey = 0;
  static constexpr size_t kBatchId = 1;
  static constexpr size_t kRows = 2;
  static constexpr size_t kEntryCount = 3;
  static constexpr size_t kBucketId = 4;
  static constexpr size_t kIsAlone = 5;
  static constexpr size_t kFreedBatches = 6;
  static constexpr size_t kIsStopped = 7;
  static constexpr size_t kLength = 8;
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

// The numbers of a request that JavaScript submits: float64, one array a port, written before submit, or before
// submitJson, which reads the first two. deadlineUs is on the clock of nowUs, 0 for none.
struct SubmissionSlot {
  static constexpr size_t kTag = 0;
  static constexpr size_t kRequestNumber = 1;
  static constexpr size_t kRows = 2;
  static constexpr size_t kDeadlineUs = 3;
  static constexpr size_t kPriority = 4;
  static constexpr size_t kHasTiming = 5;
  static constexpr size_t kHasAuditedOutputs = 6;
  static constexpr size_t kLength = 7;
};

// Sizes of padRows: float64. Bytes of a row of the target, and of the source.
struct PadSlot {
  static constexpr size_t kTargetBytes = 0;
  static constexpr size_t kSourceBytes = 1;
  static constexpr size_t kRows = 2;
  static constexpr size_t kLength = 3;
};

// Sizes of sliceRows: float64. The slice begins offsetBytes into each row of the source.
struct SliceSlot {
  static constexpr size_t kTargetBytes = 0;
  static constexpr size_t kSourceBytes = 1;
  static constexpr size_t kOffsetBytes = 2;
  static constexpr size_t kRows = 3;
  static constexpr size_t kLength = 4;
};

// Sizes of transposeImages: float64. elementBytes is 1, 2, 4 or 8.
struct TransposeSlot {
  static constexpr size_t kCount = 0;
  static constexpr size_t kPixels = 1;
  static constexpr size_t kChannels = 2;
  static constexpr size_t kElementBytes = 3;
  static constexpr size_t kLength = 4;
};

// Sizes of resizeImages: float64. isLinear is 0 for the nearest pixel.
struct ResizeSlot {
  static constexpr size_t kCount = 0;
  static constexpr size_t kHeight = 1;
  static constexpr size_t kWidth = 2;
  static constexpr size_t kChannels = 3;
  static constexpr size_t kTargetHeight = 4;
  static constexpr size_t kTargetWidth = 5;
  static constexpr size_t kIsLinear = 6;
  static constexpr size_t kLength = 7;
};

// Which part of a tensor printNest prints: float64. The code of its dtype, and elements [start, start + count).
struct NestSlot {
  static constexpr size_t kDtype = 0;
  static constexpr size_t kStart = 1;
  static constexpr size_t kCount = 2;
  static constexpr size_t kLength = 3;
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
// Columns and what lies between them in a transform program.
inline constexpr size_t kTransformValuesMax = 16384;
// Bytes of a row of one column of a transform program.
inline constexpr size_t kTransformRowBytesMax = 268435456;
// Failures of rows that one run of a transform program lists; all are counted.
inline constexpr size_t kTransformRowErrorsMax = 1024;
// Trees of an ensemble that the tree kernels run; ONNX Runtime runs larger ones.
inline constexpr uint32_t kTreesMax = 65536;
// Nodes, weights and members of a tree ensemble that the tree kernels run: 2^24 of each.
inline constexpr uint32_t kTreeNodesMax = 16777216;
// Nodes from a root to a leaf in a tree that the tree kernels run: bounds the time of a row.
inline constexpr uint32_t kTreeDepthMax = 4096;
// Columns of the input of a tree ensemble that the tree kernels run.
inline constexpr uint32_t kTreeFeaturesMax = 16777216;
// Targets or classes of a tree ensemble that the tree kernels run.
inline constexpr uint32_t kTreeTargetsMax = 4096;
// Counts changes of what the tree kernels compute, or of how, and of what is read into them: a model that was proven
// with another is compared with ONNX Runtime again.
inline constexpr uint32_t kTreeKernelsRevision = 1;
// Dims of a tensor; ONNX Runtime's kernels end before that.
inline constexpr size_t kRankMax = 16;
// Nesting of a JSON body: deeper is no tensor, and parsers recurse.
inline constexpr size_t kJsonDepthMax = 32;
// Fields of a contract, as keys of one JSON object.
inline constexpr uint32_t kContractFieldsMax = 4096;
// Bytes of a field's name as UTF-8.
inline constexpr size_t kContractNameBytesMax = 1024;
// Values that one field has in a row: the product of its shape.
inline constexpr uint32_t kContractValuesMax = 16777216;
// Accepted values of one field.
inline constexpr uint32_t kContractAcceptedMax = 65536;
// Problems of one request that are reported; the rest are counted.
inline constexpr uint32_t kContractRowProblemsMax = 100;
// Bytes of a value's text in a problem, and of an extra field's name.
inline constexpr size_t kContractTextBytesMax = 64;
// Names of extra fields that are reported of one request; all are counted.
inline constexpr uint32_t kContractExtrasMax = 64;
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
// Characters of a tracestate, as JavaScript counts them: as many as the standard has everybody pass on.
inline constexpr size_t kTraceStateCharactersMax = 512;
// Microseconds between two looks at the deadlines of all requests in flight: as often as one can matter.
inline constexpr int64_t kExpiryLookUs = 1000;
// Microseconds for which later refusals of a port repeat the figures of the first.
inline constexpr int64_t kRefusalMomentUs = 5000;
// RFC 6455, 7.4.1: the code of a connection that ended without a close frame. Never sent.
inline constexpr uint32_t kClosedAbnormally = 1006;
// Above the numbers of a connection's channels, which begin at 1: an array finds them.
inline constexpr uint32_t kChannelsMax = 1024;
// Bytes of a request line. Filters of lists and columns of queries fit; what is longer belongs into a body.
inline constexpr size_t kHttpRequestLineBytesMax = 16384;
// Bytes of a request's head, which a connection holds until it is whole: more than any proxy passes on.
inline constexpr size_t kHttpHeadBytesMax = 122880;
// Header lines of a request: as many as each of the socket libraries takes.
inline constexpr size_t kHttpHeadersMax = 98;
// Bytes of the largest HTTP body, a model file; routes have limits of their own below it.
inline constexpr uint64_t kHttpBodyBytesMax = 2147483647;
// Chunks of one body: a table of 64 MiB sent line by line has fewer, a body of single bytes is cut short.
inline constexpr size_t kHttpChunksMax = 1048576;
// Bytes of chunk extensions in one body. Nobody reads them; they must not make a small body endless.
inline constexpr size_t kHttpChunkExtensionBytesMax = 16384;
// Bytes of the trailer lines behind a chunked body. Nobody reads them either.
inline constexpr size_t kHttpTrailerBytesMax = 16384;
// Frames of one WebSocket message: a message of 64 MiB in frames of 64 bytes; empty ones must not go on for ever.
inline constexpr uint32_t kWebsocketFragmentsMax = 1048576;
// Requests of one InferMany: four windows, and what is kept for a frame stays small.
inline constexpr uint32_t kInferManyMax = 4096;
// What `receive` returns when it took a frame of many requests and refused some: `takeRefusal` names them. Above all
// types of messages.
inline constexpr int kReceivedWithRefusals = 256;
// Connections of one load generator, each a file descriptor.
inline constexpr uint32_t kBenchConnectionsMax = 4096;
// Requests in flight per connection of a load generator; a server's window is smaller still.
inline constexpr uint32_t kBenchInFlightMax = 65536;
// Seconds of one phase of a load: a day.
inline constexpr uint32_t kBenchSecondsMax = 86400;

}  // namespace penstock
