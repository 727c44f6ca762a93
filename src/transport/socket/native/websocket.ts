/** One WebSocket of an I/O thread as the seam's Socket. Frames are read, and pings and time-outs looked after, over there. */
import { CLOSED_ABNORMALLY } from '../../../base/generated/boundary.js'
import { threadOf, type IoThreads } from '../../../engine/net/io-threads.js'
import type { SocketPlace } from '../../../engine/requests/websocket-port.js'
import { SENT, type Socket, type SocketBehaviour } from '../seam.js'

/** Some of it waits, or all of it was dropped: callers look at getBufferedAmount. */
const WAITS = 0
const DROPPED = 2
/** RFC 6455 section 7.4.1: closed without a close frame. */

export class NativeSocket<Data> implements Socket<Data> {
  readonly place?: SocketPlace
  readonly #io: IoThreads
  readonly #id: number
  readonly #data: Data
  readonly #behaviour: SocketBehaviour<Data>
  readonly #onClosed: (id: number) => void
  #isClosed = false

  constructor(
    io: IoThreads,
    id: number,
    data: Data,
    behaviour: SocketBehaviour<Data>,
    onClosed: (id: number) => void,
    isServed: boolean,
  ) {
    if (isServed) this.place = { thread: threadOf(id), number: id }
    this.#io = io
    this.#id = id
    this.#data = data
    this.#behaviour = behaviour
    this.#onClosed = onClosed
  }

  getUserData(): Data {
    return this.#data
  }

  send(bytes: Uint8Array, isBinary: boolean): number {
    if (this.#isClosed) return DROPPED
    const waitingBytes = this.#io.send(this.#id, bytes, isBinary)
    if (waitingBytes === 0) return SENT
    if (waitingBytes <= this.#behaviour.bufferBytesMax) return WAITS
    this.close()
    return DROPPED
  }

  getBufferedAmount(): number {
    return this.#io.bufferedBytes(this.#id)
  }

  end(code: number, reason: string): void {
    if (this.#isClosed) return
    this.#io.end(this.#id, code, reason)
    this.closed(code)
  }

  close(): void {
    if (this.#isClosed) return
    this.#io.cut(this.#id)
    this.closed(CLOSED_ABNORMALLY)
  }

  message(frame: ArrayBuffer, isBinary: boolean): void {
    if (!this.#isClosed) this.#behaviour.message(this, frame, isBinary)
  }

  drained(): void {
    if (!this.#isClosed) this.#behaviour.drain(this)
  }

  /** The connection is gone, or ends. */
  closed(code: number): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#onClosed(this.#id)
    this.#behaviour.close(this, code)
  }
}
