/**
 * Results of DuckDB as Arrow tables. Numbers keep their type and integers their digits; what Arrow has no plain type for
 * (structs, maps, intervals …) becomes DuckDB's own text. A sum of integers is a HUGEINT: int64 where all of it fits.
 */
import type { DuckDBDataChunk, DuckDBType, DuckDBTypeId as TypeId, DuckDBValue } from '@duckdb/node-api'
import {
  type Data,
  type DataType,
  Field,
  Float32,
  Float64,
  Int16,
  Int32,
  Int64,
  Int8,
  List,
  makeData,
  type Table,
  TimestampMicrosecond,
  Uint16,
  Uint32,
  Uint64,
  Uint8,
} from 'apache-arrow'
import { DuckDBArrayType, DuckDBListType, DuckDBTypeId } from './duckdb.js'
import { boolData, tableOf, utf8Data, type Column } from '../../../formats/arrow/column-types.js'

/**
 * @param names one per column; names that come twice get a number.
 * @param isJson the table is printed as JSON, whose timestamps are milliseconds of the epoch.
 */
export function tableOfChunks(
  chunks: readonly DuckDBDataChunk[],
  names: readonly string[],
  types: readonly DuckDBType[],
  isJson: boolean,
): Table {
  const taken = new Set<string>()
  return tableOf(
    names.map((name, index): Column => {
      let own = name
      for (let number = 1; taken.has(own); number++) own = `${name}_${number}`
      taken.add(own)
      const values = chunks.flatMap((chunk) => chunk.getColumnValues(index))
      const data = dataOf(values, types[index] as DuckDBType, isJson)
      return { field: new Field(own, data.type, true), data }
    }),
  )
}

interface NumberKind {
  readonly type: () => DataType
  readonly make: (length: number) => Float64Array | BigInt64Array
}

const plain = (type: () => DataType, Values: new (length: number) => unknown): NumberKind => ({
  type,
  make: (length) => new Values(length) as Float64Array,
})

const integers = plain(() => new Int64(), BigInt64Array)

const numberKinds: Partial<Readonly<Record<TypeId, NumberKind>>> = {
  [DuckDBTypeId.TINYINT]: plain(() => new Int8(), Int8Array),
  [DuckDBTypeId.SMALLINT]: plain(() => new Int16(), Int16Array),
  [DuckDBTypeId.INTEGER]: plain(() => new Int32(), Int32Array),
  [DuckDBTypeId.BIGINT]: integers,
  [DuckDBTypeId.UTINYINT]: plain(() => new Uint8(), Uint8Array),
  [DuckDBTypeId.USMALLINT]: plain(() => new Uint16(), Uint16Array),
  [DuckDBTypeId.UINTEGER]: plain(() => new Uint32(), Uint32Array),
  [DuckDBTypeId.UBIGINT]: plain(() => new Uint64(), BigUint64Array),
  [DuckDBTypeId.FLOAT]: plain(() => new Float32(), Float32Array),
  [DuckDBTypeId.DOUBLE]: plain(() => new Float64(), Float64Array),
}

/** Digits that a float64 keeps. */
const exactDigits = 15
/** To microseconds: of one unit, or of how many units one is made. */
const toMicros: Partial<Readonly<Record<TypeId, (value: never) => bigint>>> = {
  [DuckDBTypeId.TIMESTAMP]: ({ micros }: { micros: bigint }) => micros,
  [DuckDBTypeId.TIMESTAMP_TZ]: ({ micros }: { micros: bigint }) => micros,
  [DuckDBTypeId.TIMESTAMP_MS]: ({ millis }: { millis: bigint }) => millis * 1000n,
  [DuckDBTypeId.TIMESTAMP_S]: ({ seconds }: { seconds: bigint }) => seconds * 1_000_000n,
  [DuckDBTypeId.TIMESTAMP_NS]: ({ nanos }: { nanos: bigint }) => nanos / 1000n,
}

function dataOf(values: readonly DuckDBValue[], type: DuckDBType, isJson: boolean): Data {
  const { typeId } = type
  const kind = numberKinds[typeId]
  if (kind !== undefined) return numbers(values, kind, (value) => value)
  const micros = toMicros[typeId]
  if (micros !== undefined) {
    if (isJson) return numbers(values, integers, (value) => flooredMillis(micros(value as never)))
    const timestamps: NumberKind = plain(() => new TimestampMicrosecond(), BigInt64Array)
    return numbers(values, timestamps, (value) => micros(value as never))
  }
  if (typeId === DuckDBTypeId.BOOLEAN) {
    const bits = boolData(values.map((value) => (value === true ? 1 : 0)))
    return makeData({ type: bits.type, length: values.length, data: bits.values, ...nulls(values) })
  }
  if (type instanceof DuckDBListType || type instanceof DuckDBArrayType) return lists(values, type.valueType, isJson)
  if (typeId === DuckDBTypeId.HUGEINT && values.every(fitsInt64)) return numbers(values, integers, (value) => value)
  if (typeId === DuckDBTypeId.DECIMAL && (type as unknown as { width: number }).width <= exactDigits)
    return numbers(
      values,
      plain(() => new Float64(), Float64Array),
      (value) => Number(String(value)),
    )
  return utf8Data(values.map((value) => (value === null ? null : textOf(value))))
}

function numbers(
  values: readonly DuckDBValue[],
  { type, make }: NumberKind,
  convert: (value: DuckDBValue) => unknown,
): Data {
  const data = make(values.length)
  values.forEach((value, index) => {
    if (value !== null) data[index] = convert(value) as number & bigint
  })
  return makeData({ type: type(), length: values.length, data, ...nulls(values) } as never)
}

function lists(values: readonly DuckDBValue[], valueType: DuckDBType, isJson: boolean): Data {
  const items = values.map((value) => (value as { items: readonly DuckDBValue[] } | null)?.items ?? [])
  const valueOffsets = new Int32Array(values.length + 1)
  items.forEach((list, row) => (valueOffsets[row + 1] = (valueOffsets[row] as number) + list.length))
  const child = dataOf(items.flat(), valueType, isJson)
  const type = new List(new Field('item', child.type, true))
  return makeData({ type, length: values.length, valueOffsets, child, ...nulls(values) })
}

function nulls(values: readonly DuckDBValue[]): { nullCount: number } | { nullBitmap: Uint8Array } {
  if (!values.includes(null)) return { nullCount: 0 }
  return { nullBitmap: boolData(values.map((value) => (value === null ? 0 : 1))).values }
}

function flooredMillis(micros: bigint): bigint {
  return (micros - (((micros % 1000n) + 1000n) % 1000n)) / 1000n
}

function fitsInt64(value: DuckDBValue): boolean {
  return value === null || BigInt.asIntN(64, value as bigint) === value
}

function textOf(value: DuckDBValue): string {
  // Every class of the library has a text of its own.

  return String(value)
}
