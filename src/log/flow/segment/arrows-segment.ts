/**
 * A segment in the form in which the engine writes it: an Arrow IPC stream that may still grow and may end in the middle
 * of a message. Its index is kept from call to call, so that a page of the newest rows costs what was added since.
 */
import { closeSync, openSync } from 'node:fs'
import { type RecordBatch, RecordBatchReader, type Schema } from 'apache-arrow'
import type { LogOrder } from '../../cursor.js'
import { batchLayoutOf, extendIndex, newIndex, readRange, type BatchPlace, type StreamIndex } from './ipc-messages.js'
import { mergeBatches, type RawBatch } from './merge-batches.js'
import {
  headerOf,
  normaliseBatch,
  normalisedSchema,
  rawColumnsOf,
  type SegmentHeader,
  withRowIndex,
} from './normalise.js'
import type { RawChunk, SegmentReader } from './segment-reader.js'

/** Small batches are read together until they have so many rows, or bytes. */
const chunkRows = 32_768
const chunkBytes = 8 * 1024 * 1024
/** Indexes kept: of each pipeline that is read, the segment that is written. */
const indexesMax = 64
/** By path: a path never names another segment, since numbers do not come again. */
const indexes = new Map<string, StreamIndex>()

export class ArrowsSegment implements SegmentReader {
  readonly rows: number
  readonly header: SegmentHeader
  readonly #fd: number
  readonly #index: StreamIndex
  readonly #raw: Schema
  #normalised: Schema | undefined
  #last: RawChunk | undefined

  private constructor(fd: number, index: StreamIndex, schema: Schema, header: SegmentHeader) {
    this.#fd = fd
    this.#index = index
    this.#raw = schema
    this.rows = index.rows
    this.header = header
  }

  /** @returns null when no whole schema was written. */
  static open(path: string): ArrowsSegment | null {
    const fd = openSync(path, 'r')
    try {
      const index = indexOf(path)
      extendIndex(fd, index)
      const schema = index.schema === null ? null : readSchema(index.schema)
      const header = schema === null ? null : headerOf(schema)
      if (schema !== null && header !== null) return new ArrowsSegment(fd, index, schema, header)
    } catch (error) {
      closeSync(fd)
      throw error
    }
    closeSync(fd)
    return null
  }

  get schema(): Schema {
    return (this.#normalised ??= normalisedSchema(this.#raw, this.header))
  }

  async chunkAt(row: number, order: LogOrder, rowsMax: number): Promise<RawChunk> {
    const wanted = order === 'asc' ? row : row - 1
    const last = this.#last
    if (last !== undefined && wanted >= last.firstRow && wanted < last.firstRow + last.batch.numRows) return last
    const { batches } = this.#index
    const at = placeAt(batches, wanted)
    const step = order === 'asc' ? 1 : -1
    const count = countTogether(batches, at, step, Math.min(rowsMax, chunkRows))
    const places = order === 'asc' ? batches.slice(at, at + count) : batches.slice(at + 1 - count, at + 1)
    return (this.#last = this.#read(places, null))
  }

  normalise(batch: RecordBatch): RecordBatch {
    return normaliseBatch(batch, this.header)
  }

  /**
   * All rows in order, normalised, in batches of a size that pays; the memory of one is free when the next is asked for.
   * @param columns those that are needed, of `schema`; absent: all.
   */
  *batches(columns: ReadonlySet<string> | null = null): Generator<RecordBatch> {
    const { batches } = this.#index
    const raw = columns === null ? null : rawColumnsOf(columns)
    for (let at = 0; at < batches.length;) {
      const count = countTogether(batches, at, 1, chunkRows)
      const { batch } = this.#read(batches.slice(at, at + count), raw)
      yield normaliseBatch(batch, this.header, columns)
      at += count
    }
  }

  /** Smallest and largest time of the rows; null without rows. */
  timeRange(): { firstMs: number; lastMs: number } | null {
    return this.rows === 0 ? null : timeRangeOf(this.#fd, this.#index.batches)
  }

  close(): void {
    closeSync(this.#fd)
  }

  /** Neighbours, at least one. */
  #read(places: readonly BatchPlace[], columns: ReadonlySet<string> | null): RawChunk {
    const first = places[0] as BatchPlace
    const last = places.at(-1) as BatchPlace
    const bytes = readRange(this.#fd, first.offset, endOf(last) - first.offset)
    if (bytes.length < endOf(last) - first.offset) throw new RangeError('Expected a segment that grows, never shrinks')
    const batches = places.map(({ offset, metadataBytes, bodyBytes, rows }): RawBatch => {
      const metadata = bytes.byteOffset + offset - first.offset + 8
      const layout = batchLayoutOf(new DataView(bytes.buffer, metadata, metadataBytes))
      return { rows, layout, body: new Uint8Array(bytes.buffer, metadata + metadataBytes, bodyBytes) }
    })
    return { firstRow: first.firstRow, batch: withRowIndex(mergeBatches(this.#raw, batches, columns)) }
  }
}

function endOf({ offset, metadataBytes, bodyBytes }: BatchPlace): number {
  return offset + 8 + metadataBytes + bodyBytes
}

/** How many batches, from `at` on in steps of 1 or -1, are read together. */
function countTogether(batches: readonly BatchPlace[], at: number, step: 1 | -1, rowsMax: number): number {
  let rows = 0
  let bytes = 0
  let count = 0
  for (let index = at; index >= 0 && index < batches.length; index += step) {
    const place = batches[index] as BatchPlace
    rows += place.rows
    bytes += place.bodyBytes
    if (count > 0 && (rows > rowsMax || bytes > chunkBytes)) break
    count++
  }
  return count
}

/** The times of all rows are read, eight bytes each. */
export function timeRangeOf(fd: number, batches: readonly BatchPlace[]): { firstMs: number; lastMs: number } {
  let firstMs = Number.POSITIVE_INFINITY
  let lastMs = 0
  for (const times of batches.map((place) => timesOf(fd, place))) {
    for (const time of times) {
      const ms = Number(time)
      if (ms < firstMs) firstMs = ms
      if (ms > lastMs) lastMs = ms
    }
  }
  return { firstMs, lastMs }
}

export function timesOf(fd: number, { timesOffset, rows }: BatchPlace): BigInt64Array {
  const bytes = readRange(fd, timesOffset, rows * 8)
  return new BigInt64Array(new Uint8Array(bytes).buffer, 0, bytes.length >> 3)
}

function readSchema(message: Buffer): Schema {
  return RecordBatchReader.from(message).open().schema
}

/** The index of the batch that holds the row, by bisection. */
function placeAt(batches: readonly BatchPlace[], row: number): number {
  let low = 0
  let high = batches.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((batches[middle] as BatchPlace).firstRow <= row) low = middle
    else high = middle - 1
  }
  return low
}

function indexOf(path: string): StreamIndex {
  const index = indexes.get(path) ?? newIndex()
  // Used last stands last.
  indexes.delete(path)
  indexes.set(path, index)
  const [oldest] = indexes.keys()
  if (indexes.size > indexesMax && oldest !== undefined) indexes.delete(oldest)
  return index
}
