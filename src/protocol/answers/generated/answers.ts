// Generated from src/protocol/answers/*.json by tools/codegen: do not edit, run `npm run codegen`.
// The JSON answers of the control API as a client of this release reads them. They come from a server of possibly another
// release: members that not all releases send are optional, and words that may become more are strings.

/** Name, version and addresses of a server. */
export interface IndexAnswer {
  /** `penstock`. */
  readonly name: string
  /** Its release. */
  readonly version: string
  /** Addresses by what they are. */
  readonly links: Readonly<Record<string, string>>
}

/** The process answers. */
export interface LiveAnswer {
  /** It does. */
  readonly live: true
}

/** Requests should be sent here. */
export interface ReadyAnswer {
  /** They should. */
  readonly ready: true
  /** The logs that cannot be written now. */
  readonly failing_logs: readonly FailingLogAnswer[]
}

/** A small tensor that stands for an input that was left out. */
export interface FieldDefaultAnswer {
  /** Its dims. */
  readonly shape: readonly number[]
  /** Its elements; 64-bit integers beyond 2^53, and texts, as strings. */
  readonly data: readonly (number | string)[]
}

/** An input or output. */
export interface FieldAnswer {
  /** Its name. */
  readonly name: string
  /** Type of its elements: `float32`, `int64`, `string` …. */
  readonly dtype: string
  /** Full ONNX shape, row axis first; null is a free dim. */
  readonly shape: readonly (number | null)[]
  /** What stands for an input that may be left out. */
  readonly default?: FieldDefaultAnswer
}

/** An output of a model. */
export interface OutputFieldAnswer {
  /** Its name. */
  readonly name: string
  /** Type of its elements. */
  readonly dtype: string
  /** Full ONNX shape, row axis first; null is a free dim. */
  readonly shape: readonly (number | null)[]
  /** What each column stands for, where the model names its classes: in a map beside the tensor (ZipMap) that was cut off, or in the classifier that makes it. */
  readonly classes?: readonly (string | number)[]
}

/** A node that makes rows depend on each other, or that is not known. */
export interface BatchingCulpritAnswer {
  /** Its name, or that of its first output where the file names the node not; empty when it is no node. */
  readonly node: string
  /** `MatMul`; with another domain `com.microsoft.Attention`. */
  readonly operator: string
  /** What it does to rows. */
  readonly reason: string
}

/** An operator's word that rows share batches. */
export interface BatchingOverrideAnswer {
  /** Who said so. */
  readonly operator: string
  /** When. ISO 8601, UTC. */
  readonly at: string
}

/** A row that got another answer in a shared batch. */
export interface BatchingFindingAnswer {
  /** When it was seen. ISO 8601, UTC. */
  readonly at: string
  /** The output that differed. */
  readonly output: string
}

/** Why rows of a model version share batches, or why they do not: what its inspection read in the graph and saw in its trial, what an operator decided, and what was seen since it serves. */
export interface BatchingProofAnswer {
  /** Counts changes of how rows are proven: one of an earlier revision is not trusted, the version is inspected again. */
  readonly revision: number
  /** What proves it. */
  readonly basis: string
  /** The first node that makes rows depend on each other, or that is not known; null when there is none. */
  readonly culprit: BatchingCulpritAnswer | null
  /** Rows of shared batches whose answers were compared with those of the rows by themselves. */
  readonly comparisons: number
  /** What differed when it was tried; empty when nothing did. */
  readonly difference: string
  /** Kinds of values that the model refuses, so that they were not tried, by input: `amount: missing, infinite`. */
  readonly untried: readonly string[]
  /** Who had the rows share batches whatever the inspection says, and when. */
  readonly override?: BatchingOverrideAnswer
  /** A row that got another answer in a shared batch while the version served: the model's rows run one by one since. */
  readonly found?: BatchingFindingAnswer
}

/** What computes the answers of a model version, and how that was found. */
export interface RunnerAnswer {
  /** What computes them. */
  readonly name: string
  /** Why the tree kernels do not; empty when they do. */
  readonly reason: string
  /** Rows on which their answers were those of ONNX Runtime, bit for bit. */
  readonly rows: number
  /** What they hold of the model in memory, once for all workers; 0 where they do not run it, in bytes. */
  readonly memory_bytes: number
  /** The kernels, the ONNX Runtime and the instruction set that were compared: with others the version is inspected again. */
  readonly found_with: string
}

/** The file that was sent, where what is stored and served was made from it. */
export interface UploadedFileAnswer {
  /** SHA-256 of the .onnx file as it was sent, hex. */
  readonly sha256: string
  /** Its size. */
  readonly size_bytes: number
  /** What was changed, a sentence each. */
  readonly changes: readonly string[]
}

/** Where a model version comes from, as whoever added it said. */
export interface LineageAnswer {
  /** URI or file that the model was taken from. */
  readonly source?: string
  /** The run that made it, in the words of the tracker that knows it. */
  readonly run_id?: string
  /** What it was made from: another model, a commit, a file. */
  readonly created_from?: string
  /** Metrics by name. */
  readonly metrics?: Readonly<Record<string, number>>
  /** Parameters by name. */
  readonly params?: Readonly<Record<string, number | string>>
  /** A digest of the data that it was trained on. */
  readonly dataset_digest?: string
  /** Datasets of the registry by what they were used for: `train`: `wine@1`. */
  readonly datasets?: Readonly<Record<string, string>>
}

