/**
 * A table of a file, packed for lookups: the wanted columns in the dtypes that the step names, each value judged by itself,
 * and an index of the keys. It takes as long as the file is large and belongs on another thread than requests.
 */
import { PenstockError } from '../base/errors.js'
import { didYouMean } from '../base/suggest.js'
import { LOOKUP_ROWS_MAX } from '../base/limits/limits.js'
import type { ColumnTable, ColumnType } from '../transforms/draft/column.js'
import { describeType, hasBit } from '../transforms/draft/column.js'
import { gather } from './gather.js'
import { indexHistory, indexRows, slotBytes } from './hash-index.js'
import { keyText } from './key-text.js'
import { ColumnPacker, type PackedPart } from './column-packer.js'
import type { HashIndex, KeyPart, LookupSpec, PackedColumn, PackedColumnSpec, PackedTable } from './packed.js'

/** @throws PenstockError ERR_PIPELINE_INVALID: what is wanted is not what the table has; what reading the table throws. */
export async function packTable(
  name: string,
  table: ColumnTable,
  spec: LookupSpec,
  bytesMax: number,
): Promise<PackedTable> {
  const packers = packersOf(name, table, spec)
  const keyNames = new Set([...spec.key, ...(spec.asOf === null ? [] : [spec.asOf])])
  let rows = 0
  let fileRows = 0
  for await (const part of table.parts()) {
    const count = part[spec.key[0] ?? '']?.shape[0] ?? 0
    const kept = keyedRows(part, keyNames, count)
    for (const packer of packers) packer.add(select(part[packer.from] as PackedPart, kept), kept, fileRows)
    fileRows += count
    rows += kept?.length ?? count
    if (rows > LOOKUP_ROWS_MAX)
      throw invalid(`Expected ${name} to have at most ${LOOKUP_ROWS_MAX} rows but it has more`)
    expectRoom(
      name,
      packers.reduce((sum, { bytes }) => sum + bytes, slotBytes(rows)),
      bytesMax,
    )
  }
  const packed = packers.map((packer) => packer.finish())
  const keys = packed.slice(0, spec.key.length).map(keyPart)
  const columns = packed.slice(spec.key.length, spec.key.length + spec.columns.length)
  const times = spec.asOf === null ? null : (packed.at(-1)?.data as BigInt64Array)
  const index = indexOf(name, spec, keys, rows, times)
  const bytes = bytesOf(keys, columns, index)
  expectRoom(name, bytes, bytesMax)
  return { rows, keylessRows: fileRows - rows, keys, columns, index, bytes }
}

/** Keys, columns, time, in this order. */
function packersOf(
  name: string,
  { columns: known, names = known.map((column) => column.name) }: ColumnTable,
  { key, columns, asOf }: LookupSpec,
): ColumnPacker[] {
  const typeOf = (from: string): ColumnType => {
    const found = known.find((column) => column.name === from)
    if (found !== undefined) return found
    const near = didYouMean(from, names) || `. It has ${names.slice(0, 20).join(', ')}`
    throw invalid(`Expected ${name} to have a column ${from} but there is none${near}`)
  }
  const keyed = key.map((from) => new ColumnPacker(name, typeOf(from), keySpec(name, typeOf(from))))
  const wanted = columns.map((spec) => new ColumnPacker(name, typeOf(spec.from), spec))
  const timed = asOf === null ? [] : [new ColumnPacker(name, typeOf(asOf), timeSpec(name, typeOf(asOf)))]
  return [...keyed, ...wanted, ...timed]
}

function keySpec(name: string, type: ColumnType): PackedColumnSpec {
  const { dtype, shape } = type
  const isKey = shape.length === 0 && (dtype === 'string' || dtype === 'bool' || /^u?int/.test(dtype))
  if (isKey) return { from: type.name, dtype: dtype === 'string' ? 'string' : 'int64', isNullable: false, shape: [] }
  const wayOut = 'Two floats that print alike need not be one. Write it as integers or texts'
  throw invalid(
    `Expected the key ${type.name} of ${name} to have integers, bools or texts but it is ${describeType(type)}. ${wayOut}`,
  )
}

function timeSpec(name: string, type: ColumnType): PackedColumnSpec {
  const { dtype, shape } = type
  const isTime = shape.length === 0 && (dtype === 'string' || /^u?int/.test(dtype))
  if (isTime) return { from: type.name, dtype: 'int64', isNullable: false, shape: [] }
  const rule = 'timestamps, integers, or texts of RFC 3339 such as 2026-01-31T08:30:00Z'
  throw invalid(`Expected the column ${type.name} of ${name} to have ${rule} but it is ${describeType(type)}`)
}

/** Rows of a part that have all of their key; null: all of them. */
function keyedRows(
  part: Readonly<Record<string, PackedPart>>,
  names: ReadonlySet<string>,
  count: number,
): Int32Array | null {
  const bits = [...names].flatMap((name) => part[name]?.validity ?? [])
  if (bits.length === 0) return null
  const rows: number[] = []
  for (let row = 0; row < count; row++) if (bits.every((validity) => hasBit(validity, row))) rows.push(row)
  return rows.length === count ? null : Int32Array.from(rows)
}

function select(column: PackedPart, rows: Int32Array | null): PackedPart {
  if (rows === null) return column
  const { dtype, data, offsets, validity, shape } = column
  return gather({ dtype, data, offsets, validity, shape: shape.slice(1), isNullable: validity !== null }, rows)
}

function keyPart({ data, offsets }: PackedColumn): KeyPart {
  if (offsets !== null) return { kind: 'text', bytes: data as Uint8Array, offsets }
  return { kind: 'integer', words: new Int32Array(data.buffer, data.byteOffset, 2 * data.length) }
}

function indexOf(
  name: string,
  spec: LookupSpec,
  keys: readonly KeyPart[],
  rows: number,
  times: BigInt64Array | null,
): HashIndex {
  if (times !== null) return indexHistory(keys, rows, times)
  const index = indexRows(keys, rows)
  if ('slots' in index) return index
  const key = keyText(spec.key, keys, index.second)
  const wayOut = 'Leave one of them, or say with asOf which column tells from when a row holds'
  throw invalid(
    `Expected ${name} to have one row a key but rows ${index.first} and ${index.second} have the key ${key}. ${wayOut}`,
  )
}

function bytesOf(keys: readonly KeyPart[], columns: readonly PackedColumn[], { slots, history }: HashIndex): number {
  const parts: (ArrayBufferView | null)[] = [slots]
  for (const key of keys) parts.push(...(key.kind === 'integer' ? [key.words] : [key.bytes, key.offsets]))
  for (const { data, offsets, validity } of columns) parts.push(data, offsets, validity)
  if (history !== null) parts.push(history.starts, history.rows, history.times)
  return parts.reduce((sum, part) => sum + (part?.byteLength ?? 0), 0)
}

function expectRoom(name: string, bytes: number, bytesMax: number): void {
  if (bytes <= bytesMax) return
  const wayOut = 'Look up fewer columns of it, or give tables more memory'
  throw invalid(
    `Expected the tables of lookup steps to have room for ${name} but it takes more than the ${Math.floor(bytesMax / 2 ** 20)} MiB that are left. ${wayOut}`,
  )
}

function invalid(message: string): PenstockError {
  return new PenstockError('ERR_PIPELINE_INVALID', message)
}
