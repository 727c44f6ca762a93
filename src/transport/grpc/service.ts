/** What a method of a service is to the calls that reach it, and the two kinds of receivers that there are. */
import type { GrpcCall } from './call.js'
import { STATUS } from './status.js'

export interface Method {
  /** '/package.Service/Method' */
  readonly path: string
  /** One message. @throws what it is not, in its words. */
  readonly read: (bytes: Buffer) => unknown
  readonly open: (call: GrpcCall) => CallReceiver
}

/** Who takes the messages of one call; nothing is called after onCancelled. */
export interface CallReceiver {
  onRequest(request: unknown): void
  /** No more requests. */
  onEnd(): void
  /** The caller is gone, or its time is over; no answer is of use any more. */
  onCancelled(): void
  /** What was written went to the socket. */
  onDrain?(): void
}

/** A message that was read, as far as it is counted. */
export interface ReceivedMessage {
  /** Set where its bytes were charged: called before the engine takes its rows. */
  onTaken?: () => void
}

/** A method of one request. @param handle called with it; `onCancelled` of what it returns ends the work. */
export function oneRequest<Request>(
  path: string,
  read: (bytes: Buffer) => Request,
  handle: (call: GrpcCall, request: Request) => (() => void) | undefined,
): Method {
  return { path, read, open: (call) => new OneRequest(call, handle as (call: GrpcCall, request: unknown) => never) }
}

class OneRequest implements CallReceiver {
  readonly #call: GrpcCall
  readonly #handle: (call: GrpcCall, request: unknown) => (() => void) | undefined
  #request: unknown = undefined
  #hasRequest = false
  #cancel: (() => void) | undefined

  constructor(call: GrpcCall, handle: (call: GrpcCall, request: unknown) => (() => void) | undefined) {
    this.#call = call
    this.#handle = handle
  }

  onRequest(request: unknown): void {
    if (this.#hasRequest)
      return this.#call.fail({ code: STATUS.UNIMPLEMENTED, details: 'Expected one request but received a second one' })
    this.#hasRequest = true
    this.#request = request
  }

  onEnd(): void {
    if (!this.#hasRequest)
      return this.#call.fail({ code: STATUS.UNIMPLEMENTED, details: 'Expected a request but received none' })
    const request = this.#request
    this.#request = undefined
    this.#cancel = this.#handle(this.#call, request)
  }

  onCancelled(): void {
    this.#cancel?.()
  }
}
