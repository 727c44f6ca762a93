// Generated from src/protocol/boundary.json by tools/codegen: do not edit, run `npm run codegen`.

/** What happened to a connection, a request or a WebSocket of an I/O thread; IoEventSlot has what comes with it. */
export const IoEventKind = {
  /** a connection */
  opened: 1,
  /** it is closed */
  gone: 2,
  /** text: head; bytes: of the body so far; flag: all of it; number: 1 when the client waits for leave to send */
  request: 3,
  /** a WebSocket's handshake; text: head */
  upgrade: 4,
  /** bytes: more of a body; flag: the last */
  data: 5,
  /** the caller of a request is gone */
  aborted: 6,
  /** the kernel took some of an answer that asked for it; number: bytes that still wait */
  writable: 7,
  /** bytes; flag: binary */
  message: 8,
  /** the kernel took some of what a WebSocket was given */
  drained: 9,
  /** a WebSocket; number: close code */
  closed: 10,
} as const
export type IoEventKindCode = (typeof IoEventKind)[keyof typeof IoEventKind]

/** Bits of a part of an answer. */
export const AnswerFlag = {
  /** nothing follows */
  last: 1,
  /** the connection ends behind it */
  closes: 2,
  /** events follow until the kernel has what was given */
  wantsWritable: 4,
  /** the body comes in parts, without a length */
  chunked: 8,
} as const
export type AnswerFlagCode = (typeof AnswerFlag)[keyof typeof AnswerFlag]

/** Kinds of the events that a port's drain brings, with their a, b and c. */
export const PortEvent = {
  /** a request of JavaScript: tag, request, planKey; then readAnswer */
  answered: 1,
  /** a request of JavaScript: tag, request, planKey; then readFailure */
  failed: 2,
  /** connection, offset, bytes in the outbox: valid until the next drain */
  send: 4,
  /** connection, request, channel * 2^32 + wire id; then readFailure */
  sendFailed: 5,
  /** tag, job number; then readJob */
  job: 6,
  /** as send, to a congested socket: its results keep their credit until acknowledge */
  sendHeld: 7,
  /** the answers that follow lie in another jsonOutbox */
  jsonOutbox: 8,
  /** request number, offset, bytes in the jsonOutbox: valid until the next drain */
  httpAnswered: 9,
  /** exchange, request, route of an I/O thread; then readFailure */
  httpFailed: 10,
  /** exchange, request, requestNumber; then readAnswer: its text is to be printed in parts */
  httpLarge: 11,
  /** of an I/O thread: connection, place, channel * 2^32 + wire id; then readFrameFailure */
  frameFailed: 12,
  /** of an I/O thread: connection, bytes that wait in its socket, bytes of results that are kept from it */
  held: 13,
} as const
export type PortEventCode = (typeof PortEvent)[keyof typeof PortEvent]

/** What a worker's take brings. */
export const Take = {
  /** the runtime is closed */
  closed: 0,
  /** a batch: WorkerInfoSlot says which */
  batch: 1,
  /** a job: takeJob */
  job: 2,
  /** nothing came within the timeout */
  timeout: 3,
  /** the worker was set aside or retired, and is to end */
  retired: 4,
} as const
export type TakeCode = (typeof Take)[keyof typeof Take]

/** How requests share the runs of a model. */
export const Batching = {
  /** requests share batches */
  rows: 0,
  /** one row a run: a fixed leading 1 */
  row: 1,
  /** one request a run, tensors as they are */
  whole: 2,
} as const
export type BatchingCode = (typeof Batching)[keyof typeof Batching]

/** What a column of a log holds. */
export const ColumnKind = {
  /** when the request was completed */
  time: 0,
  /** elements of an input or output */
  tensor: 1,
  /** how many checks failed on the row */
  anomalyCount: 2,
  /** whether one check failed on it */
  anomaly: 3,
  /** nanoseconds until the first run and of each step */
  elapsed: 4,
  /** the last part of the request's id */
  requestNumber: 5,
  /** the branch that a split chose for the row */
  route: 6,
  /** dims of a tensor whose number of elements does not give them */
  shape: 7,
  /** a text that came in the request's meta */
  key: 8,
  /** whether the answer came from the prediction cache */
  cache: 9,
} as const
export type ColumnKindCode = (typeof ColumnKind)[keyof typeof ColumnKind]

