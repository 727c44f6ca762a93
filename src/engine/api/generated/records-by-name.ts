// Generated from src/protocol/answers/*.json by tools/codegen: do not edit, run `npm run codegen`.
// What the mapping between records and answers needs to know of types. Types only.
import type { Lineage } from '../../../base/lineage.js'
import type { ExplainConfig, OcclusionResult, PermutationResult } from '../../../explain/index.js'
import type { RemoteStatus } from '../../../remote/remotes.js'
import type { Dtype, TensorDefault, TensorField } from '../../../tensor/tensor.js'
import type { AuditedModel, BackgroundFailure, BackgroundLosses, BatchingCulprit, BatchingFinding, BatchingOverride, BatchingProof, BreakerState, CalibrationConditions, ContractRecord, ContractVersion, DatasetColumn, DatasetRecord, DatasetVersion, DeployFailure, DeployedModel, ExplainFailure, ExplainJob, ExplainJobState, ExportedFile, FailingLog, LogColumn, LogExportResult, ModelOutput, ModelSourceStatus, MovedAlias, PipelineRecord, PipelineVersion, Promotion, PromotionMetric, PromotionProgress, PromotionRequirement, Reconciliation, RemoteKind, ReportedCalibration, ReportedDescription, ReportedModel, ReportedModelStatus, ReportedModelVersion, ReportedPipelineModel, ReportedStatus, RunThreads, Runner, TagUse, TaggedModel, TakenVersion, TokenizerRecord, TokenizerVersion, UploadedModel } from './records.js'

