/**
 * Failures of background runs on their way to the engine: nobody else hears of them. The first is posted at once, later
 * ones of the model once a second with how many they stand for, so that a model that fails every run does not flood the
 * engine's event loop. Exact counts are the addon's. Thread: the worker's. Bounded by the models that are loaded.
 */
import { FAILURE_REPORT_MS } from '../../base/limits/limits.js'

export class FailureReports {
  readonly #post: (modelKey: number, reason: string, count: number) => void
  readonly #nowMs: () => number
  readonly #models = new Map<number, { postedMs: number; unposted: number }>()

  constructor(post: (modelKey: number, reason: string, count: number) => void, nowMs: () => number) {
    this.#post = post
    this.#nowMs = nowMs
  }

  add(modelKey: number, reason: string): void {
    const nowMs = this.#nowMs()
    const known = this.#models.get(modelKey)
    if (known !== undefined && nowMs - known.postedMs < FAILURE_REPORT_MS) {
      known.unposted++
      return
    }
    this.#models.set(modelKey, { postedMs: nowMs, unposted: 0 })
    this.#post(modelKey, reason, 1 + (known?.unposted ?? 0))
  }

  forget(modelKey: number): void {
    this.#models.delete(modelKey)
  }
}
