/**
 * The calibration in a version's record: what measuring it has shown. It is derived, so one that another procedure made
 * is passed over; one of this procedure is checked like the rest of the record.
 */
import { argumentError, expectInteger, expectOneOf, expectRecord, expectString } from '../base/expect.js'
import { BATCH_ROWS_CEILING, INFER_WORKERS_MAX, INTRA_OP_THREADS_MAX } from '../base/limits/limits.js'
import type { Calibration, RunThreads } from '../engine/api/api.js'

/** Raised with every change of the procedure (engine/calibrate.ts) that may choose differently, and of the record. */
export const CALIBRATION_ALGORITHM = 1

/** What another release measured with another procedure has other fields and is of no use: it is measured again. */
export function checkCalibration(path: string, value: unknown): { calibration?: Calibration } {
  if (value === undefined) return {}
  const fields = expectRecord(path, value)
  const conditions = expectRecord(`${path}.conditions`, fields['conditions'])
  if (conditions['algorithm'] !== CALIBRATION_ALGORITHM) return {}
  const number = (name: string): number => expectNumber(`${path}.${name}`, fields[name])
  return {
    calibration: {
      plan: checkRunPlan(`${path}.plan`, fields['plan']),
      rowBytes: expectInteger(`${path}.rowBytes`, fields['rowBytes'], 1, Number.MAX_SAFE_INTEGER),
      rowUs: number('rowUs'),
      batchUs: number('batchUs'),
      rowsPerS: number('rowsPerS'),
      measuredAt: expectString(`${path}.measuredAt`, fields['measuredAt']),
      // Compared as a whole, never used: nothing of it need be checked.
      conditions: conditions as unknown as Calibration['conditions'],
    },
  }
}

function checkRunPlan(path: string, value: unknown): Calibration['plan'] {
  const fields = expectRecord(path, value)
  const rows = (name: string): number => expectInteger(`${path}.${name}`, fields[name], 1, BATCH_ROWS_CEILING)
  return {
    instances: expectInteger(`${path}.instances`, fields['instances'], 1, INFER_WORKERS_MAX),
    ...checkRunThreads(path, fields),
    runRowsMax: rows('runRowsMax'),
    batchRowsMax: rows('batchRowsMax'),
    alone: fields['alone'] === null ? null : checkRunThreads(`${path}.alone`, fields['alone']),
  }
}

function checkRunThreads(path: string, value: unknown): RunThreads {
  const fields = expectRecord(path, value)
  return {
    intraOpThreads: expectInteger(`${path}.intraOpThreads`, fields['intraOpThreads'], 1, INTRA_OP_THREADS_MAX),
    spinning: expectOneOf(`${path}.spinning`, String(fields['spinning']), ['true', 'false']) === 'true',
  }
}

function expectNumber(path: string, value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value
  throw argumentError(path, 'a number of at least 0', value)
}
