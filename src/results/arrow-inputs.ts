/**
 * Arrow columns to the tensors of a pipeline's inputs. Where the dtype is the model's and the body holds one record
 * batch, a tensor is a view of the body: its numbers are never JavaScript's. Several batches are joined by copying bytes.
 *
 * A column of numbers has rows without dims, fixed_size_list<…>[k] rows of k elements, lists rows of the one length that
 * they all have; nested lists, as many dims. Elements in a row that are as many as the field's take the field's shape, so
 * that [28, 28] may come flat; where dims are free, `tensor_type` {"shape": […]} in the field's metadata tells them.
 *
 * Casts: integers to others that hold the value, numbers to floats as JSON's are (rounded; beyond the range is refused),
 * bool to numbers. Nothing goes from floats to integers. No value (null) is refused: a model has no number for it.
 */
import { PenstockError } from '../base/errors.js'
import { allocateData, dtypeInfo, isSafeCast, viewData, type NumericData } from '../tensor/dtype.js'
import { bfloat16Value, float16Value } from '../tensor/float16.js'
import { expectShape, formatShape, shapeMatches } from '../tensor/shape.js'
import type { Dtype, NumericDtype, Tensor, TensorField } from '../tensor/tensor.js'
import type { ArrowType } from './ipc/arrow-schema.js'
import type { ArrowBody, ArrowColumn } from './ipc/read-arrow.js'

/**
 * @param index of the column in the body.
 * @returns a tensor of the field's dtype and shape; of a body of one batch, often a view of it.
 * @throws PenstockError ERR_SHAPE, ERR_DTYPE, ERR_VALUE_RANGE, ERR_ARGUMENT (nulls).
 */
export function arrowTensor(body: ArrowBody, index: number, field: TensorField, isWhole: boolean): Tensor {
  const parts = body.batches.map(({ columns }) => partOf(columns[index] as ArrowColumn, field, body))
  const [first] = parts
  if (first === undefined) throw new PenstockError('ERR_SHAPE', 'Expected at least one row but received a body without')
  const odd = parts.find(({ dims }) => dims.join() !== first.dims.join())
  if (odd !== undefined) throw unevenRows(field, first.dims, odd.dims)
  const shape = shapeOf(field, isWhole ? null : body.rows, first.dims, toldShape(first.column), isWhole)
  if (isWhole && body.rows !== 1) {
    const sentence = `Expected one row, for the models have no row axis, but received ${body.rows}`
    throw new PenstockError('ERR_SHAPE', `${sentence}. Send one request each`)
  }
  return { dtype: field.dtype, shape, data: dataOf(field, parts, body) }
}

/** A column's elements in one batch. */
interface Part {
  readonly column: ArrowColumn
  /** Without lists around it. */
  readonly leaf: ArrowColumn
  readonly dims: readonly number[]
  /** The elements of the batch's rows: start and count in the leaf. */
  readonly start: number
  readonly count: number
}

function partOf(column: ArrowColumn, field: TensorField, body: ArrowBody): Part {
  const dims: number[] = []
  let level = column
  let start = 0
  let count = column.length
  for (;;) {
    if (level.nullCount > 0) throw nullsRefused(field, level, body)
    if (level.child === null) return { column, leaf: level, dims, start, count }
    const { type } = level.field
    if (type.id === 'fixed-size-list') {
      dims.push(type.size)
      start *= type.size
      count *= type.size
    } else {
      const offsets = level.offsets as Int32Array | BigInt64Array
      const size = evenSize(offsets, start, count, field)
      dims.push(size)
      start = Number(offsets[start])
      count *= size
    }
    level = level.child
  }
}

/** The one length that lists start … start + count have. */
function evenSize(offsets: Int32Array | BigInt64Array, start: number, count: number, field: TensorField): number {
  if (count === 0) return 0
  const size = Number(offsets[start + 1]) - Number(offsets[start])
  for (let row = start; row < start + count; row++) {
    const length = Number(offsets[row + 1]) - Number(offsets[row])
    if (length === size) continue
    throw new PenstockError(
      'ERR_SHAPE',
      `Expected all lists of ${field.name} to have ${size} elements, as the first has, but list ${row - start} has ${length}. All rows of a tensor have the same dims`,
    )
  }
  return size
}

