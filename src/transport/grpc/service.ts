/** What a method of a service is to the calls that reach it, and the two kinds of receivers that there are. */
import type { ReadHeader } from '../request-headers.js'
import type { Field } from '../http2/frames.js'
import { STATUS, type CallFailure } from './status.js'

/** A call, as its method sees it. */
export interface GrpcCall {
  readonly header: ReadHeader
  /** The caller's IP address; '' when it is not known. */
  readonly address: string
  /** Whether no more requests are handed on. */
  readonly isPaused: boolean
  /** Whether what was written waits for the peer: onDrain is called when it does not any more. */
  readonly isBehind: boolean
  /** @returns several values with ', ' between; '' when there is none. */
  metadata(name: string): string
  /** Sends the head now, with `fields` in it; otherwise it goes with the first message. */
  sendHead(fields?: readonly Field[]): void
  /**
   * Sends one message.
   * @param bytes that it will have, near enough. @param frame makes it, behind PREFIX_BYTES that are filled in by the call.
   * @returns whether the call went on, for what was refused has ended it.
   */
  write(bytes: number, frame: () => Buffer): boolean
  /** Ends it well, with `fields` as trailers. */
  end(fields?: readonly Field[]): void
  fail(failure: CallFailure): void
  /** No more requests until `resume`; what arrives waits, and the peer's window closes. */
  pause(): void
  resume(): void
}

/** What stands before a message: whether it is packed, and its length. */
export const PREFIX_BYTES = 5

/** @param bytes copied, behind room for the prefix. */
export function framed(bytes: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + bytes.length)
  frame.set(bytes, PREFIX_BYTES)
  return frame
}

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
