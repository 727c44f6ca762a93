/**
 * What a calibration depends on. A stored one is used again when all of it is the same, and redone when anything
 * differs: another machine, another quota, another ONNX Runtime, another objective, another procedure.
 */
import { createRequire } from 'node:module'
import { cpus } from 'node:os'
import { isDeepStrictEqual } from 'node:util'
import { CALIBRATION_ALGORITHM } from '../../registry/calibration-check.js'
import type { Calibration, CalibrationConditions, ModelVersion } from '../api/api.js'
import type { ThreadPlan } from './thread-plan.js'

export interface ConditionOptions {
  readonly intraOpThreads: number | null
  readonly latencyObjectiveMs: number
  readonly batchRowsMax: number
}

/** The conditions of this machine and process. */
export function readConditions(threads: ThreadPlan, options: ConditionOptions): CalibrationConditions {
  return {
    algorithm: CALIBRATION_ALGORITHM,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: threads.cores,
    inferWorkers: threads.inferWorkers,
    runtime: runtimeVersion(),
    ...options,
  }
}

/** The calibration that is stored with the version, when it was made under these conditions. */
export function storedCalibration(version: ModelVersion, conditions: CalibrationConditions): Calibration | null {
  const { calibration } = version
  return calibration !== undefined && isDeepStrictEqual(calibration.conditions, conditions) ? calibration : null
}

function runtimeVersion(): string {
  const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string }
  return version
}
