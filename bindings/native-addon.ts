/**
 * What the addon exports, 1:1. Types only; `native.ts` loads the addon and re-exports them. See docs/internals for the picture.
 *
 * Handles are opaque, tagged externals of the isolate that made them: a wrong kind, a closed one or one from another
 * isolate throws `TypeError` with a `code`, never crashes. Numbers called `…Us` are microseconds of the monotonic
 * clock `nowUs()`. "Status" numbers are the `native` column of src/protocol/errors.json; 0 is success.
 */
import type { BatchingCode, TakeCode } from './generated/boundary.js'
import type {
  NativeField,
  ComparisonHandle,
  PipelineHandle,
  PlanHandle,
  PortHandle,
  QueueHandle,
  WorkerHandle,
} from './native-handles.js'
import type { LimitHandle } from './native-limits.js'
import type { PlanSpec } from './native-plan.js'

export interface QueueSpec {
  /** Chosen by the engine; workers see it with each batch and find their session by it. */
  modelKey: number
  inputs: NativeField[]
  outputs: NativeField[]
  batching: BatchingCode
  /** 1..65536; the addon lowers it so that a batch stays under `batchBytesMax`. */
  batchRowsMax: number
  batchBytesMax: number
  /** Rows waiting or running, by priority (interactive, background); admission beyond it is refused. */
  pendingRowsMax: [number, number]
  /** 0 = no timer (default). Otherwise an open batch waits this long for company when a worker is free. */
  maxDelayUs: number
  /** Batches in memory that a GPU copies without a detour, where `canLockPages()`. */
  isPageLocked: boolean
}

/** What JSON bodies and answers of a plan have in common; texts that end up in the answer are JSON already. */
export interface AnswerFormSpec {
  /** In the order of the plan's inputs; none needs an escape in JSON. */
  inputNames: string[]
  /** In the order of the answer: index in `PlanSpec.answer`, and `"name":`, with a comma before it from the second on. */
  outputs: { source: number; head: string }[]
  /** `{"check":"name","rows":[`, by check of the plan. */
  checks: string[]
  /** `,"metadata":{…,"request_id":"…-`; the request's number follows in base 36. */
  metadata: string
  /** When no row was routed. */
  lastModel: string
  /** By option of `routeSplit`: the label, and `last_model` when all rows took it. */
  routes: { label: string; lastModel: string }[]
}

/**
 * Sizes are counts; histograms are arrays: HistogramSlot, then the count of each bucket. Bucket i holds the units in
 * (2^((i-1) / 2^HISTOGRAM_SCHEMA), 2^(i / 2^HISTOGRAM_SCHEMA)]; a unit is a row, or of durations 2^-HISTOGRAM_SECOND_POWER
 * seconds.
 */
export interface QueueStats {
  pendingRows: [number, number]
  failedRunCount: number
  batchesAllocated: number
  arenaBytes: number
  usPerRow: number
  batchRows: Float64Array
  queueNs: Float64Array
  assembleNs: Float64Array
  runNs: Float64Array
  scatterNs: Float64Array
}

export interface PipelineStats {
  inFlight: number
  requestCount: number
  rowCount: number
  /** Failures by native status number. */
  failureCounts: Float64Array
  /**
   * Background rows that were not answered, by position of the current plan (flattened over stages), then by native status
   * number; in place of 0 those that were shed.
   */
  backgroundLosses: Float64Array
  checkFailureCounts: Float64Array
  /** Requests of all its caches; what the current one holds. */
  cache: { hitCount: number; missCount: number; evictionCount: number; bytes: number; entryCount: number }
  sendNs: Float64Array
  totalNs: Float64Array
}

export interface Answer {
  rows: number
  /** One fresh ArrayBuffer per answer tensor, owned by the caller, row-major, rows in request order. */
  outputs: ArrayBuffer[]
  /** Full shape of each output (row axis first unless the plan is whole). */
  shapes: number[][]
  /** As `PlanSpec.others`, when the request asked; null where rows were shed, a run failed, or shapes differ. */
  others: { data: (ArrayBuffer | null)[]; shapes: (number[] | null)[] } | null
  /** Bit c of element r: check c failed on row r. null when the plan has no checks. */
  checkFailures: BigUint64Array | null
  /** Option index by row of the split in `routeSplit`; null without one. */
  routes: Uint16Array | null
  /** Nanoseconds: [admission to first run, one entry per stage (append to completed)]. */
  elapsedNs: Float64Array
  /**
   * Present when the request asked. Microseconds: TimingHeadSlot, then TimingStepSlot for each of `models`.
   */
  timing: { values: Float64Array; models: string[] } | null
  /** Whether the answer came from the plan's prediction cache; absent where that was not asked. */
  isCached?: boolean
}

