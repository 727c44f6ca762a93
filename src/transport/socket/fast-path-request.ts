/**
 * HTTP requests whose whole work is done by one call and one callback: no promise, no header object, no signal. A
 * FastPathRequest comes from a pool with its handlers and goes back when it is over; its handler knows it by its number.
 *
 *     begin ─► wanted? ─► body ─► submit ─┬─► admitted ─► answer | fail ─► free
 *       └ no ─► HttpRequest               ├─► left ─────► HttpRequest, with head and body ─► free
 *                                         └─► refused ──► fail ─► free
 *
 * What is not the common case becomes an HttpRequest, at the beginning or with its body in hand, and goes the usual way.
 * Only the headers that request-headers.ts declares as kept are; a request that sends one of them twice, or another that
 * some handler reads, is not taken. Thread: the I/O isolate that listens.
 */
import { PenstockError, toPenstockError } from '../../base/errors.js'
import type { CallerLimit } from '../../engine/requests/caller-limit.js'
import type { CallHead } from '../access/verifier.js'
import { Body } from '../body.js'
import { ByteCharge } from '../byte-charge.js'
import { noHeaders, type AnswerHeaders } from '../header-options.js'
import { PieceBody } from '../piece-body.js'
import { keptHeaders, LEAVES, placeOf, type RequestHeader } from '../request-headers.js'
import { OCTET_STREAM, writeHead, type RequestShare, type HttpRequest, type RequestHead } from './http-request.js'
import type { HttpReply, RawRequest, RawResponse } from './seam.js'

/** The dialect that answers. */
export interface FastPathHandler {
  /** In the router's form, `:name` for the one parameter, which is FastPathRequest.parameter. */
  readonly paths: readonly string[]
  readonly bodyBytesMax: number
  /** Whether to take the request, by its head. */
  wants(httpRequest: FastPathRequest): boolean
  /**
   * @param body whole; lent until it returns.
   * @returns > 0: the engine's number of the request, answered later by `answer` or `fail` · 0: left to HttpRequest · < 0: failed already.
   */
  submit(httpRequest: FastPathRequest, body: ArrayBuffer | Uint8Array): number
  /** The caller is gone; `answer` or `fail` follows nevertheless. */
  cancel(request: number): void
  /** Answers with what went wrong before `submit`: the caller is gone (ERR_ABORTED), or has made too many requests. */
  fail(httpRequest: FastPathRequest, error: PenstockError): void
}

export interface FastPathOptions {
  readonly handler: FastPathHandler
  readonly share: RequestShare
  /** Takes a request over, with its body or what is wrong with it. Without one: only to be answered. */
  readonly handOver: (raw: RawResponse, head: RequestHead, body: Buffer | PenstockError | null) => HttpRequest
  readonly onHandedOver: (httpRequest: HttpRequest) => void
}

/** Above this an answer follows the socket's pace, as HttpRequest does it. */
const fastPathBytesMax = 64 * 1024

/** The fast-path requests of one server. */
export class FastPathRequests {
  readonly #options: FastPathOptions
  readonly #all: FastPathRequest[] = []
  readonly #free: FastPathRequest[] = []

  constructor(options: FastPathOptions) {
    this.#options = options
  }

  /** @returns false when the request is to go the usual way; nothing was done to it then. */
  tryTake(raw: RawResponse, request: RawRequest, path: number): boolean {
    if (request.getQuery() !== undefined) return false
    const httpRequest = this.#free.pop() ?? this.#make()
    if (httpRequest.begin(raw, request, path)) return true
    this.#free.push(httpRequest)
    return false
  }

  /** @param number of a FastPathRequest whose inference is in flight. */
  at(number: number): FastPathRequest {
    const httpRequest = this.#all[number]
    if (httpRequest === undefined) throw new Error(`Expected httpRequest ${number} to be in use`)
    return httpRequest
  }

  #make(): FastPathRequest {
    const httpRequest = new FastPathRequest(this.#all.length, this.#options, this.#free)
    this.#all.push(httpRequest)
    return httpRequest
  }
}

