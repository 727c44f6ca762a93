/** What the string path counts in JavaScript, with the names of the native counters, for metrics.ts to add up. */
import type { ErrorCode } from '../../base/errors.js'
import type { StagePlace } from '../../pipeline/columns/stage.js'
import { RunHistogram } from './run-histogram.js'

/** What is counted of a column stage of a pipeline, whatever its version. */
export interface StageCounters extends StagePlace {
  readonly failures: Map<ErrorCode, number>
  /** Each call that ended, a failed one too. */
  readonly callNs: RunHistogram
}

/** What the string path counts of a pipeline, in JavaScript, with the names of the native counters. */
export interface StringPathCounters {
  requestCount: number
  rowCount: number
  readonly failures: Map<ErrorCode, number>
  readonly checkFailures: Map<string, number>
  /** Rows by position's label, then by error code. */
  readonly backgroundLosses: Map<string, Map<ErrorCode, number>>
  readonly sendNs: RunHistogram
  readonly totalNs: RunHistogram
  /** By place and type. */
  readonly stages: Map<string, StageCounters>
  /** Requests with stages that are not answered, and those of them that are not in the models. */
  stagedInFlight: number
  inStages: number
}

export const newStringPathCounters = (): StringPathCounters => ({
  requestCount: 0,
  rowCount: 0,
  failures: new Map(),
  checkFailures: new Map(),
  backgroundLosses: new Map(),
  sendNs: new RunHistogram(),
  totalNs: new RunHistogram(),
  stages: new Map(),
  stagedInFlight: 0,
  inStages: 0,
})

export function countStage(
  { stages }: StringPathCounters,
  { where, type }: StagePlace,
  durationUs: number,
  code: ErrorCode | null,
): void {
  const key = `${where} ${type}`
  let counters = stages.get(key)
  if (counters === undefined) {
    counters = { where, type, failures: new Map(), callNs: new RunHistogram() }
    stages.set(key, counters)
  }
  counters.callNs.recordUs(durationUs)
  if (code !== null) counters.failures.set(code, (counters.failures.get(code) ?? 0) + 1)
}

export function countFailure({ failures }: StringPathCounters, code: ErrorCode): void {
  failures.set(code, (failures.get(code) ?? 0) + 1)
}

export function countBackgroundLoss(counters: StringPathCounters, label: string, code: ErrorCode, rows: number): void {
  const { backgroundLosses } = counters
  const losses = backgroundLosses.get(label) ?? new Map<ErrorCode, number>()
  backgroundLosses.set(label, losses.set(code, (losses.get(code) ?? 0) + rows))
}

/** What the string path counts of a loaded model: each of its runs is a batch. */
export interface StringPathRunCounters {
  /** That wait or run: of requests, of background work. */
  readonly pendingRows: [number, number]
  failedRunCount: number
  readonly batchRows: RunHistogram
  readonly queueNs: RunHistogram
  readonly runNs: RunHistogram
}

export const newStringPathRunCounters = (): StringPathRunCounters => ({
  pendingRows: [0, 0],
  failedRunCount: 0,
  batchRows: new RunHistogram(),
  queueNs: new RunHistogram(),
  runNs: new RunHistogram(),
})
