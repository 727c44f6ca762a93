// Generated from src/protocol/answers/*.json by tools/codegen: do not edit, run `npm run codegen`.
// The engine's records as far as answers of the control API print them; the files beside this folder add the rest. Types only.
import type { ErrorCode } from '../../../base/errors.js'
import type { Lineage } from '../../../base/lineage.js'
import type { ExecutionProvider } from '../../../base/providers.js'
import type { Contract } from '../../../contract/contract.js'
import type { ExplainConfig, OcclusionResult, PermutationResult } from '../../../explain/index.js'
import type { PipelineDefinition, Step } from '../../../pipeline/definition.js'
import type { RemoteStatus } from '../../../remote/remotes.js'
import type { Dtype, TensorField } from '../../../tensor/tensor.js'

/** How rows of a model run. `rows`: requests share batches · `row`: fixed leading 1, one row a run · `whole`: one request a run, no row axis. */
export type BatchingMode = 'rows' | 'row' | 'whole'

/** What proves that rows are independent. `graph`: the graph keeps rows apart, and so they were when tried · `trial`: as far as trying tells · `override`: an operator says so · `none`: rows share no batches. */
export type BatchingBasis = 'graph' | 'trial' | 'override' | 'none'

/** What computes the answers of a model. `onnxruntime`: ONNX Runtime · `native-trees`: the kernels for tree ensembles: the answers of ONNX Runtime on one thread, bit for bit, in less time. */
export type RunnerName = 'onnxruntime' | 'native-trees'

/** What a watched place is. `directory`: a folder of this machine · `s3`: a prefix of a bucket · `mlflow`: a reference of an MLflow registry. */
export type SourceKind = 'directory' | 's3' | 'mlflow'

/** The protocol by which a remote is asked. `oip`: the Open Inference Protocol over HTTP · `mlflow`: MLflow's scoring protocol · `sagemaker`: SageMaker's endpoints · `http`: any other with JSON. */
export type RemoteKind = 'oip' | 'mlflow' | 'sagemaker' | 'http'

/** Whether a remote is asked. `closed`: it is · `open`: it is left alone after failures in a row · `half-open`: one call finds out whether it is back. */
export type BreakerState = 'closed' | 'open' | 'half-open'

/** Whether a pipeline serves. `undeployed`: it does not, and nobody asked · `starting`: a deploy is under way, whatever serves meanwhile · `running`: it serves · `error`: nothing serves, for the last deploy failed. */
export type PipelineState = 'undeployed' | 'starting' | 'running' | 'error'

/** Where a run plan comes from. `calibrated`: as measured · `pending`: by default until it is measured · `default`: it will not be measured. */
export type RunPlanState = 'calibrated' | 'pending' | 'default'

/** How an explanation goes. `waiting`: others run before it · `running`: its rows are run · `done`: it has a result · `failed`: it has none, and `failure` says why · `cancelled`: it was ended before. */
export type ExplainJobState = 'waiting' | 'running' | 'done' | 'failed' | 'cancelled'

/** An output of a model. */
export interface ModelOutput {
  /** Its name. */
  readonly name: string
  /** Type of its elements. */
  readonly dtype: Dtype
  /** Full ONNX shape, row axis first; null is a free dim. */
  readonly shape: readonly (number | null)[]
  /** What each column stands for, where the model names its classes: in a map beside the tensor (ZipMap) that was cut off, or in the classifier that makes it. */
  readonly classes?: readonly (string | number)[]
}

/** A node that makes rows depend on each other, or that is not known. */
export interface BatchingCulprit {
  /** Its name, or that of its first output where the file names the node not; empty when it is no node. */
  readonly node: string
  /** `MatMul`; with another domain `com.microsoft.Attention`. */
  readonly operator: string
  /** What it does to rows. */
  readonly reason: string
}

/** An operator's word that rows share batches. */
export interface BatchingOverride {
  /** Who said so. */
  readonly operator: string
  /** When. ISO 8601, UTC. */
  readonly at: string
}