export class FastPathRequest implements CallHead {
  readonly number: number
  readonly method = 'POST'
  /** Which of the handler's paths. */
  pathIndex = 0
  /** As sent, percent-encoded. */
  parameter = ''
  /** The handler's own. */
  target: object | null = null
  /** What the handler found of the caller; the request is counted against it when its body is there. */
  limit: CallerLimit | null = null
  /** Beside content-type and content-length; the handler's to set. */
  answerHeaders: AnswerHeaders = noHeaders
  /** Not read on the fast path: a caller that is to be refused goes the usual way. */
  readonly address = ''
  isAborted = false
  /** The I/O thread that has its socket; -1: this isolate has it. */
  thread = -1
  readonly #options: FastPathOptions
  readonly #free: FastPathRequest[]
  #raw: RawResponse | null = null
  /** By the place of a kept header. */
  readonly #values = keptHeaders.map(() => '')
  /** Bit p: the header of place p came. */
  #seen = 0
  #announcedBytes = 0
  #isUnsupported = false
  #isCounted = false
  #body: Body | null = null
  /** What a body holds that comes in pieces. */
  #charge: ByteCharge | null = null
  #request = 0

  constructor(number: number, options: FastPathOptions, free: FastPathRequest[]) {
    this.number = number
    this.#options = options
    this.#free = free
  }

