/**
 * `transform`: operations on named columns, with what was fitted in them. Before the first step that runs a model they make
 * its inputs out of what callers send; behind the last they make answers out of its outputs.
 */
import { FIELDS_MAX } from '../../base/limits/limits.js'
import type { TransformInput, TransformStep } from '../../pipeline/definition.js'
import { DTYPES, isDtype } from '../../tensor/dtype.js'
import { isFitted, parseOps } from '../../transforms/program/definition.js'
import type { StepKind } from '../step.js'
import { StepReader, suggest } from '../step-reader.js'

const INPUT_KEYS = ['name', 'dtype', 'shape']

export const transformKind: StepKind<TransformStep> = {
  type: 'transform',
  keys: ['ops', 'inputs'],
  parse: (reader) => {
    const ops = parseOps(reader.get('ops'), { where: `${reader.where}.ops`, code: 'ERR_PIPELINE_INVALID' })
    const unfitted = ops.findIndex((op) => !isFitted(op))
    if (unfitted >= 0) {
      const wayOut = '`penstock transform fit --ops ops.json --table rows.csv` prints them fitted'
      throw reader.error(`ops[${unfitted}]`, 'fitted', ops[unfitted]?.op, wayOut)
    }
    return { type: 'transform', ops, ...(reader.has('inputs') ? { inputs: readInputs(reader) } : {}) }
  },
  flow: (_, __, outputCount) => outputCount,
  plan: (step, where, draft) => draft.transform(where, step),
  describe: ({ ops }) => `transform ${ops.map(({ op }) => op).join(', ')}`,
}

function readInputs(reader: StepReader): TransformInput[] {
  const value = reader.get('inputs')
  if (!Array.isArray(value) || value.length < 1 || value.length > FIELDS_MAX)
    throw reader.error('inputs', `an array of 1..${FIELDS_MAX} columns`, value)
  const names = new Set<string>()
  return value.map((item: unknown, i) => {
    const key = `inputs[${i}]`
    if (typeof item !== 'object' || item === null || Array.isArray(item))
      throw reader.error(key, 'an object like {"name": "alcohol", "dtype": "float32"}', item)
    const input = new StepReader(`${reader.where}.${key}`, item as Record<string, unknown>)
    const other = Object.keys(item).find((member) => !INPUT_KEYS.includes(member))
    if (other !== undefined)
      throw reader.error(key, `made of ${INPUT_KEYS.join(', ')}`, other, suggest(other, INPUT_KEYS))
    const name = input.text('name')
    if (names.has(name)) throw input.error('name', 'the name of no other input', name)
    names.add(name)
    const dtype = input.get('dtype')
    if (!isDtype(dtype)) throw input.error('dtype', `one of ${DTYPES.map(({ name }) => name).join(', ')}`, dtype)
    return { name, dtype, ...(input.has('shape') ? { shape: readShape(input) } : {}) }
  })
}

function readShape(input: StepReader): number[] {
  const value = input.get('shape')
  const isShape = Array.isArray(value) && value.every((dim) => Number.isInteger(dim) && (dim as number) >= 1)
  if (!isShape) throw input.error('shape', 'the dims of one row, integers of 1 and more', value)
  return value as number[]
}