/** A row that got another answer in a shared batch. */
export interface BatchingFinding {
  /** When it was seen. ISO 8601, UTC. */
  readonly at: string
  /** The output that differed. */
  readonly output: string
}

/** Why rows of a model version share batches, or why they do not: what its inspection read in the graph and saw in its trial, what an operator decided, and what was seen since it serves. */
export interface BatchingProof {
  /** Counts changes of how rows are proven: one of an earlier revision is not trusted, the version is inspected again. */
  readonly revision: number
  /** What proves it. */
  readonly basis: BatchingBasis
  /** The first node that makes rows depend on each other, or that is not known; null when there is none. */
  readonly culprit: BatchingCulprit | null
  /** Rows of shared batches whose answers were compared with those of the rows by themselves. */
  readonly comparisons: number
  /** What differed when it was tried; empty when nothing did. */
  readonly difference: string
  /** Kinds of values that the model refuses, so that they were not tried, by input: `amount: missing, infinite`. */
  readonly untried: readonly string[]
  /** Who had the rows share batches whatever the inspection says, and when. */
  readonly override?: BatchingOverride
  /** A row that got another answer in a shared batch while the version served: the model's rows run one by one since. */
  readonly found?: BatchingFinding
}

/** What computes the answers of a model version, and how that was found. */
export interface Runner {
  /** What computes them. */
  readonly name: RunnerName
  /** Why the tree kernels do not; empty when they do. */
  readonly reason: string
  /** Rows on which their answers were those of ONNX Runtime, bit for bit. */
  readonly rows: number
  /** What they hold of the model in memory, once for all workers; 0 where they do not run it, in bytes. */
  readonly memoryBytes: number
  /** The kernels, the ONNX Runtime and the instruction set that were compared: with others the version is inspected again. */
  readonly foundWith: string
}

/** The file that was sent, where what is stored and served was made from it. */
export interface UploadedModel {
  /** SHA-256 of the .onnx file as it was sent, hex. */
  readonly sha256: string
  /** Its size. */
  readonly sizeBytes: number
  /** What was changed, a sentence each. */
  readonly changes: readonly string[]
}

/** What the inspection of an upload says of a model: its fields and how its rows run. */
export interface ModelSignature {
  /** Its inputs. */
  readonly inputs: readonly TensorField[]
  /** Its outputs. */
  readonly outputs: readonly ModelOutput[]
  /** How its rows run. */
  readonly batching: BatchingMode
  /** Why batching is not `rows`, or another remark of the inspection; empty when there is nothing to say. */
  readonly remark: string
  /** Outputs that ONNX Runtime does not write into memory that it is given: they are copied. Absent: none. */
  readonly copiedOutputs?: readonly string[]
  /** Why its rows share batches or do not. Absent: an earlier release inspected the version; it is inspected again before its rows share batches. */
  readonly batchingProof?: BatchingProof
  /** What computes its answers, and why. Absent: an earlier release inspected the version; it is inspected again before it is next deployed. */
  readonly runner?: Runner
}

/** One version of a model. */
export interface ReportedModelVersion {
  /** The model's name. */
  readonly name: string
  /** 1, 2, 3 … in order of upload. */
  readonly version: number
  /** SHA-256 of the file that is stored and served, hex. */
  readonly sha256: string
  /** Size of that file. */
  readonly sizeBytes: number
  /** When it was uploaded. ISO 8601, UTC. */
  readonly createdAt: string
  /** Its tags. */
  readonly tags: readonly string[]
  /** What the inspection of an upload says of a model: its fields and how its rows run. */
  readonly signature: ModelSignature
  /** What it runs on, the preferred one first; absent: what the engine was opened with. */
  readonly providers?: readonly ExecutionProvider[]
  /** The GPU, for `cuda`; absent: 0. */
  readonly deviceId?: number
  /** What was sent; absent: the stored bytes are those. */
  readonly uploaded?: UploadedModel
  /** Where it comes from; absent: nobody said. */
  readonly lineage?: Lineage
}