/** What is logged, and what waits for it. */
export const Durability = {
  /** all requests; nothing waits */
  async: 0,
  /** some requests; nothing waits */
  sampled: 1,
  /** all requests; answers wait until their rows are on the disk */
  committed: 2,
} as const
export type DurabilityCode = (typeof Durability)[keyof typeof Durability]

/** The byte that a log's job event brings. */
export const LogReply = {
  /** the rows are on the disk, or in files */
  kept: 0,
  /** the disk failed with them */
  lost: 1,
} as const
export type LogReplyCode = (typeof LogReply)[keyof typeof LogReply]

/** Why a frame is malformed. */
export const FrameFault = {
  /** it is well-formed */
  none: 0,
  /** it does not begin with a message */
  noMessage: 1,
  /** the message has no body of a known type */
  noBody: 2,
  /** a field of its Infer lies outside the frame */
  infer: 3,
  /** its meta is not one value, or one per row, under each key */
  meta: 4,
  /** a field of its InferMany lies outside the frame, or the fields do not speak of as many requests */
  inferMany: 5,
} as const
export type FrameFaultCode = (typeof FrameFault)[keyof typeof FrameFault]

/** Why a routing key does not route. */
export const MetaFault = {
  /** it does */
  none: -1,
  /** neither a text nor a number */
  unusable: 0,
  /** a number that is no fraction and no exact integer */
  outOfRange: 1,
  /** neither one value nor one per row */
  wrongLength: 2,
  /** the split requires it */
  missing: 3,
} as const
export type MetaFaultCode = (typeof MetaFault)[keyof typeof MetaFault]

/** In place of an input's index in the details of ERR_SHAPE. */
export const ShapeInput = {
  /** a dim is above DIM_MAX: expected and received are dims */
  beyondDimMax: -2,
  /** how many inputs, free dims or bytes there are in all */
  all: -1,
} as const
export type ShapeInputCode = (typeof ShapeInput)[keyof typeof ShapeInput]

/** In place of the bytes wanted in the details of ERR_QUEUE_FULL. */
export const QueueFullWanted = {
  /** one connection's share of the memory budget is used up */
  connectionShare: -1,
  /** no bytes: used and limit are rows of a queue */
  rows: 0,
} as const
export type QueueFullWantedCode = (typeof QueueFullWanted)[keyof typeof QueueFullWanted]

/** One event among those of ioTake, each as long as this. text: METHOD, path, ?query and address of a head, a line each, then name and value of each header; bytes: an ArrayBuffer. */
export const IoEventSlot = {
  kind: 0,
  id: 1,
  number: 2,
  flag: 3,
  text: 4,
  bytes: 5,
  length: 6,
} as const

/** One event among those of a drain, each as long as this: float64. */
export const PortEventSlot = {
  kind: 0,
  a: 1,
  b: 2,
  c: 3,
  length: 4,
} as const

/** What a worker learns of the batch in hand: int32. isAlone is 1 when nothing else ran or waited in the runtime; while freedBatches stays the same, so does every batch that was ever seen; isStopped is 1 when another thread has ended the run. */
export const WorkerInfoSlot = {
  modelKey: 0,
  batchId: 1,
  rows: 2,
  entryCount: 3,
  bucketId: 4,
  isAlone: 5,
  freedBatches: 6,
  isStopped: 7,
  length: 8,
} as const

/** What is known of a refused frame or body: the four details of its failure, then whose it was. */
export const RefusalSlot = {
  detail0: 0,
  detail1: 1,
  detail2: 2,
  detail3: 3,
  channel: 4,
  wireId: 5,
  length: 6,
} as const

/** The numbers of a request that JavaScript submits: float64, one array a port, written before submit, or before submitJson, which reads the first two. deadlineUs is on the clock of nowUs, 0 for none. */
export const SubmissionSlot = {
  tag: 0,
  requestNumber: 1,
  rows: 2,
  deadlineUs: 3,
  priority: 4,
  hasTiming: 5,
  hasAuditedOutputs: 6,
  length: 7,
} as const

/** Sizes of padRows: float64. Bytes of a row of the target, and of the source. */
export const PadSlot = {
  targetBytes: 0,
  sourceBytes: 1,
  rows: 2,
  length: 3,
} as const

