/**
 * A segment in the form in which the engine writes it: an Arrow IPC stream that may still grow and may end in the middle
 * of a message. Its index is kept from call to call, so that a page of the newest rows costs what was added since.
 */
import { closeSync, openSync } from 'node:fs'
import { type RecordBatch, RecordBatchReader, type Schema } from 'apache-arrow'
import type { LogOrder } from '../cursor.js'
import { extendIndex, newIndex, readRange, type BatchPlace, type StreamIndex } from './ipc-messages.js'
import { headerOf, normaliseBatch, type SegmentHeader } from './normalise.js'
import type { RawChunk, SegmentReader } from './segment-reader.js'
import { takeRows } from './take.js'

/** Indexes kept: of each pipeline that is read, the segment that is written. */
const indexesMax = 64
/** By path: a path never names another segment, since numbers do not come again. */
const indexes = new Map<string, StreamIndex>()

export class ArrowsSegment implements SegmentReader {
  readonly rows: number
  readonly header: SegmentHeader
  readonly #fd: number
  readonly #index: StreamIndex
  readonly #schemaMessage: Buffer
  #normalised: Schema | undefined
  #last: RawChunk | undefined

  private constructor(fd: number, index: StreamIndex, schemaMessage: Buffer, header: SegmentHeader) {
    this.#fd = fd
    this.#index = index
    this.#schemaMessage = schemaMessage
    this.rows = index.rows
    this.header = header
  }

  /** @returns null when no whole schema was written. */
  static open(path: string): ArrowsSegment | null {
    const fd = openSync(path, 'r')
    try {
      const index = indexOf(path)
      extendIndex(fd, index)
      const header = index.schema === null ? null : headerOf(readSchema(index.schema))
      if (index.schema !== null && header !== null) return new ArrowsSegment(fd, index, index.schema, header)
    } catch (error) {
      closeSync(fd)
      throw error
    }
    closeSync(fd)
    return null
  }

  get schema(): Schema {
    if (this.#normalised !== undefined) return this.#normalised
    const first = this.#index.batches[0]
    if (first === undefined) throw new Error('Expected a segment with rows')
    const none = takeRows(this.#read(first).batch, new Int32Array(0))
    return (this.#normalised = this.normalise(none).schema)
  }

  async chunkAt(row: number, order: LogOrder): Promise<RawChunk> {
    return this.#read(placeOf(this.#index.batches, order === 'asc' ? row : row - 1))
  }

  normalise(batch: RecordBatch): RecordBatch {
    return normaliseBatch(batch, this.header)
  }

  /** All batches in order; the memory of one is free when the next is asked for. */
  *batches(): Generator<RecordBatch> {
    for (const place of this.#index.batches) yield this.#read(place).batch
  }

  /** Smallest and largest time of the rows; null without rows. */
  timeRange(): { firstMs: number; lastMs: number } | null {
    return this.rows === 0 ? null : timeRangeOf(this.#fd, this.#index.batches)
  }

  close(): void {
    closeSync(this.#fd)
  }

  #read(place: BatchPlace): RawChunk {
    if (this.#last?.firstRow === place.firstRow) return this.#last
    const bytes = readRange(this.#fd, place.offset, 8 + place.metadataBytes + place.bodyBytes)
    const { value } = RecordBatchReader.from(Buffer.concat([this.#schemaMessage, bytes])).next() as {
      value: RecordBatch
    }
    return (this.#last = { firstRow: place.firstRow, batch: value })
  }
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

/** The batch that holds the row, by bisection. */
function placeOf(batches: readonly BatchPlace[], row: number): BatchPlace {
  let low = 0
  let high = batches.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((batches[middle] as BatchPlace).firstRow <= row) low = middle
    else high = middle - 1
  }
  return batches[low] as BatchPlace
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
