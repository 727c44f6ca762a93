/**
 * Checks what an engine is opened with, and hands each part of it what it needs. Every option has a default that suits
 * one process on its own; ranges are checked here, once, before any thread is started.
 */
import { totalmem } from 'node:os'
import { systemClock, type Clock } from '../base/clock.js'
import { expectBoolean, expectInteger, expectNoOtherKeys, expectOneOf, expectRecord } from '../base/expect.js'
import {
  BATCH_DELAY_US_MAX,
  BATCH_ROWS_CEILING,
  BATCH_ROWS_MAX,
  LATENCY_OBJECTIVE_MS,
  LATENCY_OBJECTIVE_MS_MAX,
  LOOKUP_BYTES,
  LOOKUP_BYTES_MAX,
  MEMORY_BUDGET_BYTES,
  MEMORY_BUDGET_BYTES_MAX,
  MEMORY_BUDGET_BYTES_MIN,
  PENDING_ROWS_BACKGROUND_MAX,
  PENDING_ROWS_CEILING,
  PENDING_ROWS_MAX,
  REQUESTS_IN_FLIGHT_CEILING,
  REQUESTS_IN_FLIGHT_MAX,
  ROW_CHECK_EVERY,
  ROW_CHECK_EVERY_MAX,
} from '../base/limits/limits.js'
import {
  MODEL_MEMORY_BYTES_MAX,
  MODEL_MEMORY_BYTES_MIN,
  WARM_BYTES,
  WARM_SECONDS,
  WARM_SECONDS_MAX,
} from '../base/limits/model-limits.js'
import { RUN_LIMIT_MS_MAX, SUBSTITUTE_WORKERS_MAX } from '../base/limits/run-limits.js'
import { expectProviders } from '../base/providers.js'
import { RemoteHosts } from '../remote/hosts.js'
import type { InferencePool } from '../worker/pool/inference-pool.js'
import type { PoolOptions } from '../worker/pool/pool-options.js'
import { RUN_WAYS } from '../worker/sessions/run-ways.js'
import { defaultSessionSettings, type SessionSettings } from '../worker/sessions/session-options.js'
import type { CalibrationMode, DifferencePolicy, EngineOptions, QueueLimits, ResidencyLimits } from './api/options.js'
import type { ModelStore } from './api/stores.js'
import { readConditions } from './calibration/conditions.js'
import { defaultRunPlan } from './calibration/run-plan.js'
import type { ThreadPlan } from './calibration/thread-plan.js'
import type { LoadedModelsDependencies } from './models/loaded-models.js'

export type { CalibrationMode, EngineNotice, EngineOptions } from './api/options.js'

const CALIBRATION_MODES = ['off', 'background', 'deploy'] as const satisfies readonly CalibrationMode[]
const DIFFERENCE_POLICIES = ['unbatch', 'report'] as const satisfies readonly DifferencePolicy[]

const optionNames: readonly (keyof EngineOptions)[] = [
  'models',
  'pipelines',
  'contracts',
  'datasets',
  'tokenizers',
  'log',
  'partition',
  'inferWorkers',
  'backgroundWorkers',
  'intraOpThreads',
  'workerWatchUs',
  'calibration',
  'latencyObjectiveMs',
  'runLimitMs',
  'runStopMs',
  'runs',
  'substituteWorkers',
  'executionProviders',
  'remoteHosts',
  'batchRowsMax',
  'maxDelayUs',
  'pendingRowsMax',
  'pendingRowsBackgroundMax',
  'memoryBudgetBytes',
  'modelMemoryBytes',
  'warmBytes',
  'warmSeconds',
  'tables',
  'tableBytesMax',
  'requestsInFlightMax',
  'metrics',
  'allowScripts',
  'rowCheckEvery',
  'batchingDifferences',
  'clock',
  'random',
  'onNotice',
]

/** Checks every option that is no object of ours. @throws PenstockError ERR_ARGUMENT naming the option. */
export function expectOptions(options: unknown): EngineOptions {
  const record = expectRecord('options', options)
  expectNoOtherKeys('options', record, optionNames)
  const checked = record as EngineOptions
  queueLimitsOf(checked)
  requestsMaxOf(checked)
  memoryBudgetOf(checked)
  residencyLimitsOf(checked)
  expectInteger('tableBytesMax', checked.tableBytesMax ?? LOOKUP_BYTES, 1, LOOKUP_BYTES_MAX)
  expectBoolean('metrics', checked.metrics ?? true)
  expectBoolean('allowScripts', checked.allowScripts ?? false)
  calibrationOf(checked)
  rowCheckEveryOf(checked)
  stuckRunsOf(checked)
  differencePolicyOf(checked)
  new RemoteHosts(checked.remoteHosts ?? [])
  if (checked.executionProviders !== undefined) expectProviders('executionProviders', checked.executionProviders)
  return checked
}

/** @throws PenstockError ERR_ARGUMENT naming the option. */
export function queueLimitsOf(options: EngineOptions): QueueLimits {
  return {
    batchRowsMax: expectInteger('batchRowsMax', options.batchRowsMax ?? BATCH_ROWS_MAX, 1, BATCH_ROWS_CEILING),
    maxDelayUs: expectInteger('maxDelayUs', options.maxDelayUs ?? 0, 0, BATCH_DELAY_US_MAX),
    pendingRowsMax: expectInteger(
      'pendingRowsMax',
      options.pendingRowsMax ?? PENDING_ROWS_MAX,
      1,
      PENDING_ROWS_CEILING,
    ),
    pendingRowsBackgroundMax: expectInteger(
      'pendingRowsBackgroundMax',
      options.pendingRowsBackgroundMax ?? PENDING_ROWS_BACKGROUND_MAX,
      1,
      PENDING_ROWS_CEILING,
    ),
  }
}

