// Generated from src/protocol/answers/*.json by tools/codegen: do not edit, run `npm run codegen`.
import type { AnswerName, AnswerTable } from '../table.js'

export const answerTables: Readonly<Record<AnswerName, AnswerTable>> = {
  Index: {
    does: 'Name, version and addresses of a server',
    fields: [
      { name: 'name', record: ["name"], type: {"kind":"word","name":"text"}, does: '`penstock`' },
      { name: 'version', record: ["version"], type: {"kind":"word","name":"text"}, does: 'Its release' },
      { name: 'links', record: ["links"], type: {"kind":"map","of":{"kind":"word","name":"text"}}, does: 'Addresses by what they are' },
    ],
  },
  Live: {
    does: 'The process answers',
    fields: [
      { name: 'live', record: ["live"], type: {"kind":"word","name":"true"}, does: 'It does' },
    ],
  },
  Ready: {
    does: 'Requests should be sent here',
    fields: [
      { name: 'ready', record: ["ready"], type: {"kind":"word","name":"true"}, does: 'They should' },
      { name: 'failing_logs', record: ["failingLogs"], type: {"kind":"list","of":{"kind":"object","name":"FailingLog"}}, does: 'The logs that cannot be written now' },
    ],
  },
  FieldDefault: {
    does: 'A small tensor that stands for an input that was left out',
    fields: [
      { name: 'shape', record: ["shape"], type: {"kind":"list","of":{"kind":"word","name":"count"}}, does: 'Its dims' },
      { name: 'data', record: ["data"], type: {"kind":"list","of":{"kind":"word","name":"scalar"}}, does: 'Its elements; 64-bit integers beyond 2^53, and texts, as strings' },
    ],
  },
  Field: {
    does: 'An input or output',
    fields: [
      { name: 'name', record: ["name"], type: {"kind":"word","name":"text"}, does: 'Its name' },
      { name: 'dtype', record: ["dtype"], type: {"kind":"word","name":"dtype"}, does: 'Type of its elements: `float32`, `int64`, `string` …' },
      { name: 'shape', record: ["shape"], type: {"kind":"word","name":"dims"}, does: 'Full ONNX shape, row axis first; null is a free dim' },
      { name: 'default', record: ["default"], type: {"kind":"object","name":"FieldDefault"}, isOptional: true, does: 'What stands for an input that may be left out' },
    ],
  },
  OutputField: {
    does: 'An output of a model',
    fields: [
      { name: 'name', record: ["name"], type: {"kind":"word","name":"text"}, does: 'Its name' },
      { name: 'dtype', record: ["dtype"], type: {"kind":"word","name":"dtype"}, does: 'Type of its elements' },
      { name: 'shape', record: ["shape"], type: {"kind":"word","name":"dims"}, does: 'Full ONNX shape, row axis first; null is a free dim' },
      { name: 'classes', record: ["classes"], type: {"kind":"list","of":{"kind":"word","name":"label"}}, isOptional: true, does: 'What each column stands for, where the model names its classes: in a map beside the tensor (ZipMap) that was cut off, or in the classifier that makes it' },
    ],
  },
  BatchingCulprit: {
    does: 'A node that makes rows depend on each other, or that is not known',
    fields: [
      { name: 'node', record: ["node"], type: {"kind":"word","name":"text"}, does: 'Its name, or that of its first output where the file names the node not; empty when it is no node' },
      { name: 'operator', record: ["operator"], type: {"kind":"word","name":"text"}, does: '`MatMul`; with another domain `com.microsoft.Attention`' },
      { name: 'reason', record: ["reason"], type: {"kind":"word","name":"text"}, does: 'What it does to rows' },
    ],
  },
  BatchingOverride: {
    does: "An operator's word that rows share batches",
    fields: [
      { name: 'operator', record: ["operator"], type: {"kind":"word","name":"text"}, does: 'Who said so' },
      { name: 'at', record: ["at"], type: {"kind":"word","name":"time"}, does: 'When' },
    ],
  },
  BatchingFinding: {
    does: 'A row that got another answer in a shared batch',
    fields: [
      { name: 'at', record: ["at"], type: {"kind":"word","name":"time"}, does: 'When it was seen' },
      { name: 'output', record: ["output"], type: {"kind":"word","name":"text"}, does: 'The output that differed' },
    ],
  },
  BatchingProof: {
    does: 'Why rows of a model version share batches, or why they do not: what its inspection read in the graph and saw in its trial, what an operator decided, and what was seen since it serves',
    fields: [
      { name: 'revision', record: ["revision"], type: {"kind":"word","name":"count"}, does: 'Counts changes of how rows are proven: one of an earlier revision is not trusted, the version is inspected again' },
      { name: 'basis', record: ["basis"], type: {"kind":"enum","name":"BatchingBasis"}, does: 'What proves it' },
      { name: 'culprit', record: ["culprit"], type: {"kind":"nullable","of":{"kind":"object","name":"BatchingCulprit"}}, does: 'The first node that makes rows depend on each other, or that is not known; null when there is none' },
      { name: 'comparisons', record: ["comparisons"], type: {"kind":"word","name":"count"}, does: 'Rows of shared batches whose answers were compared with those of the rows by themselves' },
      { name: 'difference', record: ["difference"], type: {"kind":"word","name":"text"}, does: 'What differed when it was tried; empty when nothing did' },
      { name: 'untried', record: ["untried"], type: {"kind":"list","of":{"kind":"word","name":"text"}}, does: 'Kinds of values that the model refuses, so that they were not tried, by input: `amount: missing, infinite`' },
      { name: 'override', record: ["override"], type: {"kind":"object","name":"BatchingOverride"}, isOptional: true, does: 'Who had the rows share batches whatever the inspection says, and when' },
      { name: 'found', record: ["found"], type: {"kind":"object","name":"BatchingFinding"}, isOptional: true, does: "A row that got another answer in a shared batch while the version served: the model's rows run one by one since" },
    ],
  },
  Runner: {
    does: 'What computes the answers of a model version, and how that was found',
    fields: [
      { name: 'name', record: ["name"], type: {"kind":"enum","name":"RunnerName"}, does: 'What computes them' },
      { name: 'reason', record: ["reason"], type: {"kind":"word","name":"text"}, does: 'Why the tree kernels do not; empty when they do' },
      { name: 'rows', record: ["rows"], type: {"kind":"word","name":"count"}, does: 'Rows on which their answers were those of ONNX Runtime, bit for bit' },
      { name: 'memory_bytes', record: ["memoryBytes"], type: {"kind":"word","name":"count"}, does: 'What they hold of the model in memory, once for all workers; 0 where they do not run it, in bytes' },
      { name: 'found_with', record: ["foundWith"], type: {"kind":"word","name":"text"}, does: 'The kernels, the ONNX Runtime and the instruction set that were compared: with others the version is inspected again' },
    ],
  },
  UploadedFile: {
    does: 'The file that was sent, where what is stored and served was made from it',
    fields: [
      { name: 'sha256', record: ["sha256"], type: {"kind":"word","name":"text"}, does: 'SHA-256 of the .onnx file as it was sent, hex' },
      { name: 'size_bytes', record: ["sizeBytes"], type: {"kind":"word","name":"count"}, does: 'Its size' },
      { name: 'changes', record: ["changes"], type: {"kind":"list","of":{"kind":"word","name":"text"}}, does: 'What was changed, a sentence each' },
    ],
  },
  Lineage: {
    does: 'Where a model version comes from, as whoever added it said',
    fields: [
      { name: 'source', record: ["source"], type: {"kind":"word","name":"text"}, isOptional: true, does: 'URI or file that the model was taken from' },
      { name: 'run_id', record: ["runId"], type: {"kind":"word","name":"text"}, isOptional: true, does: 'The run that made it, in the words of the tracker that knows it' },
      { name: 'created_from', record: ["createdFrom"], type: {"kind":"word","name":"text"}, isOptional: true, does: 'What it was made from: another model, a commit, a file' },
      { name: 'metrics', record: ["metrics"], type: {"kind":"map","of":{"kind":"word","name":"number"}}, isOptional: true, does: 'Metrics by name' },
      { name: 'params', record: ["params"], type: {"kind":"map","of":{"kind":"word","name":"scalar"}}, isOptional: true, does: 'Parameters by name' },
      { name: 'dataset_digest', record: ["datasetDigest"], type: {"kind":"word","name":"text"}, isOptional: true, does: 'A digest of the data that it was trained on' },
      { name: 'datasets', record: ["datasets"], type: {"kind":"map","of":{"kind":"word","name":"text"}}, isOptional: true, does: 'Datasets of the registry by what they were used for: `train`: `wine@1`' },
    ],
  },
  ModelVersion: {
    does: 'One version of a model',
    fields: [
      { name: 'name', record: ["name"], type: {"kind":"word","name":"model name"}, isInherited: true, does: "The model's name" },
      { name: 'version', record: ["version"], type: {"kind":"word","name":"count"}, does: '1, 2, 3 … in order of upload' },
      { name: 'sha256', record: ["sha256"], type: {"kind":"word","name":"text"}, does: 'SHA-256 of the file that is stored and served, hex' },
      { name: 'size_bytes', record: ["sizeBytes"], type: {"kind":"word","name":"count"}, does: 'Size of that file' },
      { name: 'created_at', record: ["createdAt"], type: {"kind":"word","name":"time"}, does: 'When it was uploaded' },
      { name: 'tags', record: ["tags"], type: {"kind":"list","of":{"kind":"word","name":"text"}}, absent: [], does: 'Its tags' },
      { name: 'inputs', record: ["signature","inputs"], type: {"kind":"list","of":{"kind":"object","name":"Field"}}, absent: [], does: 'Its inputs' },
      { name: 'outputs', record: ["signature","outputs"], type: {"kind":"list","of":{"kind":"object","name":"OutputField"}}, absent: [], does: 'Its outputs' },
      { name: 'batching', record: ["signature","batching"], type: {"kind":"enum","name":"BatchingMode"}, absent: "rows", does: 'How its rows run' },
      { name: 'remark', record: ["signature","remark"], type: {"kind":"word","name":"text"}, absent: "", does: 'Why batching is not `rows`, or another remark of the inspection; empty when there is nothing to say' },
      { name: 'copied_outputs', record: ["signature","copiedOutputs"], type: {"kind":"list","of":{"kind":"word","name":"text"}}, isOptional: true, does: 'Outputs that ONNX Runtime does not write into memory that it is given: they are copied. Absent: none' },
      { name: 'batching_proof', record: ["signature","batchingProof"], type: {"kind":"object","name":"BatchingProof"}, isOptional: true, does: 'Why its rows share batches or do not. Absent: an earlier release inspected the version; it is inspected again before its rows share batches' },
      { name: 'runner', record: ["signature","runner"], type: {"kind":"object","name":"Runner"}, isOptional: true, does: 'What computes its answers, and why. Absent: an earlier release inspected the version; it is inspected again before it is next deployed' },
      { name: 'providers', record: ["providers"], type: {"kind":"list","of":{"kind":"enum","name":"ExecutionProvider"}}, isOptional: true, does: 'What it runs on, the preferred one first; absent: what the engine was opened with' },
      { name: 'device_id', record: ["deviceId"], type: {"kind":"word","name":"count"}, isOptional: true, does: 'The GPU, for `cuda`; absent: 0' },
      { name: 'uploaded', record: ["uploaded"], type: {"kind":"object","name":"UploadedFile"}, isOptional: true, does: 'What was sent; absent: the stored bytes are those' },
      { name: 'lineage', record: ["lineage"], type: {"kind":"object","name":"Lineage"}, isOptional: true, does: 'Where it comes from; absent: nobody said' },
    ],
  },
  NamedModelVersion: {
    does: "A version with its model's name",
    fields: [
      { name: 'name', record: ["name"], type: {"kind":"word","name":"model name"}, does: "The model's name" },
      { name: 'version', record: ["version"], type: {"kind":"word","name":"count"}, does: '1, 2, 3 … in order of upload' },
      { name: 'sha256', record: ["sha256"], type: {"kind":"word","name":"text"}, does: 'SHA-256 of the file that is stored and served, hex' },
      { name: 'size_bytes', record: ["sizeBytes"], type: {"kind":"word","name":"count"}, does: 'Size of that file' },
      { name: 'created_at', record: ["createdAt"], type: {"kind":"word","name":"time"}, does: 'When it was uploaded' },
      { name: 'tags', record: ["tags"], type: {"kind":"list","of":{"kind":"word","name":"text"}}, absent: [], does: 'Its tags' },
      { name: 'inputs', record: ["signature","inputs"], type: {"kind":"list","of":{"kind":"object","name":"Field"}}, absent: [], does: 'Its inputs' },
      { name: 'outputs', record: ["signature","outputs"], type: {"kind":"list","of":{"kind":"object","name":"OutputField"}}, absent: [], does: 'Its outputs' },
      { name: 'batching', record: ["signature","batching"], type: {"kind":"enum","name":"BatchingMode"}, absent: "rows", does: 'How its rows run' },
      { name: 'remark', record: ["signature","remark"], type: {"kind":"word","name":"text"}, absent: "", does: 'Why batching is not `rows`, or another remark of the inspection; empty when there is nothing to say' },
      { name: 'copied_outputs', record: ["signature","copiedOutputs"], type: {"kind":"list","of":{"kind":"word","name":"text"}}, isOptional: true, does: 'Outputs that ONNX Runtime does not write into memory that it is given: they are copied. Absent: none' },
      { name: 'batching_proof', record: ["signature","batchingProof"], type: {"kind":"object","name":"BatchingProof"}, isOptional: true, does: 'Why its rows share batches or do not. Absent: an earlier release inspected the version; it is inspected again before its rows share batches' },
      { name: 'runner', record: ["signature","runner"], type: {"kind":"object","name":"Runner"}, isOptional: true, does: 'What computes its answers, and why. Absent: an earlier release inspected the version; it is inspected again before it is next deployed' },
      { name: 'providers', record: ["providers"], type: {"kind":"list","of":{"kind":"enum","name":"ExecutionProvider"}}, isOptional: true, does: 'What it runs on, the preferred one first; absent: what the engine was opened with' },
      { name: 'device_id', record: ["deviceId"], type: {"kind":"word","name":"count"}, isOptional: true, does: 'The GPU, for `cuda`; absent: 0' },
      { name: 'uploaded', record: ["uploaded"], type: {"kind":"object","name":"UploadedFile"}, isOptional: true, does: 'What was sent; absent: the stored bytes are those' },
      { name: 'lineage', record: ["lineage"], type: {"kind":"object","name":"Lineage"}, isOptional: true, does: 'Where it comes from; absent: nobody said' },
    ],
  },
  UploadedVersion: {
    does: 'A version, and the aliases that point to it',
    fields: [
      { name: 'name', record: ["name"], type: {"kind":"word","name":"model name"}, does: "The model's name" },
      { name: 'version', record: ["version"], type: {"kind":"word","name":"count"}, does: '1, 2, 3 … in order of upload' },
      { name: 'sha256', record: ["sha256"], type: {"kind":"word","name":"text"}, does: 'SHA-256 of the file that is stored and served, hex' },
      { name: 'size_bytes', record: ["sizeBytes"], type: {"kind":"word","name":"count"}, does: 'Size of that file' },
      { name: 'created_at', record: ["createdAt"], type: {"kind":"word","name":"time"}, does: 'When it was uploaded' },
      { name: 'tags', record: ["tags"], type: {"kind":"list","of":{"kind":"word","name":"text"}}, absent: [], does: 'Its tags' },
      { name: 'inputs', record: ["signature","inputs"], type: {"kind":"list","of":{"kind":"object","name":"Field"}}, absent: [], does: 'Its inputs' },
      { name: 'outputs', record: ["signature","outputs"], type: {"kind":"list","of":{"kind":"object","name":"OutputField"}}, absent: [], does: 'Its outputs' },
      { name: 'batching', record: ["signature","batching"], type: {"kind":"enum","name":"BatchingMode"}, absent: "rows", does: 'How its rows run' },
      { name: 'remark', record: ["signature","remark"], type: {"kind":"word","name":"text"}, absent: "", does: 'Why batching is not `rows`, or another remark of the inspection; empty when there is nothing to say' },
      { name: 'copied_outputs', record: ["signature","copiedOutputs"], type: {"kind":"list","of":{"kind":"word","name":"text"}}, isOptional: true, does: 'Outputs that ONNX Runtime does not write into memory that it is given: they are copied. Absent: none' },
      { name: 'batching_proof', record: ["signature","batchingProof"], type: {"kind":"object","name":"BatchingProof"}, isOptional: true, does: 'Why its rows share batches or do not. Absent: an earlier release inspected the version; it is inspected again before its rows share batches' },
      { name: 'runner', record: ["signature","runner"], type: {"kind":"object","name":"Runner"}, isOptional: true, does: 'What computes its answers, and why. Absent: an earlier release inspected the version; it is inspected again before it is next deployed' },
      { name: 'providers', record: ["providers"], type: {"kind":"list","of":{"kind":"enum","name":"ExecutionProvider"}}, isOptional: true, does: 'What it runs on, the preferred one first; absent: what the engine was opened with' },
      { name: 'device_id', record: ["deviceId"], type: {"kind":"word","name":"count"}, isOptional: true, does: 'The GPU, for `cuda`; absent: 0' },
      { name: 'uploaded', record: ["uploaded"], type: {"kind":"object","name":"UploadedFile"}, isOptional: true, does: 'What was sent; absent: the stored bytes are those' },
      { name: 'lineage', record: ["lineage"], type: {"kind":"object","name":"Lineage"}, isOptional: true, does: 'Where it comes from; absent: nobody said' },
      { name: 'aliases', record: null, type: {"kind":"list","of":{"kind":"word","name":"text"}}, absent: [], does: 'The aliases and stages that point to it' },
    ],
  },
  Model: {
    does: 'A model: its versions, and the aliases that point to them',
    fields: [
      { name: 'name', record: ["name"], type: {"kind":"word","name":"model name"}, does: 'Its name' },
      { name: 'aliases', record: ["aliases"], type: {"kind":"map","of":{"kind":"word","name":"count"}}, does: 'Versions by alias; the stages `Staging` and `Production` are aliases' },
      { name: 'archived', record: ["archived"], type: {"kind":"list","of":{"kind":"word","name":"count"}}, isOptional: true, does: 'Versions in the stage `Archived`, ascending; absent: none' },
      { name: 'versions', record: ["versions"], type: {"kind":"list","of":{"kind":"object","name":"ModelVersion"}}, does: 'Its versions, oldest first' },
    ],
  },
  Models: {
    does: 'All models, or those that a search found',
    fields: [
      { name: 'models', record: ["models"], type: {"kind":"list","of":{"kind":"object","name":"Model"}}, does: 'The models' },
    ],
  },
  PromotionMetric: {
    does: 'What a metric says of the rows that a promotion was judged by',
    fields: [
      { name: 'name', record: ["name"], type: {"kind":"word","name":"text"}, does: 'The metric, with its class where it is of one: `f1(spam)`' },
      { name: 'candidate', record: ["candidate"], type: {"kind":"nullable","of":{"kind":"word","name":"number"}}, does: 'Of the version that is to be promoted; null where the rows leave it undefined' },
      { name: 'baseline', record: ["baseline"], type: {"kind":"nullable","of":{"kind":"word","name":"number"}}, does: 'Of the version that it is compared with; null where there is none, too' },
    ],
  },
  PromotionRequirement: {
    does: 'One thing that a promotion was held to',
    fields: [
      { name: 'requirement', record: ["requirement"], type: {"kind":"word","name":"text"}, does: 'As it was asked for' },
      { name: 'value', record: ["value"], type: {"kind":"nullable","of":{"kind":"word","name":"number"}}, does: 'What was found; null where the rows leave it undefined, which meets nothing' },
      { name: 'met', record: ["isMet"], type: {"kind":"word","name":"flag"}, does: 'Whether it holds' },
    ],
  },
  PromotionProgress: {
    does: 'A promotion that is under way: live rows are being compared',
    fields: [
      { name: 'model', record: ["model"], type: {"kind":"word","name":"model name"}, does: 'The model' },
      { name: 'version', record: ["version"], type: {"kind":"word","name":"count"}, does: 'The version that is to be promoted' },
      { name: 'alias', record: ["alias"], type: {"kind":"word","name":"text"}, does: 'The alias that it is to be promoted to' },
      { name: 'pipeline', record: ["pipeline"], type: {"kind":"word","name":"text"}, does: 'The pipeline whose rows are compared' },
      { name: 'rows_wanted', record: ["rowsWanted"], type: {"kind":"word","name":"count"}, does: 'Rows that are to be compared' },
      { name: 'rows', record: ["rows"], type: {"kind":"word","name":"count"}, does: 'Those that are' },
      { name: 'same_rows', record: ["sameRows"], type: {"kind":"word","name":"count"}, does: 'Those of them to which both versions answer the same' },
    ],
  },
  Promotions: {
    does: 'The promotions of a model that are under way',
    fields: [
      { name: 'promotions', record: ["promotions"], type: {"kind":"list","of":{"kind":"object","name":"PromotionProgress"}}, does: 'By alias' },
    ],
  },
  Promotion: {
    does: 'A promotion, or what kept it from happening',
    fields: [
      { name: 'model', record: ["model"], type: {"kind":"word","name":"model name"}, does: 'The model' },
      { name: 'version', record: ["version"], type: {"kind":"word","name":"count"}, does: 'The version that was to be promoted' },
      { name: 'alias', record: ["alias"], type: {"kind":"word","name":"text"}, does: 'The alias that it was to be promoted to' },
      { name: 'previous', record: ["previous"], type: {"kind":"nullable","of":{"kind":"word","name":"count"}}, does: 'The version that the alias pointed to; null: there was no such alias' },
      { name: 'promoted', record: ["isPromoted"], type: {"kind":"word","name":"flag"}, does: 'Whether the alias points to the version now: every requirement is met' },
      { name: 'pipeline', record: ["pipeline"], type: {"kind":"nullable","of":{"kind":"word","name":"text"}}, does: 'The pipeline whose answers were judged; null: there were no rows' },
      { name: 'baseline', record: ["baseline"], type: {"kind":"nullable","of":{"kind":"word","name":"count"}}, does: 'The version that it was compared with; null: none' },
      { name: 'rows', record: ["rows"], type: {"kind":"word","name":"count"}, does: 'Rows that were answered; live rows: that both versions answered, or that this one failed' },
      { name: 'judged_rows', record: ["judgedRows"], type: {"kind":"word","name":"count"}, does: 'Those of them whose truth was known and that both versions answered: what the metrics are of' },
      { name: 'metrics', record: ["metrics"], type: {"kind":"list","of":{"kind":"object","name":"PromotionMetric"}}, does: 'The usual metrics, and those that were asked for' },
      { name: 'requirements', record: ["requirements"], type: {"kind":"list","of":{"kind":"object","name":"PromotionRequirement"}}, does: 'In the order in which they were asked for' },
    ],
  },
  TakenVersion: {
    does: 'A version that was taken from a watched place',
    fields: [
      { name: 'version', record: ["version"], type: {"kind":"word","name":"count"}, does: 'Its number in the registry' },
      { name: 'source', record: ["source"], type: {"kind":"word","name":"text"}, does: 'Where it was taken from, with what tells its content from others' },
    ],
  },
  MovedAlias: {
    does: 'An alias that was pointed elsewhere',
    fields: [
      { name: 'alias', record: ["alias"], type: {"kind":"word","name":"text"}, does: 'The alias' },
      { name: 'from', record: ["from"], type: {"kind":"nullable","of":{"kind":"word","name":"count"}}, does: 'The version that it pointed to; null: there was no such alias' },
      { name: 'to', record: ["to"], type: {"kind":"word","name":"count"}, does: 'The version that it points to now' },
    ],
  },
  Reconciliation: {
    does: 'What was done so that the registry has what a watched place has of a model',
    fields: [
      { name: 'model', record: ["model"], type: {"kind":"word","name":"model name"}, does: 'The model' },
      { name: 'place', record: ["place"], type: {"kind":"word","name":"text"}, does: 'The place' },
      { name: 'added', record: ["added"], type: {"kind":"list","of":{"kind":"object","name":"TakenVersion"}}, does: 'The versions that the registry had not, oldest first' },
      { name: 'moved', record: ["moved"], type: {"kind":"list","of":{"kind":"object","name":"MovedAlias"}}, does: 'The aliases that were moved' },
      { name: 'problems', record: ["problems"], type: {"kind":"list","of":{"kind":"word","name":"text"}}, does: 'What could not be done, a sentence each; it leaves the rest done' },
    ],
  },
  Reconciliations: {
    does: 'A model with all watched places that have it',
    fields: [
      { name: 'reconciliations', record: ["reconciliations"], type: {"kind":"list","of":{"kind":"object","name":"Reconciliation"}}, does: 'One for each place that has the model' },
    ],
  },
  ModelSource: {
    does: 'A place that is watched for models, and how watching goes',
    fields: [
      { name: 'kind', record: ["kind"], type: {"kind":"enum","name":"SourceKind"}, does: 'What it is' },
      { name: 'place', record: ["place"], type: {"kind":"word","name":"text"}, does: 'Where it is' },
      { name: 'interval_ms', record: ["intervalMs"], type: {"kind":"word","name":"count"}, does: 'Time between two looks, in milliseconds' },
      { name: 'looks', record: ["looks"], type: {"kind":"word","name":"count"}, does: 'Looks since the start of the server' },
      { name: 'failed_looks', record: ["failedLooks"], type: {"kind":"word","name":"count"}, does: 'Those of them in which the place could not be looked at' },
      { name: 'added', record: ["added"], type: {"kind":"word","name":"count"}, does: 'Versions taken since the start' },
      { name: 'moved', record: ["moved"], type: {"kind":"word","name":"count"}, does: 'Aliases moved since the start' },
      { name: 'last_look_at', record: ["lastLookAt"], type: {"kind":"nullable","of":{"kind":"word","name":"time"}}, does: 'When it was last looked at; null: not yet' },
      { name: 'error', record: ["error"], type: {"kind":"nullable","of":{"kind":"word","name":"text"}}, does: 'Why the last look failed; null: it did not' },
      { name: 'models', record: ["models"], type: {"kind":"list","of":{"kind":"word","name":"text"}}, does: 'The models that the last look found' },
      { name: 'problems', record: ["problems"], type: {"kind":"list","of":{"kind":"word","name":"text"}}, does: 'What lies there and cannot be taken, a sentence each, at most 100' },
      { name: 'problem_count', record: ["problemCount"], type: {"kind":"word","name":"count"}, does: 'All of them' },
    ],
  },
  ModelSources: {
    does: 'The places that are watched for models',
    fields: [
      { name: 'sources', record: ["sources"], type: {"kind":"list","of":{"kind":"object","name":"ModelSource"}}, does: 'One for each place, as they were given' },
    ],
  },
  PipelineVersion: {
    does: 'One stored definition of a pipeline',
    rest: 'definition',
    fields: [
      { name: 'name', record: ["definition","name"], type: {"kind":"word","name":"name"}, isInherited: true, does: "The pipeline's name" },
      { name: 'version', record: ["version"], type: {"kind":"word","name":"count"}, does: '1, 2, 3 …; immutable' },
      { name: 'created_at', record: ["createdAt"], type: {"kind":"word","name":"time"}, does: 'When it was stored' },
      { name: 'steps', record: ["definition","steps"], type: {"kind":"list","of":{"kind":"document","name":"Step"}}, does: 'Its steps, in the words in which they were written' },
      { name: 'contract', record: ["definition","contract"], type: {"kind":"word","name":"text"}, isOptional: true, does: 'The contract that its rows keep, `name@version`; absent: none' },
      { name: 'log', record: ["definition","log"], type: {"kind":"document","name":"LogPolicy"}, isOptional: true, does: 'How its requests are logged; absent: async, by default retention' },
      { name: 'cache', record: ["definition","cache"], type: {"kind":"document","name":"CachePolicy"}, isOptional: true, does: 'How long identical requests are answered without a run; absent: each is run' },
    ],
  },
  NamedVersion: {
    does: "A version with its pipeline's name",
    rest: 'definition',
    fields: [
      { name: 'name', record: ["definition","name"], type: {"kind":"word","name":"name"}, does: "The pipeline's name" },
      { name: 'version', record: ["version"], type: {"kind":"word","name":"count"}, does: '1, 2, 3 …; immutable' },
      { name: 'created_at', record: ["createdAt"], type: {"kind":"word","name":"time"}, does: 'When it was stored' },
      { name: 'steps', record: ["definition","steps"], type: {"kind":"list","of":{"kind":"document","name":"Step"}}, does: 'Its steps, in the words in which they were written' },
      { name: 'contract', record: ["definition","contract"], type: {"kind":"word","name":"text"}, isOptional: true, does: 'The contract that its rows keep, `name@version`; absent: none' },
      { name: 'log', record: ["definition","log"], type: {"kind":"document","name":"LogPolicy"}, isOptional: true, does: 'How its requests are logged; absent: async, by default retention' },
      { name: 'cache', record: ["definition","cache"], type: {"kind":"document","name":"CachePolicy"}, isOptional: true, does: 'How long identical requests are answered without a run; absent: each is run' },
    ],
  },
  StoredVersion: {
    does: 'A version that was stored',
    rest: 'definition',
    fields: [
      { name: 'name', record: ["definition","name"], type: {"kind":"word","name":"name"}, does: "The pipeline's name" },
      { name: 'version', record: ["version"], type: {"kind":"word","name":"count"}, does: '1, 2, 3 …; immutable' },
      { name: 'created_at', record: ["createdAt"], type: {"kind":"word","name":"time"}, does: 'When it was stored' },
      { name: 'steps', record: ["definition","steps"], type: {"kind":"list","of":{"kind":"document","name":"Step"}}, does: 'Its steps, in the words in which they were written' },
      { name: 'contract', record: ["definition","contract"], type: {"kind":"word","name":"text"}, isOptional: true, does: 'The contract that its rows keep, `name@version`; absent: none' },
      { name: 'log', record: ["definition","log"], type: {"kind":"document","name":"LogPolicy"}, isOptional: true, does: 'How its requests are logged; absent: async, by default retention' },
      { name: 'cache', record: ["definition","cache"], type: {"kind":"document","name":"CachePolicy"}, isOptional: true, does: 'How long identical requests are answered without a run; absent: each is run' },
      { name: 'deployed', record: null, type: {"kind":"word","name":"flag"}, does: 'Whether it serves' },
    ],
  },
  Versions: {
    does: 'The versions of a pipeline',
    fields: [
      { name: 'versions', record: ["versions"], type: {"kind":"list","of":{"kind":"object","name":"PipelineVersion"}}, does: 'Oldest first' },
    ],
  },
  Pipeline: {
    does: 'A pipeline: its versions, and which of them serves',
    fields: [
      { name: 'name', record: ["name"], type: {"kind":"word","name":"name"}, does: 'Its name' },
      { name: 'deployed_version', record: ["deployedVersion"], type: {"kind":"nullable","of":{"kind":"word","name":"count"}}, does: 'The version that serves, or null' },
      { name: 'tags', record: ["tags"], type: {"kind":"list","of":{"kind":"word","name":"text"}}, absent: [], does: 'Its tags' },
      { name: 'created_at', record: ["createdAt"], type: {"kind":"word","name":"time"}, does: 'When its first version was stored' },
      { name: 'updated_at', record: ["updatedAt"], type: {"kind":"word","name":"time"}, does: 'When a version was stored, deployed or undeployed, or tags or explanation configurations changed' },
      { name: 'explain_configs', record: ["explainConfigs"], type: {"kind":"list","of":{"kind":"document","name":"ExplainConfig"}}, absent: [], does: 'Its configurations of explanations' },
      { name: 'versions', record: ["versions"], type: {"kind":"list","of":{"kind":"object","name":"PipelineVersion"}}, does: 'Its versions, oldest first' },
    ],
  },
  Pipelines: {
    does: 'All pipelines, or those that a search found',
    fields: [
      { name: 'pipelines', record: ["pipelines"], type: {"kind":"list","of":{"kind":"object","name":"Pipeline"}}, does: 'The pipelines' },
    ],
  },
  PipelineModel: {
    does: 'One model of a version of a pipeline, with its input binding, and as the registry knows it',
    fields: [
      { name: 'step', record: ["step"], type: {"kind":"word","name":"count"}, does: 'Index of its step' },
      { name: 'reference', record: ["reference"], type: {"kind":"word","name":"text"}, does: 'As the step names it: `name`, `name@version` or `name@alias`' },
      { name: 'tensor_fields', record: ["tensorFields"], type: {"kind":"list","of":{"kind":"word","name":"text"}}, isOptional: true, does: 'Names, by position, under which its inputs are bound; absent: their own' },
      { name: 'model', record: ["model"], type: {"kind":"nullable","of":{"kind":"object","name":"NamedModelVersion"}}, does: 'The version that the reference means: where the pipeline serves, to it; null when there is none' },
    ],
  },
  PipelineModels: {
    does: 'The models of a version of a pipeline',
    fields: [
      { name: 'models', record: ["models"], type: {"kind":"list","of":{"kind":"object","name":"PipelineModel"}}, does: 'In the order of the steps' },
    ],
  },
  DeployedModel: {
    does: 'A version of a model that a deployed pipeline runs',
    fields: [
      { name: 'name', record: ["name"], type: {"kind":"word","name":"model name"}, does: 'The model' },
      { name: 'version', record: ["version"], type: {"kind":"word","name":"count"}, does: 'Its version' },
      { name: 'sha256', record: ["sha256"], type: {"kind":"word","name":"text"}, does: 'SHA-256 of its file, hex' },
    ],
  },
  AuditedModel: {
    does: 'A model beside the answering one whose outputs are kept',
    fields: [
      { name: 'label', record: ["label"], type: {"kind":"word","name":"model name"}, does: 'As a dataset names it: `out_<label>`' },
      { name: 'outputs', record: ["outputs"], type: {"kind":"list","of":{"kind":"object","name":"Field"}}, does: 'Its outputs' },
    ],
  },
  Description: {
    does: 'What a caller needs to form requests and to read answers',
    fields: [
      { name: 'name', record: ["name"], type: {"kind":"word","name":"name"}, does: "The pipeline's name" },
      { name: 'version', record: ["version"], type: {"kind":"word","name":"count"}, does: 'The version that serves' },
      { name: 'inputs', record: ["inputs"], type: {"kind":"list","of":{"kind":"object","name":"Field"}}, does: 'What it takes' },
      { name: 'outputs', record: ["outputs"], type: {"kind":"list","of":{"kind":"object","name":"Field"}}, does: 'What it answers' },
      { name: 'checks', record: ["checks"], type: {"kind":"list","of":{"kind":"word","name":"text"}}, does: 'Names of its checks' },
      { name: 'routes', record: ["routes"], type: {"kind":"list","of":{"kind":"word","name":"text"}}, does: "Names that `route` entries take, in the order of the last split's options; empty without one" },
      { name: 'others', record: ["others"], type: {"kind":"list","of":{"kind":"object","name":"AuditedModel"}}, absent: [], does: 'The models beside the answering one whose outputs are kept and a dataset may name: audited ones, challengers among them' },
      { name: 'rows_max', record: ["rowsMax"], type: {"kind":"word","name":"count"}, does: 'Rows of one request' },
      { name: 'whole', record: ["isNonBatching"], type: {"kind":"word","name":"flag"}, absent: false, does: 'Non-batching: tensors have no row axis, one request a run' },
      { name: 'plain', record: ["isStringPath"], type: {"kind":"word","name":"flag"}, absent: false, does: 'String tensors are involved: requests take the slower string path' },
      { name: 'models', record: ["models"], type: {"kind":"list","of":{"kind":"object","name":"DeployedModel"}}, does: 'The models that it runs' },
      { name: 'steps', record: ["steps"], type: {"kind":"list","of":{"kind":"document","name":"Step"}}, does: 'Its steps' },
      { name: 'log', record: null, type: {"kind":"document","name":"LogPolicy"}, does: 'How its requests are logged' },
      { name: 'cache', record: null, type: {"kind":"document","name":"CachePolicy"}, isOptional: true, does: 'How long identical requests are answered without a run; absent: each is run' },
    ],
  },
  ContractVersion: {
    does: 'One stored version of a contract',
    fields: [
      { name: 'version', record: ["version"], type: {"kind":"word","name":"count"}, does: '1, 2, 3 …; immutable' },
      { name: 'created_at', record: ["createdAt"], type: {"kind":"word","name":"time"}, does: 'When it was stored' },
      { name: 'contract', record: ["contract"], type: {"kind":"document","name":"Contract"}, does: "The document as it is stored, with the contract's name" },
    ],
  },
  NamedContractVersion: {
    does: "A version with its contract's name",
    fields: [
      { name: 'name', record: null, type: {"kind":"word","name":"name"}, does: "The contract's name" },
      { name: 'version', record: ["version"], type: {"kind":"word","name":"count"}, does: '1, 2, 3 …; immutable' },
      { name: 'created_at', record: ["createdAt"], type: {"kind":"word","name":"time"}, does: 'When it was stored' },
      { name: 'contract', record: ["contract"], type: {"kind":"document","name":"Contract"}, does: "The document as it is stored, with the contract's name" },
    ],
  },
  ContractRecord: {
    does: 'A contract: its versions, and when it changed',
    fields: [
      { name: 'name', record: ["name"], type: {"kind":"word","name":"name"}, does: 'Its name' },
      { name: 'created_at', record: ["createdAt"], type: {"kind":"word","name":"time"}, does: 'When its first version was stored' },
      { name: 'updated_at', record: ["updatedAt"], type: {"kind":"word","name":"time"}, does: 'When a version was stored or removed' },
      { name: 'versions', record: ["versions"], type: {"kind":"list","of":{"kind":"object","name":"ContractVersion"}}, does: 'Oldest first, at least one' },
    ],
  },
  ContractRecords: {
    does: 'All contracts',
    fields: [
      { name: 'contracts', record: ["contracts"], type: {"kind":"list","of":{"kind":"object","name":"ContractRecord"}}, does: 'The contracts' },
    ],
  },
  DatasetColumn: {
    does: "A column of a dataset's table",
    fields: [
      { name: 'name', record: ["name"], type: {"kind":"word","name":"text"}, does: 'Its name' },
      { name: 'dtype', record: ["dtype"], type: {"kind":"word","name":"text"}, does: 'Its dtype, as transforms read it' },
      { name: 'nullable', record: ["isNullable"], type: {"kind":"word","name":"flag"}, absent: false, does: 'Whether rows may lack a value; floats lack one as NaN' },
      { name: 'shape', record: ["shape"], type: {"kind":"list","of":{"kind":"word","name":"count"}}, does: 'Dims of a row; `[]` is one element' },
    ],
  },
  DatasetVersion: {
    does: 'One stored version of a dataset',
    fields: [
      { name: 'version', record: ["version"], type: {"kind":"word","name":"count"}, does: '1, 2, 3 …; immutable' },
      { name: 'created_at', record: ["createdAt"], type: {"kind":"word","name":"time"}, does: 'When it was stored' },
      { name: 'format', record: ["format"], type: {"kind":"word","name":"text"}, does: '`csv`, `json`, `ndjson`, `arrow`, `arrows` or `parquet`: the file as it was given' },
      { name: 'split', record: ["split"], type: {"kind":"word","name":"text"}, isOptional: true, does: 'What part of the data it is, `train`, `test` …; absent: nobody said' },
      { name: 'size_bytes', record: ["sizeBytes"], type: {"kind":"word","name":"count"}, does: 'Size of the file' },
      { name: 'sha256', record: ["sha256"], type: {"kind":"word","name":"text"}, does: 'SHA-256 of the file, hex' },
      { name: 'rows', record: ["rows"], type: {"kind":"word","name":"count"}, does: 'Rows of its table' },
      { name: 'columns', record: ["columns"], type: {"kind":"list","of":{"kind":"object","name":"DatasetColumn"}}, does: "Columns of its table, in the file's order" },
    ],
  },
  NamedDatasetVersion: {
    does: "A version with its dataset's name",
    fields: [
      { name: 'name', record: null, type: {"kind":"word","name":"name"}, does: "The dataset's name" },
      { name: 'version', record: ["version"], type: {"kind":"word","name":"count"}, does: '1, 2, 3 …; immutable' },
      { name: 'created_at', record: ["createdAt"], type: {"kind":"word","name":"time"}, does: 'When it was stored' },
      { name: 'format', record: ["format"], type: {"kind":"word","name":"text"}, does: '`csv`, `json`, `ndjson`, `arrow`, `arrows` or `parquet`: the file as it was given' },
      { name: 'split', record: ["split"], type: {"kind":"word","name":"text"}, isOptional: true, does: 'What part of the data it is, `train`, `test` …; absent: nobody said' },
      { name: 'size_bytes', record: ["sizeBytes"], type: {"kind":"word","name":"count"}, does: 'Size of the file' },
      { name: 'sha256', record: ["sha256"], type: {"kind":"word","name":"text"}, does: 'SHA-256 of the file, hex' },
      { name: 'rows', record: ["rows"], type: {"kind":"word","name":"count"}, does: 'Rows of its table' },
      { name: 'columns', record: ["columns"], type: {"kind":"list","of":{"kind":"object","name":"DatasetColumn"}}, does: "Columns of its table, in the file's order" },
    ],
  },
  DatasetRecord: {
    does: 'A dataset: its versions, and when it changed',
    fields: [
      { name: 'name', record: ["name"], type: {"kind":"word","name":"name"}, does: 'Its name' },
      { name: 'created_at', record: ["createdAt"], type: {"kind":"word","name":"time"}, does: 'When its first version was stored' },
      { name: 'updated_at', record: ["updatedAt"], type: {"kind":"word","name":"time"}, does: 'When a version was stored or removed' },
      { name: 'versions', record: ["versions"], type: {"kind":"list","of":{"kind":"object","name":"DatasetVersion"}}, does: 'Oldest first, at least one' },
    ],
  },
  DatasetRecords: {
    does: 'All datasets',
    fields: [
      { name: 'datasets', record: ["datasets"], type: {"kind":"list","of":{"kind":"object","name":"DatasetRecord"}}, does: 'The datasets' },
    ],
  },
  TokenizerVersion: {
    does: 'One stored version of a tokenizer',
    fields: [
      { name: 'version', record: ["version"], type: {"kind":"word","name":"count"}, does: '1, 2, 3 …; immutable' },
      { name: 'created_at', record: ["createdAt"], type: {"kind":"word","name":"time"}, does: 'When it was stored' },
      { name: 'sha256', record: ["sha256"], type: {"kind":"word","name":"text"}, does: 'SHA-256 of its tokenizer.json, hex' },
      { name: 'size_bytes', record: ["sizeBytes"], type: {"kind":"word","name":"count"}, does: 'The size of that file' },
      { name: 'model', record: ["model"], type: {"kind":"word","name":"text"}, does: '`WordPiece`, `BPE` or `Unigram`' },
      { name: 'vocabulary_size', record: ["vocabularySize"], type: {"kind":"word","name":"count"}, does: 'Tokens, added ones included' },
      { name: 'max_length', record: ["maxLength"], type: {"kind":"nullable","of":{"kind":"word","name":"count"}}, does: 'Tokens of a row to which the file itself truncates; null: it does not say' },
      { name: 'special_tokens', record: ["specialTokens"], type: {"kind":"word","name":"count"}, does: 'Tokens that each row has besides those of its text, such as `[CLS]` and `[SEP]`' },
    ],
  },
  NamedTokenizerVersion: {
    does: "A version with its tokenizer's name",
    fields: [
      { name: 'name', record: null, type: {"kind":"word","name":"name"}, does: "The tokenizer's name" },
      { name: 'version', record: ["version"], type: {"kind":"word","name":"count"}, does: '1, 2, 3 …; immutable' },
      { name: 'created_at', record: ["createdAt"], type: {"kind":"word","name":"time"}, does: 'When it was stored' },
      { name: 'sha256', record: ["sha256"], type: {"kind":"word","name":"text"}, does: 'SHA-256 of its tokenizer.json, hex' },
      { name: 'size_bytes', record: ["sizeBytes"], type: {"kind":"word","name":"count"}, does: 'The size of that file' },
      { name: 'model', record: ["model"], type: {"kind":"word","name":"text"}, does: '`WordPiece`, `BPE` or `Unigram`' },
      { name: 'vocabulary_size', record: ["vocabularySize"], type: {"kind":"word","name":"count"}, does: 'Tokens, added ones included' },
      { name: 'max_length', record: ["maxLength"], type: {"kind":"nullable","of":{"kind":"word","name":"count"}}, does: 'Tokens of a row to which the file itself truncates; null: it does not say' },
      { name: 'special_tokens', record: ["specialTokens"], type: {"kind":"word","name":"count"}, does: 'Tokens that each row has besides those of its text, such as `[CLS]` and `[SEP]`' },
    ],
  },
  TokenizerRecord: {
    does: 'A tokenizer: its versions, and when it changed',
    fields: [
      { name: 'name', record: ["name"], type: {"kind":"word","name":"name"}, does: 'Its name' },
      { name: 'created_at', record: ["createdAt"], type: {"kind":"word","name":"time"}, does: 'When its first version was stored' },
      { name: 'updated_at', record: ["updatedAt"], type: {"kind":"word","name":"time"}, does: 'When a version was stored or removed' },
      { name: 'versions', record: ["versions"], type: {"kind":"list","of":{"kind":"object","name":"TokenizerVersion"}}, does: 'Oldest first, at least one' },
    ],
  },
  TokenizerRecords: {
    does: 'All tokenizers',
    fields: [
      { name: 'tokenizers', record: ["tokenizers"], type: {"kind":"list","of":{"kind":"object","name":"TokenizerRecord"}}, does: 'The tokenizers' },
    ],
  },
  DeployFailure: {
    does: 'Why the last deploy was none',
    fields: [
      { name: 'version', record: ["version"], type: {"kind":"word","name":"count"}, does: 'The version that was to serve' },
      { name: 'code', record: ["code"], type: {"kind":"word","name":"error code"}, does: 'The code of the error' },
      { name: 'message', record: ["message"], type: {"kind":"word","name":"text"}, does: 'Its sentence' },
    ],
  },
  BackgroundFailure: {
    does: 'A failed run of a background model',
    fields: [
      { name: 'code', record: ["code"], type: {"kind":"word","name":"text"}, does: 'The code of the error' },
      { name: 'message', record: ["message"], type: {"kind":"word","name":"text"}, does: "Its sentence: ONNX Runtime's words, where it was a run" },
      { name: 'at', record: ["at"], type: {"kind":"word","name":"time"}, does: 'When' },
    ],
  },
  BackgroundLosses: {
    does: 'Rows of a background model without an answer: answers of requests do not mention them',
    fields: [
      { name: 'model', record: ["model"], type: {"kind":"word","name":"text"}, does: "As the log's columns name it" },
      { name: 'shed_rows', record: ["shedRows"], type: {"kind":"word","name":"count"}, does: 'Rows that a full queue refused' },
      { name: 'failed_rows', record: ["failedRows"], type: {"kind":"word","name":"count"}, does: 'All of `failures`' },
      { name: 'failures', record: ["failures"], type: {"kind":"map","of":{"kind":"word","name":"count"}}, does: 'Failed rows by error code' },
      { name: 'last_failure', record: ["lastFailure"], type: {"kind":"nullable","of":{"kind":"object","name":"BackgroundFailure"}}, does: 'The newest failure of the model version since it was loaded; null: no run of it has failed' },
    ],
  },
  RunThreads: {
    does: 'The threads of one run',
    fields: [
      { name: 'intra_op_threads', record: ["intraOpThreads"], type: {"kind":"word","name":"count"}, does: 'Threads inside the run, 1..256' },
      { name: 'spinning', record: ["spinning"], type: {"kind":"word","name":"flag"}, does: 'True: those threads poll for work while the run lasts instead of sleeping' },
    ],
  },
  CalibrationConditions: {
    does: 'Under what a calibration holds: all of it must be the same for the result to be used again',
    fields: [
      { name: 'cpu', record: ["cpu"], type: {"kind":"word","name":"text"}, does: "The processor's name" },
      { name: 'cores', record: ["cores"], type: {"kind":"word","name":"count"}, does: 'Cores that the process may use' },
      { name: 'infer_workers', record: ["inferWorkers"], type: {"kind":"word","name":"count"}, does: 'Threads that run models' },
      { name: 'intra_op_threads', record: ["intraOpThreads"], type: {"kind":"nullable","of":{"kind":"word","name":"count"}}, does: 'Threads inside a run, when an option fixes them, else null' },
      { name: 'runtime', record: ["runtime"], type: {"kind":"word","name":"text"}, does: "ONNX Runtime's version" },
      { name: 'latency_objective_ms', record: ["latencyObjectiveMs"], type: {"kind":"word","name":"count"}, does: 'What one run may take, in milliseconds' },
      { name: 'batch_rows_max', record: ["batchRowsMax"], type: {"kind":"word","name":"count"}, does: 'Rows of one batch at most' },
      { name: 'algorithm', record: ["algorithm"], type: {"kind":"word","name":"count"}, does: 'Version of the procedure' },
    ],
  },
  Calibration: {
    does: 'What measuring a model version on a machine has shown',
    fields: [
      { name: 'row_us', record: ["rowUs"], type: {"kind":"word","name":"number"}, does: 'Time of one row that has the machine to itself, in microseconds' },
      { name: 'batch_us', record: ["batchUs"], type: {"kind":"word","name":"number"}, does: 'Time of a full batch, in microseconds' },
      { name: 'rows_per_s', record: ["rowsPerS"], type: {"kind":"word","name":"number"}, does: 'Throughput of all instances together, in rows per second' },
      { name: 'measured_at', record: ["measuredAt"], type: {"kind":"word","name":"time"}, does: 'When it was measured' },
      { name: 'conditions', record: ["conditions"], type: {"kind":"object","name":"CalibrationConditions"}, does: 'Under what it holds; when any of it differs, the model is measured again' },
    ],
  },
  RunPlan: {
    does: 'How the runs of one model are arranged, and what was measured to arrange them so',
    fields: [
      { name: 'state', record: ["runPlanState"], type: {"kind":"enum","name":"RunPlanState"}, does: 'Where the plan comes from' },
      { name: 'instances', record: ["runPlan","instances"], type: {"kind":"word","name":"count"}, does: 'Batches that run at a time, over all workers' },
      { name: 'intra_op_threads', record: ["runPlan","intraOpThreads"], type: {"kind":"word","name":"count"}, does: 'Threads inside the run, 1..256' },
      { name: 'spinning', record: ["runPlan","spinning"], type: {"kind":"word","name":"flag"}, does: 'True: those threads poll for work while the run lasts instead of sleeping' },
      { name: 'run_rows_max', record: ["runPlan","runRowsMax"], type: {"kind":"word","name":"count"}, does: 'Rows of one run; a batch of more is run in parts' },
      { name: 'batch_rows_max', record: ["runPlan","batchRowsMax"], type: {"kind":"word","name":"count"}, does: 'Rows of one batch at most' },
      { name: 'alone', record: ["runPlan","alone"], type: {"kind":"nullable","of":{"kind":"object","name":"RunThreads"}}, does: 'The threads of a batch that has all workers to itself; null: as the others' },
      { name: 'calibration', record: ["calibration"], type: {"kind":"nullable","of":{"kind":"object","name":"Calibration"}}, does: 'What the plan was taken from; null unless calibrated' },
    ],
  },
  BatchingState: {
    does: 'How rows of a loaded model run, and what its live checks have counted since it was loaded',
    fields: [
      { name: 'mode', record: ["batching"], type: {"kind":"enum","name":"BatchingMode"}, does: 'How its rows run' },
      { name: 'unbatched', record: ["isUnbatched"], type: {"kind":"word","name":"flag"}, does: 'Rows that could share batches run one by one: a difference was found, or nothing proves them independent' },
      { name: 'row_checks', record: ["batchingCounts","rowChecks"], type: {"kind":"word","name":"count"}, does: 'Rows that were answered in a shared batch and run again alone, to compare' },
      { name: 'row_check_differences', record: ["batchingCounts","rowDifferences"], type: {"kind":"word","name":"count"}, does: 'Those among them whose answer was another' },
      { name: 'shared_run_failures', record: ["batchingCounts","sharedFailures"], type: {"kind":"word","name":"count"}, does: 'Shared runs that failed although each of their requests ran by itself' },
    ],
  },
  ModelStatus: {
    does: 'What a model of a deployed pipeline is doing',
    fields: [
      { name: 'name', record: ["name"], type: {"kind":"word","name":"model name"}, does: 'The model' },
      { name: 'version', record: ["version"], type: {"kind":"word","name":"count"}, does: 'Its version' },
      { name: 'pending_rows', record: ["pendingRows"], type: {"kind":"word","name":"count"}, does: 'Rows that wait or run' },
      { name: 'ready', record: ["isReady"], type: {"kind":"word","name":"flag"}, does: 'Workers have loaded it' },
      { name: 'loaded', record: ["isLoaded"], type: {"kind":"word","name":"flag"}, absent: true, does: 'It is in memory; else its next request has it loaded' },
      { name: 'loads', record: ["loads"], type: {"kind":"word","name":"count"}, absent: 1, does: 'Times that it was loaded since it is served' },
      { name: 'memory_bytes', record: ["memoryBytes"], type: {"kind":"word","name":"count"}, absent: 0, does: 'What it counts for while it is loaded, in bytes' },
      { name: 'overdue_runs', record: ["overdueRuns","count"], type: {"kind":"word","name":"count"}, absent: 0, does: 'Runs that were past their limit since the model was loaded' },
      { name: 'stuck_runs', record: ["overdueRuns","stuck"], type: {"kind":"word","name":"count"}, absent: 0, does: 'Those among them that have not ended: their workers are stuck' },
      { name: 'provider', record: ["provider"], type: {"kind":"enum","name":"ExecutionProvider"}, absent: "cpu", does: 'What runs it' },
      { name: 'runner', record: ["runner"], type: {"kind":"enum","name":"RunnerName"}, absent: "onnxruntime", does: 'What computes its answers: that of the version, unless the server was started without the tree kernels' },
      { name: 'page_locked', record: ["isPageLocked"], type: {"kind":"word","name":"flag"}, absent: false, does: 'On a GPU: its batches lie in memory that the GPU copies without a detour' },
      { name: 'batching', record: [], type: {"kind":"object","name":"BatchingState"}, absent: {"mode":"rows","unbatched":false,"row_checks":0,"row_check_differences":0,"shared_run_failures":0}, does: 'How its rows run, and what was seen of them' },
      { name: 'run_plan', record: [], type: {"kind":"object","name":"RunPlan"}, absent: {"state":"default","instances":1,"intra_op_threads":1,"spinning":false,"run_rows_max":1,"batch_rows_max":1,"alone":null,"calibration":null}, does: 'How it runs now' },
    ],
  },
  RemoteStatus: {
    does: 'A remote step of a deployed pipeline, and what it has counted since it was deployed',
    fields: [
      { name: 'step', record: ["step"], type: {"kind":"word","name":"text"}, does: 'Its place in the definition: `steps[0]`' },
      { name: 'kind', record: ["kind"], type: {"kind":"enum","name":"RemoteKind"}, does: 'How its remote is asked' },
      { name: 'url', record: ["url"], type: {"kind":"word","name":"text"}, does: 'The address that it calls, without query' },
      { name: 'breaker', record: ["breaker"], type: {"kind":"enum","name":"BreakerState"}, does: 'Whether the remote is asked' },
      { name: 'opened_count', record: ["openedCount"], type: {"kind":"word","name":"count"}, does: 'How often the breaker has opened' },
      { name: 'in_flight', record: ["inFlight"], type: {"kind":"word","name":"count"}, does: 'Calls without an answer yet' },
      { name: 'waiting', record: ["waiting"], type: {"kind":"word","name":"count"}, does: 'Calls that wait for a connection' },
      { name: 'calls', record: ["calls"], type: {"kind":"word","name":"count"}, does: 'Calls that were made, each attempt for itself' },
      { name: 'retries', record: ["retries"], type: {"kind":"word","name":"count"}, does: 'Those among them that repeated another' },
      { name: 'failures', record: ["failures"], type: {"kind":"word","name":"count"}, does: 'Those among them that failed' },
    ],
  },
  Status: {
    does: 'What a pipeline is doing, and what it has done since it was deployed',
    fields: [
      { name: 'name', record: ["name"], type: {"kind":"word","name":"name"}, does: "The pipeline's name" },
      { name: 'state', record: ["state"], type: {"kind":"enum","name":"PipelineState"}, does: 'Whether it serves' },
      { name: 'failure', record: ["failure"], type: {"kind":"nullable","of":{"kind":"object","name":"DeployFailure"}}, absent: null, does: 'Why the last deploy since the engine was opened failed; null when it did not' },
      { name: 'deployed', record: ["deployed"], type: {"kind":"word","name":"flag"}, does: 'A version serves' },
      { name: 'version', record: ["version"], type: {"kind":"nullable","of":{"kind":"word","name":"count"}}, does: 'The version that serves, or null' },
      { name: 'versions', record: ["versions"], type: {"kind":"list","of":{"kind":"word","name":"count"}}, does: 'All versions, oldest first' },
      { name: 'in_flight', record: ["inFlight"], type: {"kind":"word","name":"count"}, does: 'Requests without an answer yet' },
      { name: 'request_count', record: ["requestCount"], type: {"kind":"word","name":"count"}, does: 'Requests that were answered with results' },
      { name: 'row_count', record: ["rowCount"], type: {"kind":"word","name":"count"}, does: 'Their rows' },
      { name: 'failures', record: ["failures"], type: {"kind":"map","of":{"kind":"word","name":"count"}}, does: 'Requests that failed, by error code' },
      { name: 'background', record: ["background"], type: {"kind":"list","of":{"kind":"object","name":"BackgroundLosses"}}, absent: [], does: 'What each challenger and other background model lost' },
      { name: 'models', record: ["models"], type: {"kind":"list","of":{"kind":"object","name":"ModelStatus"}}, does: 'The models that it runs' },
      { name: 'remotes', record: ["remotes"], type: {"kind":"list","of":{"kind":"object","name":"RemoteStatus"}}, absent: [], does: 'The remote steps that it has' },
    ],
  },
  ExplainConfigs: {
    does: 'The configurations of explanations of a pipeline',
    fields: [
      { name: 'configs', record: ["configs"], type: {"kind":"list","of":{"kind":"document","name":"ExplainConfig"}}, does: 'As they were stored' },
    ],
  },
  OcclusionResult: {
    does: 'What each group of elements adds to the output, by putting the baseline in its place',
    fields: [
      { name: 'method', record: ["method"], type: {"kind":"constant","value":"occlusion"}, does: 'The method' },
      { name: 'groups', record: ["groups"], type: {"kind":"list","of":{"kind":"word","name":"text"}}, does: 'Names of the groups' },
      { name: 'outputs', record: ["outputs"], type: {"kind":"list","of":{"kind":"word","name":"number"}}, does: 'f of each row' },
      { name: 'contributions', record: ["contributions"], type: {"kind":"list","of":{"kind":"list","of":{"kind":"word","name":"number"}}}, does: '[row][group]: f(row) - f(row with the group at the baseline)' },
      { name: 'importances', record: ["importances"], type: {"kind":"list","of":{"kind":"word","name":"number"}}, does: 'Per group: mean over the rows of the absolute contribution' },
    ],
  },
  PermutationResult: {
    does: 'How much the score drops when the values of a group are dealt anew among the rows',
    fields: [
      { name: 'method', record: ["method"], type: {"kind":"constant","value":"permutation"}, does: 'The method' },
      { name: 'groups', record: ["groups"], type: {"kind":"list","of":{"kind":"word","name":"text"}}, does: 'Names of the groups' },
      { name: 'score', record: ["score"], type: {"kind":"word","name":"number"}, does: 'Score of the rows as they are; with `variance` the variance of f over them' },
      { name: 'importances', record: ["importances"], type: {"kind":"list","of":{"kind":"word","name":"number"}}, does: 'Per group: mean over the repeats of the drop' },
      { name: 'deviations', record: ["deviations"], type: {"kind":"list","of":{"kind":"word","name":"number"}}, does: 'Per group: standard deviation over the repeats, divided by their number' },
      { name: 'repeats', record: ["repeats"], type: {"kind":"list","of":{"kind":"list","of":{"kind":"word","name":"number"}}}, does: '[group][repeat]' },
    ],
  },
  ExplainFailure: {
    does: 'Why an explanation has no result',
    fields: [
      { name: 'code', record: ["code"], type: {"kind":"word","name":"error code"}, does: 'The code of the error' },
      { name: 'message', record: ["message"], type: {"kind":"word","name":"text"}, does: 'Its sentence' },
    ],
  },
  ListedExplanation: {
    does: 'An explanation in a list, without its result',
    fields: [
      { name: 'id', record: ["id"], type: {"kind":"word","name":"text"}, does: 'Its id' },
      { name: 'pipeline', record: ["pipeline"], type: {"kind":"word","name":"name"}, does: 'The pipeline that it explains' },
      { name: 'pipeline_version', record: ["pipelineVersion"], type: {"kind":"word","name":"count"}, does: 'The version, with the models that it had when the job was begun, whatever is deployed later' },
      { name: 'config', record: ["config"], type: {"kind":"document","name":"ExplainConfig"}, does: 'How it is explained' },
      { name: 'state', record: ["state"], type: {"kind":"enum","name":"ExplainJobState"}, does: 'How it goes' },
      { name: 'rows', record: ["rows"], type: {"kind":"word","name":"count"}, does: 'Rows that are explained' },
      { name: 'evaluated', record: ["evaluated"], type: {"kind":"word","name":"count"}, does: 'Rows that were run so far' },
      { name: 'evaluations', record: ["evaluations"], type: {"kind":"word","name":"count"}, does: 'Rows that will be run' },
      { name: 'created_at', record: ["createdAt"], type: {"kind":"word","name":"time"}, does: 'When it was begun' },
      { name: 'ended_at', record: ["endedAt"], type: {"kind":"nullable","of":{"kind":"word","name":"time"}}, does: 'When it ended, however' },
      { name: 'failure', record: ["failure"], type: {"kind":"nullable","of":{"kind":"object","name":"ExplainFailure"}}, does: 'Why it failed; null when it did not' },
    ],
  },
  Explanation: {
    does: 'One explanation: a job in the background',
    fields: [
      { name: 'id', record: ["id"], type: {"kind":"word","name":"text"}, does: 'Its id' },
      { name: 'pipeline', record: ["pipeline"], type: {"kind":"word","name":"name"}, does: 'The pipeline that it explains' },
      { name: 'pipeline_version', record: ["pipelineVersion"], type: {"kind":"word","name":"count"}, does: 'The version, with the models that it had when the job was begun, whatever is deployed later' },
      { name: 'config', record: ["config"], type: {"kind":"document","name":"ExplainConfig"}, does: 'How it is explained' },
      { name: 'state', record: ["state"], type: {"kind":"enum","name":"ExplainJobState"}, does: 'How it goes' },
      { name: 'rows', record: ["rows"], type: {"kind":"word","name":"count"}, does: 'Rows that are explained' },
      { name: 'evaluated', record: ["evaluated"], type: {"kind":"word","name":"count"}, does: 'Rows that were run so far' },
      { name: 'evaluations', record: ["evaluations"], type: {"kind":"word","name":"count"}, does: 'Rows that will be run' },
      { name: 'created_at', record: ["createdAt"], type: {"kind":"word","name":"time"}, does: 'When it was begun' },
      { name: 'ended_at', record: ["endedAt"], type: {"kind":"nullable","of":{"kind":"word","name":"time"}}, does: 'When it ended, however' },
      { name: 'failure', record: ["failure"], type: {"kind":"nullable","of":{"kind":"object","name":"ExplainFailure"}}, does: 'Why it failed; null when it did not' },
      { name: 'result', record: ["result"], type: {"kind":"nullable","of":{"kind":"union","names":["OcclusionResult","PermutationResult"]}}, absent: null, does: 'When `done`; always null in the records of lists' },
    ],
  },
  Explanations: {
    does: 'The explanations of a pipeline that are remembered',
    fields: [
      { name: 'explanations', record: ["explanations"], type: {"kind":"list","of":{"kind":"object","name":"ListedExplanation"}}, does: 'Oldest first' },
    ],
  },
  TaggedModel: {
    does: 'A version of a model that carries a tag',
    fields: [
      { name: 'name', record: ["name"], type: {"kind":"word","name":"model name"}, does: 'The model' },
      { name: 'version', record: ["version"], type: {"kind":"word","name":"count"}, does: 'Its version' },
    ],
  },
  TagUse: {
    does: 'Who carries a tag',
    fields: [
      { name: 'tag', record: ["tag"], type: {"kind":"word","name":"text"}, does: 'The tag' },
      { name: 'pipelines', record: ["pipelines"], type: {"kind":"list","of":{"kind":"word","name":"name"}}, does: 'Pipelines that carry it' },
      { name: 'models', record: ["models"], type: {"kind":"list","of":{"kind":"object","name":"TaggedModel"}}, does: 'Versions of models that carry it' },
    ],
  },
  Tags: {
    does: 'Every tag in use',
    fields: [
      { name: 'tags', record: ["tags"], type: {"kind":"list","of":{"kind":"object","name":"TagUse"}}, does: 'In order, each with who carries it' },
    ],
  },
  ExportedFile: {
    does: 'A file that an export wrote',
    fields: [
      { name: 'path', record: ["path"], type: {"kind":"word","name":"text"}, does: 'Where it is, on the server' },
      { name: 'rows', record: ["rows"], type: {"kind":"word","name":"count"}, does: 'Its rows' },
      { name: 'size_bytes', record: ["sizeBytes"], type: {"kind":"word","name":"count"}, does: 'Its size' },
    ],
  },
  LogExportAnswer: {
    does: 'What an export of the log wrote',
    fields: [
      { name: 'files', record: ["files"], type: {"kind":"list","of":{"kind":"object","name":"ExportedFile"}}, does: 'The files' },
      { name: 'rows', record: ["rows"], type: {"kind":"word","name":"count"}, does: 'Rows of all files' },
      { name: 'warnings', record: ["warnings"], type: {"kind":"list","of":{"kind":"word","name":"text"}}, does: 'What there is to know beside them, a sentence each' },
    ],
  },
  LogColumn: {
    does: 'A column of a result',
    fields: [
      { name: 'name', record: ["name"], type: {"kind":"word","name":"text"}, does: 'Its name' },
      { name: 'type', record: ["type"], type: {"kind":"word","name":"text"}, does: 'Its type, in the words of DuckDB' },
    ],
  },
  LogSqlAnswer: {
    does: 'The result of one SELECT',
    fields: [
      { name: 'columns', record: ["columns"], type: {"kind":"list","of":{"kind":"object","name":"LogColumn"}}, does: 'Its columns' },
      { name: 'warnings', record: ["warnings"], type: {"kind":"list","of":{"kind":"word","name":"text"}}, does: 'What there is to know beside it, a sentence each' },
      { name: 'records', record: ["records"], type: {"kind":"list","of":{"kind":"word","name":"object"}}, does: 'A record a row; 64-bit integers keep all their digits' },
    ],
  },
  FailingLog: {
    does: 'A log that cannot be written',
    fields: [
      { name: 'pipeline', record: ["pipeline"], type: {"kind":"word","name":"name"}, does: 'Whose log it is' },
      { name: 'fault', record: ["fault"], type: {"kind":"word","name":"text"}, does: "Name of the system's error: ENOSPC, EROFS …" },
      { name: 'refuses', record: ["refuses"], type: {"kind":"word","name":"flag"}, does: 'New requests of the pipeline are refused while it lasts; else rows are dropped, or committed answers fail' },
    ],
  },
}

export const answerEnums: Readonly<Record<string, readonly string[]>> = {
  BatchingMode: ['rows', 'row', 'whole'],
  BatchingBasis: ['graph', 'trial', 'override', 'none'],
  RunnerName: ['onnxruntime', 'native-trees'],
  ExecutionProvider: ['cpu', 'cuda'],
  SourceKind: ['directory', 's3', 'mlflow'],
  RemoteKind: ['oip', 'mlflow', 'sagemaker', 'http'],
  BreakerState: ['closed', 'open', 'half-open'],
  PipelineState: ['undeployed', 'starting', 'running', 'error'],
  RunPlanState: ['calibrated', 'pending', 'default'],
  ExplainJobState: ['waiting', 'running', 'done', 'failed', 'cancelled'],
}
