/** JSON Schemas of models, their versions and their files. */
import { count, listOf, mapOf, name, record, reference, text, type Schema } from './schema-words.js'

export const modelVersion = {
  version: count,
  sha256: text,
  size_bytes: count,
  created_at: { type: 'string', format: 'date-time' },
  tags: listOf(text),
  inputs: listOf(reference('Field')),
  outputs: listOf(reference('OutputField')),
  batching: { enum: ['rows', 'row', 'whole'] },
  remark: text,
  copied_outputs: {
    ...listOf(text),
    description: 'Outputs that ONNX Runtime does not write into memory that it is given',
  },
  batching_proof: reference('BatchingProof'),
  providers: listOf({ enum: ['cpu', 'cuda'] }),
  device_id: count,
  uploaded: reference('UploadedFile'),
} as const
/** Only versions that say what they run on, or that were changed when they were added, have these. */
export const placementKeys = ['providers', 'device_id', 'uploaded', 'copied_outputs', 'batching_proof']

export const modelSchemas: Readonly<Record<string, Schema>> = {
  Field: record(
    {
      name: text,
      dtype: text,
      shape: listOf({ type: ['integer', 'null'] }),
      default: {
        ...record({ shape: listOf(count), data: listOf({ type: ['number', 'string'] }) }),
        description: 'Of an input that may be left out: what stands for it',
      },
    },
    ['default'],
  ),
  OutputField: record(
    {
      name: text,
      dtype: text,
      shape: listOf({ type: ['integer', 'null'] }),
      classes: {
        ...listOf({ type: ['string', 'integer'] }),
        description: 'What each column stands for, where the model named its classes in a map that was cut off',
      },
    },
    ['classes'],
  ),
  BatchingProof: record(
    {
      revision: count,
      basis: {
        enum: ['graph', 'trial', 'override', 'none'],
        description: 'Read from the graph and tried; tried; said by an operator; rows share no batches',
      },
      culprit: {
        anyOf: [record({ node: text, operator: text, reason: text }), { type: 'null' }],
        description:
          'The first node that makes rows depend on each other, or that is not known; without a name, its first output stands for it',
      },
      comparisons: {
        ...count,
        description: 'Rows of shared batches whose answers were compared with those of the rows by themselves',
      },
      difference: { type: 'string', description: 'What differed when it was tried; empty when nothing did' },
      untried: { ...listOf(text), description: 'Kinds of values that the model refuses, by input' },
      override: record({ operator: text, at: { type: 'string', format: 'date-time' } }),
      found: {
        ...record({ at: { type: 'string', format: 'date-time' }, output: text }),
        description: 'A row that got another answer in a shared batch while the version served',
      },
    },
    ['override', 'found'],
  ),
  BatchingState: record({
    mode: { enum: ['rows', 'row', 'whole'] },
    unbatched: { type: 'boolean', description: 'Rows that could share batches run one by one' },
    row_checks: { ...count, description: 'Rows that were run again alone to compare, since the model is loaded' },
    row_check_differences: count,
    shared_run_failures: { ...count, description: 'Shared runs that failed although each request ran by itself' },
  }),
  BackgroundLosses: record({
    model: { ...text, description: "As the log's columns name it" },
    shed_rows: { ...count, description: 'That a full queue refused' },
    failed_rows: count,
    failures: { ...mapOf(count), description: 'Failed rows by error code' },
    last_failure: {
      anyOf: [record({ code: text, message: text, at: { type: 'string', format: 'date-time' } }), { type: 'null' }],
      description: 'Of the model version, since it was loaded',
    },
  }),
  UploadedFile: record({
    sha256: { type: 'string', description: "Of the .onnx file that was sent; the version's own is of what is served" },
    size_bytes: count,
    changes: { ...listOf(text), description: 'What was changed, a sentence each' },
  }),
  ModelFiles: {
    type: 'object',
    required: ['model'],
    properties: {
      model: { type: 'string', format: 'binary', description: 'The .onnx file' },
      data: {
        ...listOf({ type: 'string', format: 'binary' }),
        description: 'The data files that the model names, each with that name as its filename',
      },
    },
  },
  Model: record({ name, aliases: mapOf(count), versions: listOf(reference('ModelVersion')) }),
  Models: record({ models: listOf(reference('Model')) }),
  ModelVersion: record(modelVersion, placementKeys),
  UploadedVersion: record({ name, ...modelVersion, aliases: listOf(name) }, placementKeys),
}
