/**
 * Record batches of one stream, read as one. String pipelines write a batch per request: a reader that made an Arrow batch
 * of each would spend a millisecond a row, nearly all of it on objects. Here the buffers of a column are found in the
 * bodies and copied behind each other, so that small batches cost what their bytes cost.
 *
 * Only what the log writes is known: integers, floats, booleans, timestamps, texts, dictionaries never, and lists of them.
 * A buffer that lies outside its body is a RangeError: the file is damaged.
 */
import { type Data, DataType, type Field, type List, makeData, RecordBatch, Schema, Struct } from 'apache-arrow'
import type { BatchLayout } from './ipc-messages.js'

/** A record batch message in memory. */
export interface RawBatch {
  readonly rows: number
  readonly layout: BatchLayout
  readonly body: Uint8Array
}

/** Where the node and the first buffer of a column or child stand in the lists of every batch. */
interface Place {
  readonly type: DataType
  readonly node: number
  readonly buffer: number
  readonly child: Place | null
}

/**
 * All rows of `batches`, in order.
 * @param schema of the stream. @param wanted the columns to read, by name; absent: all. None: a batch that only counts rows.
 */
export function mergeBatches(
  schema: Schema,
  batches: readonly RawBatch[],
  wanted: ReadonlySet<string> | null = null,
): RecordBatch {
  const places = placesOf(schema.fields)
  const lengths = batches.map(({ rows }) => rows)
  const chosen = schema.fields.flatMap((field, index) =>
    wanted === null || wanted.has(field.name) ? [{ field, place: places[index] as Place }] : [],
  )
  const fields = chosen.map(({ field }) => field)
  const children = chosen.map(({ place }) => mergeColumn(place, batches, lengths))
  const length = sumOf(lengths)
  const data = makeData({ type: new Struct(fields), length, nullCount: 0, children })
  return new RecordBatch(new Schema(fields, schema.metadata), data)
}

function placesOf(fields: readonly Field[]): Place[] {
  let node = 0
  let buffer = 0
  const place = (type: DataType): Place => {
    const at = { type, node: node++, buffer }
    buffer += DataType.isFixedSizeList(type) ? 1 : DataType.isUtf8(type) ? 3 : 2
    const isNested = DataType.isFixedSizeList(type) || DataType.isList(type)
    return { ...at, child: isNested ? place((type.children[0] as Field).type as DataType) : null }
  }
  return fields.map((field) => place(field.type as DataType))
}

/** @param lengths of the column or child in each batch, as what stands above it says: nodes of a damaged file lie. */
function mergeColumn(place: Place, batches: readonly RawBatch[], lengths: readonly number[]): Data {
  const { type, buffer, child } = place
  const length = sumOf(lengths)
  const nulls = mergeNulls(place, batches, lengths)
  if (child !== null && DataType.isFixedSizeList(type)) {
    const { listSize } = type
    const elements = lengths.map((count) => count * listSize)
    return makeData({ type: type, length, ...nulls, child: mergeColumn(child, batches, elements) })
  }
  if (child !== null) {
    const views = offsetsOf(batches, buffer + 1, lengths)
    const elements = views.map((view, index) => view?.getInt32((lengths[index] as number) * 4, true) ?? 0)
    const valueOffsets = mergeOffsets(views, lengths)
    return makeData({
      type: type as List,
      length,
      ...nulls,
      valueOffsets,
      child: mergeColumn(child, batches, elements),
    })
  }
  if (DataType.isUtf8(type)) {
    const views = offsetsOf(batches, buffer + 1, lengths)
    const bytes = views.map((view, index) => view?.getInt32((lengths[index] as number) * 4, true) ?? 0)
    const valueOffsets = mergeOffsets(views, lengths)
    return makeData({ type, length, ...nulls, valueOffsets, data: mergeBytes(buffer + 2, batches, bytes) })
  }
  if (DataType.isBool(type)) return makeData({ type, length, ...nulls, data: mergeBits(buffer + 1, batches, lengths) })
  const Values = type.ArrayType as unknown as { new (buffer: ArrayBufferLike): Float32Array; BYTES_PER_ELEMENT: number }
  // A column that is null in a batch may have more bytes there than elements.
  const bytes = lengths.map((count) => count * Values.BYTES_PER_ELEMENT)
  const data = new Values(mergeBytes(buffer + 1, batches, bytes).buffer)
  return makeData({ type: type as never, length, ...nulls, data: data as never })
}

function sumOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0)
}

function expectInside(isInside: boolean): void {
  if (!isInside) throw new RangeError('Expected each buffer of a record batch within its body: the file is damaged')
}

/** A buffer of each batch; empty where it was left out. */
function buffersOf(batches: readonly RawBatch[], index: number): Uint8Array[] {
  return batches.map(({ layout, body }) => {
    const start = layout.buffers[index * 2] ?? 0
    const length = layout.buffers[index * 2 + 1] ?? 0
    expectInside(start + length <= body.length)
    return body.subarray(start, start + length)
  })
}

/** @param counts of the bytes that each batch has of it. */
function mergeBytes(buffer: number, batches: readonly RawBatch[], counts: readonly number[]): Uint8Array<ArrayBuffer> {
  const parts = buffersOf(batches, buffer)
  parts.forEach((part, index) => expectInside((counts[index] as number) <= part.length))
  const bytes = new Uint8Array(sumOf(counts))
  let at = 0
  parts.forEach((part, index) => {
    const count = counts[index] as number
    bytes.set(count === part.length ? part : part.subarray(0, count), at)
    at += count
  })
  return bytes
}

/** Offsets of lists or texts as they stand in each batch; null where it has no rows. */
function offsetsOf(batches: readonly RawBatch[], buffer: number, lengths: readonly number[]): (DataView | null)[] {
  return buffersOf(batches, buffer).map((bytes, index) => {
    const count = lengths[index] as number
    if (count === 0) return null
    expectInside(bytes.length >= (count + 1) * 4)
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  })
}

/** Offsets as of one column: those of a batch begin where the ones before it end. */
function mergeOffsets(views: readonly (DataView | null)[], lengths: readonly number[]): Int32Array {
  const offsets = new Int32Array(sumOf(lengths) + 1)
  let row = 0
  let end = 0
  views.forEach((view, index) => {
    if (view === null) return
    const base = end
    expectInside(view.getInt32(0, true) === 0)
    for (let at = 1; at <= (lengths[index] as number); at++) {
      const next = base + view.getInt32(at * 4, true)
      expectInside(next >= end)
      offsets[++row] = end = next
    }
  })
  return offsets
}

function mergeBits(buffer: number, batches: readonly RawBatch[], lengths: readonly number[]): Uint8Array {
  const parts = buffersOf(batches, buffer)
  // A validity that was left out: all are there.
  parts.forEach((part, index) => expectInside(part.length === 0 || part.length * 8 >= (lengths[index] as number)))
  const bits = new Uint8Array((sumOf(lengths) + 7) >> 3)
  let at = 0
  parts.forEach((part, index) => {
    for (let bit = 0; bit < (lengths[index] as number); bit++, at++)
      if (part.length === 0 || ((part[bit >> 3] as number) >> (bit & 7)) & 1)
        bits[at >> 3] = (bits[at >> 3] as number) | (1 << (at & 7))
  })
  return bits
}

function mergeNulls(
  { node, buffer }: Place,
  batches: readonly RawBatch[],
  lengths: readonly number[],
): { nullCount: number; nullBitmap?: Uint8Array } {
  const nullCount = sumOf(batches.map(({ layout }) => layout.nodes[node * 2 + 1] ?? 0))
  return nullCount === 0 ? { nullCount } : { nullCount, nullBitmap: mergeBits(buffer, batches, lengths) }
}