/** A model: its versions, and the aliases that point to them. */
export interface ReportedModel {
  /** Its name. */
  readonly name: string
  /** Versions by alias; the stages `Staging` and `Production` are aliases. */
  readonly aliases: Readonly<Record<string, number>>
  /** Versions in the stage `Archived`, ascending; absent: none. */
  readonly archived?: readonly number[]
  /** Its versions, oldest first. */
  readonly versions: readonly ReportedModelVersion[]
}

/** What a metric says of the rows that a promotion was judged by. */
export interface PromotionMetric {
  /** The metric, with its class where it is of one: `f1(spam)`. */
  readonly name: string
  /** Of the version that is to be promoted; null where the rows leave it undefined. */
  readonly candidate: number | null
  /** Of the version that it is compared with; null where there is none, too. */
  readonly baseline: number | null
}

/** One thing that a promotion was held to. */
export interface PromotionRequirement {
  /** As it was asked for. */
  readonly requirement: string
  /** What was found; null where the rows leave it undefined, which meets nothing. */
  readonly value: number | null
  /** Whether it holds. */
  readonly isMet: boolean
}

/** A promotion that is under way: live rows are being compared. */
export interface PromotionProgress {
  /** The model. */
  readonly model: string
  /** The version that is to be promoted. */
  readonly version: number
  /** The alias that it is to be promoted to. */
  readonly alias: string
  /** The pipeline whose rows are compared. */
  readonly pipeline: string
  /** Rows that are to be compared. */
  readonly rowsWanted: number
  /** Those that are. */
  readonly rows: number
  /** Those of them to which both versions answer the same. */
  readonly sameRows: number
}

/** A promotion, or what kept it from happening. */
export interface Promotion {
  /** The model. */
  readonly model: string
  /** The version that was to be promoted. */
  readonly version: number
  /** The alias that it was to be promoted to. */
  readonly alias: string
  /** The version that the alias pointed to; null: there was no such alias. */
  readonly previous: number | null
  /** Whether the alias points to the version now: every requirement is met. */
  readonly isPromoted: boolean
  /** The pipeline whose answers were judged; null: there were no rows. */
  readonly pipeline: string | null
  /** The version that it was compared with; null: none. */
  readonly baseline: number | null
  /** Rows that were answered; live rows: that both versions answered, or that this one failed. */
  readonly rows: number
  /** Those of them whose truth was known and that both versions answered: what the metrics are of. */
  readonly judgedRows: number
  /** The usual metrics, and those that were asked for. */
  readonly metrics: readonly PromotionMetric[]
  /** In the order in which they were asked for. */
  readonly requirements: readonly PromotionRequirement[]
}

/** A version that was taken from a watched place. */
export interface TakenVersion {
  /** Its number in the registry. */
  readonly version: number
  /** Where it was taken from, with what tells its content from others. */
  readonly source: string
}

/** An alias that was pointed elsewhere. */
export interface MovedAlias {
  /** The alias. */
  readonly alias: string
  /** The version that it pointed to; null: there was no such alias. */
  readonly from: number | null
  /** The version that it points to now. */
  readonly to: number
}

/** What was done so that the registry has what a watched place has of a model. */
export interface Reconciliation {
  /** The model. */
  readonly model: string
  /** The place. */
  readonly place: string
  /** The versions that the registry had not, oldest first. */
  readonly added: readonly TakenVersion[]
  /** The aliases that were moved. */
  readonly moved: readonly MovedAlias[]
  /** What could not be done, a sentence each; it leaves the rest done. */
  readonly problems: readonly string[]
}