/** One version of a model. */
export interface ModelVersionAnswer {
  /** 1, 2, 3 … in order of upload. */
  readonly version: number
  /** SHA-256 of the file that is stored and served, hex. */
  readonly sha256: string
  /** Size of that file. */
  readonly size_bytes: number
  /** When it was uploaded. ISO 8601, UTC. */
  readonly created_at: string
  /** Its tags. */
  readonly tags?: readonly string[]
  /** Its inputs. */
  readonly inputs?: readonly FieldAnswer[]
  /** Its outputs. */
  readonly outputs?: readonly OutputFieldAnswer[]
  /** How its rows run. */
  readonly batching?: string
  /** Why batching is not `rows`, or another remark of the inspection; empty when there is nothing to say. */
  readonly remark?: string
  /** Outputs that ONNX Runtime does not write into memory that it is given: they are copied. Absent: none. */
  readonly copied_outputs?: readonly string[]
  /** Why its rows share batches or do not. Absent: an earlier release inspected the version; it is inspected again before its rows share batches. */
  readonly batching_proof?: BatchingProofAnswer
  /** What computes its answers, and why. Absent: an earlier release inspected the version; it is inspected again before it is next deployed. */
  readonly runner?: RunnerAnswer
  /** What it runs on, the preferred one first; absent: what the engine was opened with. */
  readonly providers?: readonly string[]
  /** The GPU, for `cuda`; absent: 0. */
  readonly device_id?: number
  /** What was sent; absent: the stored bytes are those. */
  readonly uploaded?: UploadedFileAnswer
  /** Where it comes from; absent: nobody said. */
  readonly lineage?: LineageAnswer
}

/** A version with its model's name. */
export interface NamedModelVersionAnswer {
  /** The model's name. */
  readonly name: string
  /** 1, 2, 3 … in order of upload. */
  readonly version: number
  /** SHA-256 of the file that is stored and served, hex. */
  readonly sha256: string
  /** Size of that file. */
  readonly size_bytes: number
  /** When it was uploaded. ISO 8601, UTC. */
  readonly created_at: string
  /** Its tags. */
  readonly tags?: readonly string[]
  /** Its inputs. */
  readonly inputs?: readonly FieldAnswer[]
  /** Its outputs. */
  readonly outputs?: readonly OutputFieldAnswer[]
  /** How its rows run. */
  readonly batching?: string
  /** Why batching is not `rows`, or another remark of the inspection; empty when there is nothing to say. */
  readonly remark?: string
  /** Outputs that ONNX Runtime does not write into memory that it is given: they are copied. Absent: none. */
  readonly copied_outputs?: readonly string[]
  /** Why its rows share batches or do not. Absent: an earlier release inspected the version; it is inspected again before its rows share batches. */
  readonly batching_proof?: BatchingProofAnswer
  /** What computes its answers, and why. Absent: an earlier release inspected the version; it is inspected again before it is next deployed. */
  readonly runner?: RunnerAnswer
  /** What it runs on, the preferred one first; absent: what the engine was opened with. */
  readonly providers?: readonly string[]
  /** The GPU, for `cuda`; absent: 0. */
  readonly device_id?: number
  /** What was sent; absent: the stored bytes are those. */
  readonly uploaded?: UploadedFileAnswer
  /** Where it comes from; absent: nobody said. */
  readonly lineage?: LineageAnswer
}

/** A version, and the aliases that point to it. */
export interface UploadedVersionAnswer {
  /** The model's name. */
  readonly name: string
  /** 1, 2, 3 … in order of upload. */
  readonly version: number
  /** SHA-256 of the file that is stored and served, hex. */
  readonly sha256: string
  /** Size of that file. */
  readonly size_bytes: number
  /** When it was uploaded. ISO 8601, UTC. */
  readonly created_at: string
  /** Its tags. */
  readonly tags?: readonly string[]
  /** Its inputs. */
  readonly inputs?: readonly FieldAnswer[]
  /** Its outputs. */
  readonly outputs?: readonly OutputFieldAnswer[]
  /** How its rows run. */
  readonly batching?: string
  /** Why batching is not `rows`, or another remark of the inspection; empty when there is nothing to say. */
  readonly remark?: string
  /** Outputs that ONNX Runtime does not write into memory that it is given: they are copied. Absent: none. */
  readonly copied_outputs?: readonly string[]
  /** Why its rows share batches or do not. Absent: an earlier release inspected the version; it is inspected again before its rows share batches. */
  readonly batching_proof?: BatchingProofAnswer
  /** What computes its answers, and why. Absent: an earlier release inspected the version; it is inspected again before it is next deployed. */
  readonly runner?: RunnerAnswer
  /** What it runs on, the preferred one first; absent: what the engine was opened with. */
  readonly providers?: readonly string[]
  /** The GPU, for `cuda`; absent: 0. */
  readonly device_id?: number
  /** What was sent; absent: the stored bytes are those. */
  readonly uploaded?: UploadedFileAnswer
  /** Where it comes from; absent: nobody said. */
  readonly lineage?: LineageAnswer
  /** The aliases and stages that point to it. */
  readonly aliases?: readonly string[]
}

/** A model: its versions, and the aliases that point to them. */
export interface ModelAnswer {
  /** Its name. */
  readonly name: string
  /** Versions by alias; the stages `Staging` and `Production` are aliases. */
  readonly aliases: Readonly<Record<string, number>>
  /** Versions in the stage `Archived`, ascending; absent: none. */
  readonly archived?: readonly number[]
  /** Its versions, oldest first. */
  readonly versions: readonly ModelVersionAnswer[]
}

/** All models, or those that a search found. */
export interface ModelsAnswer {
  /** The models. */
  readonly models: readonly ModelAnswer[]
}

