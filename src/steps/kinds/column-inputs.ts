/** `inputs` of a step: what callers send to a pipeline that begins with it and names no contract. */
import { FIELDS_MAX } from '../../base/limits/limits.js'
import type { TransformInput } from '../../pipeline/definition.js'
import { DTYPES, isDtype } from '../../tensor/dtype.js'
import { StepReader, suggest } from '../step-reader.js'

const INPUT_KEYS = ['name', 'dtype', 'shape']

/** @throws PenstockError ERR_PIPELINE_INVALID. */
export function readInputs(reader: StepReader): TransformInput[] {
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

/** `shape` of a column. @throws PenstockError ERR_PIPELINE_INVALID. */
export function readShape(input: StepReader): number[] {
  const value = input.get('shape')
  const isShape = Array.isArray(value) && value.every((dim) => Number.isInteger(dim) && (dim as number) >= 1)
  if (!isShape) throw input.error('shape', 'the dims of one row, integers of 1 and more', value)
  return value as number[]
}
