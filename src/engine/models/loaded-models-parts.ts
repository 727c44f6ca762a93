/** From the options of an engine to what its loaded models need to know. */
import type { Clock } from '../../base/clock.js'
import type { InferencePool } from '../../worker/pool/inference-pool.js'
import type { ModelStore } from '../api/api.js'
import { readConditions } from '../calibration/conditions.js'
import {
  calibrationOf,
  differencePolicyOf,
  placementDefaults,
  queueLimitsOf,
  type EngineOptions,
} from '../engine-options.js'
import type { LoadedModelsParts } from './loaded-models.js'
import { defaultRunPlan } from '../calibration/run-plan.js'
import type { ThreadPlan } from '../calibration/thread-plan.js'

export function loadedModelsParts(
  options: EngineOptions,
  pool: InferencePool,
  threadPlan: ThreadPlan,
  store: ModelStore,
  clock: Clock,
): LoadedModelsParts {
  const limits = queueLimitsOf(options)
  const { mode, latencyObjectiveMs } = calibrationOf(options)
  const { batchRowsMax } = limits
  const intraOpThreads = options.intraOpThreads ?? null
  return {
    pool,
    store,
    limits,
    placement: placementDefaults(options),
    defaultPlan: defaultRunPlan(threadPlan, batchRowsMax),
    mode,
    conditions: readConditions(threadPlan, { intraOpThreads, latencyObjectiveMs, batchRowsMax }),
    differencePolicy: differencePolicyOf(options),
    clock,
    onNotice: options.onNotice ?? (() => undefined),
  }
}