/** Sizes of sliceRows: float64. The slice begins offsetBytes into each row of the source. */
export const SliceSlot = {
  targetBytes: 0,
  sourceBytes: 1,
  offsetBytes: 2,
  rows: 3,
  length: 4,
} as const

/** Sizes of transposeImages: float64. elementBytes is 1, 2, 4 or 8. */
export const TransposeSlot = {
  count: 0,
  pixels: 1,
  channels: 2,
  elementBytes: 3,
  length: 4,
} as const

/** Sizes of resizeImages: float64. isLinear is 0 for the nearest pixel. */
export const ResizeSlot = {
  count: 0,
  height: 1,
  width: 2,
  channels: 3,
  targetHeight: 4,
  targetWidth: 5,
  isLinear: 6,
  length: 7,
} as const

/** Which part of a tensor printNest prints: float64. The code of its dtype, and elements [start, start + count). */
export const NestSlot = {
  dtype: 0,
  start: 1,
  count: 2,
  length: 3,
} as const

/** A histogram as an array: values of 0, the sum in ns or rows; from its length on the counts of the buckets. */
export const HistogramSlot = {
  zeros: 0,
  sum: 1,
  length: 2,
} as const

/** Details of ERR_SHAPE. An input's index or ShapeInput; bytes, or dims. */
export const ShapeDetail = {
  input: 0,
  expected: 1,
  received: 2,
} as const

/** Details of ERR_META. The split's index, the row, a MetaFault. */
export const MetaDetail = {
  split: 0,
  row: 1,
  fault: 2,
} as const

/** Details of ERR_TOO_MANY_ROWS. Rows. */
export const TooManyRowsDetail = {
  limit: 0,
  received: 1,
} as const

/** Details of ERR_FRAME. A FrameFault. */
export const FrameDetail = {
  fault: 0,
} as const

/** Details of ERR_QUEUE_FULL. Rows, or bytes of the memory budget; `wanted`: the bytes that did not fit, or a QueueFullWanted. */
export const QueueFullDetail = {
  used: 0,
  limit: 1,
  retryAfterMs: 2,
  wanted: 3,
} as const

/** Details of ERR_CREDIT_EXCEEDED. Requests. */
export const CreditExceededDetail = {
  inFlight: 0,
  window: 1,
} as const

/** Details of ERR_DEADLINE_EXCEEDED. The estimated wait, 0 when the deadline has passed; and what there was. */
export const DeadlineExceededDetail = {
  waitUs: 0,
  budgetUs: 1,
} as const

/** Details of ERR_RUN_FAILED. 1: the text is a sentence of ours, not the runtime's reason. */
export const RunFailedDetail = {
  isOurs: 0,
} as const

/** Details of ERR_STORAGE. errno. */
export const StorageDetail = {
  fault: 0,
} as const

/** Details of ERR_RATE_LIMITED. 1: too many are in flight; else how long to wait. */
export const RateLimitedDetail = {
  isBusy: 0,
  retryAfterUs: 1,
} as const

/** 2^schema buckets hold the values from one power of two to the next. */
export const HISTOGRAM_SCHEMA = 3

/** Powers of two that have buckets, 68 minutes of a duration; what is above is counted in the last one. */
export const HISTOGRAM_POWERS = 42

/** A second is 2^30 units of a duration. */
export const HISTOGRAM_SECOND_POWER = 30

/** Characters of one element as JSON, without its comma. */
export const ELEMENT_CHARACTERS_MAX = 32

/** MetadataVersion.V5 of Arrow's Message.fbs. */
export const ARROW_VERSION_V5 = 4

/** MessageHeader.RecordBatch of Arrow's Message.fbs. */
export const ARROW_HEADER_RECORD_BATCH = 3

/** Buffers and bodies of Arrow messages begin at multiples of it. */
export const ARROW_ALIGNMENT_BYTES = 8

/** Bytes of a page of memory, as /proc counts them on x86-64 and most of arm64. */
export const PAGE_BYTES = 4096

/** Microseconds between two looks at the deadlines of all requests in flight: as often as one can matter. */
export const EXPIRY_LOOK_US = 1000

/** Microseconds for which later refusals of a port repeat the figures of the first. */
export const REFUSAL_MOMENT_US = 5000

/** What `receive` returns when it took a frame of many requests and refused some: `takeRefusal` names them. Above all types of messages. */
export const RECEIVED_WITH_REFUSALS = 256