/** @throws PenstockError ERR_ARGUMENT naming the option. */
export function calibrationOf(options: EngineOptions): { mode: CalibrationMode; latencyObjectiveMs: number } {
  const { calibration = 'background', latencyObjectiveMs = LATENCY_OBJECTIVE_MS } = options
  return {
    mode: expectOneOf('calibration', calibration, CALIBRATION_MODES),
    latencyObjectiveMs: expectInteger('latencyObjectiveMs', latencyObjectiveMs, 1, LATENCY_OBJECTIVE_MS_MAX),
  }
}

/** @throws PenstockError ERR_ARGUMENT. */
export function rowCheckEveryOf({ rowCheckEvery = ROW_CHECK_EVERY }: EngineOptions): number {
  return expectInteger('rowCheckEvery', rowCheckEvery, 0, ROW_CHECK_EVERY_MAX)
}

/** @throws PenstockError ERR_ARGUMENT naming the option. */
function stuckRunsOf({
  runLimitMs,
  runStopMs,
  substituteWorkers,
  runs,
}: EngineOptions): Pick<PoolOptions, 'runLimitMs' | 'runStopMs' | 'substituteWorkers' | 'runs'> {
  if (runStopMs !== undefined) expectInteger('runStopMs', runStopMs, 1, RUN_LIMIT_MS_MAX)
  if (runs !== undefined) expectOneOf('runs', runs, RUN_WAYS)
  if (runLimitMs !== undefined) expectInteger('runLimitMs', runLimitMs, 1, RUN_LIMIT_MS_MAX)
  if (substituteWorkers !== undefined) expectInteger('substituteWorkers', substituteWorkers, 0, SUBSTITUTE_WORKERS_MAX)
  return { runLimitMs, runStopMs, substituteWorkers, runs }
}

/** @throws PenstockError ERR_ARGUMENT. */
export function differencePolicyOf({ batchingDifferences = 'unbatch' }: EngineOptions): DifferencePolicy {
  return expectOneOf('batchingDifferences', batchingDifferences, DIFFERENCE_POLICIES)
}

/** @throws PenstockError ERR_ARGUMENT. */
export function requestsMaxOf(options: EngineOptions): number {
  const { requestsInFlightMax = REQUESTS_IN_FLIGHT_MAX } = options
  return expectInteger('requestsInFlightMax', requestsInFlightMax, 1, REQUESTS_IN_FLIGHT_CEILING)
}

/** @throws PenstockError ERR_ARGUMENT. */
export function memoryBudgetOf({ memoryBudgetBytes = defaultMemoryBudget() }: EngineOptions): number {
  return expectInteger('memoryBudgetBytes', memoryBudgetBytes, MEMORY_BUDGET_BYTES_MIN, MEMORY_BUDGET_BYTES_MAX)
}

/** @throws PenstockError ERR_ARGUMENT naming the option. */
export function residencyLimitsOf(options: EngineOptions): ResidencyLimits {
  const { modelMemoryBytes: limit, warmBytes = WARM_BYTES, warmSeconds = WARM_SECONDS } = options
  return {
    modelMemoryBytes:
      limit === undefined
        ? null
        : expectInteger('modelMemoryBytes', limit, MODEL_MEMORY_BYTES_MIN, MODEL_MEMORY_BYTES_MAX),
    warmBytes: expectInteger('warmBytes', warmBytes, 0, MODEL_MEMORY_BYTES_MAX),
    warmSeconds: expectInteger('warmSeconds', warmSeconds, 0, WARM_SECONDS_MAX),
  }
}

function defaultMemoryBudget(): number {
  // Without a limit of its own the system reports none, or more than there is.
  const granted = Math.min(process.constrainedMemory() || Infinity, totalmem())
  return Math.max(MEMORY_BUDGET_BYTES_MIN, Math.min(MEMORY_BUDGET_BYTES, Math.floor(granted / 4)))
}

/** What the engine's workers are opened with. */
export function poolOptionsOf(options: EngineOptions, threadPlan: ThreadPlan): PoolOptions {
  return {
    workerCount: threadPlan.inferWorkers,
    backgroundWorkerCount: threadPlan.backgroundWorkers,
    isMeasuring: options.metrics ?? true,
    watchUs: threadPlan.watchUs,
    budgetBytes: memoryBudgetOf(options),
    rowCheckEvery: rowCheckEveryOf(options),
    ...stuckRunsOf(options),
    clock: options.clock ?? systemClock,
    onNotice: (notice) => options.onNotice?.(notice),
  }
}

/** What models run on that say nothing of it themselves. */
export function placementDefaults(options: EngineOptions): Pick<SessionSettings, 'executionProviders' | 'deviceId'> {
  const { executionProviders, deviceId } = defaultSessionSettings
  return { executionProviders: options.executionProviders ?? executionProviders, deviceId }
}

/** What the loaded models of an engine need to know of its options. */
export function loadedModelsDependencies(
  options: EngineOptions,
  pool: InferencePool,
  threadPlan: ThreadPlan,
  store: ModelStore,
  clock: Clock,
): LoadedModelsDependencies {
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
    residency: residencyLimitsOf(options),
    clock,
    onNotice: options.onNotice ?? (() => undefined),
  }
}
