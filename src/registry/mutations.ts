/**
 * One mutation at a time. Both stores of a home share this queue: a blob that one mutation is about to refer to must
 * not be collected by another, and a record is read, changed and written by one writer.
 * Reads never wait: they see the last complete state in memory.
 */
import { PenstockError } from '../base/errors.js'
import { MUTATIONS_PENDING_MAX } from '../base/limits/limits.js'

export class Mutations {
  #tail: Promise<void> = Promise.resolve()
  #pendingCount = 0
  #isClosed = false
  readonly #guard: () => Promise<void>

  /** @param guard called before each mutation; rejects when this process no longer owns the home. */
  constructor(guard: () => Promise<void>) {
    this.#guard = guard
  }

  /** Runs `mutation` after all earlier ones, whether those failed or not. */
  async run<T>(mutation: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new PenstockError('ERR_CLOSED', 'The home is closed; open it again to change it.')
    if (this.#pendingCount >= MUTATIONS_PENDING_MAX) {
      const text = `${MUTATIONS_PENDING_MAX} changes to the registry are waiting already; try again later.`
      throw new PenstockError('ERR_QUEUE_FULL', text, { retryAfterMs: 1000 })
    }
    this.#pendingCount += 1
    const result = this.#tail.then(async () => {
      await this.#guard()
      return mutation()
    })
    this.#tail = result.then(ignore, ignore)
    try {
      return await result
    } finally {
      this.#pendingCount -= 1
    }
  }

  /** Refuses further mutations; resolves when those under way have settled. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#tail
  }
}

function ignore(): void {
  // The caller of `run` gets the result; the chain only needs the order.
}