/** What a metric says of the rows that a promotion was judged by. */
export interface PromotionMetricAnswer {
  /** The metric, with its class where it is of one: `f1(spam)`. */
  readonly name: string
  /** Of the version that is to be promoted; null where the rows leave it undefined. */
  readonly candidate: number | null
  /** Of the version that it is compared with; null where there is none, too. */
  readonly baseline: number | null
}

/** One thing that a promotion was held to. */
export interface PromotionRequirementAnswer {
  /** As it was asked for. */
  readonly requirement: string
  /** What was found; null where the rows leave it undefined, which meets nothing. */
  readonly value: number | null
  /** Whether it holds. */
  readonly met: boolean
}

/** A promotion that is under way: live rows are being compared. */
export interface PromotionProgressAnswer {
  /** The model. */
  readonly model: string
  /** The version that is to be promoted. */
  readonly version: number
  /** The alias that it is to be promoted to. */
  readonly alias: string
  /** The pipeline whose rows are compared. */
  readonly pipeline: string
  /** Rows that are to be compared. */
  readonly rows_wanted: number
  /** Those that are. */
  readonly rows: number
  /** Those of them to which both versions answer the same. */
  readonly same_rows: number
}

/** The promotions of a model that are under way. */
export interface PromotionsAnswer {
  /** By alias. */
  readonly promotions: readonly PromotionProgressAnswer[]
}

/** A promotion, or what kept it from happening. */
export interface PromotionAnswer {
  /** The model. */
  readonly model: string
  /** The version that was to be promoted. */
  readonly version: number
  /** The alias that it was to be promoted to. */
  readonly alias: string
  /** The version that the alias pointed to; null: there was no such alias. */
  readonly previous: number | null
  /** Whether the alias points to the version now: every requirement is met. */
  readonly promoted: boolean
  /** The pipeline whose answers were judged; null: there were no rows. */
  readonly pipeline: string | null
  /** The version that it was compared with; null: none. */
  readonly baseline: number | null
  /** Rows that were answered; live rows: that both versions answered, or that this one failed. */
  readonly rows: number
  /** Those of them whose truth was known and that both versions answered: what the metrics are of. */
  readonly judged_rows: number
  /** The usual metrics, and those that were asked for. */
  readonly metrics: readonly PromotionMetricAnswer[]
  /** In the order in which they were asked for. */
  readonly requirements: readonly PromotionRequirementAnswer[]
}

/** A version that was taken from a watched place. */
export interface TakenVersionAnswer {
  /** Its number in the registry. */
  readonly version: number
  /** Where it was taken from, with what tells its content from others. */
  readonly source: string
}

/** An alias that was pointed elsewhere. */
export interface MovedAliasAnswer {
  /** The alias. */
  readonly alias: string
  /** The version that it pointed to; null: there was no such alias. */
  readonly from: number | null
  /** The version that it points to now. */
  readonly to: number
}

/** What was done so that the registry has what a watched place has of a model. */
export interface ReconciliationAnswer {
  /** The model. */
  readonly model: string
  /** The place. */
  readonly place: string
  /** The versions that the registry had not, oldest first. */
  readonly added: readonly TakenVersionAnswer[]
  /** The aliases that were moved. */
  readonly moved: readonly MovedAliasAnswer[]
  /** What could not be done, a sentence each; it leaves the rest done. */
  readonly problems: readonly string[]
}

/** A model with all watched places that have it. */
export interface ReconciliationsAnswer {
  /** One for each place that has the model. */
  readonly reconciliations: readonly ReconciliationAnswer[]
}

/** A place that is watched for models, and how watching goes. */
export interface ModelSourceAnswer {
  /** What it is. */
  readonly kind: string
  /** Where it is. */
  readonly place: string
  /** Time between two looks, in milliseconds. */
  readonly interval_ms: number
  /** Looks since the start of the server. */
  readonly looks: number
  /** Those of them in which the place could not be looked at. */
  readonly failed_looks: number
  /** Versions taken since the start. */
  readonly added: number
  /** Aliases moved since the start. */
  readonly moved: number
  /** When it was last looked at; null: not yet. ISO 8601, UTC. */
  readonly last_look_at: string | null
  /** Why the last look failed; null: it did not. */
  readonly error: string | null
  /** The models that the last look found. */
  readonly models: readonly string[]
  /** What lies there and cannot be taken, a sentence each, at most 100. */
  readonly problems: readonly string[]
  /** All of them. */
  readonly problem_count: number
}

/** The places that are watched for models. */
export interface ModelSourcesAnswer {
  /** One for each place, as they were given. */
  readonly sources: readonly ModelSourceAnswer[]
}

/** One stored definition of a pipeline. */
export interface PipelineVersionAnswer {
  /** 1, 2, 3 …; immutable. */
  readonly version: number
  /** When it was stored. ISO 8601, UTC. */
  readonly created_at: string
  /** Its steps, in the words in which they were written. */
  readonly steps: readonly unknown[]
  /** The contract that its rows keep, `name@version`; absent: none. */
  readonly contract?: string
  /** How its requests are logged; absent: async, by default retention. */
  readonly log?: unknown
  /** How long identical requests are answered without a run; absent: each is run. */
  readonly cache?: unknown
}

/** A version with its pipeline's name. */
export interface NamedVersionAnswer {
  /** The pipeline's name. */
  readonly name: string
  /** 1, 2, 3 …; immutable. */
  readonly version: number
  /** When it was stored. ISO 8601, UTC. */
  readonly created_at: string
  /** Its steps, in the words in which they were written. */
  readonly steps: readonly unknown[]
  /** The contract that its rows keep, `name@version`; absent: none. */
  readonly contract?: string
  /** How its requests are logged; absent: async, by default retention. */
  readonly log?: unknown
  /** How long identical requests are answered without a run; absent: each is run. */
  readonly cache?: unknown
}