function nullsRefused(field: TensorField, level: ArrowColumn, body: ArrowBody): PenstockError {
  const row = body.batches.length === 1 && level.validity !== null ? firstNull(level) : -1
  const where = row >= 0 ? ` (the first at element ${row} of ${level.field.name})` : ''
  return new PenstockError(
    'ERR_ARGUMENT',
    `Expected ${field.name} to have a value in every row but received ${level.nullCount} nulls${where}. Fill them in, or leave the rows out`,
  )
}

function firstNull({ validity, length }: ArrowColumn): number {
  for (let row = 0; row < length; row++)
    if ((((validity as Uint8Array)[row >> 3] as number) >> (row & 7)) % 2 === 0) return row
  return -1
}

function unevenRows(field: TensorField, first: readonly number[], other: readonly number[]): PenstockError {
  return new PenstockError(
    'ERR_SHAPE',
    `Expected all rows of ${field.name} to have the dims ${formatShape(first)} but a later batch has ${formatShape(other)}`,
  )
}

/** The row's dims that the column's metadata tell; null when they say nothing of use. */
function toldShape({ field }: ArrowColumn): readonly number[] | null {
  const text = field.metadata.get('tensor_type')
  if (text === undefined) return null
  try {
    const { shape } = JSON.parse(text) as { shape?: unknown }
    const isShape = Array.isArray(shape) && shape.every((dim) => Number.isSafeInteger(dim) && (dim as number) >= 0)
    return isShape ? (shape as number[]) : null
  } catch {
    return null
  }
}

/** @param rows null: the field has no row axis. */
function shapeOf(
  field: TensorField,
  rows: number | null,
  dims: readonly number[],
  told: readonly number[] | null,
  isWhole: boolean,
): number[] {
  const withRows = (row: readonly number[]): number[] => (rows === null ? [...row] : [rows, ...row])
  const wanted = rows === null ? field.shape : field.shape.slice(1)
  if (shapeMatches(wanted, dims) && !dims.includes(0)) return withRows(dims)
  const count = product(dims)
  if (count > 0) {
    if (told !== null && product(told) === count && shapeMatches(wanted, told)) return withRows(told)
    const known = product(wanted.filter((dim) => dim !== null))
    const free = wanted.filter((dim) => dim === null).length
    if ((free === 0 && known === count) || (free === 1 && count % known === 0))
      return withRows(wanted.map((dim) => dim ?? count / known))
  }
  const shape = withRows(dims)
  expectShape(field, shape, isWhole)
  return shape
}

function product(dims: readonly number[]): number {
  return dims.reduce((count, dim) => count * dim, 1)
}

// ── elements ────────────────────────────────────────────────────────────────────────────────────

/** The dtype that a leaf's elements have; null for types that are no tensor's. */
function dtypeOf(type: ArrowType): Dtype | null {
  if (type.id === 'int') return `${type.isSigned ? '' : 'u'}int${type.bits}`
  if (type.id === 'float') return `float${type.bits}`
  if (type.id === 'bool') return 'bool'
  return type.id === 'utf8' || type.id === 'large-utf8' ? 'string' : null
}

function dataOf(field: TensorField, parts: readonly Part[], body: ArrowBody): Tensor['data'] {
  const from = dtypeOf((parts[0] as Part).leaf.field.type)
  if (from === null || !isTaken(from, field.dtype)) {
    const { type } = (parts[0] as Part).leaf.field
    throw new PenstockError(
      'ERR_DTYPE',
      `Expected ${field.name} to be ${field.dtype}, or of a type that casts to it, but received ${from ?? type.id}`,
    )
  }
  if (from === 'string') return parts.flatMap(textsOf)
  const to = field.dtype as NumericDtype
  // bfloat16 has no type of its own in Arrow: its bits come as 16-bit integers.
  const isSame = from === to || (from === 'uint16' && to === 'bfloat16')
  const [only] = parts
  if (isSame && from !== 'bool' && body.batches.length === 1 && only !== undefined) return viewOf(only, to)
  const count = parts.reduce((sum, part) => sum + part.count, 0)
  const data = allocateData(to, count)
  let at = 0
  for (const part of parts) {
    if (from === 'bool') copyBits(part, data, at)
    else if (isSame) bytesOf(data, at, part.count).set(bytesOfPart(part, to))
    else castPart(field, viewOf(part, from), from, data, at)
    at += part.count
  }
  return data
}