/** A place that is watched for models, and how watching goes. */
export interface ModelSourceStatus {
  /** What it is. */
  readonly kind: SourceKind
  /** Where it is. */
  readonly place: string
  /** Time between two looks, in milliseconds. */
  readonly intervalMs: number
  /** Looks since the start of the server. */
  readonly looks: number
  /** Those of them in which the place could not be looked at. */
  readonly failedLooks: number
  /** Versions taken since the start. */
  readonly added: number
  /** Aliases moved since the start. */
  readonly moved: number
  /** When it was last looked at; null: not yet. ISO 8601, UTC. */
  readonly lastLookAt: string | null
  /** Why the last look failed; null: it did not. */
  readonly error: string | null
  /** The models that the last look found. */
  readonly models: readonly string[]
  /** What lies there and cannot be taken, a sentence each, at most 100. */
  readonly problems: readonly string[]
  /** All of them. */
  readonly problemCount: number
}

/** One stored definition of a pipeline. */
export interface PipelineVersion {
  /** Its definition. */
  readonly definition: PipelineDefinition
  /** 1, 2, 3 …; immutable. */
  readonly version: number
  /** When it was stored. ISO 8601, UTC. */
  readonly createdAt: string
}

/** A pipeline: its versions, and which of them serves. */
export interface PipelineRecord {
  /** Its name. */
  readonly name: string
  /** The version that serves, or null. */
  readonly deployedVersion: number | null
  /** Its tags. */
  readonly tags: readonly string[]
  /** When its first version was stored. ISO 8601, UTC. */
  readonly createdAt: string
  /** When a version was stored, deployed or undeployed, or tags or explanation configurations changed. ISO 8601, UTC. */
  readonly updatedAt: string
  /** Its configurations of explanations. */
  readonly explainConfigs: readonly ExplainConfig[]
  /** Its versions, oldest first. */
  readonly versions: readonly PipelineVersion[]
}

/** One model of a version of a pipeline, with its input binding, and as the registry knows it. */
export interface ReportedPipelineModel {
  /** Index of its step. */
  readonly step: number
  /** As the step names it: `name`, `name@version` or `name@alias`. */
  readonly reference: string
  /** Names, by position, under which its inputs are bound; absent: their own. */
  readonly tensorFields?: readonly string[]
  /** The version that the reference means: where the pipeline serves, to it; null when there is none. */
  readonly model: ReportedModelVersion | null
}

/** A version of a model that a deployed pipeline runs. */
export interface DeployedModel {
  /** The model. */
  readonly name: string
  /** Its version. */
  readonly version: number
  /** SHA-256 of its file, hex. */
  readonly sha256: string
}

/** A model beside the answering one whose outputs are kept. */
export interface AuditedModel {
  /** As a dataset names it: `out_<label>`. */
  readonly label: string
  /** Its outputs. */
  readonly outputs: readonly TensorField[]
}

/** What a caller needs to form requests and to read answers. */
export interface ReportedDescription {
  /** The pipeline's name. */
  readonly name: string
  /** The version that serves. */
  readonly version: number
  /** What it takes. */
  readonly inputs: readonly TensorField[]
  /** What it answers. */
  readonly outputs: readonly TensorField[]
  /** Names of its checks. */
  readonly checks: readonly string[]
  /** Names that `route` entries take, in the order of the last split's options; empty without one. */
  readonly routes: readonly string[]
  /** The models beside the answering one whose outputs are kept and a dataset may name: audited ones, challengers among them. */
  readonly others: readonly AuditedModel[]
  /** Rows of one request. */
  readonly rowsMax: number
  /** Non-batching: tensors have no row axis, one request a run. */
  readonly isNonBatching: boolean
  /** String tensors are involved: requests take the slower string path. */
  readonly isStringPath: boolean
  /** The models that it runs. */
  readonly models: readonly DeployedModel[]
  /** Its steps. */
  readonly steps: readonly Step[]
}

/** One stored version of a contract. */
export interface ContractVersion {
  /** 1, 2, 3 …; immutable. */
  readonly version: number
  /** When it was stored. ISO 8601, UTC. */
  readonly createdAt: string
  /** The document as it is stored, with the contract's name. */
  readonly contract: Contract
}

