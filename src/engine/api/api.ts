/**
 * The engine's face: what transports, the CLI and embedding programs see, and the interfaces that the registry and the
 * log implement for it. Types only; the implementation is engine.ts.
 */
import type { ExplainConfig } from '../../explain/index.js'
import type { ModelReference, PipelineDefinition, Step } from '../../pipeline/definition.js'
import type { ErrorCode } from '../../base/errors.js'
import type { ExecutionProvider } from '../../base/providers.js'
import type {
  LogExport,
  LogExportProgress,
  LogExportResult,
  LogPage,
  LogQuery,
  LogSqlOptions,
  LogSqlResult,
} from './logs.js'
import type { Dtype, TensorField } from '../../tensor/tensor.js'
import type { BackgroundLosses } from '../deploy/background-failures.js'
import type { BatchingCounts } from './batching-proof.js'
import type { BatchingMode, ModelSignature } from './model-signature.js'
import type { ExplanationsApi } from './explanations.js'
import type { Calibration, RunPlan } from './calibration.js'
import type { InferRequest, InferResult } from './requests.js'
import type { TagsApi } from './tags.js'

export type { BackgroundFailure, BackgroundLosses } from '../deploy/background-failures.js'
export type * from './batching-proof.js'
export type * from './model-signature.js'
export type * from './explanations.js'
export type * from './requests.js'
export type * from './tags.js'

export type { Calibration, CalibrationConditions, RunPlan, RunThreads } from './calibration.js'

/** The file that was sent, where what is stored and served was made from it. */
export interface UploadedModel {
  /** Of the .onnx file. */
  readonly sha256: string
  readonly sizeBytes: number
  /** What was changed, a sentence each. */
  readonly changes: readonly string[]
}

export interface ModelVersion {
  readonly name: string
  /** 1, 2, 3 … in order of upload. */
  readonly version: number
  /** Of what is stored and served. */
  readonly sha256: string
  readonly sizeBytes: number
  /** ISO 8601, UTC. */
  readonly createdAt: string
  readonly signature: ModelSignature
  readonly tags: readonly string[]
  /** What it runs on, the preferred one first; absent: what the engine was opened with. */
  readonly providers?: readonly ExecutionProvider[]
  /** The GPU, for `cuda`; absent: 0. */
  readonly deviceId?: number
  /** The last one, on whatever machine. */
  readonly calibration?: Calibration
  /** Absent: the stored bytes are those that were sent. */
  readonly uploaded?: UploadedModel
}

/** How a version is to run, where that differs from the engine's own options. */
export interface Placement {
  readonly providers?: readonly ExecutionProvider[]
  readonly deviceId?: number
}

export interface ModelRecord {
  readonly name: string
  readonly versions: readonly ModelVersion[]
  readonly aliases: Readonly<Record<string, number>>
}

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

/** What a store keeps beside a blob because it was costly to derive. */
export interface PreparedModel {
  /** Where the files are; null: known not to pay for this model. */
  readonly directory: string | null
  /** Why there are no files, or ''. */
  readonly remark: string
}

/** Derived files of blobs, by what they were made from and by: lost ones are made again. Implemented by src/registry. */
export interface PreparedStore {
  /** undefined: nothing usable is there (none, of another key, or damaged). The first look of a process hashes the files. */
  find(sha256: string, key: string): Promise<PreparedModel | undefined>
  /** @param make fills an empty directory and returns the remark; an empty directory is remembered as "does not pay". */
  make(sha256: string, key: string, make: (directory: string) => Promise<string>): Promise<PreparedModel>
}

/** Implemented by src/registry. Every mutation is durable when its promise settles. */
export interface ModelStore {
  list(): ModelRecord[]
  get(name: string): ModelRecord | undefined
  /** Absent: the store has no disk for derived files. */
  readonly prepared?: PreparedStore
  /** `path` of the blob on disk. */
  blobPath(sha256: string): string
  /** Adds the next version; the same bytes as the newest version, to run on the same providers, return that version. */
  add(
    name: string,
    bytes: Uint8Array,
    signature: ModelSignature,
    tags: readonly string[],
    placement?: Placement,
    /** What was sent, where `bytes` were made from it. */
    uploaded?: UploadedModel,
  ): Promise<ModelVersion>
  setAlias(name: string, alias: string, version: number): Promise<ModelRecord>
  removeAlias(name: string, alias: string): Promise<ModelRecord>
  remove(name: string): Promise<void>
  removeVersion(name: string, version: number): Promise<ModelRecord>
  /** Keeps the calibration with the version, in place of an earlier one. */
  /** Keeps what another inspection found, or what was seen live, in place of the version's signature. */
  setSignature(name: string, version: number, signature: ModelSignature): Promise<ModelRecord>
  setCalibration(name: string, version: number, calibration: Calibration): Promise<ModelRecord>
  /** Takes the place of all tags of the version. */
  setTags(name: string, version: number, tags: readonly string[]): Promise<ModelRecord>
}

export interface PipelineStore {
  list(): PipelineRecord[]
  get(name: string): PipelineRecord | undefined
  /** Adds the next version; a definition equal to the newest returns that version. */
  put(definition: PipelineDefinition): Promise<PipelineVersion>
  setDeployed(name: string, version: number | null): Promise<PipelineRecord>
  /** Takes the place of all tags. */
  setTags(name: string, tags: readonly string[]): Promise<PipelineRecord>
  /** Takes the place of all of them. */
  setExplainConfigs(name: string, configs: readonly ExplainConfig[]): Promise<PipelineRecord>
  remove(name: string): Promise<void>
}

