/**
 * One HTTP request and the one answer it gets, over whichever backend: what a socket library asks of its callers is done
 * here once. A request lives on the stack and is copied before the handler returns; a response is not touched after an
 * abort or an end; writes happen corked; a body's chunks are lent until the callback returns; large answers follow the
 * socket's pace (`tryEnd`) instead of being copied into its buffer. Thread: the I/O isolate that listens.
 */
import { STATUS_CODES } from 'node:http'
import { PenstockError } from '../../base/errors.js'
import type { CancelSignal } from '../../engine/api.js'
import { Body, bodyTooLarge, type BodyBudget } from '../body.js'
import { ExchangeSignal } from '../exchange-signal.js'
import type { Handshake, HttpReply, RawRequest, RawResponse } from './seam.js'

/** Below this an answer is written in one go: the copy is cheaper than following the socket's pace. */
const streamedBytesMin = 64 * 1024

/** What the exchanges of one server share. */
export interface ExchangeShare {
  readonly bodies: BodyBudget
  isClosing: boolean
  openExchanges: number
}

/** Of a request, without its body. */
export interface RequestHead {
  readonly method: string
  readonly path: string
  readonly query: string
  /** By lower-case name; repeated ones are joined by ', '. */
  readonly headers: ReadonlyMap<string, string>
}

export function readHead(request: RawRequest): RequestHead {
  const headers = new Map<string, string>()
  request.forEach((name, value) => {
    const earlier = headers.get(name)
    headers.set(name, earlier === undefined ? value : `${earlier}, ${value}`)
  })
  return {
    method: request.getCaseSensitiveMethod(),
    path: request.getUrl(),
    query: request.getQuery() ?? '',
    headers,
  }
}

/**
 * Whether two readers could disagree about where the body ends: several lengths, or an encoding of the transfer that is
 * not `chunked` alone. One backend's parser lets that pass; a proxy that read it the other way would be fooled.
 */
export function isBodyAmbiguous({ headers }: RequestHead): boolean {
  const encoding = headers.get('transfer-encoding')
  return (
    headers.get('content-length')?.includes(',') === true ||
    (encoding !== undefined && encoding.toLowerCase() !== 'chunked')
  )
}

/** One HTTP request and the one answer it gets. */
export class HttpExchange implements Handshake {
  /** Upper case. */
  readonly method: string
  /** As sent, percent-encoded, without the query. */
  readonly path: string
  /** Without the question mark; '' when there is none. */
  readonly query: string
  readonly #headers: ReadonlyMap<string, string>
  readonly #raw: RawResponse
  readonly #shared: ExchangeShare
  /** What was read of the body before there was an exchange. */
  readonly #received: Buffer | PenstockError | null
  #body: Body | null = null
  #signal: ExchangeSignal | undefined
  #onAbort: (() => void) | undefined
  #isAborted = false
  #isAnswered = false
  #isBodyRead = false
  #isStreaming = false
  #isFinished = false

