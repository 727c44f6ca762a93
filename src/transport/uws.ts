/**
 * The only importer of uWebSockets.js: a thin, typed surface over it that cannot be misused the ways the library can.
 *
 * What the library asks of its callers is done here once: a request lives on the stack and is copied before the handler
 * returns; a response must not be touched after an abort or an end; writes happen corked; a body's chunks are lent until
 * the callback returns; large answers follow the socket's pace (`tryEnd`) instead of being copied into its buffer.
 * Listening is exclusive: the library's default, SO_REUSEPORT, lets two servers share a port without a word. (Once a
 * port was chosen by the kernel, binding it again must wait for TIME_WAIT: SO_REUSEADDR is set for named ports only.)
 *
 * Rejected: node:http with `ws`; it answered a fifth of the messages a second. Thread: the I/O isolate that listens.
 */
import { STATUS_CODES } from 'node:http'
import uws, {
  type HttpRequest,
  type HttpResponse,
  type TemplatedApp,
  type us_listen_socket,
  type WebSocket,
} from 'uWebSockets.js'
import { PenstockError } from '../base/errors.js'
import { Body, bodyTooLarge, type BodyBudget } from './body.js'
import { ExchangeSignal } from './exchange-signal.js'
import { listenFailure } from './listen-failure.js'
import { QuickExchanges, type QuickHandler } from './quick-exchange.js'
import type { CancelSignal } from '../engine/api.js'

export type { HttpRequest as RawRequest, HttpResponse as RawResponse } from 'uWebSockets.js'

/** A whole answer. `headers` come beside content-type and content-length. */
export interface HttpReply {
  readonly status: number
  readonly contentType?: string
  readonly headers?: readonly (readonly [name: string, value: string])[]
  /** Absent: no body. */
  readonly body?: string | Uint8Array
}

/** What `Socket.send` says when all of it went to the kernel. */
export const SENT = 1

/** A WebSocket connection, valid from `open` until `close` returns. */
export type Socket<Data> = WebSocket<Data>

export interface SocketBehaviour<Data> {
  readonly path: string
  readonly frameBytesMax: number
  readonly bufferBytesMax: number
  readonly idleTimeoutS: number
  /** Decides on a handshake: the data of the new socket and the subprotocol that is chosen, or the refusal. */
  accept(handshake: Handshake): { data: Data; subprotocol: string } | HttpReply
  open(socket: Socket<Data>): void
  /** `frame` is lent until the call returns. */
  message(socket: Socket<Data>, frame: ArrayBuffer, isBinary: boolean): void
  /** The kernel took some of what waited. */
  drain(socket: Socket<Data>): void
  /** The socket must not be used any more. */
  close(socket: Socket<Data>, code: number): void
}

export interface Handshake {
  header(name: string): string
}

export interface SocketServerOptions<Data> {
  /** Called for each request; must respond, or call `readBody`, before it returns to the loop. */
  onRequest(exchange: HttpExchange): void
  /** Requests that it takes do not come to onRequest. */
  readonly quick?: readonly (QuickHandler & { start(exchanges: QuickExchanges): void })[]
  readonly socket: SocketBehaviour<Data>
  /** Bytes of all bodies that are still arriving. */
  readonly bodiesBytesMax: number
}

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

