/**
 * The socket in Node: the package `ws`, writing once per turn of the event loop. A system call per small request is what a
 * busy client spends most of its time on; requests of one turn share one (64 in flight: 48,000 → 150,000 a second on 2
 * cores shared with the server; 512: 54,000 → 240,000; 1 at a time: as before).
 *
 * Loaded by socket.ts in Node only. Bundlers for browsers see it all the same: hence `process` by its global name, for
 * `node:process` would stop some of them, and `ws` has a stub for them.
 */
import type { Socket } from 'node:net'
import { WebSocket } from 'ws'

/** Compression would make send() asynchronous, and tensors hardly compress. Frames are as large as the server makes them. */
const options = { perMessageDeflate: false, maxPayload: 0 }

export class NodeSocket extends WebSocket {
  #isCorked = false

  constructor(url: string, protocols: readonly string[]) {
    super(url, [...protocols], options)
  }

  /** Copies `data` before it returns: `ws` masks into memory of its own what it may not change. */
  override send(data: Uint8Array): void {
    this.#cork()
    super.send(data)
  }

  /** A tick asked for in a microtask comes when no microtask is left, however long the chains of promises are. */
  endOfTurn(callback: () => void): void {
    queueMicrotask(() => process.nextTick(callback))
  }

  /** Holds the stream's writes back until the promises of this turn have had their say. */
  #cork(): void {
    if (this.#isCorked) return
    // Not in the interface of `ws`, but there for ten years; without it each frame is written by itself.
    const stream = (this as { _socket?: Socket | null })._socket
    if (stream == null) return
    this.#isCorked = true
    stream.cork()
    process.nextTick(() => {
      this.#isCorked = false
      stream.uncork()
    })
  }
}
