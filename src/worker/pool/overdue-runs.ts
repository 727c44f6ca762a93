/** What is counted and said of runs past their limit. */
import type { EngineNotice } from '../../engine/api/options.js'
import type { OverdueRun } from './run-monitor.js'

/** What is known of the overdue runs of one model. */
export interface OverdueRuns {
  /** Since it was loaded. */
  count: number
  /** Now; their workers count as stuck. */
  stuck: number
}

export const newOverdueRuns = (): OverdueRuns => ({ count: 0, stuck: 0 })

export function overdueNotice(run: OverdueRun): EngineNotice {
  const limit =
    `past its limit of ${secondsOf(run.limitMs)}` +
    (run.model.expectedUs > 0 ? ` (known to take ${secondsOf(run.model.expectedUs / 1000)})` : '')
  return {
    level: 'warn',
    message: `Model ${run.model.label} has run for ${secondsOf(run.elapsedUs / 1000)} in worker ${run.worker}, ${limit}: the worker counts as stuck, and another takes its place as long as there are substitutes`,
  }
}

export function overdueEndNotice(run: OverdueRun): EngineNotice {
  return {
    level: 'info',
    message: `The run of model ${run.model.label} in worker ${run.worker} that was past its limit has ended after about ${secondsOf(run.elapsedUs / 1000)}`,
  }
}

/** `20.1 s`, `35 ms`. */
function secondsOf(ms: number): string {
  return ms >= 1000 ? `${(ms / 1000).toFixed(1)} s` : `${ms >= 10 ? Math.round(ms) : Number(ms.toPrecision(2))} ms`
}