/** A contract: its versions, and when it changed. */
export interface ContractRecord {
  /** Its name. */
  readonly name: string
  /** When its first version was stored. ISO 8601, UTC. */
  readonly createdAt: string
  /** When a version was stored or removed. ISO 8601, UTC. */
  readonly updatedAt: string
  /** Oldest first, at least one. */
  readonly versions: readonly ContractVersion[]
}

/** A column of a dataset's table. */
export interface DatasetColumn {
  /** Its name. */
  readonly name: string
  /** Its dtype, as transforms read it. */
  readonly dtype: string
  /** Whether rows may lack a value; floats lack one as NaN. */
  readonly isNullable: boolean
  /** Dims of a row; `[]` is one element. */
  readonly shape: readonly number[]
}

/** One stored version of a dataset. */
export interface DatasetVersion {
  /** 1, 2, 3 …; immutable. */
  readonly version: number
  /** When it was stored. ISO 8601, UTC. */
  readonly createdAt: string
  /** `csv`, `json`, `ndjson`, `arrow`, `arrows` or `parquet`: the file as it was given. */
  readonly format: string
  /** What part of the data it is, `train`, `test` …; absent: nobody said. */
  readonly split?: string
  /** Size of the file. */
  readonly sizeBytes: number
  /** SHA-256 of the file, hex. */
  readonly sha256: string
  /** Rows of its table. */
  readonly rows: number
  /** Columns of its table, in the file's order. */
  readonly columns: readonly DatasetColumn[]
}

/** A dataset: its versions, and when it changed. */
export interface DatasetRecord {
  /** Its name. */
  readonly name: string
  /** When its first version was stored. ISO 8601, UTC. */
  readonly createdAt: string
  /** When a version was stored or removed. ISO 8601, UTC. */
  readonly updatedAt: string
  /** Oldest first, at least one. */
  readonly versions: readonly DatasetVersion[]
}

/** One stored version of a tokenizer. */
export interface TokenizerVersion {
  /** 1, 2, 3 …; immutable. */
  readonly version: number
  /** When it was stored. ISO 8601, UTC. */
  readonly createdAt: string
  /** SHA-256 of its tokenizer.json, hex. */
  readonly sha256: string
  /** The size of that file. */
  readonly sizeBytes: number
  /** `WordPiece`, `BPE` or `Unigram`. */
  readonly model: string
  /** Tokens, added ones included. */
  readonly vocabularySize: number
  /** Tokens of a row to which the file itself truncates; null: it does not say. */
  readonly maxLength: number | null
  /** Tokens that each row has besides those of its text, such as `[CLS]` and `[SEP]`. */
  readonly specialTokens: number
}

/** A tokenizer: its versions, and when it changed. */
export interface TokenizerRecord {
  /** Its name. */
  readonly name: string
  /** When its first version was stored. ISO 8601, UTC. */
  readonly createdAt: string
  /** When a version was stored or removed. ISO 8601, UTC. */
  readonly updatedAt: string
  /** Oldest first, at least one. */
  readonly versions: readonly TokenizerVersion[]
}

/** Why the last deploy was none. */
export interface DeployFailure {
  /** The version that was to serve. */
  readonly version: number
  /** The code of the error. */
  readonly code: ErrorCode
  /** Its sentence. */
  readonly message: string
}

/** A failed run of a background model. */
export interface BackgroundFailure {
  /** The code of the error. */
  readonly code: string
  /** Its sentence: ONNX Runtime's words, where it was a run. */
  readonly message: string
  /** When. ISO 8601, UTC. */
  readonly at: string
}

/** Rows of a background model without an answer: answers of requests do not mention them. */
export interface BackgroundLosses {
  /** As the log's columns name it. */
  readonly model: string
  /** Rows that a full queue refused. */
  readonly shedRows: number
  /** All of `failures`. */
  readonly failedRows: number
  /** Failed rows by error code. */
  readonly failures: Readonly<Record<string, number>>
  /** The newest failure of the model version since it was loaded; null: no run of it has failed. */
  readonly lastFailure: BackgroundFailure | null
}

