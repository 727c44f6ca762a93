/**
 * Makes the tensors of requests: drawn from ranges, taken from rows of a file, or as literal inputs say. Numbers are drawn
 * with seven digits, as feature tables usually have: seventeen would make JSON slower than it is in life.
 */
import { argumentError } from '../../base/expect.js'
import type { RandomSource } from '../../base/random.js'
import { allocateData, dtypeInfo } from '../../tensor/dtype.js'
import { bfloat16Bits, float16Bits } from '../../tensor/float16.js'
import { toTensor } from '../../tensor/convert.js'
import type { Dtype, NumericDtype, Tensor, TensorField } from '../../tensor/tensor.js'
import type { Row } from './input-file.js'
import type { FieldRange, InputSource } from './scenario.js'
import type { Inputs } from './prepared-kind.js'
import type { Signature } from './signature.js'

const DIGITS = 7
const defaultTexts = ['a', 'penstock', 'turbine', 'water', 'flow', 'gate']

/** One request of `rows` rows; a pipeline without a row axis takes its tensors whole. */
export function drawInputs(
  { inputs, isNonBatching }: Signature,
  source: Extract<InputSource, { kind: 'ranges' }>,
  rows: number,
  random: RandomSource,
): Inputs {
  const unknown = Object.keys(source.fields).find((name) => !inputs.some((field) => field.name === name))
  if (unknown !== undefined)
    throw argumentError('each name of "ranges"', `one of ${inputs.map(({ name }) => name).join(', ')}`, unknown)
  const [min, max] = source.freeDims
  // One draw for all: inputs that belong together, such as tokens and their mask, have the same length.
  const freeDim = min + Math.floor(random() * (max - min + 1))
  return Object.fromEntries(
    inputs.map((field) => {
      const shape = field.shape.map((dim, axis) => dim ?? (axis === 0 && !isNonBatching ? rows : freeDim))
      return [field.name, drawTensor(field, shape, source.fields[field.name], isNonBatching, random)]
    }),
  )
}

function drawTensor(
  field: TensorField,
  shape: readonly number[],
  range: FieldRange | undefined,
  isNonBatching: boolean,
  random: RandomSource,
): Tensor {
  const count = shape.reduce((product, dim) => product * dim, 1)
  const rowElements = isNonBatching ? count : count / (shape[0] ?? 1)
  if (range?.kind === 'elements' && range.ranges.length !== rowElements)
    throw argumentError(`the ranges of ${field.name}`, `${rowElements}, one for each element of a row`, range.ranges)
  const draw = drawerOf(field.dtype, range, random)
  const values = Array.from({ length: count }, (_, index) => draw(index % rowElements))
  if (field.dtype === 'string') return { dtype: 'string', shape, data: values.map(String) }
  return { dtype: field.dtype, shape, data: numericData(field.dtype, values.map(Number)) }
}

type Value = number | string | boolean

function drawerOf(dtype: Dtype, range: FieldRange | undefined, random: RandomSource): (element: number) => Value {
  const pick = (values: readonly Value[]): Value => values[Math.floor(random() * values.length)] ?? 0
  if (range?.kind === 'values') return () => pick(range.values)
  if (dtype === 'string') return () => pick(defaultTexts)
  const isInteger = dtypeInfo(dtype).kind !== 'float'
  const between = (min: number, max: number): number => {
    const value = min + random() * (max - min)
    return isInteger ? Math.floor(value) : Number(value.toPrecision(DIGITS))
  }
  const [low, high] = defaultRange(dtype)
  if (range === undefined) return () => between(low, high)
  if (range.kind === 'range') return () => between(range.min, range.max)
  return (element) => between(...(range.ranges[element] ?? [low, high]))
}

function defaultRange(dtype: Dtype): readonly [number, number] {
  if (dtype === 'bool') return [0, 2]
  // As token ids and categories go: low numbers are the ones that a model surely knows.
  return dtypeInfo(dtype).kind === 'integer' ? [0, 10] : [0, 1]
}

function numericData(dtype: NumericDtype, values: readonly number[]): Tensor['data'] {
  const data = allocateData(dtype, values.length)
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    for (const [index, value] of values.entries()) data[index] = BigInt(Math.floor(value))
    return data
  }
  const bits = dtype === 'float16' ? float16Bits : dtype === 'bfloat16' ? bfloat16Bits : (value: number) => value
  for (const [index, value] of values.entries()) data[index] = bits(value)
  return data
}

/** Rows of a file as one request. @throws PenstockError naming the input that a row lacks or that does not fit. */
export function stackRows(fields: readonly TensorField[], isNonBatching: boolean, rows: readonly Row[]): Inputs {
  const entries = fields.map((field): [string, Tensor] => {
    const values = rows.map((row) => row[field.name])
    if (values.includes(undefined))
      throw argumentError(`a row of the inputs`, `with ${field.name}`, Object.keys(rows[0] ?? {}).join(', '))
    return [field.name, toTensor(field, isNonBatching ? values[0] : fitted(field, values), isNonBatching)]
  })
  return Object.fromEntries(entries)
}

/** A field of one element a row, [n, 1], takes bare values, as tables have them. */
function fitted(field: TensorField, values: readonly unknown[]): unknown[] {
  const isOne = field.shape.length === 2 && field.shape[1] === 1
  return isOne ? values.map((value): unknown => (Array.isArray(value) ? value : [value])) : [...values]
}

/** Inputs of a request that is expected to be refused: as they stand, whether they fit the signature or not. */
export function looseInputs(signature: Signature | null, literal: Readonly<Record<string, unknown>>): Inputs {
  const entries = Object.entries(literal).map(([name, value]): [string, Tensor] => {
    const shape: number[] = []
    for (let level = value; Array.isArray(level); level = (level as readonly unknown[])[0]) shape.push(level.length)
    const flat = Array.isArray(value) ? (value.flat(Infinity) as unknown[]) : [value]
    const known = signature?.inputs.find((field) => field.name === name)?.dtype
    if (flat.some((element) => typeof element === 'string'))
      return [name, { dtype: 'string', shape, data: flat.map(String) }]
    const dtype = known === undefined || known === 'string' ? 'float32' : known
    return [name, { dtype, shape, data: numericData(dtype, flat.map(Number)) }]
  })
  return Object.fromEntries(entries)
}
