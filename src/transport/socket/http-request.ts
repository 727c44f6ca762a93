/**
 * One HTTP request and the one answer it gets, over whichever backend: what a socket library asks of its callers is done
 * here once. A request lives on the stack and is copied before the handler returns; a response is not touched after an
 * abort or an end; writes happen corked; a body's chunks are lent until the callback returns; large answers follow the
 * socket's pace (answer-stream.ts) instead of being copied into its buffer. What it holds of bodies and answers is charged
 * to the engine's byte budget, and is given back at its end at the latest. Thread: the I/O isolate that listens.
 */
import { STATUS_CODES } from 'node:http'
import { PenstockError } from '../../base/errors.js'
import { BODY_BYTES_MAX } from '../../base/limits/limits.js'
import type { CancelSignal } from '../../engine/api/api.js'
import type { CallerLimit } from '../../engine/requests/caller-limit.js'
import type { CallHead } from '../access/verifier.js'
import { Body, bodyTooLarge, type BodyMemory } from '../body.js'
import { ByteCharge, type Budget } from '../byte-charge.js'
import { RequestSignal } from '../request-signal.js'
import { PieceBody } from '../piece-body.js'
import { isRequestHeader, type FramingHeader, type RequestHeader } from '../request-headers.js'
import { AnswerStream } from './answer-stream.js'
import type { HttpReply, RawRequest, RawResponse } from './seam.js'
import type { SlowReaders } from './slow-readers.js'

/** Below this an answer is written in one go: the copy is cheaper than following the socket's pace. */
export const streamedBytesMin = 64 * 1024

/** A body of no more costs what its connection does: an operator's commands are heard when the budget is used up. */
const uncountedBytesMax = 4096

/** What the requests of one server share. */
export interface RequestShare {
  readonly budget: Budget
  readonly bodies: BodyMemory
  readonly readers: SlowReaders
  /** A model that is too large for the budget is arriving, or being added. */
  isUploading: boolean
  isClosing: boolean
  openRequests: number
}

/** What a request says before its body. */
export interface RequestHead {
  readonly method: string
  readonly path: string
  readonly query: string
  /** Those that handlers read and those that frame the body; repeated ones are joined by ', '. */
  readonly headers: ReadonlyMap<RequestHeader | FramingHeader, string>
}