/** The threads of one run. */
export interface RunThreads {
  /** Threads inside the run, 1..256. */
  readonly intraOpThreads: number
  /** True: those threads poll for work while the run lasts instead of sleeping. */
  readonly spinning: boolean
}

/** Under what a calibration holds: all of it must be the same for the result to be used again. */
export interface CalibrationConditions {
  /** The processor's name. */
  readonly cpu: string
  /** Cores that the process may use. */
  readonly cores: number
  /** Threads that run models. */
  readonly inferWorkers: number
  /** Threads inside a run, when an option fixes them, else null. */
  readonly intraOpThreads: number | null
  /** ONNX Runtime's version. */
  readonly runtime: string
  /** What one run may take, in milliseconds. */
  readonly latencyObjectiveMs: number
  /** Rows of one batch at most. */
  readonly batchRowsMax: number
  /** Version of the procedure. */
  readonly algorithm: number
}

/** What measuring a model version on a machine has shown. */
export interface ReportedCalibration {
  /** Time of one row that has the machine to itself, in microseconds. */
  readonly rowUs: number
  /** Time of a full batch, in microseconds. */
  readonly batchUs: number
  /** Throughput of all instances together, in rows per second. */
  readonly rowsPerS: number
  /** When it was measured. ISO 8601, UTC. */
  readonly measuredAt: string
  /** Under what it holds; when any of it differs, the model is measured again. */
  readonly conditions: CalibrationConditions
}

/** Runs of a model that were past their limit. */
export interface OverdueRuns {
  /** Runs that were past their limit since the model was loaded. */
  readonly count: number
  /** Those among them that have not ended: their workers are stuck. */
  readonly stuck: number
}

/** What the live checks of a loaded model have counted since it was loaded. */
export interface BatchingCounts {
  /** Rows that were answered in a shared batch and run again alone, to compare. */
  readonly rowChecks: number
  /** Those among them whose answer was another. */
  readonly rowDifferences: number
  /** Shared runs that failed although each of their requests ran by itself. */
  readonly sharedFailures: number
}

/** How the runs of one model are arranged. */
export interface RunPlan {
  /** Batches that run at a time, over all workers. */
  readonly instances: number
  /** Threads inside the run, 1..256. */
  readonly intraOpThreads: number
  /** True: those threads poll for work while the run lasts instead of sleeping. */
  readonly spinning: boolean
  /** Rows of one run; a batch of more is run in parts. */
  readonly runRowsMax: number
  /** Rows of one batch at most. */
  readonly batchRowsMax: number
  /** The threads of a batch that has all workers to itself; null: as the others. */
  readonly alone: RunThreads | null
}

/** What a model of a deployed pipeline is doing. */
export interface ReportedModelStatus {
  /** The model. */
  readonly name: string
  /** Its version. */
  readonly version: number
  /** Rows that wait or run. */
  readonly pendingRows: number
  /** Workers have loaded it. */
  readonly isReady: boolean
  /** It is in memory; else its next request has it loaded. */
  readonly isLoaded: boolean
  /** Times that it was loaded since it is served. */
  readonly loads: number
  /** What it counts for while it is loaded, in bytes. */
  readonly memoryBytes: number
  /** Runs of a model that were past their limit. */
  readonly overdueRuns: OverdueRuns
  /** What runs it. */
  readonly provider: ExecutionProvider
  /** What computes its answers: that of the version, unless the server was started without the tree kernels. */
  readonly runner: RunnerName
  /** On a GPU: its batches lie in memory that the GPU copies without a detour. */
  readonly isPageLocked: boolean
  /** How its rows run. */
  readonly batching: BatchingMode
  /** Rows that could share batches run one by one: a difference was found, or nothing proves them independent. */
  readonly isUnbatched: boolean
  /** What the live checks of a loaded model have counted since it was loaded. */
  readonly batchingCounts: BatchingCounts
  /** Where the plan comes from. */
  readonly runPlanState: RunPlanState
  /** How the runs of one model are arranged. */
  readonly runPlan: RunPlan
  /** What the plan was taken from; null unless calibrated. */
  readonly calibration: ReportedCalibration | null
}

