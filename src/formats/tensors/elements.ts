/**
 * Elements of Arrow columns as the data of a tensor. The same dtype in one batch is a view of the body; all else is
 * copied. Casts are those of JSON, by value: every number goes to every dtype that holds it. Floats are rounded and must
 * stay finite, integers must be whole and in range, a bool is 0 or 1. Texts stay texts and numbers stay numbers.
 *
 * Loops are per kind of target, so that each sees one type of element.
 */
import { PenstockError } from '../../base/errors.js'
import { allocateData, dtypeInfo, viewData, type NumericData } from '../../tensor/dtype.js'
import { bfloat16Bits, bfloat16Value, float16Bits, float16Value } from '../../tensor/float16.js'
import type { Dtype, NumericDtype, Tensor, TensorField } from '../../tensor/tensor.js'
import type { ArrowType } from '../ipc/arrow-schema.js'
import { type ArrowColumn, bitAt, isNull } from '../ipc/columns.js'
import { decimalReader } from './decimals.js'

/** The elements of one batch's rows: `count` of them, from `start` in the leaf. A leaf with nulls starts at 0. */
export interface ElementPart {
  readonly leaf: ArrowColumn
  readonly start: number
  readonly count: number
  readonly rows: number
}

/**
 * The elements of all parts, which have one type, as the field's dtype.
 * @param parts at least one, of a type that expectType takes. @throws PenstockError ERR_VALUE_RANGE, ERR_ARGUMENT (nulls).
 */
export function elementsOf(field: TensorField, parts: readonly ElementPart[], rows: number): Tensor['data'] {
  const [first] = parts as readonly [ElementPart]
  const { type } = first.leaf.field
  const from = dtypeOf(type)
  const count = parts.reduce((sum, part) => sum + part.count, 0)
  expectPresent(field, parts, Math.max(1, count / rows))
  if (field.dtype === 'string') return parts.flatMap(textsOf)
  const to = field.dtype
  // bfloat16 has no type of its own in Arrow: its bits come as 16-bit integers.
  const isSame = from === to || (from === 'uint16' && to === 'bfloat16')
  const isViewed = isSame && from !== 'bool' && parts.length === 1 && first.leaf.nullCount === 0
  if (isViewed) return viewOf(first, to)
  const data = allocateData(to, count)
  let at = 0
  for (const part of parts) {
    if (type.id === 'null') fillMissing(data, to, at, part)
    else {
      if (from === 'bool') copyBits(part, data, to, at)
      else if (isSame) bytesOf(data, at, part.count).set(bytesOfPart(part, to))
      else castPart(field, numbersOf(part, from), data, at, count / rows)
      if (part.leaf.nullCount > 0) fillMissing(data, to, at, part)
    }
    at += part.count
  }
  return data
}

/** @throws PenstockError ERR_DTYPE: elements of `type` are not taken for the field's. */
export function expectType(field: TensorField, type: ArrowType): void {
  const from = dtypeOf(type)
  if (!isTaken(type, from, field.dtype)) throw wrongType(field, from ?? type.id)
}

/** The dtype that a leaf's elements have; null for types that are no tensor's. */
function dtypeOf(type: ArrowType): Dtype | null {
  if (type.id === 'int') return `${type.isSigned ? '' : 'u'}int${type.bits}`
  if (type.id === 'float') return `float${type.bits}`
  if (type.id === 'bool') return 'bool'
  return type.id === 'utf8' || type.id === 'large-utf8' ? 'string' : null
}

function isTaken(type: ArrowType, from: Dtype | null, to: Dtype): boolean {
  if (type.id === 'null') return true
  if (type.id === 'decimal') return to !== 'string'
  return from !== null && (from === 'string') === (to === 'string')
}

function wrongType(field: TensorField, received: string): PenstockError {
  const isText = field.dtype === 'string' || received === 'string'
  const wayOut = isText ? '. Texts and numbers are not taken for each other: cast the column first' : ''
  return new PenstockError(
    'ERR_DTYPE',
    `Expected ${field.name} to be ${field.dtype}, or of a type that casts to it, but received ${received}${wayOut}`,
  )
}

// ── missing values ──────────────────────────────────────────────────────────────────────────────

/** Integers and bools have no number for what is missing. */
function expectPresent(field: TensorField, parts: readonly ElementPart[], perRow: number): void {
  const { kind } = dtypeInfo(field.dtype)
  if (kind === 'float' || kind === 'string') return
  let before = 0
  for (const { leaf, count, rows } of parts) {
    for (let at = 0; leaf.nullCount > 0 && at < count; at++) {
      if (!isNull(leaf, at)) continue
      throw new PenstockError(
        'ERR_ARGUMENT',
        `Expected ${field.name} to have a value in every row but received none (null) in row ${before + Math.floor(at / perRow)}, and ${field.dtype} has no number for that, as a float has NaN. Fill it in, or leave the row out`,
      )
    }
    before += rows
  }
}

function fillMissing(data: NumericData, dtype: NumericDtype, at: number, { leaf, count }: ElementPart): void {
  const nan = dtype === 'float16' ? float16Bits(NaN) : dtype === 'bfloat16' ? bfloat16Bits(NaN) : NaN
  const floats = data as Float32Array
  for (let index = 0; index < count; index++) if (isNull(leaf, index)) floats[at + index] = nan
}

// ── elements ────────────────────────────────────────────────────────────────────────────────────

function viewOf({ leaf, start, count }: ElementPart, dtype: NumericDtype): NumericData {
  const { sizeBytes } = dtypeInfo(dtype)
  return viewData(dtype, leaf.values.buffer, leaf.values.byteOffset + start * sizeBytes, count)
}

