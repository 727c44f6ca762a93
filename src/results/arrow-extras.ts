/**
 * Columns that no model reads, on their way from a request to its answer and to the keys that splits route on. They are
 * echoed as they came, nulls included; of several batches one column is made by copying bytes.
 */
import {
  Bool,
  type Data,
  type DataType,
  Field,
  FixedSizeList,
  Float16,
  Float32,
  Float64,
  Int16,
  Int32,
  Int64,
  Int8,
  LargeUtf8,
  List,
  makeData,
  Timestamp,
  Uint16,
  Uint32,
  Uint64,
  Uint8,
  Utf8,
} from 'apache-arrow'
import { PenstockError } from '../base/errors.js'
import { viewData } from '../tensor/dtype.js'
import type { NumericDtype } from '../tensor/tensor.js'
import type { Column } from './column-types.js'
import type { ArrowField, ArrowType } from './ipc/arrow-schema.js'
import { elementBytes, type ArrowBody, type ArrowColumn } from './ipc/read-arrow.js'

/** The columns at `indices` as they came. Their memory is the body's, unless it has several batches. */
export function arrowExtras(body: ArrowBody, indices: readonly number[]): Column[] {
  return indices.map((index) => {
    const column = join(body.batches.map(({ columns }) => columns[index] as ArrowColumn))
    return { field: fieldOf(column.field), data: dataOf(column) }
  })
}

function fieldOf({ name, type, isNullable, metadata }: ArrowField): Field {
  return new Field(name, typeOf(type, name), isNullable, new Map(metadata))
}

function typeOf(type: ArrowType, name: string): DataType {
  if (type.id === 'int') {
    const types = type.isSigned
      ? { 8: Int8, 16: Int16, 32: Int32, 64: Int64 }
      : { 8: Uint8, 16: Uint16, 32: Uint32, 64: Uint64 }
    return new types[type.bits]()
  }
  if (type.id === 'float') return new { 16: Float16, 32: Float32, 64: Float64 }[type.bits]()
  if (type.id === 'bool') return new Bool()
  if (type.id === 'utf8') return new Utf8()
  if (type.id === 'large-utf8') return new LargeUtf8()
  if (type.id === 'timestamp') return new Timestamp(type.unit, type.zone === '' ? null : type.zone)
  if (type.id === 'list') return new List(fieldOf(type.item))
  if (type.id === 'fixed-size-list') return new FixedSizeList(type.size, fieldOf(type.item))
  throw new PenstockError(
    'ERR_DTYPE',
    `Expected column ${name}, which no model reads, to be of a type that can be echoed but received ${type.id}. Cast it to list`,
  )
}

function dataOf({ field, length, nullCount, validity, values, offsets, child }: ArrowColumn): Data {
  const type = typeOf(field.type, field.name) as Float32
  const nulls = validity === null ? { nullCount } : { nullBitmap: validity, nullCount }
  if (child !== null) {
    const list = { type: type as unknown as List, length, ...nulls, child: dataOf(child) }
    return offsets === null ? makeData(list as never) : makeData({ ...list, valueOffsets: offsets as Int32Array })
  }
  if (offsets !== null)
    return makeData({
      type: type as unknown as Utf8,
      length,
      ...nulls,
      valueOffsets: offsets as Int32Array,
      data: values,
    })
  return makeData({ type, length, ...nulls, data: elementsOf(field.type, values) as Float32Array })
}

/** The bytes as apache-arrow holds them for the type. */
function elementsOf(type: ArrowType, values: Uint8Array): ArrayBufferView {
  let dtype: NumericDtype = 'uint8'
  if (type.id === 'int') dtype = `${type.isSigned ? '' : 'u'}int${type.bits}`
  else if (type.id === 'float') dtype = `float${type.bits}`
  else if (type.id === 'timestamp') dtype = 'int64'
  const bytes = Math.max(1, elementBytes(type))
  return viewData(dtype, values.buffer, values.byteOffset, values.byteLength / bytes)
}

// ── several batches ─────────────────────────────────────────────────────────────────────────────

function join(parts: readonly ArrowColumn[]): ArrowColumn {
  const [first, ...others] = parts
  if (first === undefined) throw new Error('Expected a batch to join')
  if (others.length === 0) return first
  const { field } = first
  const length = sum(parts, (part) => part.length)
  const nullCount = sum(parts, (part) => part.nullCount)
  const validity = nullCount === 0 ? null : joinBits(parts, length, (part) => part.validity)
  const column = { field, length, nullCount, validity }
  if (field.type.id === 'bool')
    return { ...column, values: joinBits(parts, length, (part) => part.values), offsets: null, child: null }
  const isText = field.type.id === 'utf8' || field.type.id === 'large-utf8'
  const values = joinBytes(isText ? parts.map(textBytes) : parts.map((part) => part.values))
  const offsets = first.offsets === null ? null : joinOffsets(parts, length, isText)
  const child = first.child === null ? null : join(parts.map((part) => part.child as ArrowColumn))
  return { ...column, values, offsets, child }
}

/** Of texts only the bytes that belong to rows: joined offsets begin where the first text does. */
function textBytes({ values, offsets, length }: ArrowColumn): Uint8Array {
  return values.subarray(Number(offsets?.[0]), Number(offsets?.[length]))
}

function joinOffsets(parts: readonly ArrowColumn[], length: number, isText: boolean): Int32Array | BigInt64Array {
  const isLarge = parts[0]?.offsets instanceof BigInt64Array
  const joined = isLarge ? new BigInt64Array(length + 1) : new Int32Array(length + 1)
  let row = 0
  // Of lists, all elements of the children before; of texts, the bytes that were kept.
  let base = 0
  for (const part of parts) {
    const start = isText ? Number(part.offsets?.[0]) : 0
    for (let index = 0; index <= part.length; index++) {
      const offset = base + Number(part.offsets?.[index]) - start
      if (joined instanceof BigInt64Array) joined[row + index] = BigInt(offset)
      else joined[row + index] = offset
    }
    row += part.length
    base += isText ? textBytes(part).length : (part.child?.length ?? 0)
  }
  return joined
}

function joinBits(
  parts: readonly ArrowColumn[],
  length: number,
  bitsOf: (part: ArrowColumn) => Uint8Array | null,
): Uint8Array {
  const joined = new Uint8Array((length + 7) >> 3)
  let at = 0
  for (const part of parts) {
    const bits = bitsOf(part)
    for (let row = 0; row < part.length; row++, at++) {
      const isSet = bits === null || (((bits[row >> 3] as number) >> (row & 7)) & 1) === 1
      if (isSet) joined[at >> 3] = (joined[at >> 3] as number) | (1 << (at & 7))
    }
  }
  return joined
}

function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(sum(parts, (part) => part.length))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

function sum<T>(parts: readonly T[], of: (part: T) => number): number {
  return parts.reduce((total, part) => total + of(part), 0)
}
