/**
 * What failed, and when it is tried again: what cannot come right by itself, such as a file that is no model, waits until it
 * changes; all else is tried again after twice as long each time, with jitter, so that many servers do not come together.
 */
import type { Clock } from '../../base/clock.js'
import { errorTable, isPenstockError } from '../../base/errors.js'
import { WATCH_BACKOFF_MS_MAX } from '../../base/limits/source-limits.js'
import type { RandomSource } from '../../base/random.js'

interface Failure {
  readonly sentence: string
  readonly attempts: number
  /** Milliseconds of the monotonic clock; Infinity: not until it changes. */
  readonly untilMs: number
}

export class Retries {
  readonly #clock: Clock
  readonly #random: RandomSource
  readonly #intervalMs: number
  readonly #failures = new Map<string, Failure>()

  constructor({ clock, random, intervalMs }: { clock: Clock; random: RandomSource; intervalMs: number }) {
    this.#clock = clock
    this.#random = random
    this.#intervalMs = intervalMs
  }

  /** The sentence of what is not to be tried now; null: it may be. */
  waiting(key: string): string | null {
    const failure = this.#failures.get(key)
    return failure !== undefined && this.#clock.monotonicUs() / 1000 < failure.untilMs ? failure.sentence : null
  }

  failed(key: string, error: unknown, sentence: string): void {
    const attempts = (this.#failures.get(key)?.attempts ?? 0) + 1
    const isFinal = isPenstockError(error) && errorTable[error.code].class === 'argument'
    const delayMs = isFinal ? Infinity : backoffMs(this.#intervalMs, attempts, this.#random)
    this.#failures.set(key, { sentence, attempts, untilMs: this.#clock.monotonicUs() / 1000 + delayMs })
  }

  succeeded(key: string): void {
    this.#failures.delete(key)
  }

  /** Forgets what is not there any more. */
  keep(keys: ReadonlySet<string>): void {
    for (const key of this.#failures.keys()) if (!keys.has(key)) this.#failures.delete(key)
  }
}

/** @returns milliseconds: half of the doubled interval for sure, the other half by chance. */
export function backoffMs(intervalMs: number, attempts: number, random: RandomSource): number {
  const wholeMs = Math.min(intervalMs * 2 ** Math.min(attempts, 30), Math.max(intervalMs, WATCH_BACKOFF_MS_MAX))
  return wholeMs / 2 + (random() * wholeMs) / 2
}
