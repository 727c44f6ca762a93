/**
 * Why models fail in the background, where no answer says so: the newest reason of each, for the pipeline's status, and
 * a line for the operator, once a minute a model, that counts those since the one before.
 */
import type { Clock } from '../../base/clock.js'
import { FAILURE_LOG_MS } from '../../base/limits/limits.js'
import type { BackgroundFailure } from '../api/generated/records.js'
import type { EngineNotice } from '../api/options.js'

/** What is remembered for one loaded model. */
export interface BackgroundFailures {
  last: BackgroundFailure | null
  /** On the clock that only goes forward; -Infinity: never. */
  saidMs: number
  unsaid: number
}

export const newBackgroundFailures = (): BackgroundFailures => ({ last: null, saidMs: -Infinity, unsaid: 0 })

/** @param count requests that failed alike, this one among them. */
export function noteBackgroundFailure(
  failures: BackgroundFailures,
  { label, code, message, count }: { label: string; code: string; message: string; count: number },
  { clock, onNotice }: { readonly clock: Clock; readonly onNotice: (notice: EngineNotice) => void },
): void {
  failures.last = { code, message, at: new Date(clock.nowMs()).toISOString() }
  failures.unsaid += count
  const nowMs = clock.monotonicUs() / 1000
  if (nowMs - failures.saidMs < FAILURE_LOG_MS) return
  const requests = `${failures.unsaid} request${failures.unsaid === 1 ? '' : 's'}`
  failures.saidMs = nowMs
  failures.unsaid = 0
  onNotice({
    level: 'warn',
    message: `${label} failed ${requests} in the background, whose callers were answered without it (${code}): ${message}`,
  })
}