/** A version that was stored. */
export interface StoredVersionAnswer {
  /** The pipeline's name. */
  readonly name: string
  /** 1, 2, 3 …; immutable. */
  readonly version: number
  /** When it was stored. ISO 8601, UTC. */
  readonly created_at: string
  /** Its steps, in the words in which they were written. */
  readonly steps: readonly unknown[]
  /** The contract that its rows keep, `name@version`; absent: none. */
  readonly contract?: string
  /** How its requests are logged; absent: async, by default retention. */
  readonly log?: unknown
  /** How long identical requests are answered without a run; absent: each is run. */
  readonly cache?: unknown
  /** Whether it serves. */
  readonly deployed: boolean
}

/** The versions of a pipeline. */
export interface VersionsAnswer {
  /** Oldest first. */
  readonly versions: readonly PipelineVersionAnswer[]
}

/** A pipeline: its versions, and which of them serves. */
export interface PipelineAnswer {
  /** Its name. */
  readonly name: string
  /** The version that serves, or null. */
  readonly deployed_version: number | null
  /** Its tags. */
  readonly tags?: readonly string[]
  /** When its first version was stored. ISO 8601, UTC. */
  readonly created_at?: string
  /** When a version was stored, deployed or undeployed, or tags or explanation configurations changed. ISO 8601, UTC. */
  readonly updated_at?: string
  /** Its configurations of explanations. */
  readonly explain_configs?: readonly { readonly name: string; readonly method: string }[]
  /** Its versions, oldest first. */
  readonly versions: readonly PipelineVersionAnswer[]
}

/** All pipelines, or those that a search found. */
export interface PipelinesAnswer {
  /** The pipelines. */
  readonly pipelines: readonly PipelineAnswer[]
}

/** One model of a version of a pipeline, with its input binding, and as the registry knows it. */
export interface PipelineModelAnswer {
  /** Index of its step. */
  readonly step: number
  /** As the step names it: `name`, `name@version` or `name@alias`. */
  readonly reference: string
  /** Names, by position, under which its inputs are bound; absent: their own. */
  readonly tensor_fields?: readonly string[]
  /** The version that the reference means: where the pipeline serves, to it; null when there is none. */
  readonly model: NamedModelVersionAnswer | null
}

/** The models of a version of a pipeline. */
export interface PipelineModelsAnswer {
  /** In the order of the steps. */
  readonly models: readonly PipelineModelAnswer[]
}

/** A version of a model that a deployed pipeline runs. */
export interface DeployedModelAnswer {
  /** The model. */
  readonly name: string
  /** Its version. */
  readonly version: number
  /** SHA-256 of its file, hex. */
  readonly sha256: string
}

/** A model beside the answering one whose outputs are kept. */
export interface AuditedModelAnswer {
  /** As a dataset names it: `out_<label>`. */
  readonly label: string
  /** Its outputs. */
  readonly outputs: readonly FieldAnswer[]
}

/** What a caller needs to form requests and to read answers. */
export interface DescriptionAnswer {
  /** The pipeline's name. */
  readonly name: string
  /** The version that serves. */
  readonly version: number
  /** What it takes. */
  readonly inputs: readonly FieldAnswer[]
  /** What it answers. */
  readonly outputs: readonly FieldAnswer[]
  /** Names of its checks. */
  readonly checks: readonly string[]
  /** Names that `route` entries take, in the order of the last split's options; empty without one. */
  readonly routes: readonly string[]
  /** The models beside the answering one whose outputs are kept and a dataset may name: audited ones, challengers among them. */
  readonly others?: readonly AuditedModelAnswer[]
  /** Rows of one request. */
  readonly rows_max: number
  /** Non-batching: tensors have no row axis, one request a run. */
  readonly whole?: boolean
  /** String tensors are involved: requests take the slower string path. */
  readonly plain?: boolean
  /** The models that it runs. */
  readonly models: readonly DeployedModelAnswer[]
  /** Its steps. */
  readonly steps: readonly unknown[]
  /** How its requests are logged. */
  readonly log?: unknown
  /** How long identical requests are answered without a run; absent: each is run. */
  readonly cache?: unknown
}

/** One stored version of a contract. */
export interface ContractVersionAnswer {
  /** 1, 2, 3 …; immutable. */
  readonly version: number
  /** When it was stored. ISO 8601, UTC. */
  readonly created_at: string
  /** The document as it is stored, with the contract's name. */
  readonly contract: { readonly name: string; readonly fields: readonly { readonly name: string; readonly role?: string }[] }
}

/** A version with its contract's name. */
export interface NamedContractVersionAnswer {
  /** The contract's name. */
  readonly name: string
  /** 1, 2, 3 …; immutable. */
  readonly version: number
  /** When it was stored. ISO 8601, UTC. */
  readonly created_at: string
  /** The document as it is stored, with the contract's name. */
  readonly contract: { readonly name: string; readonly fields: readonly { readonly name: string; readonly role?: string }[] }
}

/** A contract: its versions, and when it changed. */
export interface ContractRecordAnswer {
  /** Its name. */
  readonly name: string
  /** When its first version was stored. ISO 8601, UTC. */
  readonly created_at: string
  /** When a version was stored or removed. ISO 8601, UTC. */
  readonly updated_at: string
  /** Oldest first, at least one. */
  readonly versions: readonly ContractVersionAnswer[]
}

/** All contracts. */
export interface ContractRecordsAnswer {
  /** The contracts. */
  readonly contracts: readonly ContractRecordAnswer[]
}

