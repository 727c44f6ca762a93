/** JSON Schemas of what is sent to explain: configurations and requests. */
import { count, listOf, name, number, record, reference, text, type Schema } from './json-schema.js'

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

export const explainSchemas: Readonly<Record<string, Schema>> = {
  ExplainConfig: {
    anyOf: [
      record(occlusion, [...optional, 'baseline']),
      record(permutation, [...optional, 'metric', 'threshold', 'repeats', 'seed']),
    ],
  },
  ExplainBody: record(
    {
      config: { anyOf: [{ ...text, description: 'The name of a stored one' }, reference('ExplainConfig')] },
      inputs: { type: 'object', description: 'Rows by input, as in an infer body' },
      targets: { ...listOf(number), description: 'One per row, for metrics that compare' },
      meta: { type: 'object', description: 'Routing keys, as in an infer body' },
    },
    ['targets', 'meta'],
  ),
}
