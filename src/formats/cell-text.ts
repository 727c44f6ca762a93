/**
 * The JSON text of one cell of a column: exact integers, shortest floats, lists nested by their `tensor_type`; what JSON
 * has no words for as texts (calendar-text.ts). One printer is made for a column of a batch; then a cell costs no look
 * at types.
 */
import { type Data, DataType, type Field, Precision } from 'apache-arrow'
import { bfloat16Value, float16Value } from '../tensor/float16.js'
import { float32ToJson, float64ToJson } from '../tensor/print.js'
import { otherText } from './calendar-text.js'
import { tensorTypeOf } from './arrow/column-types.js'

/** @returns the JSON of the cell in `row`. */
export type CellPrinter = (row: number) => string

export function cellPrinter(field: Field, data: Data): CellPrinter {
  const { shape, dtype } = tensorTypeOf(field)
  // The table's own column is milliseconds of the epoch; timestamps of callers are texts, as dates are.
  if (field.name === 'time' && DataType.isTimestamp(data.type))
    return (row) => String((data.values as BigInt64Array)[row])
  return nullable(data, valuePrinter(data, shape, dtype))
}

/** The elements of a column whose rows are tensors of one element, [n, 1]. */
export interface SingleCells {
  readonly data: Data
  readonly indexOf: (row: number) => number
}

/** @returns null for any other column. A split's choice is a list by its own form. */
export function singleCells(field: Field, data: Data): SingleCells | null {
  const { shape } = tensorTypeOf(field)
  if (shape?.length !== 1 || shape[0] !== 1 || field.name === 'out._model_split') return null
  const [child] = data.children as [Data]
  if (DataType.isFixedSizeList(data.type)) return { data: child, indexOf: (row) => row }
  const offsets = data.valueOffsets as Int32Array
  return DataType.isList(data.type) ? { data: child, indexOf: (row) => offsets[row] as number } : null
}

/** Prints rows of one element as that element; all other cells as cellPrinter does. */
export function bareCellPrinter(field: Field, data: Data): CellPrinter {
  const single = singleCells(field, data)
  if (single === null) return cellPrinter(field, data)
  const element = nullable(single.data, valuePrinter(single.data, null, tensorTypeOf(field).dtype))
  return nullable(data, (row) => element(single.indexOf(row)))
}

function nullable(data: Data, print: CellPrinter): CellPrinter {
  return data.nullCount === 0 ? print : (row) => (data.getValid(row) ? print(row) : 'null')
}

function valuePrinter(data: Data, shape: readonly number[] | null, dtype: string | null): CellPrinter {
  const { type } = data
  if (DataType.isList(type) || DataType.isLargeList(type)) {
    const offsets = data.valueOffsets as Int32Array | BigInt64Array
    return listPrinter(data, shape, dtype, (row) => [Number(offsets[row]), Number(offsets[row + 1])])
  }
  if (DataType.isStruct(type)) return structPrinter(data)
  if (DataType.isMap(type)) return mapPrinter(data)
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
  if (DataType.isNull(type)) return () => 'null'
  const text = otherText(data)
  return (index) => JSON.stringify(text(index))
}

function structPrinter(data: Data): CellPrinter {
  const members = (data.type.children as readonly Field[]).map((field, index) => ({
    head: `${index === 0 ? '' : ','}${JSON.stringify(field.name)}:`,
    print: nullable(data.children[index] as Data, valuePrinter(data.children[index] as Data, null, null)),
  }))
  return (row) => `{${members.map(({ head, print }) => head + print(row)).join('')}}`
}

/** Pairs of key and value: JSON's keys are texts, and these are of any type. */
function mapPrinter(data: Data): CellPrinter {
  const offsets = data.valueOffsets as Int32Array
  const [entries] = data.children as [Data]
  const [key, value] = entries.children.map((child) => nullable(child, valuePrinter(child, null, null)))
  return (row) => {
    let text = '['
    for (let at = offsets[row] as number; at < (offsets[row + 1] as number); at++)
      text += `${text === '[' ? '' : ','}[${key?.(at)},${value?.(at)}]`
    return `${text}]`
  }
}

/** The texts of a utf8 column. */
export function textReader(data: Data): (row: number) => string {
  const offsets = data.valueOffsets as Int32Array | BigInt64Array
  const bytes = data.values as Uint8Array
  const decoder = new TextDecoder()
  return (row) => decoder.decode(bytes.subarray(Number(offsets[row]), Number(offsets[row + 1])))
}

function listPrinter(
  data: Data,
  shape: readonly number[] | null,
  dtype: string | null,
  rangeOf: (row: number) => readonly [number, number],
): CellPrinter {
  const [child] = data.children as [Data]
  const element = nullable(child, valuePrinter(child, null, dtype))
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
