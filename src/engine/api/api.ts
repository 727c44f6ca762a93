/**
 * The engine's public API: what transports, the CLI and embedding programs see. The rooms beside this file have its
 * types by subject, and the interfaces that the registry and the log implement for the engine. Types only; the
 * implementation is engine.ts.
 */
import type { Lineage } from '../../base/lineage.js'
import type { PipelineDefinition } from '../../pipeline/definition.js'
import type { ContractsApi } from './contracts.js'
import type { DatasetsApi } from './datasets.js'
import type { ExplanationsApi } from './explanations.js'
import type {
  FailingLog,
  LogExportResult,
  PipelineRecord,
  PipelineVersion,
  Promotion,
  PromotionProgress,
} from './generated/records.js'
import type { InferRequest, InferResult } from './inference.js'
import type { LogExport, LogExportProgress, LogPage, LogQuery, LogSqlOptions, LogSqlResult } from './logs.js'
import type { AddModelOptions, ModelRecord, ModelVersion, SetAliasOptions } from './models.js'
import type { PipelineDescription, PipelineModel, PipelineStatus } from './pipelines.js'
import type { PredictOptions, PredictResult, PredictRows, ServedContract } from './predictions.js'
import type { PromotionOptions } from './promotions.js'
import type { TagsApi } from './tags.js'
import type { TokenizersApi } from './tokenizers.js'

export type * from './calibration.js'
export type * from './contracts.js'
export type * from './datasets.js'
export type * from './explanations.js'
export type * from './generated/records.js'
export type * from './inference.js'
export type * from './models.js'
export type * from './pipelines.js'
export type * from './predictions.js'
export type * from './promotions.js'
export type * from './sources.js'
export type * from './stores.js'
export type * from './tags.js'
export type * from './tokenizers.js'
export type { Lineage } from '../../base/lineage.js'
export type { Dtype } from '../../tensor/tensor.js'

export interface EngineEvents {
  /** A pipeline got another plan (deploy, alias move) or none (undeploy). */
  pipeline: (name: string) => void
  /** A model got a version or alias, or lost one. */
  model: (name: string) => void
}

export interface EngineApi {
  // models
  listModels(): ModelRecord[]
  getModel(name: string): ModelRecord
  /**
   * The version that a reference means now: `wine`, `wine@3`, `wine@champion`, `models:/wine/Production` …
   * @throws ERR_ARGUMENT for a text that is none; ERR_MODEL_NOT_FOUND naming what there is.
   */
  resolveModel(reference: string): ModelVersion
  /** Inspects (signature, trial run), stores, aliases. @throws ERR_MODEL_INVALID with ONNX Runtime's reason. */
  addModel(name: string, bytes: Uint8Array, options?: AddModelOptions): Promise<ModelVersion>
  /**
   * Points an alias to a version. `Staging`, `Production` and `Archived`, in any case, are stages: the version leaves the
   * stage that it was in; Archived holds any number of versions.
   * @throws ERR_ARGUMENT; ERR_MODEL_NOT_FOUND; ERR_CONFLICT when a deployed pipeline follows a stage that would become empty.
   */
  setAlias(name: string, alias: string, version: number, options?: SetAliasOptions): Promise<ModelRecord>
  /**
   * Moves an alias to a version if the version's answers to `rows` meet every requirement. They are answered beside what
   * serves, by a pipeline that follows the alias, uncounted and unlogged. What is not met is no error: the result says so.
   * @throws ERR_ARGUMENT; ERR_CONTRACT: a row breaks a rule; ERR_CONFLICT: the alias moved meanwhile.
   */
  promote(name: string, version: number, options: PromotionOptions): Promise<Promotion>
  /** The promotions of a model that compare live rows now, by alias. @throws ERR_MODEL_NOT_FOUND. */
  promotions(name: string): PromotionProgress[]
  /** Cancels one of them, whose caller gets ERR_ABORTED; the alias stays. @throws ERR_MODEL_NOT_FOUND, ERR_CONFLICT: there is none. */
  cancelPromotion(name: string, alias: string): void
  removeAlias(name: string, alias: string): Promise<ModelRecord>
  /** Says where a version comes from, in place of what was said before; an empty lineage takes that away. */
  setLineage(name: string, version: number, lineage: Lineage): Promise<ModelRecord>
  /**
   * Unloads models that nobody asks, versions that no longer serve first and then the least asked, until so many bytes are free or none
   * can go. Requests have them loaded again.
   * @returns the bytes that they counted for.
   */
  freeModelMemory(bytes: number): Promise<number>
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
  /** The same without waiting: `pipelineStatus` reports the progress. @throws ERR_PIPELINE_NOT_FOUND. */
  beginDeploy(name: string, version?: number): void
  /**
   * Serves a stored version beside the one that is deployed, under the name `pipeline.v1`, until the pipeline is undeployed, one of
   * its models removed, VERSIONS_BESIDE_MAX others are asked for, or the process ends. Nothing is stored. Serving it again
   * changes nothing; the deployed version keeps the pipeline's own name.
   * @throws ERR_PIPELINE_NOT_FOUND, ERR_PIPELINE_NOT_DEPLOYED: no version is; what a deploy throws.
   */
  serveVersion(name: string, version: number): Promise<PipelineDescription>
  undeployPipeline(name: string): Promise<void>
  removePipeline(name: string): Promise<void>
  /** @throws ERR_PIPELINE_NOT_FOUND, ERR_PIPELINE_NOT_DEPLOYED */
  describePipeline(name: string): PipelineDescription
  pipelineStatus(name: string): PipelineStatus
  readonly contracts: ContractsApi
  readonly datasets: DatasetsApi
  readonly tokenizers: TokenizersApi
  readonly tags: TagsApi
  readonly explanations: ExplanationsApi
  // data
  infer(pipeline: string, request: InferRequest): Promise<InferResult>
  /**
   * Answers rows by the names of the pipeline's contract, which checks them first: nothing of a request is run that has a
   * row to refuse.
   * @throws ERR_CONTRACT with each problem as `errors`; ERR_CONTRACT_NOT_FOUND: the pipeline names none; as infer.
   */
  predict(pipeline: string, rows: PredictRows, options?: PredictOptions): Promise<PredictResult>
  /** The deployed pipelines that `predict` takes, by name. */
  servedContracts(): ServedContract[]
  /** Resolves when the rows of all requests that were completed before are in the log's files. @param pipeline absent: all. */
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
