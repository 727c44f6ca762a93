/**
 * One exchange of an HTTP/2 connection: what it may still send and take, and what waits for the peer's window. Frames are
 * the connection's business.
 */
import { HTTP2_STREAM_WINDOW_BYTES } from '../../base/limits/http2-limits.js'
import { CODE, FLAG, FRAME, WINDOW_BYTES_MAX, ConnectionError } from './frames.js'
import type { FieldList } from './hpack-encoder.js'
import type { Output } from './output.js'
import type { SlowReaders, WaitingAnswer } from '../socket/slow-readers.js'

/** Who takes what a stream brings. */
export interface StreamReceiver {
  /** @param bytes a view of what the socket read: of more than these, so that what is kept for long is copied. */
  onData(bytes: Buffer): void
  /** The peer sends no more. */
  onEnd(): void
  /** The stream is gone. @param isReset before its end: nobody waits for an answer. */
  onClosed(isReset: boolean): void
}

/** What a stream needs of its connection. */
export interface StreamConnection {
  readonly output: Output
  readonly readers: SlowReaders
  /** What all streams may still send. */
  sendWindow: number
  /** What the peer takes as one frame; FRAME_BYTES at least. */
  readonly frameBytesMax: number
  writeHeaders(id: number, fields: FieldList, isLast: boolean): void
  writeReset(id: number, code: number): void
  writeWindow(id: number, bytes: number): void
  /** The connection's window is used up: `stream` is pumped when it opens. */
  awaitWindow(stream: Http2Stream): void
  forget(stream: Http2Stream): void
}

interface Waiting {
  readonly bytes: Uint8Array
  readonly onWritten: (() => void) | null
}

export class Http2Stream implements WaitingAnswer {
  readonly id: number
  receiver: StreamReceiver | null = null
  sendWindow: number
  /** The peer has ended its side. */
  isRemoteEnded = false
  isClosed = false
  readonly #connection: StreamConnection
  #receiveWindow = HTTP2_STREAM_WINDOW_BYTES
  /** Read, and not given back to the peer's window. */
  #readBytes = 0
  readonly #waiting: Waiting[] = []
  /** So many bytes of the first of them are sent. */
  #sentBytes = 0
  #trailers: FieldList | null = null
  #takenBytes = 0
  #isSlow = false

  constructor(connection: StreamConnection, id: number, sendWindow: number) {
    this.#connection = connection
    this.id = id
    this.sendWindow = sendWindow
  }

  /** For SlowReaders: what the peer's window let go. */
  get takenBytes(): number {
    return this.#takenBytes
  }

  /** For SlowReaders. */
  cut(): void {
    this.reset(CODE.CANCEL)
  }

  /** Whether something that was sent waits, here or in the socket. */
  get isBehind(): boolean {
    return this.#waiting.length > 0 || !this.#connection.output.isTaken
  }

  /** Whether `bytes` more would go to the socket at once, and the socket to the kernel. */
  isOpenFor(bytes: number): boolean {
    const { output, sendWindow } = this.#connection
    return this.#waiting.length === 0 && bytes <= this.sendWindow && bytes <= sendWindow && output.isTaken
  }

  sendHeaders(fields: FieldList, isLast: boolean): void {
    if (this.isClosed) return
    this.#connection.writeHeaders(this.id, fields, isLast)
    if (isLast) this.#end()
  }

  /** @param bytes kept until they are written. @param onWritten when the kernel has them, or never will. */
  sendData(bytes: Uint8Array, onWritten: (() => void) | null): void {
    if (this.isClosed) return onWritten?.()
    this.#waiting.push({ bytes, onWritten })
    this.pump()
  }

  /** After all data. */
  sendTrailers(fields: FieldList): void {
    if (this.isClosed) return
    this.#trailers = fields
    this.pump()
  }

  /** Sends what the windows let. */
  pump(): void {
    const connection = this.#connection
    while (this.#waiting.length > 0 && !this.isClosed) {
      const { bytes, onWritten } = this.#waiting[0] as Waiting
      const left = bytes.length - this.#sentBytes
      const length = Math.min(left, this.sendWindow, connection.sendWindow, connection.frameBytesMax)
      if (length <= 0 && left > 0) return this.#stall()
      connection.output.frame(length, FRAME.DATA, 0, this.id)
      connection.output.write(
        length === bytes.length ? bytes : bytes.subarray(this.#sentBytes, this.#sentBytes + length),
      )
      this.sendWindow -= length
      connection.sendWindow -= length
      this.#sentBytes += length
      this.#takenBytes += length
      if (this.#sentBytes < bytes.length) continue
      this.#waiting.shift()
      this.#sentBytes = 0
      if (onWritten !== null) connection.output.onWritten(onWritten)
    }
    if (this.#isSlow && this.#waiting.length === 0) {
      this.#isSlow = false
      connection.readers.delete(this)
    }
    if (this.#trailers === null || this.isClosed) return
    connection.writeHeaders(this.id, this.#trailers, true)
    this.#end()
  }

  /** Ends it now, whatever waits. Idempotent. */
  reset(code: number): void {
    if (this.isClosed) return
    this.#connection.writeReset(this.id, code)
    this.close(true)
  }

  /** The connection lets it go. Idempotent. */
  close(isReset: boolean): void {
    if (this.isClosed) return
    this.isClosed = true
    if (this.#isSlow) this.#connection.readers.delete(this)
    this.#connection.forget(this)
    for (const { onWritten } of this.#waiting.splice(0)) onWritten?.()
    this.receiver?.onClosed(isReset)
  }

  // ── what arrives ─────────────────────────────────────────────────────────────────────────────

  /** @param bytes of the window: the payload of a frame, padding included. @returns false: more than it had. */
  takeWindow(bytes: number): boolean {
    this.#receiveWindow -= bytes
    return this.#receiveWindow >= 0
  }

  /** `bytes` of what was taken will not be held any more: the peer may send as many. */
  returnWindow(bytes: number): void {
    if (this.isRemoteEnded || this.isClosed) return
    this.#readBytes += bytes
    if (this.#readBytes < HTTP2_STREAM_WINDOW_BYTES / 2) return
    this.#receiveWindow += this.#readBytes
    this.#connection.writeWindow(this.id, this.#readBytes)
    this.#readBytes = 0
  }

  /** The peer's window grew. @returns false: beyond what a window may be. */
  openWindow(bytes: number): boolean {
    this.sendWindow += bytes
    if (this.sendWindow > WINDOW_BYTES_MAX) return false
    if (bytes > 0 && this.#waiting.length > 0) this.pump()
    return true
  }

  #stall(): void {
    if (this.#connection.sendWindow <= 0) this.#connection.awaitWindow(this)
    if (this.#isSlow) return
    this.#isSlow = true
    this.#connection.readers.add(this)
  }

  /** Both sides are done, or the peer need not send what nobody reads. */
  #end(): void {
    // RFC 9113 section 8.1: an answer that does not wait for the rest of its request says so.
    if (!this.isRemoteEnded) this.#connection.writeReset(this.id, CODE.NO_ERROR)
    this.close(false)
  }
}

export function flowError(): ConnectionError {
  return new ConnectionError(CODE.FLOW_CONTROL_ERROR, 'more bytes than the window had')
}

export const isLastFlag = (flags: number): boolean => (flags & FLAG.END_STREAM) !== 0
