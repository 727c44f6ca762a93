/**
 * Nested numbers, as JSON.parse makes them, to tensors. Untrusted: arrays may be ragged, deep, or hold anything.
 *
 * The shape is read off the first elements (never deeper than the field's rank, so hostile nesting costs nothing), every
 * array is compared with it, and only then is memory reserved: one flat loop per innermost array, no closure per element.
 * An innermost loop only finds *that* an element is wrong; `explain` finds the words afterwards, off the fast path.
 * Range checks read back what the typed array stored: a store that changed the value was out of range.
 *
 * null is a missing value: NaN among floats, '' among strings. Integers and bools have none.
 */
import { argumentError } from '../base/expect.js'
import { PenstockError, type ErrorCode } from '../base/errors.js'
import { allocateData } from './dtype.js'
import { bfloat16Bits, bfloat16Value, float16Bits, float16Value } from './float16.js'
import { hasMissingValue } from './missing.js'
import { elementCount, expectShape, formatShape, shapeMatches } from './shape.js'
import type { Dtype, NumericDtype, Tensor, TensorField } from './tensor.js'

type Target = Tensor['data'] | string[]
/** Copies `row` to target[offset …]; returns the index of the first element that does not fit, or -1. */
type FillRow = (target: never, offset: number, row: readonly unknown[]) => number

/** Where the walk is, for messages. */
interface Place {
  readonly field: TensorField
  readonly shape: readonly number[]
  readonly isOneRow: boolean
  /** Index by axis; what lies beyond the present axis is stale. */
  readonly path: number[]
}

/**
 * Makes the tensor of one input from nested arrays. Arrays of one dim less than the field's are taken as one row; `[]` is
 * no row. Below an array without elements there is nothing to read dims off: they are the field's, and 0 where it has
 * none.
 * @throws PenstockError ERR_SHAPE (ragged, rank, dims), ERR_VALUE_RANGE, ERR_ARGUMENT (an element of the wrong type).
 */
export function nestedToTensor(field: TensorField, value: unknown, isNonBatching: boolean): Tensor {
  const { shape, isOneRow } = shapeOfNest(field, shapeOfFirst(value, field.shape.length), isNonBatching)
  expectNoNullRow(field, value, shape)
  expectShapeOfFirst(field, shape, isNonBatching)
  const count = elementCount(shape)
  const place: Place = { field, shape, isOneRow, path: [] }
  // A rank 0 tensor is filled as an array of one; its path stays empty.
  const top = shape.length === 0 || isOneRow ? [value] : (value as readonly unknown[])
  expectLevels(place, top, 0)
  const target: Target = field.dtype === 'string' ? new Array<string>(count) : allocateData(field.dtype, count)
  copyLevels(place, top, 0, target, 0)
  return { dtype: field.dtype, shape, data: target }
}

/** Dims by the first element of each level, at most `rankMax` + 1 of them. */
function shapeOfFirst(value: unknown, rankMax: number): number[] {
  const shape: number[] = []
  let level = value
  while (Array.isArray(level) && shape.length <= rankMax) {
    shape.push(level.length)
    level = level[0]
  }
  return shape
}

/** @param found dims down to the first array without elements. */
function shapeOfNest(
  field: TensorField,
  found: readonly number[],
  isNonBatching: boolean,
): { shape: number[]; isOneRow: boolean } {
  const full = completed(found, field.shape)
  if (isNonBatching || shapeMatches(field.shape, full)) return { shape: full, isOneRow: false }
  const row = completed(found, field.shape.slice(1))
  const isOneRow = found.length > 0 && shapeMatches(field.shape.slice(1), row)
  return { shape: isOneRow ? [1, ...row] : full, isOneRow }
}

function completed(found: readonly number[], dims: TensorField['shape']): number[] {
  return found.at(-1) === 0 ? [...found, ...dims.slice(found.length).map((dim) => dim ?? 0)] : [...found]
}

/** A first row that is null gives no dims. Among bare numbers it is an element of the one row that they are. */
function expectNoNullRow(field: TensorField, value: unknown, shape: readonly number[]): void {
  if (!Array.isArray(value) || value[0] !== null || field.shape.length < 2) return
  if (!shapeMatches(field.shape, shape) || value.some(Array.isArray)) throw missingRow(field, 0)
}

/** The refusal of a row that is null as a whole. */
export function missingRow(field: TensorField, row: number): PenstockError {
  const inner = formatShape(field.shape.slice(1), true)
  const wayOut = hasMissingValue(field)
    ? 'A whole row cannot be missing: leave it out, or write null inside it, where an element is missing'
    : 'A whole row cannot be missing: leave it out'
  return argumentError(`${field.name}[${row}]`, `a row, an array of the shape ${inner},`, null, wayOut, 'ERR_SHAPE')
}

