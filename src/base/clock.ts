/**
 * Time as an argument. Everything that waits, stamps or expires takes a Clock, so that a test owns time and a
 * simulation replays. This file is the only place in src that asks the machine for the time; `performance` is
 * the global one, because the client brings this file into browsers.
 */
export interface Clock {
  /** Milliseconds since 1970-01-01 UTC, for stamps that people read. May jump when the machine's clock is set. */
  nowMs(): number
  /** Microseconds from an arbitrary start, for durations and deadlines. Never goes back. */
  monotonicUs(): number
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicUs: () => performance.now() * 1000,
}

/** Milliseconds of the system's monotonic clock. */
export const monotonicMs = (): number => systemClock.monotonicUs() / 1000

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  #us: number
  readonly #epochMs: number

  /** @param epochMs what nowMs() says at the start. */
  constructor(epochMs = 0) {
    this.#us = 0
    this.#epochMs = epochMs
  }

  nowMs(): number {
    return this.#epochMs + Math.floor(this.#us / 1000)
  }

  monotonicUs(): number {
    return this.#us
  }

  /** @param ms how far to move, >= 0, fractions allowed. */
  advanceMs(ms: number): void {
    this.#us += Math.max(0, ms) * 1000
  }
}
