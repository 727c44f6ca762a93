/**
 * Columns of flat tables out of tensors and plain values, as Arrow data. Numbers are not touched: a float32 tensor of the
 * shape [n, 29] becomes fixed_size_list<item: float>[29] over the tensor's own memory. Only bools (bits in Arrow) and
 * strings are written anew.
 *
 * The shape of a row stands in the field's metadata as `tensor_type` {"shape": [29], "dtype": "float32"}; a list column
 * whose row has more than one dim is flat, and this is what nests it again.
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
  List,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  Uint16,
  Uint32,
  Uint64,
  Uint8,
  Utf8,
} from 'apache-arrow'
import { type FieldShape, rowElementCount } from '../../tensor/shape.js'
import type { Dtype, NumericDtype, Tensor } from '../../tensor/tensor.js'
import { TENSOR_TYPE } from '../tensors/declared-shape.js'

export { TENSOR_TYPE }

/** One column of a single chunk. */
export interface Column {
  readonly field: Field
  readonly data: Data
}

const arrowTypes: Readonly<Record<Dtype, () => DataType>> = {
  float32: () => new Float32(),
  float64: () => new Float64(),
  float16: () => new Float16(),
  // Arrow has none: the bits travel as integers, and tensor_type says what they are.
  bfloat16: () => new Uint16(),
  int8: () => new Int8(),
  uint8: () => new Uint8(),
  int16: () => new Int16(),
  uint16: () => new Uint16(),
  int32: () => new Int32(),
  uint32: () => new Uint32(),
  int64: () => new Int64(),
  uint64: () => new Uint64(),
  bool: () => new Bool(),
  string: () => new Utf8(),
}

export function arrowType(dtype: Dtype): DataType {
  return arrowTypes[dtype]()
}

/** The metadata of a field whose rows have `shape`; -1 for a dim that is free. */
export function tensorMetadata(shape: readonly number[], dtype?: Dtype): Map<string, string> {
  return new Map([[TENSOR_TYPE, JSON.stringify(dtype === undefined ? { shape } : { shape, dtype })]])
}

/** The row's shape and dtype that a field's metadata declare, as far as they do. */
export function tensorTypeOf(field: Field): {
  readonly shape: readonly number[] | null
  readonly dtype: string | null
} {
  const text = field.metadata.get(TENSOR_TYPE)
  if (text === undefined) return { shape: null, dtype: null }
  const declared = JSON.parse(text) as { shape?: unknown; dtype?: unknown }
  const shape =
    Array.isArray(declared.shape) && declared.shape.every((dim) => Number.isInteger(dim)) ? declared.shape : null
  return { shape: shape as readonly number[] | null, dtype: typeof declared.dtype === 'string' ? declared.dtype : null }
}

/**
 * @param isNonBatching the tensor has no row axis: it is the one cell of one row.
 * @param declared the field's shape, whose free dims the metadata leave free (-1): answers to other rows are of the same
 *   column then. Two and more free dims do not follow from a number of elements: such rows are nested lists.
 */
export function tensorColumn(name: string, tensor: Tensor, isNonBatching = false, declared?: FieldShape): Column {
  const dims = isNonBatching ? tensor.shape : tensor.shape.slice(1)
  const rows = isNonBatching ? 1 : (tensor.shape[0] ?? 1)
  // A model may answer another rank than it declares.
  const free = declared?.length === tensor.shape.length ? declared.slice(isNonBatching ? 0 : 1) : dims
  const openDims = dims.map((dim, axis) => (free[axis] === null ? -1 : dim))
  const metadata = tensorMetadata(openDims, tensor.dtype)
  const values = elementData(tensor)
  if (openDims.filter((dim) => dim < 0).length > 1) {
    const data = nestedLists(values, dims, rows)
    return { field: new Field(name, data.type, false, metadata), data }
  }
  if (dims.length === 0) return { field: new Field(name, values.type, false, metadata), data: values }
  const size = isNonBatching ? tensor.data.length : rowElementCount(tensor.shape)
  const type = new FixedSizeList(size, new Field('item', values.type, false))
  const data = makeData({ type, length: rows, nullCount: 0, child: values })
  return { field: new Field(name, type, false, metadata), data }
}

/** A list in a list for each dim. */
function nestedLists(values: Data, dims: readonly number[], rows: number): Data {
  let data: Data = values
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    const length = dims.slice(0, axis).reduce((product, dim) => product * dim, rows)
    const type = new List(new Field('item', data.type, false))
    data = makeData({
      type,
      length,
      nullCount: 0,
      valueOffsets: strideOffsets(length, dims[axis] as number),
      child: data,
    })
  }
  return data
}