/** What the answer of a name is printed from, and read as. */
export interface RecordsByName {
  readonly Index: { readonly name: string; readonly version: string; readonly links: Readonly<Record<string, string>> }
  readonly Live: { readonly live: true }
  readonly Ready: { readonly ready: true; readonly failingLogs: readonly FailingLog[] }
  readonly FieldDefault: TensorDefault
  readonly Field: TensorField
  readonly OutputField: ModelOutput
  readonly BatchingCulprit: BatchingCulprit
  readonly BatchingOverride: BatchingOverride
  readonly BatchingFinding: BatchingFinding
  readonly BatchingProof: BatchingProof
  readonly Runner: Runner
  readonly UploadedFile: UploadedModel
  readonly Lineage: Lineage
  readonly ModelVersion: ReportedModelVersion
  readonly NamedModelVersion: ReportedModelVersion
  readonly UploadedVersion: ReportedModelVersion
  readonly Model: ReportedModel
  readonly Models: { readonly models: readonly ReportedModel[] }
  readonly PromotionMetric: PromotionMetric
  readonly PromotionRequirement: PromotionRequirement
  readonly PromotionProgress: PromotionProgress
  readonly Promotions: { readonly promotions: readonly PromotionProgress[] }
  readonly Promotion: Promotion
  readonly TakenVersion: TakenVersion
  readonly MovedAlias: MovedAlias
  readonly Reconciliation: Reconciliation
  readonly Reconciliations: { readonly reconciliations: readonly Reconciliation[] }
  readonly ModelSource: ModelSourceStatus
  readonly ModelSources: { readonly sources: readonly ModelSourceStatus[] }
  readonly PipelineVersion: PipelineVersion
  readonly NamedVersion: PipelineVersion
  readonly StoredVersion: PipelineVersion
  readonly Versions: { readonly versions: readonly PipelineVersion[] }
  readonly Pipeline: PipelineRecord
  readonly Pipelines: { readonly pipelines: readonly PipelineRecord[] }
  readonly PipelineModel: ReportedPipelineModel
  readonly PipelineModels: { readonly models: readonly ReportedPipelineModel[] }
  readonly DeployedModel: DeployedModel
  readonly AuditedModel: AuditedModel
  readonly Description: ReportedDescription
  readonly ContractVersion: ContractVersion
  readonly NamedContractVersion: ContractVersion
  readonly ContractRecord: ContractRecord
  readonly ContractRecords: { readonly contracts: readonly ContractRecord[] }
  readonly DatasetColumn: DatasetColumn
  readonly DatasetVersion: DatasetVersion
  readonly NamedDatasetVersion: DatasetVersion
  readonly DatasetRecord: DatasetRecord
  readonly DatasetRecords: { readonly datasets: readonly DatasetRecord[] }
  readonly TokenizerVersion: TokenizerVersion
  readonly NamedTokenizerVersion: TokenizerVersion
  readonly TokenizerRecord: TokenizerRecord
  readonly TokenizerRecords: { readonly tokenizers: readonly TokenizerRecord[] }
  readonly DeployFailure: DeployFailure
  readonly BackgroundFailure: BackgroundFailure
  readonly BackgroundLosses: BackgroundLosses
  readonly RunThreads: RunThreads
  readonly CalibrationConditions: CalibrationConditions
  readonly Calibration: ReportedCalibration
  readonly RunPlan: ReportedModelStatus
  readonly BatchingState: ReportedModelStatus
  readonly ModelStatus: ReportedModelStatus
  readonly RemoteStatus: RemoteStatus
  readonly Status: ReportedStatus
  readonly ExplainConfigs: { readonly configs: readonly ExplainConfig[] }
  readonly OcclusionResult: OcclusionResult
  readonly PermutationResult: PermutationResult
  readonly ExplainFailure: ExplainFailure
  readonly ListedExplanation: { readonly id: string; readonly pipeline: string; readonly pipelineVersion: number; readonly config: ExplainConfig; readonly state: ExplainJobState; readonly rows: number; readonly evaluated: number; readonly evaluations: number; readonly createdAt: string; readonly endedAt: string | null; readonly failure: ExplainFailure | null }
  readonly Explanation: ExplainJob
  readonly Explanations: { readonly explanations: readonly ({ readonly id: string; readonly pipeline: string; readonly pipelineVersion: number; readonly config: ExplainConfig; readonly state: ExplainJobState; readonly rows: number; readonly evaluated: number; readonly evaluations: number; readonly createdAt: string; readonly endedAt: string | null; readonly failure: ExplainFailure | null })[] }
  readonly TaggedModel: TaggedModel
  readonly TagUse: TagUse
  readonly Tags: { readonly tags: readonly TagUse[] }
  readonly ExportedFile: ExportedFile
  readonly LogExportAnswer: LogExportResult
  readonly LogColumn: LogColumn
  readonly LogSqlAnswer: { readonly columns: readonly LogColumn[]; readonly warnings: readonly string[]; readonly records: readonly Readonly<Record<string, unknown>>[] }
  readonly FailingLog: FailingLog
}

/** Types that other files define, as the tables have them: test/types holds the ones to the others. */
export interface TabledTypes {
  readonly TensorDefault: { readonly shape: readonly number[]; readonly data: readonly (number | string)[] }
  readonly TensorField: { readonly name: string; readonly dtype: Dtype; readonly shape: readonly (number | null)[]; readonly default?: TensorDefault }
  readonly Lineage: { readonly source?: string; readonly runId?: string; readonly createdFrom?: string; readonly metrics?: Readonly<Record<string, number>>; readonly params?: Readonly<Record<string, number | string>>; readonly datasetDigest?: string; readonly datasets?: Readonly<Record<string, string>> }
  readonly RemoteStatus: { readonly step: string; readonly kind: RemoteKind; readonly url: string; readonly breaker: BreakerState; readonly openedCount: number; readonly inFlight: number; readonly waiting: number; readonly calls: number; readonly retries: number; readonly failures: number }
  readonly OcclusionResult: { readonly method: 'occlusion'; readonly groups: readonly string[]; readonly outputs: readonly number[]; readonly contributions: readonly (readonly number[])[]; readonly importances: readonly number[] }
  readonly PermutationResult: { readonly method: 'permutation'; readonly groups: readonly string[]; readonly score: number; readonly importances: readonly number[]; readonly deviations: readonly number[]; readonly repeats: readonly (readonly number[])[] }
  readonly ExecutionProvider: 'cpu' | 'cuda'
}
