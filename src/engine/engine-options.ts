/**
 * What an engine is opened with. Every option has a default that suits one process on its own; ranges are checked here,
 * once, before any thread is started.
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
import { RUN_LIMIT_MS_MAX, SUBSTITUTE_WORKERS_MAX } from '../base/limits/run-limits.js'
import { expectProviders, type ExecutionProvider } from '../base/providers.js'
import type { RandomSource } from '../base/random.js'
import type { PoolNotice, PoolOptions } from '../worker/pool/pool-options.js'
import { defaultSessionSettings, type SessionSettings } from '../worker/sessions/session-options.js'
import type { ModelStore, PipelineStore } from './api/api.js'
import { DIFFERENCE_POLICIES, type DifferencePolicy } from './models/batching-watch.js'
import type { EngineLog } from './api/logs.js'
import type { QueueLimits } from './models/loaded-models.js'
import type { ThreadPlan } from './calibration/thread-plan.js'

/** Something an operator should read: a worker that was lost, a stored pipeline that cannot be deployed. */
export type EngineNotice = PoolNotice

export const CALIBRATION_MODES = ['off', 'background', 'deploy'] as const
export type CalibrationMode = (typeof CALIBRATION_MODES)[number]

export interface EngineOptions {
  /** Absent: models live in memory and end with the engine. */
  readonly models?: ModelStore | undefined
  readonly pipelines?: PipelineStore | undefined
  /** Where requests are logged: a LogStore, or a directory that this engine writes and does not read. Absent: nothing is. */
  readonly log?: EngineLog | Pick<EngineLog, 'path'> | undefined
  /** `metadata.partition` of the log; absent: the machine's name. */
  readonly partition?: string | undefined
  /** Threads that run models, 1..256; absent: from the thread plan. */
  readonly inferWorkers?: number | undefined
  /**
   * Threads more, 0..256, that run challengers and other background work with what other threads leave of the cores. They
   * start with the first pipeline that has such steps. 0: the inference workers run it in between. Absent: from the thread
   * plan.
   */
  readonly backgroundWorkers?: number | undefined
  /** Threads inside one run, 1..256; absent: 1. */
  readonly intraOpThreads?: number | undefined
  /**
   * Microseconds that an idle worker watches for work, using its core, before it sleeps, 0..10000; absent: from the
   * thread plan. 0 saves power and CPU time; a small model's latency is then mostly the waking of threads.
   */
  readonly workerWatchUs?: number | undefined
  /**
   * When models are measured to choose threads and rows of their runs: `background` while they already serve by default
   * (absent: this), `deploy` before they serve, `off` never.
   */
  readonly calibration?: CalibrationMode | undefined
  /** Milliseconds that one run of a model may take when calibration chooses, 1..60000; absent: 100. */
  readonly latencyObjectiveMs?: number | undefined
  /**
   * Milliseconds, 1..3600000, after which a run counts as stuck: it is reported, and another thread takes the place of its
   * worker. Absent: ten times what its model is known to take, and 2 s at least.
   */
  readonly runLimitMs?: number | undefined
  /**
   * Threads, 0..16, that may stand in for inference workers at a time: in place of stuck ones, and beside them while all are
   * inside long runs. Each holds a session of every model. Absent: 4.
   */
  readonly substituteWorkers?: number | undefined
  /** Of models that name none themselves, in order of preference; absent: `cpu`. */
  readonly executionProviders?: readonly ExecutionProvider[] | undefined
  /** Rows of one batch at most, 1..65536; absent: 1024. */
  readonly batchRowsMax?: number | undefined
  /** Microseconds that a batch waits for company although a worker is free, 0..1000000; absent: 0, no timer. */
  readonly maxDelayUs?: number | undefined
  /** Rows waiting or running per model before requests are refused; absent: 262144 interactive, 16384 background. */
  readonly pendingRowsMax?: number | undefined
  readonly pendingRowsBackgroundMax?: number | undefined
  /**
   * Bytes that callers may make the engine and its transports hold, all together, 2^24..2^40; absent: 1 GiB, or a quarter
   * of the memory that the process may use if that is less. What does not fit is refused with ERR_QUEUE_FULL.
   */
  readonly memoryBudgetBytes?: number | undefined
  /** Unanswered requests of the whole engine, 1..1048576; absent: 65536. */
  readonly requestsInFlightMax?: number | undefined
  /** Whether requests and batches are counted and timed; absent: true. Without it the counts of `metrics()` stay 0. */
  readonly metrics?: boolean | undefined
  /** One in so many rows that share a batch is run again alone and compared, off the request clock; absent: 10000, 0: none. */
  readonly rowCheckEvery?: number | undefined
  /** When such a row differs: `unbatch` (absent: this) runs the model's rows one by one from then on, `report` only tells. */
  readonly batchingDifferences?: DifferencePolicy | undefined
  readonly clock?: Clock | undefined
  /** Draws the seeds of splits without one, and this engine's part of request ids. */
  readonly random?: RandomSource | undefined
  readonly onNotice?: ((notice: EngineNotice) => void) | undefined
}

const optionNames: readonly (keyof EngineOptions)[] = [
  'models',
  'pipelines',
  'log',
  'partition',
  'inferWorkers',
  'backgroundWorkers',
  'intraOpThreads',
  'workerWatchUs',
  'calibration',
  'latencyObjectiveMs',
  'runLimitMs',
  'substituteWorkers',
  'executionProviders',
  'batchRowsMax',
  'maxDelayUs',
  'pendingRowsMax',
  'pendingRowsBackgroundMax',
  'memoryBudgetBytes',
  'requestsInFlightMax',
  'metrics',
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
  expectBoolean('metrics', checked.metrics ?? true)
  calibrationOf(checked)
  rowCheckEveryOf(checked)
  stuckRunsOf(checked)
  differencePolicyOf(checked)
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
  substituteWorkers,
}: EngineOptions): Pick<EngineOptions, 'runLimitMs' | 'substituteWorkers'> {
  if (runLimitMs !== undefined) expectInteger('runLimitMs', runLimitMs, 1, RUN_LIMIT_MS_MAX)
  if (substituteWorkers !== undefined) expectInteger('substituteWorkers', substituteWorkers, 0, SUBSTITUTE_WORKERS_MAX)
  return { runLimitMs, substituteWorkers }
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
