/**
 * One request of the caller from infer() to its completion: waiting for a connection, a channel and a slot of the
 * window, then in flight, then completed. It completes once; abort and deadline complete it early, while its slot on the
 * connection stays taken until the server's answer came (a late answer must never meet another request under the same
 * id).
 */
import { onAbort } from '../../base/abort.js'
import { PenstockError } from '../../base/errors.js'
import type { Binding, PackedInputs } from './binding.js'
import type { ChannelState } from './channel-state.js'
import type { ClientInferOptions, ClientInputs, ClientResult } from './inference.js'

export class ClientRequest {
  readonly promise: Promise<ClientResult>
  /** Time on the monotonic clock; 0: none. */
  readonly deadlineUs: number
  /** Where it is in flight, and its id there. */
  binding: Binding | null = null
  id = -1
  rows = 0
  packed: PackedInputs | null = null
  /** Its place in the queue of those that wait; -1: not there. */
  place = -1
  /** How often it was refused without being run, and sent again. */
  resendCount = 0
  isCompleted = false
  #resolve!: (result: ClientResult) => void
  #reject!: (error: PenstockError) => void
  #detach: (() => void) | null = null

  constructor(
    readonly state: ChannelState,
    readonly inputs: ClientInputs,
    readonly options: ClientInferOptions,
    deadlineUs: number,
    /** Told once, when it completes early or late. */
    private readonly onCompleted: (request: ClientRequest) => void,
  ) {
    this.deadlineUs = deadlineUs
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** `abort` is called when the caller's signal fires before the request completes. */
  watchSignal(signal: AbortSignal, abort: () => void): void {
    this.#detach = onAbort(signal, abort)
  }

  succeed(result: ClientResult): void {
    if (this.#complete()) this.#resolve(result)
  }

  fail(error: PenstockError): void {
    if (this.#complete()) this.#reject(error)
  }

  #complete(): boolean {
    if (this.isCompleted) return false
    this.isCompleted = true
    this.#detach?.()
    // Inputs are lent until now; an abandoned request may stay in its slot for a while, its tensors need not.
    this.packed = null
    this.onCompleted(this)
    return true
  }
}

export function abortedError(signal: AbortSignal | undefined): PenstockError {
  return new PenstockError('ERR_ABORTED', '', { cause: signal?.reason })
}