function expectShapeOfFirst(field: TensorField, shape: readonly number[], isNonBatching: boolean): void {
  if (shape.length > field.shape.length) {
    throw new PenstockError(
      'ERR_SHAPE',
      `Expected ${field.name} to have the shape ${formatShape(field.shape, isNonBatching)} but received arrays nested deeper`,
    )
  }
  expectShape(field, shape, isNonBatching)
}

/** Checks that every array below `level` has the dims of the first: ragged rows must not size an allocation. */
function expectLevels(place: Place, level: readonly unknown[], axis: number): void {
  const { field, shape, isOneRow, path } = place
  if (axis >= shape.length - 1) return
  const length = shape[axis + 1] as number
  for (let i = 0; i < level.length; i++) {
    const child = level[i]
    path[axis] = i
    if (!Array.isArray(child) || child.length !== length) {
      if (child === null && axis === 0 && !isOneRow) throw missingRow(field, i)
      const rule = `an array of ${length} elements, as the first one is`
      const wayOut = 'All rows of a tensor have the same dims'
      throw argumentError(formatPath(place, axis + 1), rule, child, wayOut, 'ERR_SHAPE')
    }
    expectLevels(place, child, axis + 1)
  }
}

/** Copies what expectLevels has seen; returns the offset after it. Recursion is as deep as the rank, at most RANK_MAX. */
function copyLevels(place: Place, level: readonly unknown[], axis: number, target: Target, offset: number): number {
  const { field, shape, path } = place
  if (axis < shape.length - 1) {
    let next = offset
    for (let i = 0; i < level.length; i++) {
      path[axis] = i
      next = copyLevels(place, level[i] as readonly unknown[], axis + 1, target, next)
    }
    return next
  }
  const bad = fillers[field.dtype](target as never, offset, level)
  if (bad < 0) return offset + level.length
  path[axis] = bad
  throw explain(formatPath(place, shape.length), field.dtype, level[bad])
}

function formatPath({ field, path, isOneRow }: Place, depth: number): string {
  // The row axis was added for a single row: the caller does not know of it.
  const own = path.slice(isOneRow ? 1 : 0, depth)
  return field.name + own.map((index) => `[${index}]`).join('')
}

// ── innermost loops ─────────────────────────────────────────────────────────────────────────────

function fillFloat(target: Float32Array | Float64Array, offset: number, row: readonly unknown[]): number {
  for (let i = 0; i < row.length; i++) {
    const value = row[i]
    if (typeof value !== 'number') {
      if (value !== null && (typeof value !== 'bigint' || !Number.isSafeInteger(Number(value)))) return i
      target[offset + i] = value === null ? NaN : Number(value)
      continue
    }
    target[offset + i] = value
    // NaN and infinities, also those a float32 overflowed to: x - x is 0 for finite numbers only.
    const stored = target[offset + i] as number
    if (stored - stored !== 0) return i
  }
  return -1
}

type SmallIntegers = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array

function fillInteger(target: SmallIntegers, offset: number, row: readonly unknown[]): number {
  for (let i = 0; i < row.length; i++) {
    const value = typeof row[i] === 'bigint' ? Number(row[i]) : row[i]
    if (typeof value !== 'number') return i
    target[offset + i] = value
    if (target[offset + i] !== value) return i
  }
  return -1
}

function fillBigInteger(target: BigInt64Array | BigUint64Array, offset: number, row: readonly unknown[]): number {
  for (let i = 0; i < row.length; i++) {
    const value = toBigInteger(row[i])
    if (value === null) return i
    target[offset + i] = value
    if (target[offset + i] !== value) return i
  }
  return -1
}

function fillBool(target: Uint8Array, offset: number, row: readonly unknown[]): number {
  for (let i = 0; i < row.length; i++) {
    const value = row[i]
    if (value !== true && value !== false && value !== 0 && value !== 1) return i
    target[offset + i] = Number(value)
  }
  return -1
}

function fillHalf(
  bitsOf: (value: number) => number,
  valueOf: (bits: number) => number,
): (target: Uint16Array, offset: number, row: readonly unknown[]) => number {
  return (target, offset, row) => {
    for (let i = 0; i < row.length; i++) {
      const value = row[i]
      if (typeof value !== 'number' && value !== null) return i
      const bits = bitsOf(value ?? NaN)
      if (value !== null && !Number.isFinite(valueOf(bits))) return i
      target[offset + i] = bits
    }
    return -1
  }
}