export interface FailureDetail {
  status: number
  /** Named by status in generated/boundary.ts: QueueFullDetail and so on. */
  details: [number, number, number, number]
  /** Text of the runtime's own error; '' when there is none. */
  text: string
  /** Channel and wire id of a refused frame or failed WebSocket request; -1 when unknown or from JavaScript. */
  channel: number
  wireId: number
}

/** What a worker has been inside of for a while. Named by `worker` and `startNs`: what it does later has another start. */
export interface RunInHand {
  readonly worker: number
  readonly startNs: number
  /** Model of the batch, or of the rows that are run again to be checked; null: it is the job `tag`. */
  readonly modelKey: number | null
  readonly tag: number
  readonly elapsedUs: number
  /** Expected time of a batch of the model; 0: nobody knows. */
  readonly expectedUs: number
  readonly isAside: boolean
  /** Nobody waits for it any more: its callers have been answered, by their deadlines or on their own wish. */
  readonly isUnheard: boolean
}

export interface WorkersLook {
  /** Since a worker was free last, 0: one is; Infinity: there is none. Background workers and those set aside do not count. */
  readonly withoutFreeUs: number
  /** The longest wait of a batch or job that is no long model's. */
  readonly waitingUs: number
  /** The longest wait of what is long and would take the last free worker. */
  readonly heldBackUs: number
  /** That last for 50 ms and more, of background workers and those set aside, too. */
  readonly runs: readonly RunInHand[]
}

export interface BucketLayout {
  /** offsetBytes in the batch's buffer; dims exclude the row axis unless batching is whole. */
  inputs: { offsetBytes: number; rowBytes: number; dims: number[] }[]
  /** offsetBytes -1: shape known only after the run, hand it over with setOutput. */
  outputs: { offsetBytes: number; rowBytes: number; dims: number[] }[]
  batchRowsMax: number
}

export interface NativeAddon {
  nowUs(): number
  /** Whether a CUDA runtime was found that can page-lock batches; looks for one at the first call. */
  canLockPages(): boolean
  /** Gives free heap memory back to the system, on a thread of its own: allocations elsewhere may wait for milliseconds. */
  releaseFreeMemory(): Promise<void>
  /** From now on the process keeps less freed heap memory. @returns false where the C library has no setting for it. */
  keepLittleFreeMemory(): boolean
  /** Frees the memory of an ArrayBuffer at once, not when the collector finds it; it and its views have no bytes any more. */
  detachBuffer(buffer: ArrayBufferLike): void

