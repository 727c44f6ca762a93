/**
 * The JSON text of one cell of a column: exact integers, shortest floats, lists nested by their `tensor_type`. One
 * printer is made for a column of a batch; then a cell costs no look at types.
 */
import { type Data, DataType, type Field, Precision, type Timestamp, TimeUnit } from 'apache-arrow'
import { bfloat16Value, float16Value } from '../tensor/float16.js'
import { float32ToJson, float64ToJson } from '../tensor/print.js'
import { tensorTypeOf } from './column-types.js'

/** @returns the JSON of the cell in `row`. */
export type CellPrinter = (row: number) => string

export function cellPrinter(field: Field, data: Data): CellPrinter {
  const { shape, dtype } = tensorTypeOf(field)
  const print = valuePrinter(data, shape, dtype)
  return data.nullCount === 0 ? print : (row) => (data.getValid(row) ? print(row) : 'null')
}

function valuePrinter(data: Data, shape: readonly number[] | null, dtype: string | null): CellPrinter {
  const { type } = data
  if (DataType.isList(type)) {
    const offsets = data.valueOffsets as Int32Array
    return listPrinter(data, shape, dtype, (row) => [offsets[row] as number, offsets[row + 1] as number])
  }
  if (DataType.isFixedSizeList(type)) {
    const { listSize } = type
    return listPrinter(data, shape, dtype, (row) => [row * listSize, (row + 1) * listSize])
  }
  return scalarPrinter(data, dtype)
}

function scalarPrinter(data: Data, dtype: string | null): CellPrinter {
  const type: DataType = data.type
  const values: unknown = data.values
  const at = values as ArrayLike<number>
  if (DataType.isFloat(type)) {
    if (type.precision === Precision.DOUBLE) return (index) => float64ToJson(at[index] as number)
    if (type.precision === Precision.SINGLE) return (index) => float32ToJson(at[index] as number)
    return (index) => float32ToJson(float16Value(at[index] as number))
  }
  if (dtype === 'bfloat16') return (index) => float32ToJson(bfloat16Value(at[index] as number))
  if (DataType.isInt(type)) return (index) => String(at[index])
  if (DataType.isBool(type)) {
    const bits = values as Uint8Array
    return (index) =>
      (((bits[(data.offset + index) >> 3] as number) >> ((data.offset + index) & 7)) & 1) === 1 ? 'true' : 'false'
  }
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type)) {
    const text = textReader(data)
    return (index) => JSON.stringify(text(index))
  }
  if (DataType.isTimestamp(type)) return timestampPrinter(data, type)
  if (DataType.isNull(type)) return () => 'null'
  throw new Error(`Expected a column of a type that results have but received type ${String(data.typeId)}`)
}

/** The texts of a utf8 column. */
export function textReader(data: Data): (row: number) => string {
  const offsets = data.valueOffsets as Int32Array | BigInt64Array
  const bytes = data.values as Uint8Array
  const decoder = new TextDecoder()
  return (row) => decoder.decode(bytes.subarray(Number(offsets[row]), Number(offsets[row + 1])))
}

const unitsPerMs: Readonly<Record<TimeUnit, number>> = {
  [TimeUnit.SECOND]: 0.001,
  [TimeUnit.MILLISECOND]: 1,
  [TimeUnit.MICROSECOND]: 1e3,
  [TimeUnit.NANOSECOND]: 1e6,
}

/** Milliseconds of the epoch. */
function timestampPrinter(data: Data, { unit }: Timestamp): CellPrinter {
  const values = data.values as ArrayLike<bigint>
  return (index) => String(Math.floor(Number(values[index]) / unitsPerMs[unit]))
}

function listPrinter(
  data: Data,
  shape: readonly number[] | null,
  dtype: string | null,
  rangeOf: (row: number) => readonly [number, number],
): CellPrinter {
  const [child] = data.children as [Data]
  const inner = valuePrinter(child, null, dtype)
  const element: CellPrinter =
    child.nullCount === 0 ? inner : (index) => (child.getValid(index) ? inner(index) : 'null')
  // The row of a tensor without dims is a bare value.
  if (shape?.length === 0) return (row) => element(rangeOf(row)[0])
  return (row) => {
    const [start, end] = rangeOf(row)
    const dims = shape === null || shape.length === 1 ? null : dimsOf(shape, end - start)
    return dims === null ? printFlat(element, start, end) : printLevel(element, dims, 0, start)
  }
}

/** The dims of a row of `count` elements; null when they do not follow from the shape: then it stays flat. */
function dimsOf(shape: readonly number[], count: number): readonly number[] | null {
  const known = shape.filter((dim) => dim >= 0).reduce((product, dim) => product * dim, 1)
  const free = shape.filter((dim) => dim < 0).length
  if (free === 0) return known === count ? shape : null
  if (free > 1 || known === 0 || count % known !== 0) return null
  return shape.map((dim) => (dim < 0 ? count / known : dim))
}

function printLevel(element: CellPrinter, dims: readonly number[], axis: number, start: number): string {
  const length = dims[axis] as number
  if (axis === dims.length - 1) return printFlat(element, start, start + length)
  const stride = dims.slice(axis + 1).reduce((product, dim) => product * dim, 1)
  let text = '['
  for (let index = 0; index < length; index++) {
    if (index > 0) text += ','
    text += printLevel(element, dims, axis + 1, start + index * stride)
  }
  return text + ']'
}

function printFlat(element: CellPrinter, start: number, end: number): string {
  let text = '['
  for (let index = start; index < end; index++) {
    if (index > start) text += ','
    text += element(index)
  }
  return text + ']'
}
