/** What is known of how long runs on tensors of JavaScript take, by model; of batches the addon knows. */
import { LONG_RUN_MS, RUN_LIMIT_FACTOR, RUN_LIMIT_MS_MIN, TRUSTED_RUNS } from '../../base/limits/run-limits.js'

/** Weight of the newest run in the moving average. */
const NEWEST_WEIGHT = 0.2

export class RunTimes {
  readonly #known = new Map<number, { readonly us: number; readonly count: number }>()

  /** Microseconds; 0: nobody knows. */
  expectedUs(modelKey: number): number {
    return this.#known.get(modelKey)?.us ?? 0
  }

  /** It may take long: it has, or too few have run to tell. */
  mayBeLong(modelKey: number): boolean {
    const known = this.#known.get(modelKey)
    return known === undefined || known.count < TRUSTED_RUNS || known.us > LONG_RUN_MS * 1000
  }

  /** One unusual request must not make the model a slow one: more than its limit does not count. */
  note(modelKey: number, runUs: number): void {
    const { us, count } = this.#known.get(modelKey) ?? { us: runUs, count: 0 }
    const countedUs = Math.min(runUs, Math.max(RUN_LIMIT_MS_MIN * 1000, RUN_LIMIT_FACTOR * us))
    this.#known.set(modelKey, { us: us + NEWEST_WEIGHT * (countedUs - us), count: count + 1 })
  }

  forget(modelKey: number): void {
    this.#known.delete(modelKey)
  }
}
