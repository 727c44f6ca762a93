/**
 * Answers that wait in sockets because their readers are slower than their own requests: charged to the engine's memory
 * budget, and bounded all together, whatever the protocol. Beyond the bound the reader that holds the most is cut off,
 * alone: what it held is free at once, and the others keep their answers.
 *
 * Thread: the server's. Every reader reports its held bytes here each time they change, and 0 when it is gone.
 */
import type { Logger } from 'pino'
import { ANSWERS_BUDGET_PERCENT, SOCKET_BUDGET_PERCENT } from '../base/limits/limits.js'
import type { ByteBudget } from '../engine/memory/byte-budget.js'

interface Held {
  /** Charged here. */
  readonly bytes: number
  readonly allBytes: number
}

/** One connection, or one answer under way. */
export interface SlowReader {
  /** For the operator's log: which it is. */
  readonly description: Readonly<Record<string, string | number>>
  /** Ends it at once, its unsent bytes with it; a reader that does not read would not see a farewell. */
  cutOff(): void
}

/** The part of the budget that may wait in all sockets together: the rest is for those who read. */
export function answersBytesMax(budget: Pick<ByteBudget, 'limitBytes'>): number {
  return Math.floor((budget.limitBytes * ANSWERS_BUDGET_PERCENT) / 100)
}

export interface SocketLimits {
  readonly socketBufferBytesMax: number
  readonly socketsBufferBytesMax: number
}

/** The limits of sockets, for what waits in them is a part of what callers may make the engine hold. */
export function withinBudget<Limits extends SocketLimits>(
  limits: Limits,
  budget: Pick<ByteBudget, 'limitBytes'>,
): Limits {
  const socketBytes = Math.floor((budget.limitBytes * SOCKET_BUDGET_PERCENT) / 100)
  return {
    ...limits,
    socketBufferBytesMax: Math.min(limits.socketBufferBytesMax, socketBytes),
    socketsBufferBytesMax: Math.min(limits.socketsBufferBytesMax, answersBytesMax(budget)),
  }
}

export class HeldAnswers {
  readonly #budget: Pick<ByteBudget, 'charge' | 'release'>
  readonly #bytesMax: number
  readonly #logger: Logger
  readonly #held = new Map<SlowReader, Held>()
  #totalBytes = 0

  /** @param bytesMax of all readers together; at most answersBytesMax(budget). */
  constructor(budget: Pick<ByteBudget, 'charge' | 'release'>, bytesMax: number, logger: Logger) {
    this.#budget = budget
    this.#bytesMax = bytesMax
    this.#logger = logger
  }

  get totalBytes(): number {
    return this.#totalBytes
  }

  bytesOf(reader: SlowReader): number {
    return this.#held.get(reader)?.allBytes ?? 0
  }

  /**
   * The reader's unsent bytes are now so many.
   * @param elsewhereBytes what waits for it besides, and is charged already.
   */
  set(reader: SlowReader, bytes: number, elsewhereBytes = 0): void {
    const before = this.#held.get(reader) ?? { bytes: 0, allBytes: 0 }
    const allBytes = bytes + elsewhereBytes
    if (allBytes === 0) this.#held.delete(reader)
    else this.#held.set(reader, { bytes, allBytes })
    this.#totalBytes += allBytes - before.allBytes
    if (bytes > before.bytes) this.#budget.charge('answers', bytes - before.bytes)
    else if (bytes < before.bytes) this.#budget.release('answers', before.bytes - bytes)
  }

  /** Cuts off the readers that hold the most until all fit; after a `set` that added bytes, when the caller can bear to be cut off. */
  relieve(): void {
    while (this.#totalBytes > this.#bytesMax) {
      let slowest: SlowReader | null = null
      for (const [reader, { allBytes }] of this.#held)
        if (slowest === null || allBytes > this.bytesOf(slowest)) slowest = reader
      if (slowest === null) return
      const { description } = slowest
      this.#logger.warn(
        { ...description, heldBytes: this.bytesOf(slowest), totalBytes: this.#totalBytes },
        'slow reader cut off',
      )
      slowest.cutOff()
      // Whether or not its close event comes in time.
      this.set(slowest, 0)
    }
  }
}
