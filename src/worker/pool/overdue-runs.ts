/** What is counted and said of runs past their limit. */
import type { EngineNotice } from '../../engine/api/options.js'
import type { RunInHand } from '../../../bindings/native.js'
import type { ModelOfRun, OverdueRun } from './run-monitor.js'

/** What is known of the overdue runs of one model. */
export interface OverdueRuns {
  /** Since it was loaded. */
  count: number
  /** Now; their workers count as stuck. */
  stuck: number
}

export class OverdueCounters {
  readonly #counts = new Map<number, OverdueRuns>()
  readonly #onNotice: (notice: EngineNotice) => void

  constructor(onNotice: (notice: EngineNotice) => void) {
    this.#onNotice = onNotice
  }

  /** The model's, now and from now on. */
  of(modelKey: number): OverdueRuns {
    const known = this.#counts.get(modelKey)
    if (known !== undefined) return known
    const runs = { count: 0, stuck: 0 }
    this.#counts.set(modelKey, runs)
    return runs
  }

  begin(run: OverdueRun): void {
    const runs = this.of(run.model.modelKey)
    runs.count++
    runs.stuck++
    this.#onNotice(beginNotice(run))
  }

  end(run: OverdueRun): void {
    const runs = this.#counts.get(run.model.modelKey)
    if (runs !== undefined) runs.stuck--
    this.#onNotice(endNotice(run))
  }

  forget(modelKey: number): void {
    this.#counts.delete(modelKey)
  }
}

export function stopNotice(run: RunInHand, model: ModelOfRun, isUnheard: boolean): EngineNotice {
  const why = isUnheard ? 'nobody waits for it any more' : 'that is more than a run may take'
  return {
    level: 'warn',
    message: `The run of model ${model.label} in worker ${run.worker} is ended after ${secondsOf(run.elapsedUs / 1000)}: ${why}`,
  }
}

function beginNotice(run: OverdueRun): EngineNotice {
  const limit =
    `past its limit of ${secondsOf(run.limitMs)}` +
    (run.model.expectedUs > 0 ? ` (known to take ${secondsOf(run.model.expectedUs / 1000)})` : '')
  return {
    level: 'warn',
    message: `Model ${run.model.label} has run for ${secondsOf(run.elapsedUs / 1000)} in worker ${run.worker}, ${limit}: the worker counts as stuck, and another takes its place as long as there are substitutes`,
  }
}

function endNotice(run: OverdueRun): EngineNotice {
  return {
    level: 'info',
    message: `The run of model ${run.model.label} in worker ${run.worker} that was past its limit has ended after about ${secondsOf(run.elapsedUs / 1000)}`,
  }
}

/** `20.1 s`, `35 ms`. */
function secondsOf(ms: number): string {
  return ms >= 1000 ? `${(ms / 1000).toFixed(1)} s` : `${ms >= 10 ? Math.round(ms) : Number(ms.toPrecision(2))} ms`
}