  // ── control path ────────────────────────────────────────────────────────────────────────────
  /**
   * A runtime is one engine's scheduler: its workers run its queues' batches and nobody else's. Returns its id, which is
   * valid in every isolate until closeRuntime: queues, workers and ports of different runtimes never meet.
   * @param isMeasuring false: nothing is counted per request or batch.
   * @param watchUs how long an idle worker watches for work before it sleeps, 0..1000000; 0: it sleeps at once.
   * @param budgetBytes what callers may make the runtime hold, 1..2^53.
   */
  createRuntime(isMeasuring: boolean, watchUs: number, budgetBytes: number): number
  /** Counts bytes that a caller makes the engine hold against the runtime's budget. False: they do not fit. */
  tryChargeBytes(runtime: number, bytes: number): boolean
  /** Counts bytes that are held already. */
  chargeBytes(runtime: number, bytes: number): void
  /** Gives back what was counted. */
  releaseBytes(runtime: number, bytes: number): void
  /** Bytes counted now, those of requests in flight included. */
  usedBytes(runtime: number): number
  /**
   * Frees batches that were last opened more than `idleMs` ago, 0..2^31-1; each queue keeps a small one.
   * @returns the bytes that they held.
   */
  trimArenas(runtime: number, idleMs: number): number
  /** Closes every runtime of the process: what must happen before the process exits while workers wait in take. */
  closeRuntimes(): void
  /** Ends the process at once with `code`, 0..255, whatever its threads are doing; nothing is flushed. */
  exitNow(code: number): never
  /** Wakes every worker of the runtime with take() = 0 and refuses new work with ERR_DRAINING. Idempotent. */
  closeRuntime(runtime: number): void
  createQueue(runtime: number, spec: QueueSpec): QueueHandle
  /**
   * How the queue's batches run from now on, while it serves: at most `instancesMax` (1..2^32-1) of them at a time over
   * all workers, and with at most `inputBytesMax` bytes of inputs each (1..2^53), one row at least.
   * @param expectedRunUs what such a batch was measured to take, in microseconds; absent: it was not.
   */
  limitQueue(queue: QueueHandle, instancesMax: number, inputBytesMax: number, expectedRunUs?: number): void
  /**
   * Background workers have loaded the queue's model: while there is one, long background batches are left to them.
   */
  offloadQueue(queue: QueueHandle): void
  /**
   * Before the queue's model is unloaded: no batch of it runs from now on. The next rows that come wait, and `port` gets a `job` event
   * with `tag` and no bytes, once; rows that wait already do that now.
   * @returns false: rows run, or wait and `mayWait` is not set, and nothing has changed.
   */
  holdQueue(queue: QueueHandle, port: PortHandle, tag: number, mayWait: boolean): boolean
  /** The model is loaded in every worker again: what waits runs. */
  releaseQueue(queue: QueueHandle): void
  /** How often the queue is asked: batches since it was made, and by `nowUs` when the last one was opened; 0: never. */
  queueUse(queue: QueueHandle): { readonly batches: number; readonly lastUs: number }
  /** The free dims, in the order of the inputs, of rows that came lately; the last used first, at most `countMax`, 1..256. */
  queueShapes(queue: QueueHandle, countMax: number): number[][]
  /** Refuses new rows; memory goes when the last batch is recycled. Idempotent. */
  closeQueue(queue: QueueHandle): void
  queueStats(queue: QueueHandle): QueueStats
  /** @throws RangeError naming the field when a spec is inconsistent. */
  createPlan(spec: PlanSpec): PlanHandle
  /** Counts of a comparison, for `PlanSpec.comparison`. */
  createComparison(): ComparisonHandle
  /** Rows that both nodes gave, those that they gave alike, and those that one of them has not given. */
  comparisonCounts(comparison: ComparisonHandle): {
    readonly comparedRows: number
    readonly sameRows: number
    readonly lostRows: number
  }
  createPipeline(): PipelineHandle
  /** Atomically: later requests run on `plan` (null: ERR_PIPELINE_NOT_DEPLOYED); earlier ones finish on theirs. */
  setPlan(pipeline: PipelineHandle, plan: PlanHandle | null): void
  /** Requests of this plan that are not yet settled and logged: 0 means its queues and its log may be closed. */
  planInFlight(plan: PlanHandle): number
  pipelineStats(pipeline: PipelineHandle): PipelineStats
  /** Options chosen for `rows` rows by split `split` of the plan; what the string path uses. */
  route(plan: PlanHandle, split: number, rows: number, meta: Uint8Array | null): Uint16Array | FailureDetail
  /**
   * Two capability externals cross isolates: pass the number through workerData, adopt it there. Numbers are valid
   * until the resource is closed.
   */
  shareId(handle: QueueHandle | PipelineHandle): number
  adoptQueue(id: number): QueueHandle
  adoptPipeline(id: number): PipelineHandle

