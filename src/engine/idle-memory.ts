/**
 * Gives back what a load made the engine hold, once it is over: batches that nobody has used for a moment, and what the C
 * library keeps of freed memory, whoever freed it. So memory follows the load down as well as up.
 *
 * Looks once a second, a few microseconds each time while nothing is to be done. Rejected: giving back where memory is
 * freed, which is the request path, and the next request's.
 *
 * Thread: the engine's.
 */
import { addon } from '../../bindings/native.js'
import { ARENA_IDLE_MS, FREE_MEMORY_WORTH_BYTES, IDLE_MEMORY_LOOK_MS } from '../base/limits.js'
import { releaseFreeMemorySoon } from '../worker/free-memory.js'

export class IdleMemory {
  readonly #plane: number
  readonly #limitBytes: number
  readonly #timer: NodeJS.Timeout
  /** The lowest since the last release, which nothing more can be had from. */
  #restBytes = Infinity
  #isReleasing = false

  constructor(plane: number, limitBytes: number) {
    this.#plane = plane
    this.#limitBytes = limitBytes
    // A program that is done with its engine ends without it.
    this.#timer = setInterval(() => this.#look(), IDLE_MEMORY_LOOK_MS).unref()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    addon.trimArenas(this.#plane, ARENA_IDLE_MS)
    const rssBytes = process.memoryUsage.rss()
    this.#restBytes = Math.min(this.#restBytes, rssBytes)
    // A load that goes on would only fault it in again.
    const isBusy = addon.usedBytes(this.#plane) > this.#limitBytes / 64
    const isWorth = rssBytes - this.#restBytes > FREE_MEMORY_WORTH_BYTES
    if (isBusy || !isWorth) {
      this.#isReleasing = false
      return
    }
    // It repeats by itself for what a collector frees later; what is left then is in use.
    if (!this.#isReleasing) releaseFreeMemorySoon()
    else if (rssBytes > this.#restBytes) this.#restBytes += (rssBytes - this.#restBytes) / 16
    this.#isReleasing = true
  }
}