  get path(): string {
    return (this.#options.handler.paths[this.pathIndex] ?? '').replace(/:\w+/, () => this.parameter)
  }

  readonly header = (name: RequestHeader): string => {
    const place = placeOf(name)
    return place < 0 ? '' : (this.#values[place] ?? '')
  }

  /** Reads the head and starts, unless the request is not wanted. */
  begin(raw: RawResponse, request: RawRequest, pathIndex: number): boolean {
    const { handler, share } = this.#options
    this.pathIndex = pathIndex
    this.parameter = request.getParameter(0) ?? ''
    this.thread = raw.thread ?? -1
    this.limit = null
    this.answerHeaders = noHeaders
    this.#values.fill('')
    this.#seen = 0
    this.#announcedBytes = 0
    this.#isUnsupported = false
    request.forEach(this.#onHeader)
    if (this.#isUnsupported || this.#announcedBytes > handler.bodyBytesMax || !handler.wants(this)) return false
    this.#raw = raw
    this.isAborted = false
    this.#request = 0
    share.openRequests++
    raw.onAborted(this.#onAborted)
    raw.onData(this.#onData)
    return true
  }

  /**
   * @param bytes of the body; lent until it returns.
   * It has the request's `answerHeaders`.
   * @returns why it cannot be kept until it is read, ERR_QUEUE_FULL: nothing was done then.
   */
  answer(bytes: Uint8Array, contentType: string): PenstockError | null {
    const raw = this.#raw
    const { share } = this.#options
    if (!this.isAborted && raw !== null) {
      if (bytes.length < fastPathBytesMax) {
        writeQuickly(raw, bytes, contentType, this.answerHeaders, share.isClosing)
      } else {
        const refusal = new ByteCharge(share.budget).refusalOf('answers', bytes.length)
        if (refusal !== null) return refusal
        const { answerHeaders: headers } = this
        this.#follow(raw, { status: 200, contentType, headers, body: Uint8Array.from(bytes) })
      }
    }
    this.#end()
    return null
  }

  /** Answers with anything else. */
  reply(reply: HttpReply): void {
    if (!this.isAborted && this.#raw !== null) {
      if (typeof reply.body === 'string' && reply.body.length < fastPathBytesMax)
        writeFastReply(this.#raw, reply, reply.body, this.#options.share.isClosing)
      else this.#follow(this.#raw, reply)
    } else if (reply.body instanceof PieceBody) reply.body.drop()
    this.#end()
  }

  readonly #onHeader = (name: string, value: string): void => {
    const place = placeOf(name)
    if (place >= 0) {
      // A value that came before: which of the two counts, the usual way knows.
      this.#isUnsupported ||= (this.#seen & (1 << place)) !== 0
      this.#seen |= 1 << place
      this.#values[place] = value
    } else if (name === 'content-length') {
      this.#isUnsupported ||= this.#announcedBytes !== 0
      this.#announcedBytes = Number(value) || 0
    } else if (name === 'transfer-encoding') this.#isUnsupported ||= value !== 'chunked'
    else if (place === LEAVES) this.#isUnsupported = true
  }

  readonly #onData = (chunk: ArrayBuffer, isLast: boolean): void => {
    const { handler, share } = this.#options
    if (this.#raw === null) return
    // Most bodies come whole, and are read where they lie.
    if (this.#body === null && isLast && chunk.byteLength <= handler.bodyBytesMax) return void this.#submit(chunk)
    const charge = (this.#charge ??= new ByteCharge(share.budget))
    const body = (this.#body ??= new Body(share.bodies, charge, handler.bodyBytesMax))
    const refusal = this.#refusalBefore() ?? body.append(chunk, this.#announcedBytes)
    if (refusal !== null) {
      body.recycle()
      return this.#leave(refusal)
    }
    if (!isLast) return
    // Whoever takes the body charges it before this call returns.
    charge.release('bodies')
    if (this.#submit(body.bytes)) body.recycle()
  }

  /** Why a body that is announced and has not begun is not to be read. */
  #refusalBefore(): PenstockError | null {
    return this.#charge?.held('bodies') === 0 ? this.#charge.refusalOf('bodies', this.#announcedBytes) : null
  }

  /** @returns false when the body was handed over, memory and all. */
  #submit(body: ArrayBuffer | Buffer): boolean {
    if (this.limit !== null && !this.#count(this.limit)) return true
    const request = this.#options.handler.submit(this, body)
    if (request > 0) this.#request = request
    else if (request === 0) this.#leave(body instanceof ArrayBuffer ? Buffer.from(new Uint8Array(body)) : body)
    return request !== 0
  }

  readonly #onAborted = (): void => {
    this.isAborted = true
    if (this.#request > 0) return this.#options.handler.cancel(this.#request)
    this.#body?.recycle()
    this.#options.handler.fail(this, new PenstockError('ERR_ABORTED'))
  }

  #count(limit: CallerLimit): boolean {
    try {
      limit.take()
      this.#isCounted = true
    } catch (error) {
      this.#options.handler.fail(this, toPenstockError(error))
    }
    return this.#isCounted
  }

  /** Gives the request to HttpRequest, for good. */
  #leave(body: Buffer | PenstockError): void {
    const raw = this.#raw
    if (raw === null) return
    const head = this.#head()
    // The usual way counts it again.
    if (this.#isCounted) this.limit?.giveBack()
    this.#isCounted = false
    this.#end()
    this.#options.onHandedOver(this.#options.handOver(raw, head, body))
  }

  #follow(raw: RawResponse, reply: HttpReply): void {
    this.#options.handOver(raw, this.#head(), null).respond(reply)
  }

  #head(): RequestHead {
    const headers = new Map<RequestHeader, string>()
    for (const name of keptHeaders) {
      if (this.header(name) !== '') headers.set(name, this.header(name))
    }
    return { method: this.method, path: this.path, query: '', headers }
  }

  #end(): void {
    if (this.#raw === null) return
    this.#raw = null
    this.#body = null
    this.#charge = null
    this.target = null
    if (this.#isCounted) this.limit?.release()
    this.#isCounted = false
    this.#options.share.openRequests--
    this.#free.push(this)
  }
}

// What the corked write below works on: a closure for each answer would cost as much as the write.
let present: RawResponse | null = null
let presentBytes = new Uint8Array(0)
let presentType = ''
let presentHeaders: AnswerHeaders = noHeaders
let presentCloses = false

const write = (): void => {
  present?.writeHeader('content-type', presentType)
  for (const [name, value] of presentHeaders) present?.writeHeader(name, value)
  present?.end(presentBytes, presentCloses)
}

/** As HttpRequest.respond writes it; refusals of an overloaded server are many. */
function writeFastReply(raw: RawResponse, reply: HttpReply, body: string, closes: boolean): void {
  raw.cork(() => {
    writeHead(raw, reply)
    raw.writeHeader('content-type', reply.contentType ?? OCTET_STREAM)
    raw.end(body, closes)
  })
}

function writeQuickly(
  raw: RawResponse,
  bytes: Uint8Array,
  contentType: string,
  headers: AnswerHeaders,
  closes: boolean,
): void {
  present = raw
  presentBytes = bytes as Uint8Array<ArrayBuffer>
  presentType = contentType
  presentHeaders = headers
  presentCloses = closes
  raw.cork(write)
}
