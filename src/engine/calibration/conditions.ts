/**
 * What a calibration depends on. A stored one is used again when all of it is the same, and redone when anything
 * differs: another machine, another quota, another ONNX Runtime, another objective, another procedure.
 */
import { cpus } from 'node:os'
import { isDeepStrictEqual } from 'node:util'
import { runtimeVersion } from '../../onnx/runtime-version.js'
import type { ModelSource } from '../../worker/worker-messages.js'
import { treeConditions } from '../../worker/trees/conditions.js'
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

/** Those of a model: where the tree kernels run it, their revision counts and not ONNX Runtime's. */
export function conditionsOf(
  conditions: CalibrationConditions,
  { trees }: Pick<ModelSource, 'trees'>,
): CalibrationConditions {
  return trees === null ? conditions : { ...conditions, runtime: treeConditions() }
}

/** The calibration that is stored with the version, when it was made under these conditions. */
export function storedCalibration(version: ModelVersion, conditions: CalibrationConditions): Calibration | null {
  const { calibration } = version
  return calibration !== undefined && isDeepStrictEqual(calibration.conditions, conditions) ? calibration : null
}