/** A log that cannot be written. */
export interface FailingLog {
  readonly pipeline: string
  /** Name of the system's error: ENOSPC, EROFS … */
  readonly fault: string
  /** New requests of the pipeline are refused while it lasts; else rows are dropped, or committed answers fail. */
  readonly refuses: boolean
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
  readonly isWhole: boolean
  /** String tensors are involved: the slower, plain path. */
  readonly isPlain: boolean
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

export interface PipelineStatus {
  readonly name: string
  readonly state: PipelineState
  /** Of the last deploy since the engine was opened; null when it did not fail. */
  readonly failure: DeployFailure | null
  readonly deployed: boolean
  readonly version: number | null
  readonly versions: readonly number[]
  readonly inFlight: number
  readonly requestCount: number
  readonly rowCount: number
  readonly failures: Readonly<Record<string, number>>
  /** Of each challenger and other background model. */
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

export type RunPlanState = 'calibrated' | 'pending' | 'default'

export interface EngineEvents {
  /** A pipeline got another plan (deploy, alias move) or none (undeploy). */
  pipeline: (name: string) => void
  /** A model got a version or alias, or lost one. */
  model: (name: string) => void
}

export interface AddModelOptions extends Placement {
  /** `rows`: rows share batches whatever the inspection finds; the operator's word is journalled. Absent: it decides. */
  readonly batching?: 'rows' | undefined
  /** Who says so; absent: the user of the process. */
  readonly operator?: string | undefined
  readonly alias?: string
  readonly tags?: readonly string[]
  /**
   * The data files of a model whose weights lie beside it, by their paths relative to the model. They are put into the
   * stored model; the engine itself opens no file that a model names.
   */
  readonly externalData?: Readonly<Record<string, Uint8Array>> | ReadonlyMap<string, Uint8Array>
}

export interface EngineApi {
  // models
  listModels(): ModelRecord[]
  getModel(name: string): ModelRecord
  /** Inspects (signature, trial run), stores, aliases. @throws ERR_MODEL_INVALID with ONNX Runtime's reason. */
  addModel(name: string, bytes: Uint8Array, options?: AddModelOptions): Promise<ModelVersion>
  setAlias(name: string, alias: string, version: number): Promise<ModelRecord>
  removeAlias(name: string, alias: string): Promise<ModelRecord>
  removeModel(name: string): Promise<void>
  removeModelVersion(name: string, version: number): Promise<ModelRecord>
  /**
   * Serves a model version by itself, under the name `model@version`, until `retireModel` or the end of the process: as a
   * pipeline of one step that no store lists. Serving it again changes nothing.
   * @throws ERR_MODEL_NOT_FOUND, ERR_MODEL_INVALID.
   */
  serveModel(name: string, version: number): Promise<PipelineDescription>
  /** Ends what serveModel began, once the requests under way are answered; nothing else is touched. */
  retireModel(name: string, version: number): Promise<void>
  // pipelines
  listPipelines(): PipelineRecord[]
  getPipeline(name: string): PipelineRecord
  /** @throws ERR_PIPELINE_NOT_FOUND naming the versions that there are. */
  getPipelineVersion(name: string, version: number): PipelineVersion
  /** The models of a version in the order of its steps. @param version absent: the one that serves, else the newest. */
  pipelineModels(name: string, version?: number): PipelineModel[]
  applyPipeline(definition: PipelineDefinition, options?: { deploy?: boolean }): Promise<PipelineVersion>
  deployPipeline(name: string, version?: number): Promise<PipelineDescription>
  /** The same without waiting: `pipelineStatus` tells how it goes. @throws ERR_PIPELINE_NOT_FOUND. */
  beginDeploy(name: string, version?: number): void
  undeployPipeline(name: string): Promise<void>
  removePipeline(name: string): Promise<void>
  /** @throws ERR_PIPELINE_NOT_FOUND, ERR_PIPELINE_NOT_DEPLOYED */
  describePipeline(name: string): PipelineDescription
  pipelineStatus(name: string): PipelineStatus
  readonly tags: TagsApi
  readonly explanations: ExplanationsApi
  // data
  infer(pipeline: string, request: InferRequest): Promise<InferResult>
  /** Resolves when the rows of all requests that have settled are in the log's files. @param pipeline absent: all. */
  flushLogs(pipeline?: string): Promise<void>
  /** The logs that cannot be written now. */
  failingLogs(): FailingLog[]
  // the log
  /** A page of the pipeline's log. @throws ERR_PIPELINE_NOT_FOUND; ERR_CONFLICT: the engine keeps no log; ERR_ARGUMENT. */
  readLogs(pipeline: string, query?: LogQuery): Promise<LogPage>
  /** Writes files. @throws as readLogs; ERR_STORAGE. */
  exportLogs(
    pipeline: string,
    options?: LogExport,
    onProgress?: (progress: LogExportProgress) => void,
  ): Promise<LogExportResult>
  /** One SELECT over the logs of all pipelines, each a table. @throws as EngineLog.query. */
  queryLogs(sql: string, options?: LogSqlOptions): Promise<LogSqlResult>
  readonly inFlight: number
  readonly isReady: boolean
  /** Refuses new work with ERR_DRAINING, resolves when nothing is in flight or the limit has passed (false). */
  drain(limitMs: number): Promise<boolean>
  close(): Promise<void>
}
export type { Dtype }