/** What a pipeline is doing, and what it has done since it was deployed. */
export interface ReportedStatus {
  /** The pipeline's name. */
  readonly name: string
  /** Whether it serves. */
  readonly state: PipelineState
  /** Why the last deploy since the engine was opened failed; null when it did not. */
  readonly failure: DeployFailure | null
  /** A version serves. */
  readonly deployed: boolean
  /** The version that serves, or null. */
  readonly version: number | null
  /** All versions, oldest first. */
  readonly versions: readonly number[]
  /** Requests without an answer yet. */
  readonly inFlight: number
  /** Requests that were answered with results. */
  readonly requestCount: number
  /** Their rows. */
  readonly rowCount: number
  /** Requests that failed, by error code. */
  readonly failures: Readonly<Record<string, number>>
  /** What each challenger and other background model lost. */
  readonly background: readonly BackgroundLosses[]
  /** The models that it runs. */
  readonly models: readonly ReportedModelStatus[]
  /** The remote steps that it has. */
  readonly remotes: readonly RemoteStatus[]
}

/** Why an explanation has no result. */
export interface ExplainFailure {
  /** The code of the error. */
  readonly code: ErrorCode
  /** Its sentence. */
  readonly message: string
}

/** One explanation: a job in the background. */
export interface ExplainJob {
  /** Its id. */
  readonly id: string
  /** The pipeline that it explains. */
  readonly pipeline: string
  /** The version, with the models that it had when the job was begun, whatever is deployed later. */
  readonly pipelineVersion: number
  /** How it is explained. */
  readonly config: ExplainConfig
  /** How it goes. */
  readonly state: ExplainJobState
  /** Rows that are explained. */
  readonly rows: number
  /** Rows that were run so far. */
  readonly evaluated: number
  /** Rows that will be run. */
  readonly evaluations: number
  /** When it was begun. ISO 8601, UTC. */
  readonly createdAt: string
  /** When it ended, however. ISO 8601, UTC. */
  readonly endedAt: string | null
  /** Why it failed; null when it did not. */
  readonly failure: ExplainFailure | null
  /** When `done`; always null in the records of lists. */
  readonly result: OcclusionResult | PermutationResult | null
}

/** A version of a model that carries a tag. */
export interface TaggedModel {
  /** The model. */
  readonly name: string
  /** Its version. */
  readonly version: number
}

/** Who carries a tag. */
export interface TagUse {
  /** The tag. */
  readonly tag: string
  /** Pipelines that carry it. */
  readonly pipelines: readonly string[]
  /** Versions of models that carry it. */
  readonly models: readonly TaggedModel[]
}

/** A file that an export wrote. */
export interface ExportedFile {
  /** Where it is, on the server. */
  readonly path: string
  /** Its rows. */
  readonly rows: number
  /** Its size. */
  readonly sizeBytes: number
}

/** What an export of the log wrote. */
export interface LogExportResult {
  /** The files. */
  readonly files: readonly ExportedFile[]
  /** Rows of all files. */
  readonly rows: number
  /** What there is to know beside them, a sentence each. */
  readonly warnings: readonly string[]
}

/** A column of a result. */
export interface LogColumn {
  /** Its name. */
  readonly name: string
  /** Its type, in the words of DuckDB. */
  readonly type: string
}

/** A log that cannot be written. */
export interface FailingLog {
  /** Whose log it is. */
  readonly pipeline: string
  /** Name of the system's error: ENOSPC, EROFS …. */
  readonly fault: string
  /** New requests of the pipeline are refused while it lasts; else rows are dropped, or committed answers fail. */
  readonly refuses: boolean
}
