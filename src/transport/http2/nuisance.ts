/**
 * Counts what a peer may do now and then and not without end: streams that it takes back, frames that carry nothing. Each
 * is cheap for it and costs the server something, so that a flood of them is an attack (CVE-2023-44487, CVE-2019-9512 and
 * their kin). A bucket that refills: nobody who cancels by hand is near it.
 */
import type { Clock } from '../../base/clock.js'
import { HTTP2_NUISANCES_MAX, HTTP2_NUISANCES_PER_S } from '../../base/limits/http2-limits.js'
import { CODE, ConnectionError } from './frames.js'

/** Milliseconds of the monotonic clock. */
export function nowMs(clock: Clock): number {
  return clock.monotonicUs() / 1000
}

export class NuisanceGauge {
  #left = HTTP2_NUISANCES_MAX
  #atMs: number

  constructor(private readonly clock: Clock) {
    this.#atMs = nowMs(clock)
  }

  /** @throws ConnectionError ENHANCE_YOUR_CALM. */
  note(): void {
    if (this.#left >= 1) {
      this.#left--
      return
    }
    const atMs = nowMs(this.clock)
    this.#left = Math.min(HTTP2_NUISANCES_MAX, ((atMs - this.#atMs) / 1000) * HTTP2_NUISANCES_PER_S)
    this.#atMs = atMs
    if (this.#left < 1) throw new ConnectionError(CODE.ENHANCE_YOUR_CALM, 'too much of what carries nothing')
    this.#left--
  }
}
