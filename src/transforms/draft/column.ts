/**
 * Columns of transform programs in JavaScript: types, and the memory that carries them. A missing float is NaN; of
 * integers, bools and texts a bit of `validity` tells whether a row has a value. Texts are UTF-8 bytes with offsets.
 */
import { argumentError } from '../../base/expect.js'
import { allocateData, dtypeInfo, type NumericData } from '../../tensor/dtype.js'
import { bfloat16Value, float16Value } from '../../tensor/float16.js'
import type { Dtype, NumericDtype } from '../../tensor/tensor.js'

export interface ColumnType {
  readonly name: string
  readonly dtype: Dtype
  /** Has validity: integers, bools and texts of one element a row that may be missing. Floats never have: NaN. */
  readonly isNullable: boolean
  /** Dims of a row; [] is one element. */
  readonly shape: readonly number[]
}

export interface TransformColumn {
  readonly dtype: Dtype
  /** Row axis first. */
  readonly shape: readonly number[]
  /** Elements; of texts their UTF-8 bytes, one behind the other. */
  readonly data: NumericData
  /** Where each text begins, and behind the last where it ends; null where the elements are no texts. */
  readonly offsets: Int32Array | null
  /** A bit a row, the lowest first: 1 where there is a value. null: everywhere. */
  readonly validity: Uint8Array | null
}

/** A table that is read as often as it takes. */
export interface ColumnTable {
  readonly columns: readonly ColumnType[]
  /** Names of all columns, those that were not wanted too; absent: all are there. */
  readonly names?: readonly string[]
  /** The rows from the first on, part by part; a table without rows has one part. */
  parts(): AsyncIterable<Readonly<Record<string, TransformColumn>>>
}

export type CellValue = number | bigint | string | boolean | null

export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1)
}

export function isFloat(dtype: Dtype): boolean {
  return dtypeInfo(dtype).kind === 'float'
}

/** `float32`, `int64?` (may be missing), `string [3]`. */
export function describeType({ dtype, isNullable, shape }: Omit<ColumnType, 'name'>): string {
  return `${dtype}${isNullable ? '?' : ''}${shape.length === 0 ? '' : ` [${shape.join(', ')}]`}`
}

/** @throws PenstockError ERR_ARGUMENT: validity of floats or of rows of several elements. */
export function expectColumnType(name: string, type: ColumnType): ColumnType {
  const hasBits = !isFloat(type.dtype) && type.shape.length === 0
  if (type.isNullable && !hasBits)
    throw argumentError(name, 'nullable only as integers, bools or texts of one element', describeType(type))
  return type
}

const encoder = new TextEncoder()

/** A column of one element a row out of values; null is missing. @param values of 64-bit integers bigints or numbers. */
export function columnOf(dtype: Dtype, values: readonly CellValue[]): TransformColumn {
  const shape = [values.length]
  const hasMissing = values.includes(null)
  const validity = hasMissing && !isFloat(dtype) ? bitsOf(values.map((value) => value !== null)) : null
  if (dtype === 'string') {
    return { dtype, shape, ...packStrings(values.map((value) => (value === null ? '' : String(value)))), validity }
  }
  const data = allocateData(dtype, values.length)
  values.forEach((value, i) => (data[i] = elementOf(dtype, value) as never))
  return { dtype, shape, data, offsets: null, validity }
}

function elementOf(dtype: Dtype, value: CellValue): number | bigint {
  if (dtype === 'int64' || dtype === 'uint64') return BigInt(value ?? 0)
  return value === null ? (isFloat(dtype) ? NaN : 0) : Number(value)
}

export function packTexts(texts: readonly Uint8Array[]): { data: Uint8Array; offsets: Int32Array } {
  const offsets = new Int32Array(texts.length + 1)
  texts.forEach((text, i) => (offsets[i + 1] = (offsets[i] as number) + text.length))
  const data = new Uint8Array(offsets[texts.length] as number)
  texts.forEach((text, i) => data.set(text, offsets[i]))
  return { data, offsets }
}

/** Texts as a column has them: UTF-8 bytes, one behind the other. */
export function packStrings(texts: readonly string[]): { data: Uint8Array; offsets: Int32Array } {
  const joined = texts.join('')
  const data = encoder.encode(joined)
  // As many bytes as characters: all are ASCII, and one call has encoded them.
  if (data.length === joined.length) {
    const offsets = new Int32Array(texts.length + 1)
    for (let i = 0; i < texts.length; i++) offsets[i + 1] = (offsets[i] as number) + (texts[i] as string).length
    return { data, offsets }
  }
  return packTexts(texts.map((text) => encoder.encode(text)))
}

export function bitsOf(flags: readonly boolean[]): Uint8Array {
  const bits = new Uint8Array((flags.length + 7) >> 3)
  flags.forEach((flag, i) => {
    if (flag) bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7))
  })
  return bits
}

export function hasBit(bits: Uint8Array | null, index: number): boolean {
  return bits === null || (((bits[index >> 3] as number) >> (index & 7)) & 1) === 1
}

const decoder = new TextDecoder()

/** Reads elements: numbers, bigints of 64-bit integers, booleans, texts; null where the row has none. NaN stays NaN. */
export function cellReader(column: TransformColumn): (element: number) => CellValue {
  const { dtype, data, offsets, validity, shape } = column
  const width = elementsOf(shape.slice(1))
  const read = elementReader(dtype, data, offsets)
  return (element) => (hasBit(validity, Math.floor(element / width)) ? read(element) : null)
}

function elementReader(dtype: Dtype, data: NumericData, offsets: Int32Array | null): (element: number) => CellValue {
  if (offsets !== null)
    return (element) => decoder.decode((data as Uint8Array).subarray(offsets[element], offsets[element + 1]))
  if (dtype === 'bool') return (element) => data[element] !== 0
  if (dtype === 'float16') return (element) => float16Value(data[element] as number)
  if (dtype === 'bfloat16') return (element) => bfloat16Value(data[element] as number)
  return (element) => data[element] as number | bigint
}

/** All elements of a column. */
export function cellsOf(column: TransformColumn): CellValue[] {
  const { data, offsets, validity } = column
  if (offsets !== null) {
    const bytes = (data as Uint8Array).subarray(offsets[0], offsets.at(-1))
    const joined = decoder.decode(bytes)
    const first = offsets[0] as number
    // As many characters as bytes: all are ASCII, and one call has decoded them.
    if (joined.length === bytes.length)
      return Array.from({ length: offsets.length - 1 }, (_, i) =>
        hasBit(validity, i) ? joined.slice((offsets[i] as number) - first, (offsets[i + 1] as number) - first) : null,
      )
  }
  const read = cellReader(column)
  return Array.from({ length: elementsOf(column.shape) }, (_, element) => read(element))
}

/** The bytes of one element of a dtype that is no text. @param value in the dtype's range. */
export function elementBytes(dtype: NumericDtype, values: readonly (number | bigint | boolean)[]): Uint8Array {
  const data = allocateData(dtype, values.length)
  values.forEach((value, i) => (data[i] = elementOf(dtype, value) as never))
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}