function readHead(request: HttpRequest): RequestHead {
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

/** One HTTP request and the one answer it gets. */
export class HttpExchange implements Handshake {
  /** Upper case. */
  readonly method: string
  /** As sent, percent-encoded, without the query. */
  readonly path: string
  /** Without the question mark; '' when there is none. */
  readonly query: string
  readonly #headers: ReadonlyMap<string, string>
  readonly #raw: HttpResponse
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
    raw: HttpResponse,
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

  /** Sends the answer; later calls, and calls after an abort, do nothing. */
  respond(reply: HttpReply): void {
    if (this.#isAnswered || this.#isAborted) return
    this.#isAnswered = true
    const raw = this.#raw
    // A body that nobody will read is cheaper cut off than received; and a closing server keeps no connection alive.
    const closes = this.#shared.isClosing || (reply.status === 413 && !this.#isBodyRead)
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

/** A listening port with its HTTP exchanges and WebSocket connections. */
export class SocketServer<Data> {
  readonly #app: TemplatedApp
  readonly #shared: ExchangeShare
  #listener: us_listen_socket | null = null
  #connections = 0
  #isClosed = false

  constructor(options: SocketServerOptions<Data>) {
    this.#shared = {
      bodies: { bytes: 0, bytesMax: options.bodiesBytesMax, spares: [] },
      isClosing: false,
      openExchanges: 0,
    }
    const exchange = (raw: HttpResponse, request: HttpRequest): void =>
      options.onRequest(new HttpExchange(raw, readHead(request), this.#shared))
    this.#app = uws
      .App()
      .ws<Data>(options.socket.path, socketBehaviour(options.socket, this.#shared))
      .any('/*', exchange)
      .filter((_raw, change) => {
        this.#connections += Number(change)
      })
    for (const handler of options.quick ?? []) {
      const quick = new QuickExchanges({
        handler,
        share: this.#shared,
        handOver: (raw, head, body) => new HttpExchange(raw, head, this.#shared, body),
        onHandedOver: (handedOver) => options.onRequest(handedOver),
      })
      handler.start(quick)
      handler.paths.forEach((path, index) => {
        this.#app.post(path, (raw, request) => {
          if (!quick.tryTake(raw, request, index)) exchange(raw, request)
        })
      })
    }
  }

  /** TCP connections, WebSockets included. */
  get connectionCount(): number {
    return this.#connections
  }

  /** HTTP requests whose answer is not written yet. */
  get openExchangeCount(): number {
    return this.#shared.openExchanges
  }

  /**
   * Binds `host:port`; 0 asks for any free port.
   * @returns the bound port.
   * @throws PenstockError ERR_CONFLICT when another process listens there, ERR_ARGUMENT when the host is not this machine's.
   */
  async listen(host: string, port: number): Promise<number> {
    const listener = this.#tryListen(host, port)
    if (listener === null) throw await listenFailure(host, port)
    this.#listener = listener
    return uws.us_socket_local_port(listener)
  }

  #tryListen(host: string, port: number): us_listen_socket | null {
    let listener: us_listen_socket | null = null
    const listen = this.#app.listen.bind(this.#app) as unknown as Listen
    listen(host, port, exclusivePort, (socket) => {
      if (socket !== false) listener = socket
    })
    return listener
  }

  /** No new connections; answers from now on close theirs. */
  stopListening(): void {
    this.#shared.isClosing = true
    if (this.#listener !== null) uws.us_listen_socket_close(this.#listener)
    this.#listener = null
  }

  /** Closes every connection at once. Idempotent. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#listener = null
    this.#shared.isClosing = true
    this.#app.close()
  }
}

/** LIBUS_LISTEN_EXCLUSIVE_PORT; the library's types declare an enum that its binary does not export. */
const exclusivePort = 1
/** The overload with a host and options, which the binary has and the library's types leave out. */
type Listen = (
  host: string,
  port: number,
  options: number,
  callback: (socket: us_listen_socket | false) => void,
) => void

function socketBehaviour<Data>(
  behaviour: SocketBehaviour<Data>,
  shared: ExchangeShare,
): Parameters<TemplatedApp['ws']>[1] {
  return {
    maxPayloadLength: behaviour.frameBytesMax,
    maxBackpressure: behaviour.bufferBytesMax,
    closeOnBackpressureLimit: 1,
    idleTimeout: behaviour.idleTimeoutS,
    sendPingsAutomatically: true,
    compression: uws.DISABLED,
    upgrade: (raw, request, context) => {
      const verdict = behaviour.accept({ header: (name) => request.getHeader(name) })
      if ('status' in verdict) return new HttpExchange(raw, readHead(request), shared).respond(verdict)
      raw.cork(() =>
        raw.upgrade(verdict.data, request.getHeader('sec-websocket-key'), verdict.subprotocol, '', context),
      )
    },
    open: (socket) => behaviour.open(socket as Socket<Data>),
    message: (socket, frame, isBinary) => behaviour.message(socket as Socket<Data>, frame, isBinary),
    drain: (socket) => behaviour.drain(socket as Socket<Data>),
    close: (socket, code) => behaviour.close(socket as Socket<Data>, code),
  }
}
