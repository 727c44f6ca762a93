/**
 * A plain snapshot of everything the engine counts, for /metrics and for tests. Counters are kept natively, without
 * locks, where the work happens; this file only names and copies them when somebody asks.
 */
import { HistogramSlot } from '../../bindings/generated/boundary.js'
import { addon } from '../../bindings/native.js'
import type { PipelineHandle, QueueStats } from '../../bindings/native.js'
import { errorTable, type ErrorCode } from '../base/errors.js'
import { POSITIONS_MAX } from '../base/limits/limits.js'
import type { BatchingCounts } from './api/api.js'
import type { BudgetUse } from './memory/byte-budget.js'
import type { BackgroundLosses } from './api/generated/records.js'
import type { LookupTableMetrics } from '../lookup/lookup-tables.js'
import type { StagePlace } from '../pipeline/columns/stage.js'
import type { RemoteStatus } from '../remote/remotes.js'
import type { InferencePool } from '../worker/pool/inference-pool.js'
import type { RunWay } from '../worker/sessions/run-ways.js'
import type { OverdueRuns } from '../worker/pool/overdue-runs.js'
import type { Deployment } from './deploy/deployment.js'
import type { LoadedModel } from './models/loaded-models.js'
import { noValues, type Histogram, type HistogramLayout } from './counters/run-histogram.js'
import type { StringPathCounters } from './counters/string-path-counters.js'
import type { ResidencyMetrics } from './residency/residency.js'
import { faultName } from './request-log/row-logs.js'
import type { ThreadPlan } from './calibration/thread-plan.js'

export type { Histogram, HistogramLayout } from './counters/run-histogram.js'

export interface ModelMetrics {
  readonly model: string
  readonly version: number
  readonly pendingRows: number
  readonly pendingRowsBackground: number
  readonly failedRunCount: number
  /** Its runs that were past their limit: since it was loaded, and now. */
  readonly overdueRuns: Readonly<OverdueRuns>
  /** What is seen of its batches; and whether its rows, which could share them, run one by one. */
  readonly batching: BatchingCounts
  readonly isUnbatched: boolean
  /** The workers have it: else its next request has it loaded. */
  readonly isLoaded: boolean
  /** Times that it was loaded since it is served. */
  readonly loads: number
  /** What it counts for while it is loaded. */
  readonly memoryBytes: number
  readonly batchesAllocated: number
  readonly arenaBytes: number
  readonly usPerRow: number
  readonly batchRows: Histogram
  readonly queueNs: Histogram
  readonly assembleNs: Histogram
  readonly runNs: Histogram
  readonly scatterNs: Histogram
}

export interface PipelineMetrics {
  readonly pipeline: string
  /** null when it is not deployed any more. */
  readonly version: number | null
  readonly inFlight: number
  readonly requestCount: number
  readonly rowCount: number
  /** By error code; codes that never happened are absent. */
  readonly failures: Readonly<Record<string, number>>
  /** Rows on which each check failed. */
  readonly checkFailures: Readonly<Record<string, number>>
  /** Rows of background models that were refused, or lost to a failure. */
  readonly background: readonly BackgroundLosses[]
  readonly log: LogMetrics
  readonly cache: CacheMetrics
  readonly sendNs: Histogram
  readonly totalNs: Histogram
  /** Column stages, of versions that serve no more as well. */
  readonly stages: readonly StageMetrics[]
}

export interface StageMetrics extends StagePlace {
  /** By error code. */
  readonly failures: Readonly<Record<string, number>>
  readonly callNs: Histogram
}

/** Requests over all caches that the pipeline has had since the engine was opened; what the current one holds. */
export interface CacheMetrics {
  readonly hitCount: number
  readonly missCount: number
  /** Answers that went for want of room. */
  readonly evictionCount: number
  readonly bytes: number
  readonly entryCount: number
}

/** Sums over all logs that the pipeline has had since the engine was opened. */
export interface LogMetrics {
  readonly rowCount: number
  /** Rows that were not written, or lost with a disk that failed. */
  readonly droppedRowCount: number
  /** Values of keys that were cut, or were no UTF-8. */
  readonly changedKeyCount: number
  readonly byteCount: number
  /** It cannot be written now. */
  readonly isFailing: boolean
  /** Name of the system's error while it is failing, else ''. */
  readonly fault: string
  /** From the append of rows until they were on the disk. */
  readonly commitNs: Histogram
}

