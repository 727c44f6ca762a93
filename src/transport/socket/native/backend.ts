/**
 * The backend on the addon's own I/O threads: sockets, HTTP and frames are read there, and what is not answered there
 * comes here as events, many at a time.
 *
 *     I/O threads ─ events ─► take ─► requests, sockets ─► BackendHandlers
 *                 ◄─ commands ─ answer, send, end, cut
 *
 * A request or socket is a number; what a handler does to one that is gone meanwhile does nothing over there. The process
 * lives while it listens or a connection is open, as it does with the other backends.
 */
import { CLOSED_ABNORMALLY } from '../../../base/generated/boundary.js'
import {
  CONNECTION_LINGER_MS,
  CONNECTION_UNHANDLED_BYTES_MAX,
  HTTP_BODY_WAIT_BYTES_MIN,
  HTTP_BODY_WAIT_MS_MAX,
  HTTP_HEAD_MS_MAX,
  HTTP_SILENCE_MS_MAX,
} from '../../../base/limits/limits.js'
import { IoEventKind, IoEventSlot, IoThreads, type IoEventKindCode } from '../../../engine/net/io-threads.js'
import { matcherOf } from '../route-match.js'
import type { BackendHandlers, SocketBackend } from '../seam.js'
import { NativeRequest } from './request.js'
import { NativeResponse } from './response.js'
import { NativeSocket } from './websocket.js'

/** Takes of one turn of the loop: timers and other ports have theirs between. */
const takesOfTurn = 4
/** Bytes that were lent are freed at once from this size on. */
const freedBytesMin = 64 * 1024
const longMs = 2 ** 30

type Field = number | boolean | string | ArrayBuffer | undefined

export class NativeBackend<Data> implements SocketBackend {
  readonly name = 'native'
  readonly ioThreads: number
  readonly adopt = null
  readonly #handlers: BackendHandlers<Data>
  readonly #posts: readonly { readonly match: (path: string) => string | null; readonly index: number }[]
  readonly #io: IoThreads
  readonly #responses = new Map<number, NativeResponse>()
  readonly #sockets = new Map<number, NativeSocket<Data>>()
  readonly #onDone = (id: number): void => void this.#responses.delete(id)
  readonly #onClosed = (id: number): void => void this.#sockets.delete(id)
  /** The threads answer by themselves what they can. */
  readonly #isServed: boolean
  #connections = 0
  #isListening = false
  #isClosed = false
  /** Keeps the process alive. */
  #alive: NodeJS.Timeout | undefined

