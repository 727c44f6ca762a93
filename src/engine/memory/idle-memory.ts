/**
 * Gives back what a load made the engine hold, once it is over: batches that nobody has used for a moment, and what the C
 * library keeps of freed memory, the engine's or not. So memory follows the load down as well as up.
 *
 * Looks once a second, a few microseconds each time while nothing is to be done. Rejected: giving back where memory is
 * freed, which is the request path, and the next request's.
 *
 * Thread: the engine's.
 */
import { addon } from '../../../bindings/native.js'
import { ARENA_IDLE_MS, FREE_MEMORY_WORTH_BYTES, IDLE_MEMORY_LOOK_MS } from '../../base/limits/limits.js'
import { collectGarbage } from '../../worker/collect-garbage.js'
import { isProcessOfServer, releaseFreeMemorySoon } from '../../worker/free-memory.js'

/**
 * Every other of so many looks after a load collects garbage: tens of milliseconds each, with nobody waiting. Only of a
 * server's own process: a program around the engine may have a large heap, and work to do.
 */
const COLLECTING_LOOKS_MAX = 6

export class IdleMemory {
  readonly #runtime: number
  readonly #limitBytes: number
  readonly #timer: NodeJS.Timeout
  /** The lowest since the last release, which nothing more can be had from. */
  #restBytes = Infinity
  /** Since the load ended, while there was something to be had. */
  #idleLooks = 0

  constructor(runtime: number, limitBytes: number) {
    this.#runtime = runtime
    this.#limitBytes = limitBytes
    // A program that is done with its engine ends without it.
    this.#timer = setInterval(() => this.#look(), IDLE_MEMORY_LOOK_MS).unref()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    addon.trimArenas(this.#runtime, ARENA_IDLE_MS)
    const rssBytes = residentBytes()
    if (rssBytes === null) return
    this.#restBytes = Math.min(this.#restBytes, rssBytes)
    // A load that goes on would only fault it in again.
    const isBusy = addon.usedBytes(this.#runtime) > this.#limitBytes / 64
    const isWorth = rssBytes - this.#restBytes > FREE_MEMORY_WORTH_BYTES
    if (isBusy || !isWorth) {
      this.#idleLooks = 0
      return
    }
    // Sockets and callers let go of the last of it some time after the load; what is left in the end is in use.
    const isCollecting = isProcessOfServer() && this.#idleLooks % 2 === 0 && this.#idleLooks < COLLECTING_LOOKS_MAX
    if (isCollecting) collectGarbage()
    if (this.#idleLooks === 0) releaseFreeMemorySoon()
    else this.#restBytes += (rssBytes - this.#restBytes) / 16
    this.#idleLooks++
  }
}

/** null: the system does not say now. It opens a file for it, and the table of descriptors may be full. */
function residentBytes(): number | null {
  try {
    return process.memoryUsage.rss()
  } catch {
    return null
  }
}
