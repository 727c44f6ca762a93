/**
 * One WebSocket of `ws` as the seam's Socket, with what uWebSockets.js does by itself: a limit on what waits, pings and
 * the idle timeout, and a close event that comes at once. What breaks RFC 6455 itself `ws` answers with the RFC's codes
 * (1002, 1007, 1009).
 *
 * Frames are copied on the way out, because `ws` keeps them until the kernel has them, and written one at a time once
 * they wait: Node counts what it wrote together as waiting until all of it is taken, and a client whose results count as
 * waiting although it has them would be accused of exceeding its window.
 */
import type { Socket as NetSocket } from 'node:net'
import type { WebSocket } from 'ws'
import { CLOSED_ABNORMALLY } from '../../base/generated/boundary.js'
import { headerBytes } from '../congestion.js'
import { lingerMs, ownBuffer } from './node-request.js'
import { SENT, type Socket, type SocketBehaviour } from './seam.js'

/** Some of it waits, or all of it was dropped: callers look at getBufferedAmount. */
const WAITS = 0
const DROPPED = 2

interface Frame {
  readonly bytes: Buffer
  readonly isBinary: boolean
}

export class NodeSocket<Data> implements Socket<Data> {
  readonly #websocket: WebSocket
  readonly #net: NetSocket
  readonly #data: Data
  readonly #behaviour: SocketBehaviour<Data>
  #isClosed = false
  /** Frames given to `ws`, and those of them that the kernel has. */
  #sentFrames = 0
  #takenFrames = 0
  /** The last of them waits; those after it wait here. */
  #isWriting = false
  readonly #queue: Frame[] = []
  #queuedBytes = 0
  /** What `tick` saw received until the last one, and for how many ticks nothing more came. */
  #receivedBytes = 0
  #idleTicks = 0

  /** Opens it: `behaviour.open` is called before it returns. */
  constructor(websocket: WebSocket, net: NetSocket, data: Data, behaviour: SocketBehaviour<Data>) {
    this.#websocket = websocket
    this.#net = net
    this.#data = data
    this.#behaviour = behaviour
    websocket.binaryType = 'nodebuffer'
    websocket.on('message', (frame, isBinary) => {
      if (!this.#isClosed) behaviour.message(this, ownBuffer(frame as Buffer), isBinary)
    })
    websocket.on('close', (code) => this.#closed(code))
    // `ws` has sent the close frame that fits the error; a peer that does not answer it is cut off.
    websocket.on('error', () => {
      this.#cutOffLater()
      this.#closed(CLOSED_ABNORMALLY)
    })
    behaviour.open(this)
  }

  getUserData(): Data {
    return this.#data
  }

  send(bytes: Uint8Array, isBinary: boolean): number {
    if (this.#isClosed) return DROPPED
    if (this.getBufferedAmount() > this.#behaviour.bufferBytesMax) {
      this.close()
      return DROPPED
    }
    const frame = { bytes: Buffer.from(bytes), isBinary }
    if (!this.#isWriting) return this.#write(frame) ? SENT : WAITS
    this.#queue.push(frame)
    this.#queuedBytes += bytes.length + headerBytes(bytes.length)
    return WAITS
  }

  getBufferedAmount(): number {
    return this.#websocket.bufferedAmount + this.#queuedBytes
  }

  end(code: number, reason: string): void {
    if (this.#isClosed) return
    for (const frame of this.#queue.splice(0)) this.#write(frame)
    this.#websocket.close(code, reason)
    this.#cutOffLater()
    this.#closed(code)
  }

  close(): void {
    this.#websocket.terminate()
    this.#closed(CLOSED_ABNORMALLY)
  }

  /** To be called every second: asks a silent peer for a sign of life at half the limit, cuts it off at the limit. */
  tick(): void {
    const { idleTimeoutS } = this.#behaviour
    const { bytesRead } = this.#net
    if (bytesRead !== this.#receivedBytes) {
      this.#receivedBytes = bytesRead
      this.#idleTicks = 0
      return
    }
    this.#idleTicks++
    if (this.#idleTicks >= idleTimeoutS) this.close()
    else if (this.#idleTicks === Math.floor(idleTimeoutS / 2) && !this.#isClosed) this.#websocket.ping()
  }

  /** @returns whether the kernel has it already. */
  #write({ bytes, isBinary }: Frame): boolean {
    this.#sentFrames++
    this.#websocket.send(bytes, { binary: isBinary, compress: false }, this.#onTaken)
    this.#isWriting = this.#websocket.bufferedAmount > 0
    return !this.#isWriting
  }

  /** Called once per frame, in order. */
  readonly #onTaken = (): void => {
    this.#takenFrames++
    if (!this.#isWriting || this.#takenFrames < this.#sentFrames || this.#isClosed) return
    this.#isWriting = false
    while (!this.#isWriting) {
      const frame = this.#queue.shift()
      if (frame === undefined) break
      this.#queuedBytes -= frame.bytes.length + headerBytes(frame.bytes.length)
      this.#write(frame)
    }
    this.#behaviour.drain(this)
  }

  #closed(code: number): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#behaviour.close(this, code)
  }

  #cutOffLater(): void {
    setTimeout(() => this.#websocket.terminate(), lingerMs).unref()
  }
}