/** A column of a dataset's table. */
export interface DatasetColumnAnswer {
  /** Its name. */
  readonly name: string
  /** Its dtype, as transforms read it. */
  readonly dtype: string
  /** Whether rows may lack a value; floats lack one as NaN. */
  readonly nullable?: boolean
  /** Dims of a row; `[]` is one element. */
  readonly shape: readonly number[]
}

/** One stored version of a dataset. */
export interface DatasetVersionAnswer {
  /** 1, 2, 3 …; immutable. */
  readonly version: number
  /** When it was stored. ISO 8601, UTC. */
  readonly created_at: string
  /** `csv`, `json`, `ndjson`, `arrow`, `arrows` or `parquet`: the file as it was given. */
  readonly format: string
  /** What part of the data it is, `train`, `test` …; absent: nobody said. */
  readonly split?: string
  /** Size of the file. */
  readonly size_bytes: number
  /** SHA-256 of the file, hex. */
  readonly sha256: string
  /** Rows of its table. */
  readonly rows: number
  /** Columns of its table, in the file's order. */
  readonly columns: readonly DatasetColumnAnswer[]
}

/** A version with its dataset's name. */
export interface NamedDatasetVersionAnswer {
  /** The dataset's name. */
  readonly name: string
  /** 1, 2, 3 …; immutable. */
  readonly version: number
  /** When it was stored. ISO 8601, UTC. */
  readonly created_at: string
  /** `csv`, `json`, `ndjson`, `arrow`, `arrows` or `parquet`: the file as it was given. */
  readonly format: string
  /** What part of the data it is, `train`, `test` …; absent: nobody said. */
  readonly split?: string
  /** Size of the file. */
  readonly size_bytes: number
  /** SHA-256 of the file, hex. */
  readonly sha256: string
  /** Rows of its table. */
  readonly rows: number
  /** Columns of its table, in the file's order. */
  readonly columns: readonly DatasetColumnAnswer[]
}

/** A dataset: its versions, and when it changed. */
export interface DatasetRecordAnswer {
  /** Its name. */
  readonly name: string
  /** When its first version was stored. ISO 8601, UTC. */
  readonly created_at: string
  /** When a version was stored or removed. ISO 8601, UTC. */
  readonly updated_at: string
  /** Oldest first, at least one. */
  readonly versions: readonly DatasetVersionAnswer[]
}

/** All datasets. */
export interface DatasetRecordsAnswer {
  /** The datasets. */
  readonly datasets: readonly DatasetRecordAnswer[]
}

/** One stored version of a tokenizer. */
export interface TokenizerVersionAnswer {
  /** 1, 2, 3 …; immutable. */
  readonly version: number
  /** When it was stored. ISO 8601, UTC. */
  readonly created_at: string
  /** SHA-256 of its tokenizer.json, hex. */
  readonly sha256: string
  /** The size of that file. */
  readonly size_bytes: number
  /** `WordPiece`, `BPE` or `Unigram`. */
  readonly model: string
  /** Tokens, added ones included. */
  readonly vocabulary_size: number
  /** Tokens of a row to which the file itself truncates; null: it does not say. */
  readonly max_length: number | null
  /** Tokens that each row has besides those of its text, such as `[CLS]` and `[SEP]`. */
  readonly special_tokens: number
}

/** A version with its tokenizer's name. */
export interface NamedTokenizerVersionAnswer {
  /** The tokenizer's name. */
  readonly name: string
  /** 1, 2, 3 …; immutable. */
  readonly version: number
  /** When it was stored. ISO 8601, UTC. */
  readonly created_at: string
  /** SHA-256 of its tokenizer.json, hex. */
  readonly sha256: string
  /** The size of that file. */
  readonly size_bytes: number
  /** `WordPiece`, `BPE` or `Unigram`. */
  readonly model: string
  /** Tokens, added ones included. */
  readonly vocabulary_size: number
  /** Tokens of a row to which the file itself truncates; null: it does not say. */
  readonly max_length: number | null
  /** Tokens that each row has besides those of its text, such as `[CLS]` and `[SEP]`. */
  readonly special_tokens: number
}

/** A tokenizer: its versions, and when it changed. */
export interface TokenizerRecordAnswer {
  /** Its name. */
  readonly name: string
  /** When its first version was stored. ISO 8601, UTC. */
  readonly created_at: string
  /** When a version was stored or removed. ISO 8601, UTC. */
  readonly updated_at: string
  /** Oldest first, at least one. */
  readonly versions: readonly TokenizerVersionAnswer[]
}

/** All tokenizers. */
export interface TokenizerRecordsAnswer {
  /** The tokenizers. */
  readonly tokenizers: readonly TokenizerRecordAnswer[]
}

/** Why the last deploy was none. */
export interface DeployFailureAnswer {
  /** The version that was to serve. */
  readonly version: number
  /** The code of the error. */
  readonly code: string
  /** Its sentence. */
  readonly message: string
}

/** A failed run of a background model. */
export interface BackgroundFailureAnswer {
  /** The code of the error. */
  readonly code: string
  /** Its sentence: ONNX Runtime's words, where it was a run. */
  readonly message: string
  /** When. ISO 8601, UTC. */
  readonly at: string
}

/** Rows of a background model without an answer: answers of requests do not mention them. */
export interface BackgroundLossesAnswer {
  /** As the log's columns name it. */
  readonly model: string
  /** Rows that a full queue refused. */
  readonly shed_rows: number
  /** All of `failures`. */
  readonly failed_rows: number
  /** Failed rows by error code. */
  readonly failures: Readonly<Record<string, number>>
  /** The newest failure of the model version since it was loaded; null: no run of it has failed. */
  readonly last_failure: BackgroundFailureAnswer | null
}

