/**
 * Failures for the operator's log, a line each with its stack, but not for each request: a model that fails every request
 * would fill a disk with the same thousand bytes. Of one failure (address, code, sentence) a line a minute, which counts
 * those before it. Bounded: the failure that was seen longest ago is forgotten.
 */
import { FAILURE_KINDS_MAX, FAILURE_LOG_MS } from '../../base/limits/limits.js'

interface Kind {
  loggedMs: number
  unlogged: number
}

export class FailureLog {
  readonly #kinds = new Map<string, Kind>()

  /** @returns how many of the kind were not logged since the line before; null: neither is this one. */
  admit(kind: string, nowMs: number): number | null {
    const known = this.#kinds.get(kind)
    if (known !== undefined && nowMs - known.loggedMs < FAILURE_LOG_MS) {
      known.unlogged++
      return null
    }
    // Seen last stands last.
    this.#kinds.delete(kind)
    const [oldest] = this.#kinds.keys()
    if (this.#kinds.size >= FAILURE_KINDS_MAX && oldest !== undefined) this.#kinds.delete(oldest)
    this.#kinds.set(kind, { loggedMs: nowMs, unlogged: 0 })
    return known?.unlogged ?? 0
  }
}
