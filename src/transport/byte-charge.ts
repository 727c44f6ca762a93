/**
 * What one caller's request makes the server hold of the engine's byte budget: its body, packed, unpacked and read, and
 * its answer until the socket has it. A request that is the only holder gets whatever it needs within its own limits;
 * beside others it is refused when the budget is used up.
 *
 * Owner: the request, which releases all that is left when it is over. Thread: the I/O isolate.
 */
import { PenstockError } from '../base/errors.js'
import type { ByteBudget, TransportUse } from '../engine/memory/byte-budget.js'

/** An engine has one; tests bring their own. */
export type Budget = Pick<ByteBudget, 'limitBytes' | 'tryCharge' | 'charge' | 'release' | 'usedBytes'>

/** What to call the use in a refusal, and how to get by with less of it. */
const words: Readonly<Record<TransportUse, { readonly what: string; readonly wayOut: string }>> = {
  bodies: { what: 'body', wayOut: 'Try again, with fewer rows at a time if they are many' },
  answers: { what: 'answer', wayOut: 'Try again, with fewer rows at a time, or ask for a binary form in accept' },
}
/** Milliseconds: what is held is rows that run and answers that are read. */
const retryAfterMs = 1000

export class ByteCharge {
  readonly #budget: Budget
  readonly #held: Record<TransportUse, number> = { bodies: 0, answers: 0 }
  #isClosed = false

  constructor(budget: Budget) {
    this.#budget = budget
  }

  held(use: TransportUse): number {
    return this.#held[use]
  }

  /** @returns why the bytes cannot be had, ERR_QUEUE_FULL or ERR_ABORTED; null: they are charged. */
  tryAdd(use: TransportUse, bytes: number): PenstockError | null {
    if (this.#isClosed) return new PenstockError('ERR_ABORTED')
    const budget = this.#budget
    if (!budget.tryCharge(use, bytes)) {
      const used = usedBytes(budget)
      // Nobody else holds anything: what limits a single request are the limits of its parts.
      if (used > this.#held.bodies + this.#held.answers) return overBudget(use, bytes, used, budget.limitBytes)
      budget.charge(use, bytes)
    }
    this.#held[use] += bytes
    return null
  }

  /** The same, and nothing stays charged: before work whose result will be charged. */
  refusalOf(use: TransportUse, bytes: number): PenstockError | null {
    const refusal = this.tryAdd(use, bytes)
    if (refusal === null) this.release(use, bytes)
    return refusal
  }

  /** What is there already, and was charged to somebody else until now. */
  add(use: TransportUse, bytes: number): void {
    if (this.#isClosed) return
    this.#budget.charge(use, bytes)
    this.#held[use] += bytes
  }

  /** @param bytes absent: all of that use. What an end has released already is not released again. */
  release(use: TransportUse, bytes = this.#held[use]): void {
    const released = Math.min(bytes, this.#held[use])
    if (released === 0) return
    this.#held[use] -= released
    this.#budget.release(use, released)
  }

  /** Releases all. Work that goes on for a caller who is gone charges nothing any more. Idempotent. */
  close(): void {
    this.release('bodies')
    this.release('answers')
    this.#isClosed = true
  }

  /**
   * Runs `take`, which copies a body into memory that the engine charges: counted on both sides at once, a request as
   * large as the budget would never be admitted.
   */
  handOver<Taken>(take: () => Taken): Taken {
    const bytes = this.#held.bodies
    this.release('bodies')
    try {
      return take()
    } finally {
      if (bytes > 0) this.add('bodies', bytes)
    }
  }
}

function usedBytes(budget: Budget): number {
  const { requests, bodies, answers } = budget.usedBytes()
  return requests + bodies + answers
}

function overBudget(use: TransportUse, bytes: number, used: number, limit: number): PenstockError {
  const { what, wayOut } = words[use]
  return new PenstockError(
    'ERR_QUEUE_FULL',
    `Expected what all callers make the server hold to be at most ${limit} bytes (--memory-budget) but ${used} are held and this ${what} wants ${bytes} more. ${wayOut}`,
    { retryAfterMs },
  )
}
