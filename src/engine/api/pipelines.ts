/** Pipelines: stored versions, what callers need to know of one that serves, and how it does. Types only. */
import type { ErrorCode } from '../../base/errors.js'
import type { ExecutionProvider } from '../../base/providers.js'
import type { ExplainConfig } from '../../explain/index.js'
import type { ModelReference, PipelineDefinition, Step } from '../../pipeline/definition.js'
import type { TensorField } from '../../tensor/tensor.js'
import type { BackgroundLosses } from './background.js'
import type { BatchingCounts } from './batching-proof.js'
import type { Calibration, RunPlan } from './calibration.js'
import type { BatchingMode } from './model-signature.js'
import type { ModelVersion } from './models.js'

export interface PipelineVersion {
  /** 1, 2, 3 …; immutable. */
  readonly version: number
  readonly definition: PipelineDefinition
  readonly createdAt: string
}

export interface PipelineRecord {
  readonly name: string
  readonly versions: readonly PipelineVersion[]
  /** The version that serves, or null. */
  readonly deployedVersion: number | null
  readonly tags: readonly string[]
  /** When its first version was stored; ISO 8601, UTC, as the next. */
  readonly createdAt: string
  /** When a version was stored, deployed or undeployed, or tags or explanation configurations changed. */
  readonly updatedAt: string
  readonly explainConfigs: readonly ExplainConfig[]
}

/** One model of a version of a pipeline, as it is fed and as the registry knows it. */
export interface PipelineModel {
  /** Index of its step. */
  readonly step: number
  readonly reference: ModelReference
  /** The version that the reference means: where the pipeline serves, to it; null when there is none. */
  readonly model: ModelVersion | null
  /** Names, by position, under which its inputs are fed; absent: their own. */
  readonly tensorFields?: readonly string[]
}

/** What a caller needs to form requests and to read answers. */
export interface PipelineDescription {
  readonly name: string
  readonly version: number
  readonly definition: PipelineDefinition
  readonly steps: readonly Step[]
  readonly inputs: readonly TensorField[]
  readonly outputs: readonly TensorField[]
  readonly checks: readonly string[]
  /** Names that `route` entries take, in the order of the last split's options; empty without one. */
  readonly routes: readonly string[]
  /** The models beside the answering one whose outputs are kept: audited ones, challengers among them. */
  readonly others: readonly { readonly label: string; readonly outputs: readonly TensorField[] }[]
  readonly isNonBatching: boolean
  /** String tensors are involved: requests take the slower string path. */
  readonly isStringPath: boolean
  readonly rowsMax: number
  readonly models: readonly { readonly name: string; readonly version: number; readonly sha256: string }[]
}

/** `starting`: a deploy is under way, whatever serves meanwhile · `error`: nothing serves, for the last deploy failed. */
export type PipelineState = 'undeployed' | 'starting' | 'running' | 'error'

/** Why the last deploy was none. */
export interface DeployFailure {
  readonly version: number
  readonly code: ErrorCode
  readonly message: string
}

export type RunPlanState = 'calibrated' | 'pending' | 'default'

export interface PipelineStatus {
  readonly name: string
  readonly state: PipelineState
  /** Why the last deploy since the engine was opened failed; null when it did not. */
  readonly failure: DeployFailure | null
  readonly deployed: boolean
  readonly version: number | null
  readonly versions: readonly number[]
  readonly inFlight: number
  readonly requestCount: number
  readonly rowCount: number
  readonly failures: Readonly<Record<string, number>>
  /** What each challenger and other background model lost. */
  readonly background: readonly BackgroundLosses[]
  readonly models: readonly {
    readonly name: string
    readonly version: number
    readonly pendingRows: number
    readonly isReady: boolean
    /** Its runs that were past their limit since it was loaded, and those that are now: their workers are stuck. */
    readonly overdueRuns: { readonly count: number; readonly stuck: number }
    readonly batching: BatchingMode
    /** Its rows, which could share batches, run one by one: a difference was found, or nothing proves them independent. */
    readonly isUnbatched: boolean
    readonly batchingCounts: BatchingCounts
    /** What runs it. */
    readonly provider: ExecutionProvider
    /** On a GPU: its batches lie in memory that the GPU copies without a detour. */
    readonly isPageLocked: boolean
    /** How it runs now. */
    readonly runPlan: RunPlan
    /** `calibrated`: as measured · `pending`: by default until it is measured · `default`: it will not be. */
    readonly runPlanState: RunPlanState
    /** What `runPlan` was taken from; null unless calibrated. */
    readonly calibration: Calibration | null
  }[]
}