/** Tables of lookup steps. */
export interface TableMetrics {
  readonly limitBytes: number
  readonly tables: readonly LookupTableMetrics[]
}

/** What callers make the engine hold, in bytes. */
export interface BudgetMetrics {
  readonly limitBytes: number
  readonly usedBytes: Readonly<Record<BudgetUse, number>>
}

export interface WorkerMetrics {
  /** By the thread plan. */
  readonly count: number
  /** Those among them that take work. */
  readonly ready: number
  readonly restarts: number
  /** Inside a run past its limit; where there are substitutes, another has its place. */
  readonly stuck: number
  /** Beyond the plan, because all others were inside long runs. */
  readonly extra: number
  /** How runs reach ONNX Runtime. */
  readonly runs: RunWay
  /** Runs that were ended: nobody waited for them any more, or they took longer than a run may. */
  readonly stoppedRuns: number
}

export interface EngineMetrics {
  readonly histogramLayout: HistogramLayout
  readonly uptimeMs: number
  readonly isReady: boolean
  readonly inFlight: number
  readonly connections: number
  readonly threadPlan: ThreadPlan
  readonly workers: WorkerMetrics
  readonly models: readonly ModelMetrics[]
  readonly pipelines: readonly PipelineMetrics[]
  readonly remotes: readonly (RemoteStatus & { readonly pipeline: string })[]
  readonly budget: BudgetMetrics
  /** Which models are loaded. */
  readonly residency: ResidencyMetrics
  readonly tables: TableMetrics
  readonly process: {
    readonly rssBytes: number
    readonly heapUsedBytes: number
    readonly externalBytes: number
    readonly cpuUserUs: number
    readonly cpuSystemUs: number
  }
}

export function modelMetrics(models: readonly LoadedModel[]): ModelMetrics[] {
  return models.map((loaded) => {
    const { version, queue, batchingCounts, isUnbatched, stringPathRuns, overdueRuns } = loaded
    // A model with strings has no queue: all of its runs are the string path's.
    const stats: QueueStats | null = queue === null ? null : addon.queueStats(queue)
    return {
      model: version.name,
      version: version.version,
      pendingRows: (stats?.pendingRows[0] ?? 0) + stringPathRuns.pendingRows[0],
      pendingRowsBackground: (stats?.pendingRows[1] ?? 0) + stringPathRuns.pendingRows[1],
      failedRunCount: (stats?.failedRunCount ?? 0) + stringPathRuns.failedRunCount,
      overdueRuns: { ...overdueRuns },
      batching: { ...batchingCounts },
      isUnbatched,
      isLoaded: loaded.isLoaded,
      loads: loaded.loads,
      memoryBytes: loaded.memoryBytes,
      batchesAllocated: stats?.batchesAllocated ?? 0,
      arenaBytes: stats?.arenaBytes ?? 0,
      usPerRow: stats?.usPerRow ?? 0,
      batchRows: stringPathRuns.batchRows.addedTo(histogramOf(stats?.batchRows)),
      queueNs: stringPathRuns.queueNs.addedTo(histogramOf(stats?.queueNs)),
      assembleNs: histogramOf(stats?.assembleNs),
      runNs: stringPathRuns.runNs.addedTo(histogramOf(stats?.runNs)),
      scatterNs: histogramOf(stats?.scatterNs),
    }
  })
}

export function workerMetrics(pool: InferencePool): WorkerMetrics {
  const { workerCount: count, readyCount: ready, restartCount: restarts, stuckCount: stuck, extraCount: extra } = pool
  return { count, ready, restarts, stuck, extra, runs: pool.runs, stoppedRuns: pool.stoppedRunCount }
}

