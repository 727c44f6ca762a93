/** Arrow columns as columns of transforms: numbers where they lie, bools from bits to bytes, nulls of floats as NaN. */
import { PenstockError } from '../../base/errors.js'
import type { ArrowField, ArrowType } from '../../formats/ipc/arrow-schema.js'
import { type ArrowColumn, bitAt, emptyColumn } from '../../formats/ipc/columns.js'
import type { TablePart } from '../../formats/ipc/read-file.js'
import { allocateData, dtypeInfo, viewData } from '../../tensor/dtype.js'
import { float16Bits } from '../../tensor/float16.js'
import type { Dtype, NumericDtype } from '../../tensor/tensor.js'
import {
  type ColumnType,
  elementsOf,
  isFloat,
  type TransformColumn,
  type ColumnTable,
} from '../../transforms/draft/column.js'

/**
 * @param open reads the file once more; its first part tells the schema.
 * @param names columns that are wanted, timestamps among them, as int64 of microseconds since 1970; absent: all, and a
 *   timestamp is refused.
 */
export async function arrowTable(
  open: () => AsyncIterable<TablePart>,
  names?: readonly string[],
): Promise<ColumnTable> {
  let columns: ColumnType[] = []
  let fields: readonly ArrowField[] = []
  let places: readonly number[] = []
  const placed = (all: readonly ArrowColumn[]): ArrowColumn[] => places.map((at) => all[at] as ArrowColumn)
  for await (const part of open()) {
    fields = part.fields
    columns = fields.flatMap((field) =>
      names === undefined || names.includes(field.name) ? [typeOf(field, names !== undefined)] : [],
    )
    places = columns.map(({ name }) => fields.findIndex((field) => field.name === name))
    break
  }
  const empty = (): Record<string, TransformColumn> => byName(columns, placed(fields.map(emptyColumn)), 0)
  const parts = async function* (): AsyncGenerator<Record<string, TransformColumn>> {
    let isBegun = false
    for await (const part of open())
      for (const batch of part.batches) {
        yield byName(columns, placed(batch.columns), batch.rows)
        isBegun = true
      }
    if (!isBegun) yield empty()
  }
  return { columns, names: fields.map(({ name }) => name), parts }
}

function byName(
  types: readonly ColumnType[],
  columns: readonly ArrowColumn[],
  rows: number,
): Record<string, TransformColumn> {
  return Object.fromEntries(types.map((type, i) => [type.name, toColumn(type, columns[i] as ArrowColumn, rows)]))
}

function typeOf({ name, type, isNullable }: ArrowField, hasTimes: boolean): ColumnType {
  const isList = type.id === 'fixed-size-list'
  const dtype = hasTimes && type.id === 'timestamp' ? 'int64' : dtypeOf(isList ? type.item.type : type)
  if (dtype === null) {
    const shown = type.id === 'fixed-size-list' ? `lists of ${type.item.type.id}` : type.id
    throw new PenstockError(
      'ERR_DTYPE',
      `Expected the column ${name} to be numbers, bools, texts or lists of a fixed size of them but received ${shown}. Cast it, or leave it out of the file`,
    )
  }
  return { name, dtype, isNullable: isNullable && !isFloat(dtype) && !isList, shape: isList ? [type.size] : [] }
}

function dtypeOf(type: ArrowType): Dtype | null {
  switch (type.id) {
    case 'int':
      return `${type.isSigned ? '' : 'u'}int${type.bits}` as Dtype
    case 'float':
      return `float${type.bits}` as Dtype
    case 'bool':
      return 'bool'
    case 'utf8':
    case 'large-utf8':
      return 'string'
    case 'null':
      return 'float64'
    default:
      return null
  }
}

function toColumn(
  { name, dtype, isNullable, shape: dims }: ColumnType,
  column: ArrowColumn,
  rows: number,
): TransformColumn {
  const isList = dims.length > 0
  const elements = isList ? (column.children[0] as ArrowColumn) : column
  const count = rows * elementsOf(dims)
  const hasNulls = column.nullCount > 0 || (isList && elements.nullCount > 0)
  if (hasNulls && !isNullable && !isFloat(dtype))
    throw new PenstockError(
      'ERR_DTYPE',
      `Expected the column ${name} to have a value in each row but received ${column.nullCount} without one`,
    )
  const shape = [rows, ...dims]
  const validity = isNullable && column.nullCount > 0 ? column.validity : null
  if (dtype === 'string') return { dtype, shape, ...textsOf(elements, count), validity }
  const data = dataOf(dtype, elements, count)
  if (!isFloat(dtype) || !hasNulls) return { dtype, shape, data, offsets: null, validity }
  return {
    dtype,
    shape,
    data: withNaN(dtype, data, column, isList ? elements : null, elementsOf(dims)),
    offsets: null,
    validity: null,
  }
}

function dataOf(dtype: NumericDtype, { values, field }: ArrowColumn, count: number): TransformColumn['data'] {
  if (field.type.id === 'null') return new Float64Array(count).fill(NaN)
  if (dtype === 'bool') return Uint8Array.from({ length: count }, (_, i) => (bitAt(values, i) ? 1 : 0))
  const { sizeBytes } = dtypeInfo(dtype)
  const isAligned = values.byteOffset % sizeBytes === 0
  const own = isAligned ? values : Uint8Array.prototype.slice.call(values)
  const data = viewData(dtype, own.buffer, own.byteOffset, count)
  return field.type.id === 'timestamp' ? micros(data as BigInt64Array, field.type.unit) : data
}

/** @param unit of Arrow: seconds, milli-, micro- or nanoseconds; the last are cut off. */
function micros(times: BigInt64Array, unit: 0 | 1 | 2 | 3): BigInt64Array {
  if (unit === 2) return times
  if (unit === 3) return times.map((time) => (time - (((time % 1000n) + 1000n) % 1000n)) / 1000n)
  const factor = unit === 0 ? 1_000_000n : 1000n
  return times.map((time) => time * factor)
}

/** A copy, for the memory is the file's. @param items of lists, whose elements may be missing too. */
function withNaN(
  dtype: NumericDtype,
  data: TransformColumn['data'],
  column: ArrowColumn,
  items: ArrowColumn | null,
  width: number,
): TransformColumn['data'] {
  const copy = allocateData(dtype, data.length)
  const nan = dtype === 'float16' ? float16Bits(NaN) : NaN
  const isThere = (bits: Uint8Array | null, nulls: number, i: number): boolean =>
    nulls === 0 || (bits !== null && bitAt(bits, i))
  for (let i = 0; i < data.length; i++) {
    const has =
      isThere(column.validity, column.nullCount, Math.floor(i / width)) &&
      (items === null || isThere(items.validity, items.nullCount, i))
    copy[i] = has ? (data[i] as number) : nan
  }
  return copy
}

function textsOf({ values, offsets }: ArrowColumn, count: number): { data: Uint8Array; offsets: Int32Array } {
  if (offsets === null) return { data: values, offsets: new Int32Array(count + 1) }
  if (offsets instanceof Int32Array) return { data: values, offsets: offsets.subarray(0, count + 1) }
  return { data: values, offsets: Int32Array.from(offsets.subarray(0, count + 1), Number) }
}
