/**
 * What a script answered, as columns of the types that its step declares. Every name, count and value is looked at: a script
 * is a program that nobody has checked, and what leaves here goes into a model. Narrowing is by value: 7 is an int32, 2^40
 * and 7.5 are none. Everything is copied, for a script may keep what it has answered.
 */
import { PenstockError } from '../base/errors.js'
import { describeValue } from '../base/expect.js'
import { SCRIPT_TEXT_BYTES_MAX } from '../base/limits/script-limits.js'
import { didYouMean } from '../base/suggest.js'
import { allocateData, isDataOf, type NumericData } from '../tensor/dtype.js'
import { bfloat16Bits, float16Bits } from '../tensor/float16.js'
import type { Dtype, NumericDtype } from '../tensor/tensor.js'
import { bitsOf, type ColumnType, describeType, elementsOf, isFloat, packStrings } from '../transforms/draft/column.js'
import type { TransformColumn } from '../transforms/draft/column.js'
import { ownCopy } from './to-script.js'

/**
 * @param script how messages call it: `score.ts`.
 * @returns in the order of `types`; the caller owns their memory.
 * @throws PenstockError ERR_SCRIPT_FAILED naming the column, and the row.
 */
export function fromScript(
  script: string,
  types: readonly ColumnType[],
  answer: unknown,
  rows: number,
): TransformColumn[] {
  if (typeof answer !== 'object' || answer === null || isList(answer))
    throw failed(`Expected ${script} to answer columns by name but received ${describeValue(answer)}`)
  const record = answer as Readonly<Record<string, unknown>>
  const names = types.map(({ name }) => name)
  const other = Object.keys(record).find((name) => !names.includes(name))
  if (other !== undefined)
    throw failed(
      `Expected ${script} to answer ${names.join(', ')} but it answered ${describeValue(other)} as well${didYouMean(other, names) || '. Declare it in the outputs of the step'}`,
    )
  let textBytes = 0
  return types.map((type) => {
    const column = columnOf(script, type, Object.hasOwn(record, type.name) ? record[type.name] : undefined, rows)
    if (type.dtype === 'string') textBytes += column.data.byteLength
    if (textBytes > SCRIPT_TEXT_BYTES_MAX)
      throw failed(`Expected the texts of ${script} to be at most ${SCRIPT_TEXT_BYTES_MAX} bytes but they are more`)
    return column
  })
}

type List = ArrayLike<unknown>

function isList(value: unknown): value is List {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))
}

function columnOf(script: string, type: ColumnType, value: unknown, rows: number): TransformColumn {
  const { name, dtype, shape } = type
  const rule = `${describeType(type)}, an array`
  if (!isList(value)) throw failed(`Expected ${name} of ${script} to be ${rule} but received ${describeValue(value)}`)
  const width = elementsOf(shape)
  if (value.length !== rows * width) {
    const each = width === 1 ? 'one a row' : `${width} a row`
    throw failed(
      `Expected ${name} of ${script} to have ${rows * width} values, ${each}, but it has ${value.length} for ${rows} row${rows === 1 ? '' : 's'}`,
    )
  }
  const dims = [rows, ...shape]
  if (isCarried(dtype) && isDataOf(dtype, value))
    return { dtype, shape: dims, data: ownCopy(value as NumericData), offsets: null, validity: null }
  return convert(script, type, value, dims)
}

/** Whether the dtype's typed array can hold nothing but its values: not bit patterns of floats, and not any byte for a bool. */
function isCarried(dtype: Dtype): boolean {
  return dtype !== 'string' && dtype !== 'bool' && dtype !== 'float16' && dtype !== 'bfloat16'
}

function convert(script: string, type: ColumnType, list: List, shape: number[]): TransformColumn {
  const { dtype, isNullable } = type
  const isFloatColumn = isFloat(dtype)
  const isThere = Array.from({ length: list.length }, (_, i) => list[i] !== null && list[i] !== undefined)
  const missing = isFloatColumn || isNullable ? -1 : isThere.indexOf(false)
  if (missing >= 0) throw refusal(script, type, list, missing, `. Declare it as ${dtype}? if it may be missing`)
  const validity = isFloatColumn || !isThere.includes(false) ? null : bitsOf(isThere)
  if (dtype === 'string') {
    const texts = Array.from({ length: list.length }, (_, i) => {
      if (isThere[i] !== true) return ''
      if (typeof list[i] !== 'string') throw refusal(script, type, list, i, '. Use String(value)')
      return list[i]
    })
    return { dtype, shape, ...packStrings(texts), validity }
  }
  const data = allocateData(dtype, list.length)
  const element = elementOf[dtype]
  for (let i = 0; i < list.length; i++) {
    if (isThere[i] !== true && !isFloatColumn) continue
    const value = element(isThere[i] === true ? list[i] : NaN)
    if (value === null) throw refusal(script, type, list, i)
    data[i] = value
  }
  return { dtype, shape, data, offsets: null, validity }
}

function refusal(script: string, type: ColumnType, list: List, index: number, wayOut = ''): PenstockError {
  const row = Math.floor(index / elementsOf(type.shape))
  const received = describeValue(list[index])
  return failed(
    `Expected ${type.name} of ${script} to be ${describeType(type)} but received ${received} in row ${row}${wayOut}`,
  )
}

/** The element that a value is, or null when it is none of the dtype. */
type Element = (value: unknown) => number | bigint | null

const float =
  (bits: (value: number) => number, isFinite: (bits: number) => boolean): Element =>
  (value) => {
    if (typeof value !== 'number') return null
    const made = bits(value)
    // A number that becomes an infinity is not the number any more.
    return Number.isFinite(value) && !isFinite(made) ? null : made
  }
const integer =
  (min: number, max: number): Element =>
  (value) => {
    const number = typeof value === 'bigint' ? Number(value) : value
    return typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max ? number : null
  }
const integer64 =
  (min: bigint, max: bigint): Element =>
  (value) => {
    // Beyond 2^53 a number is not known to be the integer that was meant.
    if (typeof value !== 'bigint' && !Number.isSafeInteger(value)) return null
    const number = BigInt(value as bigint | number)
    return number >= min && number <= max ? number : null
  }

const elementOf: Readonly<Record<NumericDtype, Element>> = {
  float32: float(Math.fround, Number.isFinite),
  float64: float((value) => value, Number.isFinite),
  float16: float(float16Bits, (bits) => (bits & 0x7c00) !== 0x7c00),
  bfloat16: float(bfloat16Bits, (bits) => (bits & 0x7f80) !== 0x7f80),
  int8: integer(-128, 127),
  uint8: integer(0, 255),
  int16: integer(-(2 ** 15), 2 ** 15 - 1),
  uint16: integer(0, 2 ** 16 - 1),
  int32: integer(-(2 ** 31), 2 ** 31 - 1),
  uint32: integer(0, 2 ** 32 - 1),
  int64: integer64(-(2n ** 63n), 2n ** 63n - 1n),
  uint64: integer64(0n, 2n ** 64n - 1n),
  bool: (value) => (value === true || value === 1 ? 1 : value === false || value === 0 ? 0 : null),
}

function failed(sentence: string): PenstockError {
  return new PenstockError('ERR_SCRIPT_FAILED', sentence)
}
