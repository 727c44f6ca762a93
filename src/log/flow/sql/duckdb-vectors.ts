/**
 * Arrow columns as DuckDB's: types, and a chunk's vectors filled from the memory of a column, a copy per buffer. Through
 * the library's own setters a value would be an object each; below them, whole vectors are copied (copy_data_to_vector),
 * which is why only this file speaks to the bindings.
 *
 * Types are those that DuckDB reads from the log's Parquet files: float16 is FLOAT, times are TIMESTAMP, lists LIST.
 */
import duckdb from '@duckdb/node-bindings'
import type { DuckDBType } from '@duckdb/node-api'
import { type Data, DataType, type Field } from 'apache-arrow'
import { float16Value } from '../../../tensor/float16.js'
import {
  BIGINT,
  BOOLEAN,
  DOUBLE,
  FLOAT,
  INTEGER,
  LIST,
  SMALLINT,
  TIMESTAMP,
  TINYINT,
  UBIGINT,
  UINTEGER,
  USMALLINT,
  UTINYINT,
  VARCHAR,
} from './duckdb.js'

const integers: Readonly<Record<string, DuckDBType>> = {
  Int8: TINYINT,
  Int16: SMALLINT,
  Int32: INTEGER,
  Int64: BIGINT,
  Uint8: UTINYINT,
  Uint16: USMALLINT,
  Uint32: UINTEGER,
  Uint64: UBIGINT,
  Float16: FLOAT,
  Float32: FLOAT,
  Float64: DOUBLE,
}

export function duckType(type: DataType): DuckDBType {
  if (DataType.isList(type) || DataType.isFixedSizeList(type))
    return LIST(duckType((type.children[0] as Field).type as DataType))
  if (DataType.isTimestamp(type)) return TIMESTAMP
  if (DataType.isBool(type)) return BOOLEAN
  if (DataType.isUtf8(type)) return VARCHAR
  const name = (type as { toString(): string }).toString()
  const plain = integers[name]
  if (plain === undefined) throw new Error(`Expected a column of the log but received ${name}`)
  return plain
}

/** Writes rows `start` to `start + count` of `data` into a vector of its duckType that has room for them. */
export function fillVector(vector: duckdb.Vector, data: Data, start: number, count: number): void {
  const { type } = data
  if (data.nullCount > 0) fillValidity(vector, data, start, count)
  if (DataType.isFixedSizeList(type)) {
    const { listSize } = type
    return fillLists(vector, data, count, (row) => (start + row) * listSize)
  }
  if (DataType.isList(type)) {
    const offsets = data.valueOffsets as Int32Array
    return fillLists(vector, data, count, (row) => offsets[start + row] as number)
  }
  if (DataType.isUtf8(type)) return fillTexts(vector, data, start, count)
  copy(vector, valuesOf(data, start, count))
}

function copy(vector: duckdb.Vector, { buffer, byteOffset, byteLength }: ArrayBufferView): void {
  if (byteLength > 0) duckdb.copy_data_to_vector(vector, 0, buffer as ArrayBuffer, byteOffset, byteLength)
}

function valuesOf(data: Data, start: number, count: number): ArrayBufferView {
  const { type } = data
  if (DataType.isBool(type)) return Uint8Array.from({ length: count }, (_, row) => bitOf(data.values, start + row))
  const values = (data.values as unknown as Float32Array).subarray(start, start + count)
  if (DataType.isTimestamp(type)) return (values as unknown as BigInt64Array).map((ms) => ms * 1000n)
  if (DataType.isFloat(type) && values instanceof Uint16Array) return Float32Array.from(values, float16Value)
  return values
}

/** @param offsetOf where the list of a row begins in the child; of `count`, where the last one ends. */
function fillLists(vector: duckdb.Vector, data: Data, count: number, offsetOf: (row: number) => number): void {
  const first = offsetOf(0)
  const total = offsetOf(count) - first
  const entries = new BigUint64Array(count * 2)
  for (let row = 0; row < count; row++) {
    entries[row * 2] = BigInt(offsetOf(row) - first)
    entries[row * 2 + 1] = BigInt(offsetOf(row + 1) - offsetOf(row))
  }
  copy(vector, entries)
  duckdb.list_vector_reserve(vector, total)
  duckdb.list_vector_set_size(vector, total)
  fillVector(duckdb.list_vector_get_child(vector), data.children[0] as Data, first, total)
}

function fillTexts(vector: duckdb.Vector, data: Data, start: number, count: number): void {
  const { valueOffsets: offsets, values } = data as unknown as { valueOffsets: Int32Array; values: Uint8Array }
  for (let row = 0; row < count; row++) {
    const text = values.subarray(offsets[start + row], offsets[start + row + 1])
    duckdb.vector_assign_string_element_len(vector, row, text)
  }
}

function fillValidity(vector: duckdb.Vector, data: Data, start: number, count: number): void {
  duckdb.vector_ensure_validity_writable(vector)
  const bits = new Uint8Array(Math.ceil(count / 64) * 8).fill(0xff)
  for (let row = 0; row < count; row++) {
    if (bitOf(data.nullBitmap, start + row) === 1) continue
    bits[row >> 3] = (bits[row >> 3] as number) & ~(1 << (row & 7))
  }
  duckdb.copy_data_to_vector_validity(vector, 0, bits.buffer, bits.byteOffset, bits.byteLength)
}

function bitOf(bits: unknown, at: number): number {
  return (((bits as Uint8Array)[at >> 3] as number) >> (at & 7)) & 1
}
