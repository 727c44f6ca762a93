/**
 * JSON Schemas of the bodies and answers, as the OpenAPI document lists them; integration tests hold real answers to them.
 * Those of the control API's answers follow from their tables. Written here are bodies of requests, the answers of
 * inference, which the data path prints without records, and what other dialects answer in words of their own.
 */
import { SHADOW_LIMIT_MS, SHADOW_LIMIT_MS_MAX, SHADOW_ROWS_MAX } from '../../../../base/limits/model-limits.js'
import { CACHE_BYTES_MAX, CACHE_BYTES_MIN, CACHE_TTL_SECONDS_MAX } from '../../../../base/limits/limits.js'
import { REQUIREMENTS_MAX } from '../../../../evaluation/requirements.js'
import { STEP_TYPES } from '../../../../steps/index.js'
import { contractReference, contractSchemas } from './contract-schemas.js'
import { errorSchemas } from './error-schemas.js'
import { explainSchemas } from './explain-schemas.js'
import { embeddingSchemas } from './embedding-schemas.js'
import { invocationSchemas } from './invocation-schemas.js'
import { logSchemas } from './log-schemas.js'
import { predictSchemas } from './predict-schemas.js'
import {
  answerSchemas,
  count,
  duration,
  flag,
  listOf,
  mapOf,
  modelName,
  name,
  record,
  reference,
  servedName,
  text,
  type Schema,
} from './json-schema.js'

const nestedNumbers: Schema = { description: 'Numbers, nested by the dims of the tensor, or flat' }
const metadata = {
  pipeline: servedName,
  pipeline_version: count,
  request_id: text,
  elapsed: {
    type: 'array',
    items: count,
    description: 'Nanoseconds: admission to first run, then one per step that runs models',
  },
  cache: { enum: ['hit', 'miss'], description: 'hit: from the prediction cache; absent where there is none' },
  timing: reference('Timing'),
  last_model: { type: ['string', 'null'], description: 'A string that holds JSON: {"model_name", "model_sha"}' },
} as const

const v2Datatype = { type: 'string', pattern: '^(BOOL|BYTES|U?INT(8|16|32|64)|FP(16|32|64)|BF16)$' } as const

