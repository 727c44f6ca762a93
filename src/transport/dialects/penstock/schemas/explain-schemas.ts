/** JSON Schemas of explanations: configurations, requests, jobs, results. */
import { count, listOf, name, record, reference, text, type Schema } from './schema-words.js'

const number = { type: 'number' } as const
const output = record({ field: text, element: count }, ['field', 'element'])
const groups = listOf(record({ name: text, input: text, elements: listOf(count) }, ['input', 'elements']))
const common = { name, output, groups } as const
const optional = ['name', 'output', 'groups']
const baseline: Schema = {
  anyOf: [number, { const: 'mean' }, { type: 'object', additionalProperties: { anyOf: [number, listOf(number)] } }],
  description: 'One number for all, "mean" of each element over the rows, or numbers by input; 0 unless given',
}
const occlusion = { ...common, method: { const: 'occlusion' }, baseline } as const
const permutation = {
  ...common,
  method: { const: 'permutation' },
  metric: { enum: ['variance', 'mse', 'mae', 'r2', 'accuracy'] },
  threshold: { ...number, description: 'Of accuracy: what is above it counts as 1, all else as 0' },
  repeats: { type: 'integer', minimum: 1, maximum: 100 },
  seed: { type: 'integer', minimum: 0, maximum: 4_294_967_295 },
} as const

const job = {
  id: text,
  pipeline: name,
  pipeline_version: count,
  config: reference('ExplainConfig'),
  state: { enum: ['waiting', 'running', 'done', 'failed', 'cancelled'] },
  rows: { ...count, description: 'That are explained' },
  evaluated: { ...count, description: 'Rows that were run so far' },
  evaluations: { ...count, description: 'Rows that will be run' },
  created_at: { type: 'string', format: 'date-time' },
  ended_at: { type: ['string', 'null'] },
  failure: { anyOf: [record({ code: text, message: text }), { type: 'null' }] },
} as const

export const explainSchemas: Readonly<Record<string, Schema>> = {
  ExplainConfig: {
    anyOf: [
      record(occlusion, [...optional, 'baseline']),
      record(permutation, [...optional, 'metric', 'threshold', 'repeats', 'seed']),
    ],
  },
  ExplainConfigs: record({ configs: listOf(reference('ExplainConfig')) }),
  ExplainBody: record(
    {
      config: { anyOf: [{ ...text, description: 'The name of a stored one' }, reference('ExplainConfig')] },
      inputs: { type: 'object', description: 'Rows by input, as in an infer body' },
      targets: { ...listOf(number), description: 'One per row, for metrics that compare' },
      meta: { type: 'object', description: 'Routing keys, as in an infer body' },
    },
    ['targets', 'meta'],
  ),
  Explanation: record({
    ...job,
    result: {
      anyOf: [{ type: 'null' }, reference('OcclusionResult'), reference('PermutationResult')],
      description: 'When done',
    },
  }),
  Explanations: record({ explanations: listOf(record(job)) }),
  OcclusionResult: record({
    method: { const: 'occlusion' },
    groups: listOf(text),
    outputs: { ...listOf(number), description: 'f of each row' },
    contributions: {
      ...listOf(listOf(number)),
      description: '[row][group]: f(row) - f(row with the group at the baseline)',
    },
    importances: { ...listOf(number), description: 'Of each group: mean over the rows of the absolute contribution' },
  }),
  PermutationResult: record({
    method: { const: 'permutation' },
    groups: listOf(text),
    score: { ...number, description: 'Of the rows as they are; with variance that of f' },
    importances: { ...listOf(number), description: 'Of each group: mean over the repeats of the drop' },
    deviations: { ...listOf(number), description: 'Of each group: standard deviation over the repeats' },
    repeats: { ...listOf(listOf(number)), description: '[group][repeat]' },
  }),
}
