/**
 * One request of the caller from infer() to its settled promise: waiting for a connection, a channel and a slot of the
 * window, then in flight, then settled. It settles once; abort and deadline settle it early, while its slot on the wire
 * stays taken until the server's answer came (a late answer must never meet another request under the same id).
 */
import { onAbort } from '../../base/abort.js'
import { PenstockError } from '../../base/errors.js'
import type { CheckFailure, InferTiming, Priority } from '../../protocol/codec.js'
import type { Meta } from '../../protocol/meta.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { Binding, PackedInputs } from './binding.js'
import type { ChannelState } from './channel.js'

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
  /** true: the result tells where its time at the server went. */
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
}

export class Exchange {
  readonly promise: Promise<ClientResult>
  /** Of the monotonic clock; 0: none. */
  readonly deadlineUs: number
  /** Where it is in flight, and its id there. */
  binding: Binding | null = null
  id = -1
  rows = 0
  packed: PackedInputs | null = null
  /** In the line of those that wait; -1: not there. */
  place = -1
  /** How often it was refused without being run, and sent again. */
  resendCount = 0
  isSettled = false
  /** Called once, when it settles early or late. */
  onSettled: (() => void) | null = null
  #resolve!: (result: ClientResult) => void
  #reject!: (error: PenstockError) => void
  #detach: (() => void) | null = null

  constructor(
    readonly state: ChannelState,
    readonly inputs: ClientInputs,
    readonly options: ClientInferOptions,
    deadlineUs: number,
  ) {
    this.deadlineUs = deadlineUs
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** `abort` is called when the caller's signal fires before the request settles. */
  watchSignal(abort: () => void): void {
    const { signal } = this.options
    if (signal !== undefined) this.#detach = onAbort(signal, abort)
  }

  succeed(result: ClientResult): void {
    if (this.#settle()) this.#resolve(result)
  }

  fail(error: PenstockError): void {
    if (this.#settle()) this.#reject(error)
  }

  #settle(): boolean {
    if (this.isSettled) return false
    this.isSettled = true
    this.#detach?.()
    // Inputs are lent until now; an abandoned request may stay in its slot for a while, its tensors need not.
    this.packed = null
    this.onSettled?.()
    return true
  }
}

export function abortedError(signal: AbortSignal | undefined): PenstockError {
  return new PenstockError('ERR_ABORTED', '', { cause: signal?.reason })
}