  constructor(handlers: BackendHandlers<Data>, ioThreads = 1) {
    this.#handlers = handlers
    this.ioThreads = ioThreads
    this.#posts = handlers.posts.map(({ path }, index) => ({ match: matcherOf(path), index }))
    const { path, frameBytesMax, idleTimeoutS } = handlers.socket
    this.#io = new IoThreads(
      ioThreads,
      {
        websocketPath: path,
        messageBytesMax: frameBytesMax,
        idleMs: idleTimeoutS * 1000,
        silenceMs: HTTP_SILENCE_MS_MAX,
        headMs: HTTP_HEAD_MS_MAX,
        bodyMs: HTTP_BODY_WAIT_MS_MAX,
        bodyBytesMin: HTTP_BODY_WAIT_BYTES_MIN,
        lingerMs: CONNECTION_LINGER_MS,
        unhandledBytesMax: CONNECTION_UNHANDLED_BYTES_MAX,
      },
      this.#turn,
    )
    if (handlers.ioPorts !== undefined) this.#io.serve(handlers.ioPorts.open(ioThreads))
    this.#isServed = handlers.ioPorts !== undefined
  }

  get connectionCount(): number {
    return this.#connections
  }

  listen(host: string, port: number): Promise<number | null> {
    const bound = this.#io.listen(host, port)
    this.#isListening = bound !== null
    this.#stayAlive()
    return Promise.resolve(bound)
  }

  stopListening(): void {
    if (!this.#isListening) return
    this.#isListening = false
    this.#io.stopListening()
    this.#stayAlive()
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#isListening = false
    for (const socket of [...this.#sockets.values()]) socket.closed(CLOSED_ABNORMALLY)
    for (const response of [...this.#responses.values()]) response.abort()
    this.#io.close()
    // Nobody writes what is answered from now on.
    this.#handlers.ioPorts?.close()
    this.#connections = 0
    this.#stayAlive()
  }

  #stayAlive(): void {
    const isNeeded = this.#isListening || (this.#connections > 0 && !this.#isClosed)
    if (isNeeded) this.#alive ??= setInterval(() => undefined, longMs)
    else {
      clearInterval(this.#alive)
      this.#alive = undefined
    }
  }

  readonly #turn = (): void => {
    for (let taken = 0; taken < takesOfTurn; taken++) {
      if (this.#isClosed) return
      const events = this.#io.take()
      if (events.length === 0) return
      for (let at = 0; at < events.length && !this.#isClosed; at += IoEventSlot.length) this.#handleSafely(events, at)
    }
    setImmediate(this.#turn)
  }

  /** One that fails must not take the others with it; it is nobody's but the process's all the same. */
  #handleSafely(events: readonly Field[], at: number): void {
    try {
      this.#handle(events, at)
    } catch (error) {
      queueMicrotask(() => {
        throw error
      })
    }
  }

  #handle(events: readonly Field[], at: number): void {
    const id = events[at + IoEventSlot.id] as number
    const number = events[at + IoEventSlot.number] as number
    const flag = events[at + IoEventSlot.flag] as boolean
    const text = events[at + IoEventSlot.text] as string
    const bytes = events[at + IoEventSlot.bytes] as ArrayBuffer | undefined
    switch (events[at + IoEventSlot.kind] as IoEventKindCode) {
      case IoEventKind.opened:
        return this.#opened(id)
      case IoEventKind.gone:
        this.#connections--
        return this.#stayAlive()
      case IoEventKind.request:
        this.#request(id, text, number === 1)
        this.#responses.get(id)?.receive(bytes, flag)
        return this.#free(bytes)
      case IoEventKind.upgrade:
        return this.#upgrade(id, text)
      case IoEventKind.data:
        this.#responses.get(id)?.receive(bytes, flag)
        return this.#free(bytes)
      case IoEventKind.aborted:
        // The peer of a handshake that was accepted meanwhile.
        this.#sockets.get(id)?.closed(CLOSED_ABNORMALLY)
        return this.#responses.get(id)?.abort()
      case IoEventKind.writable:
        return this.#responses.get(id)?.writable(number)
      case IoEventKind.message:
        this.#sockets.get(id)?.message(bytes ?? new ArrayBuffer(0), flag)
        return this.#free(bytes)
      case IoEventKind.drained:
        return this.#sockets.get(id)?.drained()
      case IoEventKind.closed:
        return this.#sockets.get(id)?.closed(number)
    }
  }

  #free(bytes: ArrayBuffer | undefined): void {
    if (bytes !== undefined && bytes.byteLength >= freedBytesMin) this.#io.free(bytes)
  }

  #opened(id: number): void {
    this.#connections++
    this.#stayAlive()
    if (!this.#handlers.admits()) this.#io.cut(id)
  }

  #openResponse(id: number, request: NativeRequest, wantsContinue: boolean): NativeResponse {
    const response = new NativeResponse(this.#io, id, request.address, wantsContinue, this.#onDone, this.#isServed)
    this.#responses.set(id, response)
    return response
  }

  #request(id: number, head: string, wantsContinue: boolean): void {
    const request = new NativeRequest(head)
    const raw = this.#openResponse(id, request, wantsContinue)
    if (request.getCaseSensitiveMethod() === 'POST') {
      for (const { match, index } of this.#posts) {
        const parameter = match(request.getUrl())
        if (parameter === null) continue
        request.parameter = parameter
        return this.#handlers.posts[index]?.onRequest(raw, request)
      }
    }
    this.#handlers.onRequest(raw, request)
  }

  #upgrade(id: number, head: string): void {
    const request = new NativeRequest(head)
    const { socket: behaviour } = this.#handlers
    const verdict = behaviour.accept({ header: (name) => request.getHeader(name), address: request.address })
    if ('status' in verdict)
      return this.#handlers.onRefused(this.#openResponse(id, request, false), request, verdict)
    this.#io.upgrade(id, verdict.subprotocol)
    const socket = new NativeSocket(this.#io, id, verdict.data, behaviour, this.#onClosed, this.#isServed)
    this.#sockets.set(id, socket)
    behaviour.open(socket)
  }
}