/** The threads of one run. */
export interface RunThreadsAnswer {
  /** Threads inside the run, 1..256. */
  readonly intra_op_threads: number
  /** True: those threads poll for work while the run lasts instead of sleeping. */
  readonly spinning: boolean
}

/** Under what a calibration holds: all of it must be the same for the result to be used again. */
export interface CalibrationConditionsAnswer {
  /** The processor's name. */
  readonly cpu: string
  /** Cores that the process may use. */
  readonly cores: number
  /** Threads that run models. */
  readonly infer_workers: number
  /** Threads inside a run, when an option fixes them, else null. */
  readonly intra_op_threads: number | null
  /** ONNX Runtime's version. */
  readonly runtime: string
  /** What one run may take, in milliseconds. */
  readonly latency_objective_ms: number
  /** Rows of one batch at most. */
  readonly batch_rows_max: number
  /** Version of the procedure. */
  readonly algorithm: number
}

/** What measuring a model version on a machine has shown. */
export interface CalibrationAnswer {
  /** Time of one row that has the machine to itself, in microseconds. */
  readonly row_us: number
  /** Time of a full batch, in microseconds. */
  readonly batch_us: number
  /** Throughput of all instances together, in rows per second. */
  readonly rows_per_s: number
  /** When it was measured. ISO 8601, UTC. */
  readonly measured_at: string
  /** Under what it holds; when any of it differs, the model is measured again. */
  readonly conditions: CalibrationConditionsAnswer
}

/** How the runs of one model are arranged, and what was measured to arrange them so. */
export interface RunPlanAnswer {
  /** Where the plan comes from. */
  readonly state: string
  /** Batches that run at a time, over all workers. */
  readonly instances: number
  /** Threads inside the run, 1..256. */
  readonly intra_op_threads: number
  /** True: those threads poll for work while the run lasts instead of sleeping. */
  readonly spinning: boolean
  /** Rows of one run; a batch of more is run in parts. */
  readonly run_rows_max: number
  /** Rows of one batch at most. */
  readonly batch_rows_max: number
  /** The threads of a batch that has all workers to itself; null: as the others. */
  readonly alone: RunThreadsAnswer | null
  /** What the plan was taken from; null unless calibrated. */
  readonly calibration: CalibrationAnswer | null
}

/** How rows of a loaded model run, and what its live checks have counted since it was loaded. */
export interface BatchingStateAnswer {
  /** How its rows run. */
  readonly mode: string
  /** Rows that could share batches run one by one: a difference was found, or nothing proves them independent. */
  readonly unbatched: boolean
  /** Rows that were answered in a shared batch and run again alone, to compare. */
  readonly row_checks: number
  /** Those among them whose answer was another. */
  readonly row_check_differences: number
  /** Shared runs that failed although each of their requests ran by itself. */
  readonly shared_run_failures: number
}

/** What a model of a deployed pipeline is doing. */
export interface ModelStatusAnswer {
  /** The model. */
  readonly name: string
  /** Its version. */
  readonly version: number
  /** Rows that wait or run. */
  readonly pending_rows: number
  /** Workers have loaded it. */
  readonly ready: boolean
  /** It is in memory; else its next request has it loaded. */
  readonly loaded?: boolean
  /** Times that it was loaded since it is served. */
  readonly loads?: number
  /** What it counts for while it is loaded, in bytes. */
  readonly memory_bytes?: number
  /** Runs that were past their limit since the model was loaded. */
  readonly overdue_runs?: number
  /** Those among them that have not ended: their workers are stuck. */
  readonly stuck_runs?: number
  /** What runs it. */
  readonly provider?: string
  /** What computes its answers: that of the version, unless the server was started without the tree kernels. */
  readonly runner?: string
  /** On a GPU: its batches lie in memory that the GPU copies without a detour. */
  readonly page_locked?: boolean
  /** How its rows run, and what was seen of them. */
  readonly batching?: BatchingStateAnswer
  /** How it runs now. */
  readonly run_plan?: RunPlanAnswer
}

/** A remote step of a deployed pipeline, and what it has counted since it was deployed. */
export interface RemoteStatusAnswer {
  /** Its place in the definition: `steps[0]`. */
  readonly step: string
  /** How its remote is asked. */
  readonly kind: string
  /** The address that it calls, without query. */
  readonly url: string
  /** Whether the remote is asked. */
  readonly breaker: string
  /** How often the breaker has opened. */
  readonly opened_count: number
  /** Calls without an answer yet. */
  readonly in_flight: number
  /** Calls that wait for a connection. */
  readonly waiting: number
  /** Calls that were made, each attempt for itself. */
  readonly calls: number
  /** Those among them that repeated another. */
  readonly retries: number
  /** Those among them that failed. */
  readonly failures: number
}

/** What a pipeline is doing, and what it has done since it was deployed. */
export interface StatusAnswer {
  /** The pipeline's name. */
  readonly name: string
  /** Whether it serves. */
  readonly state?: string
  /** Why the last deploy since the engine was opened failed; null when it did not. */
  readonly failure?: DeployFailureAnswer | null
  /** A version serves. */
  readonly deployed: boolean
  /** The version that serves, or null. */
  readonly version: number | null
  /** All versions, oldest first. */
  readonly versions: readonly number[]
  /** Requests without an answer yet. */
  readonly in_flight: number
  /** Requests that were answered with results. */
  readonly request_count: number
  /** Their rows. */
  readonly row_count: number
  /** Requests that failed, by error code. */
  readonly failures: Readonly<Record<string, number>>
  /** What each challenger and other background model lost. */
  readonly background?: readonly BackgroundLossesAnswer[]
  /** The models that it runs. */
  readonly models: readonly ModelStatusAnswer[]
  /** The remote steps that it has. */
  readonly remotes?: readonly RemoteStatusAnswer[]
}

