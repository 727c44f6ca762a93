/**
 * What the load generator takes and what it emits: the border between `penstock bench` (TypeScript: scenarios, sweeps,
 * reports) and the native generator (native/load, C++), and equally the in-process target, which speaks the same.
 *
 * The plan travels as lines of text on the generator's stdin (src/loadtest/native/load-process.ts writes them,
 * native/load/plan/plan.hpp reads them); events are lines of JSON (NDJSON) on its stdout. Times are seconds since the
 * start of the first phase, latencies microseconds, of requests that were answered as expected. In an open loop a
 * latency runs from the time at which the request was *due*, not from its write, so that a server which stalls is
 * charged for all it kept waiting (coordinated omission). In a closed loop it runs from the write.
 *
 * A request counts for `finished` when it was due in a phase that is no warm-up (open loop), or when it ended in one
 * (closed loop). After the last phase, what is on the way has `drainSeconds` to be answered: in an open loop that counts,
 * and `seconds` runs on to the last such answer; in a closed loop it is only compared.
 */

/** How the requests travel. `in-process` is never given to the native generator. */
export type Transport = 'websocket' | 'http-json' | 'http-binary' | 'oip-json' | 'oip-binary' | 'in-process'

export interface LoadPlan {
  readonly target: LoadTarget
  readonly connections: number
  /** WebSocket: requests that one frame carries at most, where the server offers it; 1 when absent. */
  readonly requestsPerFrame?: number
  /** The kinds of request that are mixed, at least one. */
  readonly requests: readonly RequestKind[]
  /** One after the other, without a pause. */
  readonly phases: readonly LoadPhase[]
  /** Chooses kinds and arrival times: 0..2^32-1. The same plan sends the same sequence. */
  readonly seed: number
  /** Seconds between two `interval` events. */
  readonly intervalSeconds: number
  /** Threads of the generator, 1 when absent; at most `connections`. */
  readonly threads?: number
  /** Open loop: requests that may wait inside the generator; 1,048,576 when absent. One more is a failure. */
  readonly backlogMax?: number
  /** What is on the way after the last phase has so long to be answered; 5 when absent. */
  readonly drainSeconds?: number
}

export interface LoadTarget {
  readonly transport: Exclude<Transport, 'in-process'>
  readonly host: string
  readonly port: number
  /** Headers of every HTTP request and of the WebSocket handshake: authorization, for one. */
  readonly headers: Readonly<Record<string, string>>
  /** Process whose CPU time and RSS are read, children included; 0: none, or on another machine. */
  readonly serverPid: number
}

/** One entry of a mix. Its bodies are used in turn. */
export interface RequestKind {
  readonly name: string
  /** > 0; the share is weight over the sum of the weights. */
  readonly weight: number
  /** WebSocket: the pipeline to open. HTTP: null. */
  readonly pipeline: string | null
  /** HTTP: the request target, such as /v1/pipelines/wine/infer. WebSocket: null. */
  readonly path: string | null
  readonly contentType: string | null
  readonly rows: number
  /** File of bodies and expected answers, written by writeRequestBodies (src/loadtest/native/request-bodies.ts). */
  readonly bodiesPath: string
  readonly expect: Expectation
}

/** What counts as a success: an expected refusal is no failure. */
export type Expectation =
  /** 2xx, or Results; the answers in the bodies file are compared when it has them. */
  | { readonly kind: 'answer' }
  /** HTTP: this status. WebSocket: a Failure whose code maps to this status. */
  | { readonly kind: 'refusal'; readonly status: number }

export type LoadPhase = LoadShape & {
  readonly seconds: number
  /** Not in the report: connections open, code compiles, caches fill. */
  readonly isWarmup: boolean
}

export type LoadShape =
  /** As many requests on the way as fit: an answer sends the next, after `thinkMs`. HTTP has one in flight a connection. */
  | { readonly kind: 'closed'; readonly inFlight: number; readonly thinkMs: number }
  /**
   * Poisson arrivals whose rate goes linearly from `ratePerSecond` to `endRatePerSecond`. What finds no free connection
   * waits inside the generator, its clock running.
   */
  | { readonly kind: 'open'; readonly ratePerSecond: number; readonly endRatePerSecond: number }

export type LoadEvent = IntervalEvent | FinishedEvent

/** Counts of one interval. */
export interface IntervalEvent {
  readonly kind: 'interval'
  readonly startSeconds: number
  readonly seconds: number
  readonly isWarmup: boolean
  readonly requests: number
  readonly rows: number
  /** Failures and mismatches. */
  readonly failures: number
  /** Requests per second that were due; open loops only, else 0. */
  readonly offeredPerSecond: number
  readonly latencyUs: Quantiles
  /** CPU seconds spent within the interval; -1 where unknown. */
  readonly serverCpuSeconds: number
  readonly generatorCpuSeconds: number
  /** -1 where unknown. */
  readonly serverRssBytes: number
}

/** All phases that are no warm-up, together; one per run, the last line. */
export interface FinishedEvent {
  readonly kind: 'finished'
  readonly seconds: number
  readonly kinds: readonly KindReport[]
  /** All kinds together. */
  readonly total: KindReport
  readonly offeredPerSecond: number
  readonly serverCpuSeconds: number
  readonly generatorCpuSeconds: number
  readonly serverRssBytesMax: number
  /** Frames or responses that carried answers: requests / messages is how many one frame carried. */
  readonly messages: number
}

export interface KindReport {
  readonly name: string
  /** Answered as expected. */
  readonly requests: number
  readonly rows: number
  /** Unexpected statuses, lost connections, unanswered at the end. */
  readonly failures: number
  /** Answers that came but were wrong; those of warm-ups, too: a wrong answer is wrong at any time. */
  readonly mismatches: number
  /** '' when there was none. */
  readonly firstFailure: string
  readonly latencyUs: Quantiles
  /** Upper bounds (us) and counts of the non-empty buckets of the latency histogram, ascending. */
  readonly histogram: Histogram
  /** From the write to the answer, whenever it was due; native generator only. */
  readonly answered?: Times
  /** From the write to the failure that the server sent; native generator only. */
  readonly failed?: Times
}

export interface Times {
  readonly latencyUs: Quantiles
  readonly histogram: Histogram
}

export type Histogram = readonly (readonly [upperUs: number, count: number])[]

export interface Quantiles {
  readonly min: number
  readonly mean: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}
