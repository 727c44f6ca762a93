/**
 * Rows of an Arrow batch by their numbers, in any order, as new memory: how pages are filtered and turned round. Elements
 * are copied between typed arrays; nothing becomes a JavaScript value. (The library slices, but does not take.)
 *
 * What comes out begins at offset 0 in every buffer, so that whoever reads it need not mind slices.
 */
import { type Data, DataType, makeData, RecordBatch, type Schema, Struct } from 'apache-arrow'

type Values = Float32Array | BigInt64Array

/** @param rows numbers of rows of `batch`. */
export function takeRows(batch: RecordBatch, rows: Int32Array): RecordBatch {
  const children = batch.schema.fields.map((_, index) => takeData(batch.data.children[index] as Data, rows))
  return batchOf(batch.schema, children, rows.length)
}

export function batchOf(schema: Schema, children: Data[], length: number): RecordBatch {
  return new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length, nullCount: 0, children }))
}

/** Bytes that the buffers of a batch hold, those of its children included. */
export function batchBytes(batch: RecordBatch): number {
  return dataBytes(batch.data)
}

function dataBytes(data: Data): number {
  let bytes = (data.values as Uint8Array | undefined)?.byteLength ?? 0
  bytes += (data.valueOffsets as Int32Array | undefined)?.byteLength ?? 0
  for (const child of data.children) bytes += dataBytes(child)
  return bytes
}

function takeData(data: Data, rows: Int32Array): Data {
  const { type } = data
  const nulls = takeNulls(data, rows)
  if (DataType.isBool(type)) return makeData({ type, length: rows.length, ...nulls, data: takeBits(data, rows) })
  if (DataType.isFixedSizeList(type)) {
    const child = takeFixed(data.children[0] as Data, rows, type.listSize)
    return makeData({ type, length: rows.length, ...nulls, child })
  }
  if (DataType.isList(type)) {
    const { valueOffsets, elements } = takeOffsets(data.valueOffsets as Int32Array, rows)
    const child = takeData(data.children[0] as Data, elements)
    return makeData({ type, length: rows.length, ...nulls, valueOffsets, child })
  }
  if (DataType.isUtf8(type) || DataType.isBinary(type)) {
    const bytes = takeBytes(data.values as Uint8Array, data.valueOffsets as Int32Array, rows)
    return makeData({ type, length: rows.length, ...nulls, ...bytes } as never)
  }
  if (DataType.isStruct(type)) {
    const children = data.children.map((child) => takeData(child, rows))
    return makeData({ type, length: rows.length, ...nulls, children })
  }
  return makeData({ type, length: rows.length, ...nulls, data: takeValues(data.values as Values, rows) } as never)
}

/** The elements of lists of one size: neighbours stay neighbours, so whole stretches are copied. */
function takeFixed(child: Data, rows: Int32Array, size: number): Data {
  const isStringPath = child.nullCount === 0 && child.children.length === 0 && child.values instanceof Object
  if (isStringPath && !DataType.isBool(child.type) && child.valueOffsets === undefined) {
    const source = child.values as Float32Array
    const values = new (source.constructor as Float32ArrayConstructor)(rows.length * size)
    for (let index = 0; index < rows.length; index++) {
      const start = (rows[index] as number) * size
      values.set(source.subarray(start, start + size), index * size)
    }
    return makeData({ type: child.type, length: values.length, nullCount: 0, data: values } as never)
  }
  const elements = new Int32Array(rows.length * size)
  for (let index = 0; index < elements.length; index++)
    elements[index] = (rows[Math.floor(index / size)] as number) * size + (index % size)
  return takeData(child, elements)
}

function takeValues<T extends Values>(source: T, rows: Int32Array): T {
  const values = new (source.constructor as new (length: number) => T)(rows.length)
  for (let index = 0; index < rows.length; index++) values[index] = source[rows[index] as number] as number & bigint
  return values
}

function takeBits(data: Data, rows: Int32Array): Uint8Array {
  const source = data.values as unknown as Uint8Array
  const bits = new Uint8Array((rows.length + 7) >> 3)
  for (let index = 0; index < rows.length; index++) {
    const at = data.offset + (rows[index] as number)
    if (((source[at >> 3] as number) >> (at & 7)) & 1)
      bits[index >> 3] = (bits[index >> 3] as number) | (1 << (index & 7))
  }
  return bits
}

function takeNulls(data: Data, rows: Int32Array): { nullCount: number } | { nullBitmap: Uint8Array } {
  if (data.nullCount === 0) return { nullCount: 0 }
  const bits = new Uint8Array((rows.length + 7) >> 3)
  for (let index = 0; index < rows.length; index++)
    if (data.getValid(rows[index] as number)) bits[index >> 3] = (bits[index >> 3] as number) | (1 << (index & 7))
  return { nullBitmap: bits }
}

/** Offsets of the taken lists, and the numbers of their elements. */
function takeOffsets(source: Int32Array, rows: Int32Array): { valueOffsets: Int32Array; elements: Int32Array } {
  const valueOffsets = new Int32Array(rows.length + 1)
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index] as number
    valueOffsets[index + 1] = (valueOffsets[index] as number) + (source[row + 1] as number) - (source[row] as number)
  }
  const elements = new Int32Array(valueOffsets[rows.length] as number)
  for (let index = 0, at = 0; index < rows.length; index++) {
    const row = rows[index] as number
    for (let element = source[row] as number; element < (source[row + 1] as number); element++) elements[at++] = element
  }
  return { valueOffsets, elements }
}

function takeBytes(
  source: Uint8Array,
  offsets: Int32Array,
  rows: Int32Array,
): { valueOffsets: Int32Array; data: Uint8Array } {
  const valueOffsets = new Int32Array(rows.length + 1)
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index] as number
    valueOffsets[index + 1] = (valueOffsets[index] as number) + (offsets[row + 1] as number) - (offsets[row] as number)
  }
  const data = new Uint8Array(valueOffsets[rows.length] as number)
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index] as number
    data.set(source.subarray(offsets[row], offsets[row + 1]), valueOffsets[index])
  }
  return { valueOffsets, data }
}
