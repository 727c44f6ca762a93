/** What a caller gives an inference and gets from it, whichever call makes it: `Channel.infer` or `PenstockClient.infer`. */
import type { CheckFailure, InferTiming, Priority } from '../../protocol/codec.js'
import type { Meta } from '../../protocol/meta.js'
import type { Tensor } from '../../tensor/tensor.js'

/**
 * By input name: a Tensor, a typed array (flat, as many rows as it divides into) or nested numbers. Lent until the
 * promise settles.
 */
export type ClientInputs = Readonly<Record<string, unknown>>

export interface ClientInferOptions {
  /**
   * Routing keys: one value for the request, or an array of one per row. `x-request-id`, an id of your own, and the W3C
   * trace context, `traceparent` and `tracestate`, are logged with each row; an invalid trace context is left out.
   */
  readonly meta?: Meta | undefined
  /** Budget from this call, waiting included: integer milliseconds, 1..DEADLINE_MS_MAX. */
  readonly deadlineMs?: number | undefined
  /** Default interactive. */
  readonly priority?: Priority | undefined
  /** Aborting rejects with ERR_ABORTED at once and cancels the request at the server. */
  readonly signal?: AbortSignal | undefined
  /** true: the result reports where its time at the server went. */
  readonly timing?: boolean | undefined
  /** true: the result has its id in the server's log. */
  readonly requestId?: boolean | undefined
}

export interface ClientResult {
  readonly rows: number
  /** By output name; memory of their own, owned by the caller. */
  readonly outputs: Readonly<Record<string, Tensor>>
  readonly checkFailures: readonly CheckFailure[]
  /** Name of the model that answered, by row; null when the pipeline does not split. */
  readonly route: readonly string[] | null
  /** Absent unless `timing` was asked for. */
  readonly timing?: InferTiming
  /** Its id in the log, `metadata.request_id` there. Absent unless `requestId` was asked for, and from servers before 0.1.0. */
  readonly requestId?: string
  /** `hit`: the answer came from the prediction cache, no model ran. Absent where the pipeline has none. */
  readonly cache?: 'hit' | 'miss'
  /** As `meta` had it, one for the whole request. Absent when it was invalid, and from servers before 0.1.0. */
  readonly traceparent?: string
}