  // ── workers ─────────────────────────────────────────────────────────────────────────────────
  /** isForBackground: it takes long background batches of queues that are left to it, and nothing else. */
  openWorker(runtime: number, index: number, isForBackground?: boolean): WorkerHandle
  /** The calling thread and those it makes get what others leave of the cores, for the rest of their lives. Linux alone. */
  yieldToOthers(): void
  closeWorker(worker: WorkerHandle): void
  /**
   * By WorkerInfoSlot: a view of native memory, filled by take. freedBatches: how many batches this process has given up, modulo
   * 2^32.
   */
  workerInfo(worker: WorkerHandle): Int32Array
  /** Blocks the thread up to timeoutMs (-1: until there is work or the runtime closes). */
  take(worker: WorkerHandle, timeoutMs: number): TakeCode
  /** Returns the layout of the batch in hand. */
  bucketLayout(worker: WorkerHandle): BucketLayout
  /** The memory of the batch in hand: inputs and outputs. Cache it by batchId; it stays valid for the isolate's life. */
  batchBuffer(worker: WorkerHandle): ArrayBuffer
  /** Int32 pairs [batchRow, rowCount] of the requests in the batch in hand (a copy). */
  batchEntries(worker: WorkerHandle): Int32Array
  /** For outputs whose shape was not known: copies once. False when dims disagree with an earlier part of the batch. */
  setOutput(worker: WorkerHandle, output: number, data: ArrayBufferView, dims: number[], batchRow: number): boolean
  /** @returns whether the failure reaches no caller: the entry is of the background. */
  failEntry(worker: WorkerHandle, entry: number, text: string): boolean
  /** Hands the batch in hand on: next steps, answers, wake-ups. The session was called and returned at these moments. */
  completeBatch(worker: WorkerHandle, runStartUs: number, runEndUs: number): void
  takeJob(worker: WorkerHandle): { tag: number; payload: Uint8Array }
  completeJob(worker: WorkerHandle, tag: number, reply: Uint8Array): void
  /**
   * worker -1: whichever is free first; otherwise that worker's own queue. Its reply is a `job` event of `port`, without
   * bytes when the worker is lost with the job in hand.
   * @param isLong it may take long, and leaves the last free worker to others; for worker -1.
   */
  postJob(port: PortHandle, worker: number, tag: number, payload: Uint8Array, isLong?: boolean): void
  /** The worker runs rows of this model again until it takes next; only for those who look. */
  beginCheck(worker: WorkerHandle, modelKey: number): void
  /** What takes long at this moment; models that do are treated as long until their run ends. Of a closed runtime: nothing. */
  lookAtWorkers(runtime: number): WorkersLook
  /**
   * The worker finishes that run, which is answered, and is then to end; it counts nowhere any more, its own jobs are
   * forgotten, and its thread yields the cores to others.
   * @returns false: that run has ended.
   */
  setWorkerAside(runtime: number, worker: number, startNs: number): boolean
  /** The worker is to end instead of taking what comes next. @returns false: there is no such worker. */
  retireWorker(runtime: number, worker: number): boolean

  // ── I/O isolates ────────────────────────────────────────────────────────────────────────────
  /**
   * `onReady` runs on this isolate's loop, at most once until the next drain, when events wait. `isOfIoThread`: an I/O thread
   * takes frames and answers them itself; a drain brings what it leaves, and any call may wait for the end of its turn.
   */
  openPort(runtime: number, onReady: () => void, requestsMax: number, isOfIoThread?: boolean): PortHandle
  closePort(port: PortHandle): void
  /** By SubmissionSlot, one array a port; submissions.ts writes it. */
  submission(port: PortHandle): Float64Array
  /**
   * Admits one request from JavaScript; its numbers are those of `submission(port)`. inputs: the plan's order, exact dtypes,
   * contiguous; copied before it returns. dims: the free dims in order over all inputs, or null when none is free. meta: a
   * `MetaBlock` FlatBuffer or null. Returns a request number > 0, or -status with `lastFailure(port)`.
   */
  submit(
    port: PortHandle,
    pipeline: PipelineHandle,
    inputs: readonly ArrayBufferView[],
    dims: Int32Array | null,
    meta: Uint8Array | null,
  ): number
  lastFailure(port: PortHandle): FailureDetail
  /** By RefusalSlot: of what `receive` or `submitJson` refused last; one array a port. */
  refusalFacts(port: PortHandle): Float64Array
  /** Publishes what this isolate appended since the last flush. Call once per loop turn (setImmediate). */
  flush(port: PortHandle): void
  /** True when it was still unanswered: a `failed` event with ERR_ABORTED follows. */
  cancel(port: PortHandle, request: number): boolean
  /** Fails every unanswered request whose deadline has passed. Returns ms until the next deadline, or -1. */
  expire(port: PortHandle): number
  /**
   * Moves what is ready into `events(port)` and `outbox(port)`. Returns the number of events; call again while it is > 0.
   * Each event is PortEventSlot; PortEvent says what a, b and c are.
   */
  drain(port: PortHandle): number
  events(port: PortHandle): Float64Array
  /** May be a new, larger buffer after a drain: ask again when a `send` ends beyond the old one. */
  outbox(port: PortHandle): Uint8Array
  readAnswer(port: PortHandle, request: number): Answer
  readFailure(port: PortHandle, request: number): FailureDetail
  readJob(port: PortHandle, job: number): Uint8Array
  inFlight(port: PortHandle): number