function fillString(target: string[], offset: number, row: readonly unknown[]): number {
  for (let i = 0; i < row.length; i++) {
    const value = row[i] ?? ''
    if (typeof value !== 'string' || row[i] === undefined) return i
    target[offset + i] = value
  }
  return -1
}

const fillers: Readonly<Record<Dtype, FillRow>> = {
  float32: fillFloat,
  float64: fillFloat,
  float16: fillHalf(float16Bits, float16Value),
  bfloat16: fillHalf(bfloat16Bits, bfloat16Value),
  int8: fillInteger,
  uint8: fillInteger,
  int16: fillInteger,
  uint16: fillInteger,
  int32: fillInteger,
  uint32: fillInteger,
  int64: fillBigInteger,
  uint64: fillBigInteger,
  bool: fillBool,
  string: fillString,
}

/** Longer decimal strings cannot be 64-bit integers, and BigInt() is quadratic in their length. */
const decimalInteger = /^-?\d{1,20}$/

function toBigInteger(value: unknown): bigint | null {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : null
  return typeof value === 'string' && decimalInteger.test(value) ? BigInt(value) : null
}

// ── words ───────────────────────────────────────────────────────────────────────────────────────

const ranges: Readonly<Partial<Record<NumericDtype, string>>> = {
  float32: '-3.4028235e38..3.4028235e38',
  float16: '-65504..65504',
  bfloat16: '-3.3895314e38..3.3895314e38',
  int8: '-128..127',
  uint8: '0..255',
  int16: '-32768..32767',
  uint16: '0..65535',
  int32: '-2147483648..2147483647',
  uint32: '0..4294967295',
  int64: '-9223372036854775808..9223372036854775807',
  uint64: '0..18446744073709551615',
}

const noMissingValue = 'Only floats (NaN) and strings ("") have missing values: send a value, or leave out the row'
/** What writers put where a number is missing. */
const missingWords = /^\s*(?:nan|null|none|n\/?a|<na>)?\s*$/i

/** Why `value` is no element of `dtype`. */
function explain(where: string, dtype: Dtype, value: unknown): PenstockError {
  if (dtype === 'string') return argumentError(where, 'a string', value)
  if (Array.isArray(value)) return argumentError(where, `a number (${dtype}), not an array`, value, '', 'ERR_SHAPE')
  const missing = value === null || value === undefined ? noMissingValue : ''
  if (dtype === 'bool') return argumentError(where, 'true, false, 0 or 1 (bool)', value, missing, codeOf(value))
  if (missing !== '') return argumentError(where, `a number (${dtype})`, value, missing)
  if (typeof value === 'boolean') return argumentError(where, `a number (${dtype})`, value, 'Pass 1 or 0')
  const is64 = dtype === 'int64' || dtype === 'uint64'
  if (typeof value === 'string' && !is64) {
    const wayOut = missingWords.test(value) && dtype.includes('float') ? 'Send null for a missing value' : ''
    return argumentError(where, `a number (${dtype})`, value, wayOut)
  }
  return explainNumber(where, dtype, value, is64)
}

function explainNumber(where: string, dtype: NumericDtype, value: unknown, is64: boolean): PenstockError {
  const isFloat = dtype.includes('float')
  if (typeof value === 'number' && Number.isNaN(value)) {
    const wayOut = isFloat ? 'Pass null for a missing value, or NaN in a typed array' : ''
    return argumentError(where, `a number (${dtype})`, value, wayOut, 'ERR_VALUE_RANGE')
  }
  if (typeof value === 'bigint' && isFloat) {
    return argumentError(where, `a number that ${dtype} holds exactly`, value, '', 'ERR_VALUE_RANGE')
  }
  if (is64 && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    const rule = `an exact integer (${dtype}), which JSON numbers are up to 2^53 - 1 only,`
    return argumentError(where, rule, value, 'Send it as a decimal string', 'ERR_VALUE_RANGE')
  }
  const range = ranges[dtype] ?? 'the finite numbers'
  const rule = isFloat ? `a number in ${range} (${dtype})` : `an integer in ${range} (${dtype})`
  return argumentError(where, rule, value, '', codeOf(value))
}

/** A number that does not fit is a matter of range; anything else is the wrong type of value. */
function codeOf(value: unknown): ErrorCode {
  const isNumber = typeof value === 'number' || typeof value === 'bigint'
  return isNumber || (typeof value === 'string' && decimalInteger.test(value)) ? 'ERR_VALUE_RANGE' : 'ERR_ARGUMENT'
}