/** The configurations of explanations of a pipeline. */
export interface ExplainConfigsAnswer {
  /** As they were stored. */
  readonly configs: readonly { readonly name: string; readonly method: string }[]
}

/** What each group of elements adds to the output, by putting the baseline in its place. */
export interface OcclusionResultAnswer {
  /** The method. */
  readonly method: 'occlusion'
  /** Names of the groups. */
  readonly groups: readonly string[]
  /** f of each row. */
  readonly outputs: readonly number[]
  /** [row][group]: f(row) - f(row with the group at the baseline). */
  readonly contributions: readonly (readonly number[])[]
  /** Per group: mean over the rows of the absolute contribution. */
  readonly importances: readonly number[]
}

/** How much the score drops when the values of a group are dealt anew among the rows. */
export interface PermutationResultAnswer {
  /** The method. */
  readonly method: 'permutation'
  /** Names of the groups. */
  readonly groups: readonly string[]
  /** Score of the rows as they are; with `variance` the variance of f over them. */
  readonly score: number
  /** Per group: mean over the repeats of the drop. */
  readonly importances: readonly number[]
  /** Per group: standard deviation over the repeats, divided by their number. */
  readonly deviations: readonly number[]
  /** [group][repeat]. */
  readonly repeats: readonly (readonly number[])[]
}

/** Why an explanation has no result. */
export interface ExplainFailureAnswer {
  /** The code of the error. */
  readonly code: string
  /** Its sentence. */
  readonly message: string
}

/** An explanation in a list, without its result. */
export interface ListedExplanationAnswer {
  /** Its id. */
  readonly id: string
  /** The pipeline that it explains. */
  readonly pipeline: string
  /** The version, with the models that it had when the job was begun, whatever is deployed later. */
  readonly pipeline_version: number
  /** How it is explained. */
  readonly config: { readonly name: string; readonly method: string }
  /** How it goes. */
  readonly state: string
  /** Rows that are explained. */
  readonly rows: number
  /** Rows that were run so far. */
  readonly evaluated: number
  /** Rows that will be run. */
  readonly evaluations: number
  /** When it was begun. ISO 8601, UTC. */
  readonly created_at: string
  /** When it ended, however. ISO 8601, UTC. */
  readonly ended_at: string | null
  /** Why it failed; null when it did not. */
  readonly failure: ExplainFailureAnswer | null
}

/** One explanation: a job in the background. */
export interface ExplanationAnswer {
  /** Its id. */
  readonly id: string
  /** The pipeline that it explains. */
  readonly pipeline: string
  /** The version, with the models that it had when the job was begun, whatever is deployed later. */
  readonly pipeline_version: number
  /** How it is explained. */
  readonly config: { readonly name: string; readonly method: string }
  /** How it goes. */
  readonly state: string
  /** Rows that are explained. */
  readonly rows: number
  /** Rows that were run so far. */
  readonly evaluated: number
  /** Rows that will be run. */
  readonly evaluations: number
  /** When it was begun. ISO 8601, UTC. */
  readonly created_at: string
  /** When it ended, however. ISO 8601, UTC. */
  readonly ended_at: string | null
  /** Why it failed; null when it did not. */
  readonly failure: ExplainFailureAnswer | null
  /** When `done`; always null in the records of lists. */
  readonly result?: OcclusionResultAnswer | PermutationResultAnswer | null
}

/** The explanations of a pipeline that are remembered. */
export interface ExplanationsAnswer {
  /** Oldest first. */
  readonly explanations: readonly ListedExplanationAnswer[]
}

/** A version of a model that carries a tag. */
export interface TaggedModelAnswer {
  /** The model. */
  readonly name: string
  /** Its version. */
  readonly version: number
}

/** Who carries a tag. */
export interface TagUseAnswer {
  /** The tag. */
  readonly tag: string
  /** Pipelines that carry it. */
  readonly pipelines: readonly string[]
  /** Versions of models that carry it. */
  readonly models: readonly TaggedModelAnswer[]
}

/** Every tag in use. */
export interface TagsAnswer {
  /** In order, each with who carries it. */
  readonly tags: readonly TagUseAnswer[]
}

/** A file that an export wrote. */
export interface ExportedFileAnswer {
  /** Where it is, on the server. */
  readonly path: string
  /** Its rows. */
  readonly rows: number
  /** Its size. */
  readonly size_bytes: number
}

/** What an export of the log wrote. */
export interface LogExportAnswer {
  /** The files. */
  readonly files: readonly ExportedFileAnswer[]
  /** Rows of all files. */
  readonly rows: number
  /** What there is to know beside them, a sentence each. */
  readonly warnings: readonly string[]
}

/** A column of a result. */
export interface LogColumnAnswer {
  /** Its name. */
  readonly name: string
  /** Its type, in the words of DuckDB. */
  readonly type: string
}

/** The result of one SELECT. */
export interface LogSqlAnswer {
  /** Its columns. */
  readonly columns: readonly LogColumnAnswer[]
  /** What there is to know beside it, a sentence each. */
  readonly warnings: readonly string[]
  /** A record a row; 64-bit integers keep all their digits. */
  readonly records: readonly Readonly<Record<string, unknown>>[]
}