function elementData({ dtype, data }: Tensor): Data {
  const { length } = data
  if (dtype === 'string') return utf8Data(data as readonly string[])
  if (dtype === 'bool') return boolData(data as Uint8Array)
  const type = arrowTypes[dtype as NumericDtype]() as Float32
  return makeData({ type, length, nullCount: 0, data: data as unknown as Float32Array })
}

/** @param flags 0 or 1, one byte each. */
export function boolData(flags: ArrayLike<number>): Data<Bool> {
  const bits = new Uint8Array((flags.length + 7) >> 3)
  for (let index = 0; index < flags.length; index++) {
    if (flags[index] !== 0) bits[index >> 3] = (bits[index >> 3] as number) | (1 << (index & 7))
  }
  return makeData({ type: new Bool(), length: flags.length, nullCount: 0, data: bits })
}

const encoder = new TextEncoder()

/** @param texts null: no value. */
export function utf8Data(texts: readonly (string | null)[]): Data<Utf8> {
  const parts = texts.map((text) => (text === null ? null : encoder.encode(text)))
  const valueOffsets = new Int32Array(texts.length + 1)
  let bytes = 0
  parts.forEach((part, index) => (valueOffsets[index + 1] = bytes += part?.length ?? 0))
  const data = new Uint8Array(bytes)
  parts.forEach((part, index) => part !== null && data.set(part, valueOffsets[index]))
  const nulls = texts.includes(null)
    ? { nullBitmap: boolData(texts.map((text) => (text === null ? 0 : 1))).values }
    : { nullCount: 0 }
  return makeData({ type: new Utf8(), length: texts.length, valueOffsets, data, ...nulls })
}

/** The same text in every row. */
export function constantUtf8(text: string, rows: number): Data<Utf8> {
  const one = encoder.encode(text)
  const valueOffsets = new Int32Array(rows + 1)
  for (let row = 0; row <= rows; row++) valueOffsets[row] = row * one.length
  return makeData({ type: new Utf8(), length: rows, nullCount: 0, valueOffsets, data: repeated(one, rows) })
}

/** The same list of unsigned 64-bit integers in every row. */
export function constantUint64s(values: readonly bigint[], rows: number): Data<List<Uint64>> {
  const one = new Uint8Array(BigUint64Array.from(values).buffer)
  const data = new BigUint64Array(repeated(one, rows).buffer)
  const child = makeData({ type: new Uint64(), length: data.length, nullCount: 0, data })
  return makeData({
    type: new List(new Field('steps', new Uint64(), false)),
    length: rows,
    nullCount: 0,
    valueOffsets: strideOffsets(rows, values.length),
    child,
  })
}

/** 0, k, 2k … of `rows` lists of `stride` elements. */
export function strideOffsets(rows: number, stride: number): Int32Array {
  const offsets = new Int32Array(rows + 1)
  for (let row = 0; row <= rows; row++) offsets[row] = row * stride
  return offsets
}

/** A list of texts in every row. */
export function utf8Lists(rows: readonly (readonly string[])[]): Data<List<Utf8>> {
  const valueOffsets = new Int32Array(rows.length + 1)
  let count = 0
  rows.forEach((texts, row) => (valueOffsets[row + 1] = count += texts.length))
  return makeData({
    type: new List(new Field('item', new Utf8(), true)),
    length: rows.length,
    nullCount: 0,
    valueOffsets,
    child: utf8Data(rows.flat()),
  })
}

/** An empty list of texts in every row. */
export function emptyUtf8Lists(rows: number): Data<List<Utf8>> {
  const type = new List(new Field('item', new Utf8(), true))
  return makeData({ type, length: rows, nullCount: 0, valueOffsets: new Int32Array(rows + 1), child: utf8Data([]) })
}

/** A table of one batch. @param columns at least one, all of the same length. */
export function tableOf(columns: readonly Column[], metadata?: Map<string, string>): Table {
  const schema = new Schema(
    columns.map((column) => column.field),
    metadata,
  )
  const length = columns[0]?.data.length ?? 0
  const children = columns.map((column) => column.data)
  const data = makeData({ type: new Struct(schema.fields), length, nullCount: 0, children })
  return new Table(schema, [new RecordBatch(schema, data)])
}

/** Doubles what is there until all is: a few large copies instead of one a row. */
function repeated(one: Uint8Array, times: number): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(one.length * times)
  if (all.length === 0) return all
  all.set(one)
  for (let filled = one.length; filled < all.length; filled *= 2)
    all.copyWithin(filled, 0, Math.min(filled, all.length - filled))
  return all
}
