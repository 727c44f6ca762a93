/**
 * What one turn of the event loop writes to a socket, as one write: small pieces are copied into a slab, large ones go as
 * they are. The slab is written again once the kernel has taken it, which it mostly has when the write returns.
 *
 *     slab   [ written │ of this turn ▸        ]   large pieces stand between runs of the slab
 *
 * Owner of large pieces: the output, until `onWritten` of their turn.
 */
import type { Socket } from 'node:net'
import { FRAME_HEAD_BYTES, writeFrameHead } from './frames.js'

const slabBytes = 64 * 1024
/** Larger ones cost more to copy than to gather. */
const copiedBytesMax = 8 * 1024

export class Output {
  readonly #socket: Socket
  readonly #onWaiting: (isWaiting: boolean) => void
  #slab = Buffer.allocUnsafeSlow(slabBytes)
  /** Where the run of this turn that is not in `#pieces` begins, and where the next byte goes. */
  #start = 0
  #end = 0
  #pieces: Buffer[] = []
  #onWritten: (() => void)[] = []
  #isScheduled = false

  /** @param onWaiting told when the kernel does not take what was written, and when it has. */
  constructor(socket: Socket, onWaiting: (isWaiting: boolean) => void) {
    this.#socket = socket
    this.#onWaiting = onWaiting
  }

  /** Whether the kernel took everything so far. */
  get isTaken(): boolean {
    return this.#socket.writableLength === 0
  }

  /** @param bytes kept until they are written, when they are many. */
  write(bytes: Uint8Array): void {
    if (bytes.length > copiedBytesMax) {
      this.#close()
      this.#pieces.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
      this.#schedule()
      return
    }
    const at = this.#reserve(bytes.length)
    this.#slab.set(bytes, at)
  }

  /** The head of a frame whose payload is written next. */
  frame(length: number, type: number, flags: number, id: number): void {
    const at = this.#reserve(FRAME_HEAD_BYTES)
    writeFrameHead(this.#slab, at, length, type, flags, id)
  }

  /** Called when the kernel has all that was written so far, or never will. */
  onWritten(callback: () => void): void {
    this.#onWritten.push(callback)
    this.#schedule()
  }

  flush(): void {
    this.#isScheduled = false
    this.#close()
    const pieces = this.#pieces
    const callbacks = this.#onWritten
    if (callbacks.length > 0) this.#onWritten = []
    if (pieces.length > 0) this.#pieces = []
    if (pieces.length === 0 || this.#socket.destroyed) return callEach(callbacks)
    if (pieces.length > 1) this.#socket.cork()
    const last = pieces.length - 1
    for (let index = 0; index < last; index++) this.#socket.write(pieces[index] as Buffer)
    this.#socket.write(pieces[last] as Buffer, () => {
      callEach(callbacks)
      if (this.isTaken) this.#onWaiting(false)
    })
    if (pieces.length > 1) this.#socket.uncork()
    this.#start = 0
    this.#end = 0
    if (this.isTaken) return
    this.#slab = Buffer.allocUnsafeSlow(slabBytes)
    this.#onWaiting(true)
  }

  #reserve(bytes: number): number {
    if (this.#end + bytes > slabBytes) {
      this.#close()
      this.#slab = Buffer.allocUnsafeSlow(slabBytes)
      this.#start = 0
      this.#end = 0
    }
    const at = this.#end
    this.#end += bytes
    this.#schedule()
    return at
  }

  /** Ends the run of the slab. */
  #close(): void {
    if (this.#end > this.#start) this.#pieces.push(this.#slab.subarray(this.#start, this.#end))
    this.#start = this.#end
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    queueMicrotask(this.#flush)
  }

  readonly #flush = (): void => {
    if (this.#isScheduled) this.flush()
  }
}

function callEach(callbacks: readonly (() => void)[]): void {
  for (const callback of callbacks) callback()
}
