/**
 * A circuit breaker: after so many failures in a row a remote is left alone for a while, then one call may try it.
 *
 *     closed ──failures in a row──▶ open ──openMs──▶ half-open ──success──▶ closed
 *                                    ▲                   │
 *                                    └──────failure──────┘
 *
 * A failure is one of the remote's: no connection, no answer in time, a status of 500 and above. What it refuses (400)
 * shows that it is there. A call that was given up by its caller says nothing either way.
 */
import type { Clock } from '../base/clock.js'

export type BreakerState = 'closed' | 'open' | 'half-open'

export interface BreakerOptions {
  /** Failures in a row that open it. */
  readonly failures: number
  readonly openMs: number
}

export interface BreakerEntry {
  /** The one call that finds out whether the remote is back. */
  readonly isTrial: boolean
}

export class Breaker {
  readonly #options: BreakerOptions
  readonly #clock: Clock
  #failureCount = 0
  #openedUs = 0
  #state: BreakerState = 'closed'
  #isTrying = false
  #openedCount = 0

  constructor(options: BreakerOptions, clock: Clock) {
    this.#options = options
    this.#clock = clock
  }

  /** As the next call finds it. */
  get state(): BreakerState {
    return this.#state === 'open' && this.waitMs === 0 ? 'half-open' : this.#state
  }

  /** How often it has opened. */
  get openedCount(): number {
    return this.#openedCount
  }

  /** Milliseconds until a call may try again; 0: now. */
  get waitMs(): number {
    if (this.#state !== 'open') return 0
    const elapsedMs = (this.#clock.monotonicUs() - this.#openedUs) / 1000
    return Math.max(0, Math.ceil(this.#options.openMs - elapsedMs))
  }

  /** @returns the entry of a call that may be made, which ends with one of `succeed`, `fail` and `forget`; null: not now. */
  enter(): BreakerEntry | null {
    if (this.#state === 'closed') return { isTrial: false }
    if (this.#isTrying || this.waitMs > 0) return null
    this.#state = 'half-open'
    this.#isTrying = true
    return { isTrial: true }
  }

  /** Whoever was answered shows that the remote is there, the trial or a call from before. */
  succeed(): void {
    this.#isTrying = false
    this.#failureCount = 0
    this.#state = 'closed'
  }

  fail({ isTrial }: BreakerEntry): void {
    // Calls that began before it opened end after: they neither open it again nor make it wait longer.
    if (this.#state !== 'closed' && !isTrial) return
    this.#failureCount++
    if (!isTrial && this.#failureCount < this.#options.failures) return
    this.#isTrying = false
    this.#state = 'open'
    this.#openedUs = this.#clock.monotonicUs()
    this.#openedCount++
  }

  /** The caller gave the call up, or the remote had no time for it. */
  forget({ isTrial }: BreakerEntry): void {
    if (isTrial) this.#isTrying = false
  }
}