function bytesOfPart({ leaf, start, count }: ElementPart, dtype: NumericDtype): Uint8Array {
  const { sizeBytes } = dtypeInfo(dtype)
  return leaf.values.subarray(start * sizeBytes, (start + count) * sizeBytes)
}

function bytesOf(data: NumericData, at: number, count: number): Uint8Array {
  const { buffer, byteOffset, BYTES_PER_ELEMENT } = data
  return new Uint8Array(buffer, byteOffset + at * BYTES_PER_ELEMENT, count * BYTES_PER_ELEMENT)
}

function copyBits({ leaf, start, count }: ElementPart, data: NumericData, dtype: NumericDtype, at: number): void {
  const isWide = data instanceof BigInt64Array || data instanceof BigUint64Array
  const one = dtype === 'float16' ? float16Bits(1) : dtype === 'bfloat16' ? bfloat16Bits(1) : 1
  for (let index = 0; index < count; index++) {
    const isSet = bitAt(leaf.values, start + index)
    if (isWide) data[at + index] = isSet ? 1n : 0n
    else data[at + index] = isSet ? one : 0
  }
}

function textsOf({ leaf, start, count }: ElementPart): string[] {
  if (leaf.field.type.id === 'null') return new Array<string>(count).fill('')
  const offsets = leaf.offsets as Int32Array | BigInt64Array
  const decoder = new TextDecoder()
  // What is missing has no bytes: takeRows leaves none, and so it is ''.
  return Array.from({ length: count }, (_, index) =>
    decoder.decode(leaf.values.subarray(Number(offsets[start + index]), Number(offsets[start + index + 1]))),
  )
}

/** The elements as JavaScript's numbers: 64-bit integers are bigints, halves are what they stand for. */
function numbersOf(part: ElementPart, from: Dtype | null): ArrayLike<number> | ArrayLike<bigint> {
  const { leaf, start, count } = part
  if (leaf.field.type.id === 'decimal') {
    const read = decimalReader(leaf.field.type, leaf.values)
    return Array.from({ length: count }, (_, index) => read(start + index)) as ArrayLike<number>
  }
  const view = viewOf(part, from as NumericDtype)
  return from === 'float16' ? Float64Array.from(view as Uint16Array, float16Value) : view
}

// ── casts ───────────────────────────────────────────────────────────────────────────────────────

type Values = ArrayLike<number> | ArrayLike<bigint>

/** Copies with a change of dtype; a value that the new one cannot hold is refused. */
function castPart(field: TensorField, source: Values, target: NumericData, at: number, perRow: number): void {
  const failed = failedAt(field.dtype as NumericDtype, source, target, at)
  if (failed < 0) return
  const row = Math.floor((at + failed) / perRow)
  throw new PenstockError(
    'ERR_VALUE_RANGE',
    `Expected element ${at + failed} of ${field.name} to fit ${field.dtype} but received ${source[failed]} in row ${row}`,
  )
}

/** @returns the first element that does not fit; -1: all do. */
function failedAt(dtype: NumericDtype, source: Values, target: NumericData, at: number): number {
  if (target instanceof BigInt64Array || target instanceof BigUint64Array) return toWide(source, target, at)
  if (dtype === 'bool') return toBools(source, target as Uint8Array, at)
  if (dtype === 'float16') return toHalves(source, target as Uint16Array, at, float16Bits, float16Value)
  if (dtype === 'bfloat16') return toHalves(source, target as Uint16Array, at, bfloat16Bits, bfloat16Value)
  return target instanceof Float32Array || target instanceof Float64Array
    ? toFloats(source, target, at)
    : toIntegers(source, target, at)
}

/** A float may be rounded, and keeps NaN and infinities as they are. */
function toFloats(source: Values, target: Float32Array | Float64Array, at: number): number {
  for (let index = 0; index < source.length; index++) {
    const value = Number(source[index])
    target[at + index] = value
    if (!Number.isFinite(target[at + index]) && Number.isFinite(value)) return index
  }
  return -1
}

function toHalves(
  source: Values,
  target: Uint16Array,
  at: number,
  bitsOf: (value: number) => number,
  valueOf: (bits: number) => number,
): number {
  for (let index = 0; index < source.length; index++) {
    const value = Number(source[index])
    const bits = bitsOf(value)
    target[at + index] = bits
    if (!Number.isFinite(valueOf(bits)) && Number.isFinite(value)) return index
  }
  return -1
}

/** What was stored must be the value: whole, and in range. */
function toIntegers(source: Values, target: Exclude<NumericData, BigInt64Array | BigUint64Array>, at: number): number {
  for (let index = 0; index < source.length; index++) {
    const value = source[index] as number | bigint
    // A bigint beyond 2^53 becomes another number, which no integer of 32 bits is either.
    const number = Number(value)
    target[at + index] = number
    if (target[at + index] !== number) return index
  }
  return -1
}

function toWide(source: Values, target: BigInt64Array | BigUint64Array, at: number): number {
  for (let index = 0; index < source.length; index++) {
    const value = source[index] as number | bigint
    if (typeof value === 'number' && !Number.isInteger(value)) return index
    const wide = BigInt(value)
    target[at + index] = wide
    if (target[at + index] !== wide) return index
  }
  return -1
}

function toBools(source: Values, target: Uint8Array, at: number): number {
  for (let index = 0; index < source.length; index++) {
    const number = Number(source[index])
    if (number !== 0 && number !== 1) return index
    target[at + index] = number
  }
  return -1
}