export const schemas: Readonly<Record<string, Schema>> = {
  ...explainSchemas,
  ...invocationSchemas,
  ...logSchemas,
  ...predictSchemas,
  ...embeddingSchemas,
  ...errorSchemas,
  ...contractSchemas,
  ...answerSchemas(),
  WallarooPipelines: record({ pipelines: listOf(record({ id: name, version: text, status: text })) }),
  WallarooModels: record({ models: listOf(record({ name: modelName, version: text, sha: text, status: text })) }),
  DeployChoice: record(
    {
      version: { type: 'integer', minimum: 1 },
      wait: { type: 'boolean', description: 'false: answers at once with the status; true is the default' },
    },
    ['version', 'wait'],
  ),
  PromotionRequest: record(
    {
      version: { type: 'integer', minimum: 1, description: 'The version; or from' },
      from: { type: 'string', description: 'In place of version: an alias that points to it' },
      to: { type: 'string', description: 'The alias' },
      rows: {
        type: 'array',
        items: { type: 'object' },
        description: "Rows by the names of the pipeline's contract, with what was true of them in its targets",
      },
      require: {
        type: 'array',
        items: { type: 'string' },
        maxItems: REQUIREMENTS_MAX,
        description: 'What has to hold, such as `accuracy>=0.9`; needs rows, or, for agreement, shadow_rows',
      },
      better_than: {
        type: ['string', 'integer'],
        description: 'An alias or version that has to be beaten; needs rows',
      },
      by: { type: 'string', description: 'The metric by which; absent: the first that is required' },
      pipeline: {
        type: 'string',
        description: 'Which one answers the rows; absent: the only one that follows the alias',
      },
      prediction: { type: 'string', description: 'The field that is judged; absent: the only prediction' },
      shadow_rows: {
        type: 'integer',
        minimum: 1,
        maximum: SHADOW_ROWS_MAX,
        description: 'Live rows by which it is judged in place of rows: it answers them beside what serves',
      },
      shadow_limit_ms: {
        type: 'integer',
        minimum: 1,
        maximum: SHADOW_LIMIT_MS_MAX,
        description: `Milliseconds within which they have to come; absent: ${SHADOW_LIMIT_MS}`,
      },
    },
    [
      'version',
      'from',
      'rows',
      'require',
      'better_than',
      'by',
      'pipeline',
      'prediction',
      'shadow_rows',
      'shadow_limit_ms',
    ],
  ),
  AliasTarget: record({ version: { type: 'integer', minimum: 1 }, archive_existing: { type: 'boolean' } }, ['version']),
  Step: {
    type: 'object',
    properties: {
      type: { enum: STEP_TYPES },
      hashKey: { type: 'string', description: 'random-split: the routing key that decides instead of chance' },
      hashSeed: {
        type: 'string',
        pattern: '^[0-9]{1,20}$',
        description: 'random-split: deals the texts of hashKey anew',
      },
      required: { type: 'boolean', description: 'Splits: true refuses a request without the routing key' },
    },
    required: ['type'],
  },
  LogPolicy: record(
    {
      durability: { enum: ['off', 'sampled', 'async', 'committed'] },
      sampleRate: { type: 'number', exclusiveMinimum: 0, maximum: 1 },
      onFailure: { enum: ['answer', 'refuse'] },
      retention: record({ ageHours: { type: 'number', exclusiveMinimum: 0 }, bytes: { type: 'integer', minimum: 1 } }, [
        'ageHours',
        'bytes',
      ]),
    },
    ['sampleRate', 'onFailure', 'retention'],
  ),
  DatasetRows: record({
    rows: { ...listOf({ type: 'object' }), description: 'By column; 64-bit integers beyond 2^53 are texts' },
  }),
  CachePolicy: record({
    ttlSeconds: {
      type: 'number',
      minimum: 0.001,
      maximum: CACHE_TTL_SECONDS_MAX,
      description: 'How long an answer may be given again',
    },
    maxBytes: {
      type: 'integer',
      minimum: CACHE_BYTES_MIN,
      maximum: CACHE_BYTES_MAX,
      description: 'What inputs and answers may take together',
    },
  }),
  Definition: record(
    {
      name,
      steps: listOf(reference('Step')),
      contract: contractReference,
      log: reference('LogPolicy'),
      cache: reference('CachePolicy'),
    },
    ['name', 'contract', 'log', 'cache'],
  ),
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
  InferBody: {
    anyOf: [
      {
        type: 'array',
        minItems: 1,
        items: { type: 'object' },
        description: 'pandas-records: one object per row; columns that are no inputs are allowed',
      },
      record(
        {
          inputs: mapOf(nestedNumbers),
          meta: mapOf({ description: 'A routing key: a string or number, or an array of one per row' }),
          deadlineMs: { type: 'integer', minimum: 1, maximum: 3_600_000 },
          priority: { enum: ['interactive', 'background'] },
        },
        ['meta', 'deadlineMs', 'priority'],
      ),
      { type: 'object', additionalProperties: nestedNumbers, description: 'Inputs by name' },
    ],
  },
  InferAnswer: { anyOf: [reference('FullAnswer'), reference('ChosenAnswer')] },
  FullAnswer: { anyOf: [reference('Columns'), listOf(reference('Record'))] },
  ChosenAnswer: {
    description:
      'With a dataset or a separator: the columns that were asked for, each over the rows; of records, one object a row',
    anyOf: [{ type: 'object' }, listOf({ type: 'object' })],
  },
  Columns: record({
    outputs: mapOf(nestedNumbers),
    check_failures: listOf(record({ check: text, rows: listOf(count) })),
    metadata: record({ ...metadata, route: listOf(text) }, ['route', 'cache', 'timing']),
  }),
  Timing: {
    ...record(
      {
        total_us: duration,
        send_us: duration,
        steps: listOf(
          record({
            step: count,
            model: text,
            queue_us: duration,
            assemble_us: duration,
            run_us: duration,
            scatter_us: duration,
          }),
        ),
        stages: listOf(record({ step: text, type: text, run_us: duration })),
      },
      ['stages'],
    ),
    description: 'Microseconds; there when the request header penstock-timing is 1',
  },
  Record: record({
    time: { type: 'integer', description: 'Milliseconds of the epoch when the request arrived; the same for all rows' },
    in: {
      type: ['object', 'array'],
      description: 'The record as it was sent; all of them where a model without a row axis made one answer of several',
    },
    out: mapOf(nestedNumbers),
    anomaly: { type: 'object', properties: { count }, required: ['count'], additionalProperties: flag },
    check_failures: listOf(text),
    metadata: record({ ...metadata, dropped: listOf(text), partition: text, route: text }, [
      'route',
      'cache',
      'timing',
    ]),
  }),

  // ── Open Inference Protocol. Objects are open there: clients send members of their own. ──
  V2Server: record({ name: text, version: text, extensions: listOf(text) }),
  V2ServerReady: record({ ready: { const: true } }),
  V2Ready: record({ name: text, ready: { const: true } }),
  V2ModelList: record({ models: listOf(text) }),
  V2Tensor: record({ name: text, datatype: v2Datatype, shape: listOf({ type: 'integer', minimum: -1 }) }),
  V2Model: record({
    name: text,
    versions: listOf(text),
    platform: text,
    inputs: listOf(reference('V2Tensor')),
    outputs: listOf(reference('V2Tensor')),
  }),
  V2ConfigTensor: record({ name: text, data_type: text, dims: listOf({ type: 'integer', minimum: -1 }) }),
  V2Config: record(
    {
      name: text,
      platform: text,
      backend: text,
      max_batch_size: count,
      input: listOf(reference('V2ConfigTensor')),
      output: listOf(reference('V2ConfigTensor')),
      dynamic_batching: { type: 'object' },
    },
    ['dynamic_batching'],
  ),
  V2Duration: record({ count, ns: count }),
  V2Statistics: record({
    model_stats: listOf(
      record({
        name: text,
        version: text,
        last_inference: count,
        inference_count: count,
        execution_count: count,
        inference_stats: record(
          Object.fromEntries(
            [
              'success',
              'fail',
              'queue',
              'compute_input',
              'compute_infer',
              'compute_output',
              'cache_hit',
              'cache_miss',
            ].map((key) => [key, reference('V2Duration')]),
          ),
        ),
        response_stats: { type: 'object' },
        batch_stats: listOf(
          record({
            batch_size: count,
            compute_input: reference('V2Duration'),
            compute_infer: reference('V2Duration'),
            compute_output: reference('V2Duration'),
          }),
        ),
        memory_usage: listOf({ type: 'object' }),
      }),
    ),
  }),
  V2Parameters: mapOf({ type: ['string', 'number', 'boolean'] }),
  V2InferRequest: {
    type: 'object',
    required: ['inputs'],
    properties: {
      id: text,
      parameters: reference('V2Parameters'),
      inputs: listOf({
        type: 'object',
        required: ['name', 'shape', 'datatype'],
        properties: {
          name: text,
          shape: listOf(count),
          datatype: v2Datatype,
          parameters: reference('V2Parameters'),
          data: {
            type: 'array',
            description: 'The elements, flat or nested; null is a missing value of floats and texts',
          },
        },
      }),
      outputs: listOf({
        type: 'object',
        required: ['name'],
        properties: { name: text, parameters: reference('V2Parameters') },
      }),
    },
  },
  V2InferAnswer: record(
    {
      model_name: text,
      model_version: text,
      id: text,
      parameters: reference('V2Parameters'),
      outputs: listOf(
        record(
          {
            name: text,
            datatype: v2Datatype,
            shape: listOf(count),
            parameters: reference('V2Parameters'),
            data: { type: 'array', description: 'The elements, flat' },
          },
          ['parameters', 'data'],
        ),
      ),
    },
    ['id', 'parameters'],
  ),
  V2IndexRequest: { type: 'object', properties: { ready: flag } },
  V2Index: listOf(record({ name: text, version: text, state: { enum: ['READY', 'UNAVAILABLE'] }, reason: text })),
  V2LoadRequest: { type: 'object', properties: { parameters: reference('V2Parameters') } },
  V2RegisterRequest: {
    type: 'object',
    required: ['key', 'byte_size'],
    properties: { key: text, offset: count, byte_size: count },
  },
  V2Regions: listOf(record({ name: text, key: text, offset: count, byte_size: count })),
}