/** A log that cannot be written. */
export interface FailingLogAnswer {
  /** Whose log it is. */
  readonly pipeline: string
  /** Name of the system's error: ENOSPC, EROFS …. */
  readonly fault: string
  /** New requests of the pipeline are refused while it lasts; else rows are dropped, or committed answers fail. */
  readonly refuses: boolean
}

export interface AnswersByName {
  readonly Index: IndexAnswer
  readonly Live: LiveAnswer
  readonly Ready: ReadyAnswer
  readonly FieldDefault: FieldDefaultAnswer
  readonly Field: FieldAnswer
  readonly OutputField: OutputFieldAnswer
  readonly BatchingCulprit: BatchingCulpritAnswer
  readonly BatchingOverride: BatchingOverrideAnswer
  readonly BatchingFinding: BatchingFindingAnswer
  readonly BatchingProof: BatchingProofAnswer
  readonly Runner: RunnerAnswer
  readonly UploadedFile: UploadedFileAnswer
  readonly Lineage: LineageAnswer
  readonly ModelVersion: ModelVersionAnswer
  readonly NamedModelVersion: NamedModelVersionAnswer
  readonly UploadedVersion: UploadedVersionAnswer
  readonly Model: ModelAnswer
  readonly Models: ModelsAnswer
  readonly PromotionMetric: PromotionMetricAnswer
  readonly PromotionRequirement: PromotionRequirementAnswer
  readonly PromotionProgress: PromotionProgressAnswer
  readonly Promotions: PromotionsAnswer
  readonly Promotion: PromotionAnswer
  readonly TakenVersion: TakenVersionAnswer
  readonly MovedAlias: MovedAliasAnswer
  readonly Reconciliation: ReconciliationAnswer
  readonly Reconciliations: ReconciliationsAnswer
  readonly ModelSource: ModelSourceAnswer
  readonly ModelSources: ModelSourcesAnswer
  readonly PipelineVersion: PipelineVersionAnswer
  readonly NamedVersion: NamedVersionAnswer
  readonly StoredVersion: StoredVersionAnswer
  readonly Versions: VersionsAnswer
  readonly Pipeline: PipelineAnswer
  readonly Pipelines: PipelinesAnswer
  readonly PipelineModel: PipelineModelAnswer
  readonly PipelineModels: PipelineModelsAnswer
  readonly DeployedModel: DeployedModelAnswer
  readonly AuditedModel: AuditedModelAnswer
  readonly Description: DescriptionAnswer
  readonly ContractVersion: ContractVersionAnswer
  readonly NamedContractVersion: NamedContractVersionAnswer
  readonly ContractRecord: ContractRecordAnswer
  readonly ContractRecords: ContractRecordsAnswer
  readonly DatasetColumn: DatasetColumnAnswer
  readonly DatasetVersion: DatasetVersionAnswer
  readonly NamedDatasetVersion: NamedDatasetVersionAnswer
  readonly DatasetRecord: DatasetRecordAnswer
  readonly DatasetRecords: DatasetRecordsAnswer
  readonly TokenizerVersion: TokenizerVersionAnswer
  readonly NamedTokenizerVersion: NamedTokenizerVersionAnswer
  readonly TokenizerRecord: TokenizerRecordAnswer
  readonly TokenizerRecords: TokenizerRecordsAnswer
  readonly DeployFailure: DeployFailureAnswer
  readonly BackgroundFailure: BackgroundFailureAnswer
  readonly BackgroundLosses: BackgroundLossesAnswer
  readonly RunThreads: RunThreadsAnswer
  readonly CalibrationConditions: CalibrationConditionsAnswer
  readonly Calibration: CalibrationAnswer
  readonly RunPlan: RunPlanAnswer
  readonly BatchingState: BatchingStateAnswer
  readonly ModelStatus: ModelStatusAnswer
  readonly RemoteStatus: RemoteStatusAnswer
  readonly Status: StatusAnswer
  readonly ExplainConfigs: ExplainConfigsAnswer
  readonly OcclusionResult: OcclusionResultAnswer
  readonly PermutationResult: PermutationResultAnswer
  readonly ExplainFailure: ExplainFailureAnswer
  readonly ListedExplanation: ListedExplanationAnswer
  readonly Explanation: ExplanationAnswer
  readonly Explanations: ExplanationsAnswer
  readonly TaggedModel: TaggedModelAnswer
  readonly TagUse: TagUseAnswer
  readonly Tags: TagsAnswer
  readonly ExportedFile: ExportedFileAnswer
  readonly LogExportAnswer: LogExportAnswer
  readonly LogColumn: LogColumnAnswer
  readonly LogSqlAnswer: LogSqlAnswer
  readonly FailingLog: FailingLogAnswer
}

/** What an answer has that no record does: its writer adds it. */
export interface AddedByName {
  readonly UploadedVersion: Required<Pick<UploadedVersionAnswer, 'aliases'>>
  readonly StoredVersion: Required<Pick<StoredVersionAnswer, 'deployed'>>
  readonly Description: Required<Pick<DescriptionAnswer, 'log' | 'cache'>>
  readonly NamedContractVersion: Required<Pick<NamedContractVersionAnswer, 'name'>>
  readonly NamedDatasetVersion: Required<Pick<NamedDatasetVersionAnswer, 'name'>>
  readonly NamedTokenizerVersion: Required<Pick<NamedTokenizerVersionAnswer, 'name'>>
}

/** What a record repeats of the answer around its own: who reads it by itself says it. */
export interface InheritedByName {
  readonly ModelVersion: { readonly name: string }
  readonly PipelineVersion: { readonly name: string }
  readonly Versions: { readonly name: string }
}
