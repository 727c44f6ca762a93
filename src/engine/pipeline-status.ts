/** What a pipeline is doing now, put together from its record, its slot, the addon's counters and its deploys. */
import type { PipelineRecord, PipelineStatus } from './api/api.js'
import type { Deployment } from './deploy/deployment.js'
import type { DeployProgress } from './deploy/deploy-progress.js'
import type { PipelineSlot } from './deploy/deployments.js'
import { modelMetrics, pipelineMetrics } from './metrics.js'

export interface PipelineStatusSources {
  readonly record: PipelineRecord
  /** Absent: never deployed. */
  readonly slot: PipelineSlot | undefined
  readonly progress: DeployProgress
  readonly remotes: PipelineStatus['remotes']
  /** All workers take work. */
  readonly isReady: boolean
}

export function pipelineStatusOf({ record, slot, progress, remotes, isReady }: PipelineStatusSources): PipelineStatus {
  const { name } = record
  const current = slot?.current ?? null
  const metrics = slot === undefined ? undefined : pipelineMetrics(slot)
  return {
    name,
    state: progress.stateOf(name, current !== null),
    failure: progress.failureOf(name),
    deployed: current !== null,
    version: current?.version ?? null,
    versions: record.versions.map((version) => version.version),
    inFlight: metrics?.inFlight ?? 0,
    requestCount: metrics?.requestCount ?? 0,
    rowCount: metrics?.rowCount ?? 0,
    failures: metrics?.failures ?? {},
    background: metrics?.background ?? [],
    models: modelsOf(current, isReady),
    remotes,
  }
}

function modelsOf(current: Deployment | null, isReady: boolean): PipelineStatus['models'] {
  const models = current?.models ?? []
  const pending = new Map(
    modelMetrics(models).map((model) => [
      `${model.model}@${model.version}`,
      model.pendingRows + model.pendingRowsBackground,
    ]),
  )
  return models.map((model) => ({
    name: model.version.name,
    version: model.version.version,
    pendingRows: pending.get(`${model.version.name}@${model.version.version}`) ?? 0,
    isReady,
    isLoaded: model.isLoaded,
    loads: model.loads,
    memoryBytes: model.memoryBytes,
    overdueRuns: { ...model.overdueRuns },
    batching: model.version.signature.batching,
    isUnbatched: model.isUnbatched,
    batchingCounts: { ...model.batchingCounts },
    provider: model.provider,
    runner: model.runner,
    isPageLocked: model.isPageLocked,
    runPlan: model.runPlan,
    runPlanState: model.runPlanState,
    calibration: model.calibration,
  }))
}