function isTaken(from: Dtype, to: Dtype): boolean {
  if (isSafeCast(from, to) || (from === 'uint16' && to === 'bfloat16')) return true
  const [source, target] = [dtypeInfo(from).kind, dtypeInfo(to).kind]
  if (to === 'float16' || to === 'bfloat16') return false
  return (
    (source === 'integer' || (source === 'float' && target === 'float')) && (target === 'integer' || target === 'float')
  )
}

function viewOf({ leaf, start, count }: Part, dtype: NumericDtype): NumericData {
  const { sizeBytes } = dtypeInfo(dtype)
  return viewData(dtype, leaf.values.buffer, leaf.values.byteOffset + start * sizeBytes, count)
}

function bytesOfPart({ leaf, start, count }: Part, dtype: NumericDtype): Uint8Array {
  const { sizeBytes } = dtypeInfo(dtype)
  return leaf.values.subarray(start * sizeBytes, (start + count) * sizeBytes)
}

function bytesOf(data: NumericData, at: number, count: number): Uint8Array {
  const { buffer, byteOffset, BYTES_PER_ELEMENT } = data
  return new Uint8Array(buffer, byteOffset + at * BYTES_PER_ELEMENT, count * BYTES_PER_ELEMENT)
}

function copyBits({ leaf, start, count }: Part, data: NumericData, at: number): void {
  const isWide = data instanceof BigInt64Array || data instanceof BigUint64Array
  for (let index = 0; index < count; index++) {
    const bit = ((leaf.values[(start + index) >> 3] as number) >> ((start + index) & 7)) & 1
    if (isWide) data[at + index] = BigInt(bit)
    else data[at + index] = bit
  }
}

function textsOf({ leaf, start, count }: Part): string[] {
  const offsets = leaf.offsets as Int32Array | BigInt64Array
  const decoder = new TextDecoder()
  return Array.from({ length: count }, (_, index) =>
    decoder.decode(leaf.values.subarray(Number(offsets[start + index]), Number(offsets[start + index + 1]))),
  )
}

/** Copies with a change of dtype; a value that the new one cannot hold is refused. */
function castPart(field: TensorField, source: NumericData, from: Dtype, target: NumericData, at: number): void {
  const isToWide = target instanceof BigInt64Array || target instanceof BigUint64Array
  const isFromWide = source instanceof BigInt64Array || source instanceof BigUint64Array
  const isFloat = dtypeInfo(field.dtype).kind === 'float'
  const halfValue = from === 'float16' ? float16Value : from === 'bfloat16' ? bfloat16Value : null
  for (let index = 0; index < source.length; index++) {
    const value = source[index] as number | bigint
    if (isToWide) {
      const wide = isFromWide ? (value as bigint) : BigInt(value)
      target[at + index] = wide
      if (target[at + index] !== wide) throw outOfRange(field, index, value)
      continue
    }
    const number = halfValue === null ? Number(value) : halfValue(value as number)
    target[at + index] = number
    const stored = target[at + index] as number
    // A float may be rounded, and keeps NaN and infinities as they are; an integer must be what was stored.
    const isKept = isFloat ? Number.isFinite(stored) || !Number.isFinite(number) : stored === number && isExact(value)
    if (!isKept) throw outOfRange(field, index, value)
  }
}

function isExact(value: number | bigint): boolean {
  return typeof value === 'number' || BigInt(Number(value)) === value
}

function outOfRange(field: TensorField, index: number, value: number | bigint): PenstockError {
  return new PenstockError(
    'ERR_VALUE_RANGE',
    `Expected element ${index} of ${field.name} to fit ${field.dtype} but received ${value}`,
  )
}