  constructor(
    raw: RawResponse,
    head: RequestHead,
    shared: ExchangeShare,
    received: Buffer | PenstockError | null = null,
  ) {
    this.#raw = raw
    this.#shared = shared
    this.#received = received
    this.method = head.method
    this.path = head.path
    this.query = head.query
    this.#headers = head.headers
    shared.openExchanges++
    raw.onAborted(() => this.#abort())
  }

  /** The value of a header by its lower-case name, '' when it was not sent; repeated headers are joined by ', '. */
  header(name: string): string {
    return this.#headers.get(name) ?? ''
  }

  /** True once the caller is gone; the answer is dropped then. */
  get isAborted(): boolean {
    return this.#isAborted
  }

  /** Aborts when the caller disconnects before the answer. */
  get signal(): CancelSignal {
    this.#signal ??= new ExchangeSignal(this.#isAborted)
    return this.#signal
  }

  /**
   * Collects the body. To be called before the request handler returns to the loop.
   * @param bytesMax refused beyond it: by the announced length before anything is held, else as soon as it is exceeded.
   * @returns the caller's own memory.
   * @throws PenstockError ERR_BODY_TOO_LARGE, ERR_QUEUE_FULL (all bodies together), ERR_ABORTED.
   */
  readBody(bytesMax: number): Promise<Buffer> {
    if (this.#received !== null) {
      this.#isBodyRead = true
      return this.#received instanceof PenstockError ? Promise.reject(this.#received) : Promise.resolve(this.#received)
    }
    const announced = Number(this.header('content-length')) || 0
    if (announced > bytesMax) return Promise.reject(bodyTooLarge(bytesMax, announced))
    this.#isBodyRead = true
    return new Promise((resolve, reject) => {
      const refuse = (error: PenstockError): void => {
        this.#body?.release()
        reject(error)
      }
      this.#onAbort = () => refuse(new PenstockError('ERR_ABORTED'))
      this.#raw.onData((chunk, isLast) => {
        // Most bodies come whole: one copy, out of Buffer's pool.
        if (this.#body === null && isLast && chunk.byteLength <= bytesMax) {
          const bytes = Buffer.allocUnsafe(chunk.byteLength)
          bytes.set(new Uint8Array(chunk))
          return resolve(bytes)
        }
        const body = (this.#body ??= new Body(this.#shared.bodies, bytesMax))
        if (body.isReleased) return
        const refusal = body.append(chunk, announced)
        if (refusal !== null) return refuse(refusal)
        if (!isLast) return
        body.release()
        resolve(body.bytes)
      })
    })
  }

  /** Takes back the memory of what `readBody` gave: to be called when nothing refers to it any more, or not at all. */
  recycleBody(): void {
    this.#body?.recycle()
    this.#body = null
  }

  /** Sends the answer; later calls, and calls after an abort, do nothing. `endsConnection`: and nothing after it. */
  respond(reply: HttpReply, endsConnection = false): void {
    if (this.#isAnswered || this.#isAborted) return
    this.#isAnswered = true
    const raw = this.#raw
    // A body that nobody will read is cheaper cut off than received; and a closing server keeps no connection alive.
    const closes = endsConnection || this.#shared.isClosing || (reply.status === 413 && !this.#isBodyRead)
    raw.cork(() => {
      raw.writeStatus(`${reply.status} ${STATUS_CODES[reply.status] ?? 'Unknown'}`)
      for (const [name, value] of reply.headers ?? []) raw.writeHeader(name, value)
      // An explicit undefined is written as a length of 2^63; 204 must have none at all, save on a closing connection.
      if (reply.body === undefined && reply.status === 204 && !closes) raw.endWithoutBody()
      else if (reply.body === undefined) raw.endWithoutBody(0, closes)
      else this.#writeBody(reply.contentType ?? 'application/octet-stream', reply.body, closes)
    })
    if (!this.#isStreaming) this.#finish()
  }

  #writeBody(contentType: string, body: string | Uint8Array, closes: boolean): void {
    const raw = this.#raw
    raw.writeHeader('content-type', contentType)
    if (this.method === 'HEAD') raw.endWithoutBody(Buffer.byteLength(body), closes)
    else if (body.length < streamedBytesMin) raw.end(body, closes)
    else this.#stream(typeof body === 'string' ? Buffer.from(body) : body)
  }

  /** Writes what the socket takes, the rest when it is writable again; the bytes stay ours until then. */
  #stream(bytes: Uint8Array): void {
    const raw = this.#raw
    const write = (offsetBytes: number): boolean => {
      const [isWritten, isDone] = raw.tryEnd(bytes.subarray(offsetBytes), bytes.length)
      if (isDone) this.#finish()
      return isWritten
    }
    this.#isStreaming = true
    raw.onWritable(write)
    write(0)
  }

  #abort(): void {
    this.#isAborted = true
    this.#signal?.abort()
    this.#onAbort?.()
    this.#finish()
  }

  /** Once per exchange, whichever comes first: the last byte is with the socket, or the caller is gone. */
  #finish(): void {
    if (this.#isFinished) return
    this.#isFinished = true
    this.#shared.openExchanges--
  }
}