/** @param slot a pipeline that is or was deployed (deployments.ts). */
export function pipelineMetrics({
  name,
  handle,
  current,
  stringPath,
}: {
  readonly name: string
  readonly handle: PipelineHandle
  readonly current: Deployment | null
  readonly stringPath: StringPathCounters
}): PipelineMetrics {
  const stats = addon.pipelineStats(handle)
  const checks = current?.compiled.checks ?? []
  const checkFailures = Object.fromEntries(
    checks.map(({ name: check }, index) => [
      check,
      (stats.checkFailureCounts[index] ?? 0) + (stringPath.checkFailures.get(check) ?? 0),
    ]),
  )
  return {
    pipeline: name,
    version: current?.version ?? null,
    inFlight: stats.inFlight + (current?.stringPathInFlight ?? 0) + stringPath.inStages,
    requestCount: stats.requestCount + stringPath.requestCount,
    rowCount: stats.rowCount + stringPath.rowCount,
    failures: failuresOf(stats.failureCounts, stringPath),
    checkFailures,
    background: backgroundOf(current, stats.backgroundLosses, stringPath),
    log: logMetrics(handle),
    cache: stats.cache,
    sendNs: stringPath.sendNs.addedTo(histogramOf(stats.sendNs)),
    totalNs: stringPath.totalNs.addedTo(histogramOf(stats.totalNs)),
    stages: [...stringPath.stages.values()].map(({ where, type, failures, callNs }) => ({
      where,
      type,
      failures: Object.fromEntries(failures),
      callNs: callNs.addedTo(noValues),
    })),
  }
}

export function processMetrics(): EngineMetrics['process'] {
  const memory = process.memoryUsage()
  const cpu = process.cpuUsage()
  return {
    rssBytes: memory.rss,
    heapUsedBytes: memory.heapUsed,
    externalBytes: memory.external,
    cpuUserUs: cpu.user,
    cpuSystemUs: cpu.system,
  }
}

function logMetrics(handle: PipelineHandle): LogMetrics {
  const { rowCount, droppedRowCount, changedKeyCount, byteCount, failingLogs, lastFault, commitNs } =
    addon.logStats(handle)
  const isFailing = failingLogs > 0
  const fault = isFailing ? faultName(lastFault) : ''
  return { rowCount, droppedRowCount, changedKeyCount, byteCount, isFailing, fault, commitNs: histogramOf(commitNs) }
}

function histogramOf(snapshot: Float64Array | undefined): Histogram {
  if (snapshot === undefined) return noValues
  const zeroCount = snapshot[HistogramSlot.zeros] ?? 0
  const sum = snapshot[HistogramSlot.sum] ?? 0
  const counts = snapshot.subarray(HistogramSlot.length)
  return { count: counts.reduce((count, bucket) => count + bucket, zeroCount), sum, zeroCount, counts }
}

function failuresOf(counts: Float64Array, stringPath: StringPathCounters): Record<string, number> {
  return byCode(counts, stringPath.failures)
}

/** @param counts by native status number. */
function byCode(counts: Float64Array, stringPath: ReadonlyMap<ErrorCode, number> | undefined): Record<string, number> {
  const failures: Record<string, number> = {}
  for (const [code, row] of Object.entries(errorTable)) {
    const native = 'native' in row && row.native !== undefined ? (counts[row.native] ?? 0) : 0
    const count = native + (stringPath?.get(code as ErrorCode) ?? 0)
    if (count > 0) failures[code] = count
  }
  return failures
}

/** The addon counts by node of the current plan, over all stages, then by status; in place of 0 what was shed. */
function backgroundOf(
  current: Deployment | null,
  losses: Float64Array,
  stringPath: StringPathCounters,
): PipelineMetrics['background'] {
  const positions = current?.compiled.stages.flatMap((stage) => stage.positions) ?? []
  const statusCount = losses.length / POSITIONS_MAX
  return positions.flatMap((position, index) => {
    if (!position.isBackground) return []
    const model = position.options[0]?.label ?? ''
    const lost = losses.subarray(index * statusCount, (index + 1) * statusCount)
    const failures = byCode(lost, stringPath.backgroundLosses.get(model))
    const failedRows = Object.values(failures).reduce((sum, rows) => sum + rows, 0)
    const lasts = position.options.map((option) => current?.models[option.model]?.backgroundFailures.last ?? null)
    const lastFailure = lasts.reduce((one, other) => ((other?.at ?? '') > (one?.at ?? '') ? other : one), null)
    return [{ model, shedRows: lost[0] ?? 0, failedRows, failures, lastFailure }]
  })
}