export function readHead(request: RawRequest): RequestHead {
  const headers = new Map<RequestHeader | FramingHeader, string>()
  request.forEach((name, value) => {
    if (!isRequestHeader(name) && !isFraming(name)) return
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

function isFraming(name: string): name is FramingHeader {
  return name === 'content-length' || name === 'transfer-encoding'
}

/**
 * Whether two readers could disagree about where the body ends: several lengths, or an encoding of the transfer that is
 * not only `chunked`. One backend's parser lets that pass; a proxy that read it the other way would be fooled.
 */
export function isBodyAmbiguous({ headers }: RequestHead): boolean {
  const encoding = headers.get('transfer-encoding')
  return (
    headers.get('content-length')?.includes(',') === true ||
    (encoding !== undefined && encoding.toLowerCase() !== 'chunked')
  )
}

/** Status and headers, before the content type. */
export function writeHead(raw: RawResponse, { status, headers }: HttpReply): void {
  raw.writeStatus(`${status} ${STATUS_CODES[status] ?? 'Unknown'}`)
  for (const [name, value] of headers ?? []) raw.writeHeader(name, value)
}

export const OCTET_STREAM = 'application/octet-stream'

/** The caller's IP address. */
export function addressText(raw: RawResponse): string {
  return Buffer.from(raw.getRemoteAddressAsText()).toString('latin1')
}

/** One HTTP request and the one answer it gets. */
export class HttpRequest implements CallHead {
  /** Upper case. */
  readonly method: string
  /** As sent, percent-encoded, without the query. */
  readonly path: string
  /** Without the question mark; '' when there is none. */
  readonly query: string
  readonly #headers: RequestHead['headers']
  readonly #raw: RawResponse
  readonly #shared: RequestShare
  /** What was read of the body before this HttpRequest took over. */
  readonly #received: Buffer | PenstockError | null
  /** What of the budget it holds. */
  readonly charge: ByteCharge
  #body: Body | null = null
  /** Charged for a body that came whole. */
  #wholeBytes = 0
  #stream: AnswerStream | null = null
  #signal: RequestSignal | undefined
  #onAbort: (() => void) | undefined
  #limit: CallerLimit | null = null
  #isAborted = false
  #isAnswered = false
  #isBodyRead = false
  #holdsUpload = false
  #isFinished = false

  constructor(
    raw: RawResponse,
    head: RequestHead,
    shared: RequestShare,
    received: Buffer | PenstockError | null = null,
  ) {
    this.charge = new ByteCharge(shared.budget)
    this.#raw = raw
    this.#shared = shared
    this.#received = received
    this.method = head.method
    this.path = head.path
    this.query = head.query
    this.#headers = head.headers
    shared.openRequests++
    raw.onAborted(() => this.#abort())
  }

  /** The value of a header, '' when it was not sent; repeated headers are joined by ', '. */
  header(name: RequestHeader): string {
    return this.#headers.get(name) ?? ''
  }

  /** '' once it was answered or the caller is gone. */
  get address(): string {
    return this.#isAnswered || this.#isAborted ? '' : addressText(this.#raw)
  }

  /** Counts the request against its caller's limit until it is over. @throws PenstockError ERR_RATE_LIMITED */
  count(limit: CallerLimit): void {
    limit.take()
    if (this.#isFinished) limit.release()
    else this.#limit = limit
  }

  /** True once the caller is gone; the answer is dropped then. */
  get isAborted(): boolean {
    return this.#isAborted
  }

  /** Aborts when the caller disconnects before the answer. */
  get signal(): CancelSignal {
    this.#signal ??= new RequestSignal(this.#isAborted)
    return this.#signal
  }

  /**
   * Collects the body. To be called before the request handler returns to the loop. Its bytes are charged until
   * `recycleBody`, or the end of the request.
   * @param bytesMax refused beyond it: by the announced length before anything is held, else as soon as it is exceeded.
   * @param isUpload of a model: one large one at a time, which the budget does not count.
   * @returns the caller's own memory.
   * @throws PenstockError ERR_BODY_TOO_LARGE, ERR_QUEUE_FULL (the byte budget, another upload), ERR_ABORTED.
   */
  readBody(bytesMax: number, isUpload = false): Promise<Buffer> {
    if (this.#received !== null) return this.#takeReceived(this.#received)
    const announced = Number(this.#headers.get('content-length')) || 0
    const refusal = this.#refusalOf(announced, bytesMax, isUpload)
    if (refusal !== null) return Promise.reject(refusal)
    this.#isBodyRead = true
    return new Promise((resolve, reject) => {
      let isRefused = false
      const refuse = (error: PenstockError): void => {
        isRefused = true
        this.#body?.recycle()
        reject(error)
      }
      this.#onAbort = () => refuse(new PenstockError('ERR_ABORTED'))
      this.#raw.onData((chunk, isLast) => {
        if (isRefused) return
        // Most bodies come whole: one copy, out of Buffer's pool.
        if (this.#body === null && isLast && chunk.byteLength <= bytesMax) {
          const refusal = this.#chargeWhole(chunk.byteLength)
          return refusal === null ? resolve(copyOf(chunk)) : refuse(refusal)
        }
        const body = (this.#body ??= new Body(this.#shared.bodies, this.#holdsUpload ? null : this.charge, bytesMax))
        const refusal = body.append(chunk, announced)
        if (refusal !== null) return refuse(refusal)
        if (!isLast) return
        this.#onAbort = undefined
        resolve(body.bytes)
      })
    })
  }

  #takeReceived(received: Buffer | PenstockError): Promise<Buffer> {
    this.#isBodyRead = true
    if (received instanceof PenstockError) return Promise.reject(received)
    const refusal = this.#chargeWhole(received.length)
    return refusal === null ? Promise.resolve(received) : Promise.reject(refusal)
  }

  #chargeWhole(bytes: number): PenstockError | null {
    if (this.#holdsUpload || bytes <= uncountedBytesMax) return null
    const refusal = this.charge.tryAdd('bodies', bytes)
    if (refusal === null) this.#wholeBytes = bytes
    return refusal
  }

  /** By what the head says. */
  #refusalOf(announced: number, bytesMax: number, isUpload: boolean): PenstockError | null {
    if (announced > bytesMax) return bodyTooLarge(bytesMax, announced)
    const isLarge = announced > BODY_BYTES_MAX || this.#headers.has('transfer-encoding')
    if (announced <= uncountedBytesMax && !isLarge) return null
    if (!isUpload || !isLarge) return this.charge.refusalOf('bodies', announced)
    if (this.#shared.isUploading) return uploadUnderWay()
    this.#shared.isUploading = this.#holdsUpload = true
    return null
  }

  /** Takes back the memory of what `readBody` gave: to be called when nothing refers to it any more, or not at all. */
  recycleBody(): void {
    this.#body?.recycle()
    this.#body = null
    this.charge.release('bodies', this.#wholeBytes)
    this.#wholeBytes = 0
  }

  /** Reads the body by `read`; when that throws, nothing refers to it any more. */
  recyclingUnless<Read>(read: () => Read): Read {
    try {
      return read()
    } catch (error) {
      this.recycleBody()
      throw error
    }
  }

  /** A body that is made of the one that was read; its bytes are charged as it grows. */
  openBody(bytesMax: number): Body {
    return new Body(this.#shared.bodies, this.charge, bytesMax)
  }

  /** Gives back the body that was read: `body` stands for it from now on. */
  replaceBody(body: Body): void {
    this.recycleBody()
    this.#body = body
  }

  /** @throws PenstockError ERR_QUEUE_FULL: the answer cannot be kept until it is read. */
  expectRoomFor({ body }: HttpReply): void {
    // What pieces are printed from is charged to the request until then.
    if (body === undefined || body instanceof PieceBody || body.length < streamedBytesMin) return
    const refusal = this.charge.refusalOf('answers', body.length)
    if (refusal !== null) throw refusal
  }

  /** Sends the answer; later calls, and calls after an abort, do nothing. `endsConnection`: and nothing after it. */
  respond(reply: HttpReply, endsConnection = false): void {
    if (this.#isAnswered || this.#isAborted) {
      if (reply.body instanceof PieceBody) reply.body.drop()
      return
    }
    this.#isAnswered = true
    const raw = this.#raw
    // A body that nobody will read is cheaper cut off than received; and a closing server keeps no connection alive.
    const closes = endsConnection || this.#shared.isClosing || (reply.status === 413 && !this.#isBodyRead)
    raw.cork(() => {
      writeHead(raw, reply)
      // An explicit undefined is written as a length of 2^63; 204 must have none at all, nor may 304 have another than what
      // the caller keeps, save on a closing connection.
      const hasNoLength = reply.status === 204 || reply.status === 304
      if (reply.body === undefined && hasNoLength && !closes) raw.endWithoutBody()
      else if (reply.body === undefined) raw.endWithoutBody(0, closes)
      else this.#writeBody(reply.contentType ?? OCTET_STREAM, reply.body, closes)
    })
    if (this.#stream === null) this.#finish()
  }

  #writeBody(contentType: string, body: string | Uint8Array | PieceBody, closes: boolean): void {
    const raw = this.#raw
    raw.writeHeader('content-type', contentType)
    if (body instanceof PieceBody) {
      this.charge.add('answers', body.heldBytes)
      return this.#openStream().sendPieces(body, closes)
    }
    if (this.method === 'HEAD') raw.endWithoutBody(Buffer.byteLength(body), closes)
    else if (body.length < streamedBytesMin) raw.end(body, closes)
    else {
      const bytes = typeof body === 'string' ? Buffer.from(body) : body
      this.charge.add('answers', bytes.length)
      this.#openStream().sendBytes(bytes)
    }
  }

  #openStream(): AnswerStream {
    return (this.#stream = new AnswerStream(this.#raw, this.#shared.readers, () => this.#finish()))
  }

  #abort(): void {
    this.#isAborted = true
    this.#signal?.abort()
    this.#onAbort?.()
    this.#stream?.end()
    this.#finish()
  }

  /** Once per request, whichever comes first: the last byte is with the socket, or the caller is gone. */
  #finish(): void {
    if (this.#isFinished) return
    this.#isFinished = true
    this.charge.close()
    if (this.#holdsUpload) this.#shared.isUploading = false
    this.#shared.openRequests--
    this.#limit?.release()
  }
}

function copyOf(chunk: ArrayBuffer): Buffer {
  const bytes = Buffer.allocUnsafe(chunk.byteLength)
  bytes.set(new Uint8Array(chunk))
  return bytes
}

function uploadUnderWay(): PenstockError {
  return new PenstockError(
    'ERR_QUEUE_FULL',
    `Expected one upload of more than ${BODY_BYTES_MAX} bytes at a time but another is under way. Try again when it is done`,
    { retryAfterMs: 5000 },
  )
}