  // ── WebSocket connections of a port ─────────────────────────────────────────────────────────
  openConnection(port: PortHandle, windowRequests: number): number
  /** The same on a port of an I/O thread, for a socket of that thread. -1: the socket is gone. */
  openSocketConnection(port: PortHandle, socket: number, windowRequests: number): number
  /** A frame of the socket that the I/O thread left is done with: later ones need not follow it any more. */
  frameHandled(port: PortHandle, socket: number): void
  /** @param place of a `frameFailed` event of the last drain; its channel and wireId are set. */
  readFrameFailure(port: PortHandle, place: number): FailureDetail
  /**
   * How the failure at that place was written: the I/O thread sends the same to others that fail for the same reason within a few
   * milliseconds, with their own channel and request at these bytes of it.
   */
  keepRefusal(port: PortHandle, place: number, message: Uint8Array, channelAt: number, requestAt: number): void
  /**
   * What a head of HTTP requests means, by its key (src/transport/http/head-key.ts): the I/O thread takes requests that bring the
   * same head within the next moment, for as long as `plan` serves. `route` is what `answeredRequests` counts them under.
   */
  keepHead(
    port: PortHandle,
    key: string,
    pipeline: PipelineHandle,
    plan: PlanHandle,
    limit: LimitHandle | null,
    route: number,
  ): void
  /** Replies to the exchange of an httpFailed event of an I/O thread. @param headers whole lines with their ends. */
  replyLater(port: PortHandle, exchange: number, status: number, headers: string, body: Uint8Array): void
  /** HTTP requests that the I/O thread has answered with 200. */
  answeredRequests(port: PortHandle, route: number): number
  /** Cancels what is in flight; late results are dropped. */
  closeConnection(port: PortHandle, connection: number): void
  openChannel(
    port: PortHandle,
    connection: number,
    channel: number,
    pipeline: PipelineHandle,
    isStringPath: boolean,
  ): void
  closeChannel(port: PortHandle, connection: number, channel: number): void
  /**
   * While a socket is congested, results sent to it keep their credit until `acknowledge`; false gives all of it back.
   * Beyond 8 MiB of them it gets no more until the kernel has taken some: the rest stay where they are.
   * @returns true: there is more for it, for the next drain.
   */
  setCongested(port: PortHandle, connection: number, isCongested: boolean): boolean
  /**
   * The kernel took the oldest `frames` of the frames (sendHeld) that were sent while the socket was congested.
   * @returns as setCongested.
   */
  acknowledge(port: PortHandle, connection: number, frames: number): boolean
  /** Bytes of results that are finished and not yet sent to it. They are charged to the budget already. */
  readyBytes(port: PortHandle, connection: number): number
  /**
   * One frame. 0: an Infer that was admitted · > 0: a well-formed message of that Body type which JavaScript handles
   * (decode it with the codec; an Infer of a string-path channel is one of these) · < 0: -status, with lastFailure: its channel
   * and wireId are set when the frame was a readable Infer (answer a Failure). ERR_FRAME and ERR_CREDIT_EXCEEDED mean
   * that the connection must be closed.
   */
  receive(port: PortHandle, connection: number, frame: ArrayBuffer): number
  /** After `receive` returned RECEIVED_WITH_REFUSALS: the status of the next refused request, with its facts as after a refusal; 0: no more. */
  takeRefusal(port: PortHandle): number
  cancelWebSocket(port: PortHandle, connection: number, channel: number, wireId: number): boolean

  // ── JSON over HTTP ──────────────────────────────────────────────────────────────────────────
  /** Before the first submitJson that may reach the plan. @throws RangeError when it does not fit the plan. */
  setAnswerForm(plan: PlanHandle, form: AnswerFormSpec): void
  /**
   * One JSON body of columns; read before it returns. The tag of `submission(port)` is its exchange. > 0: the number of the
   * request that was admitted; exactly one event httpAnswered, httpLarge or httpFailed names the exchange · 0: not read here
   * (malformed, other forms, strings, no form): nothing was done · < 0: -status, with lastFailure. `meta`: a MetaBlock of
   * what the log is to keep.
   */
  submitJson(
    port: PortHandle,
    pipeline: PipelineHandle,
    body: ArrayBuffer | Uint8Array,
    meta: Uint8Array | null,
  ): number
  /** The memory of the answers of the present drain. */
  jsonOutbox(port: PortHandle): Uint8Array
  /**
   * Prints a part, by NestSlot, of a tensor without free dims as JSON, with the brackets that open before and close behind its elements:
   * all parts in order are the tensor's nested arrays. @returns the bytes of `text` that were written; it has room for
   * count * (33 + 2 * dims.length). @throws RangeError when sizes do not fit.
   */
  printNest(text: Uint8Array, elements: ArrayBufferView, dims: readonly number[], part: Float64Array): number
}
