/** What the string path counts in JavaScript, with the names of the native counters, for metrics.ts to add up. */
import type { ErrorCode } from '../../base/errors.js'
import { RunHistogram } from './run-histogram.js'

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
}

export const newStringPathCounters = (): StringPathCounters => ({
  requestCount: 0,
  rowCount: 0,
  failures: new Map(),
  checkFailures: new Map(),
  backgroundLosses: new Map(),
  sendNs: new RunHistogram(),
  totalNs: new RunHistogram(),
})

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
