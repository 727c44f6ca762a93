/**
 * Walks through the log of one pipeline in its order, from a position, and yields the rows that a filter lets through, a
 * chunk at a time. The consumer says how many rows of a chunk it took; the position moves exactly as far.
 *
 * Order: within a version by segment and row, as they were logged; between versions by segment, by the times of their
 * rows (two versions overlap only while one takes over from the other).
 */
import type { Data, RecordBatch, Schema, TimestampMillisecond } from 'apache-arrow'
import type { LogOrder, LogPosition } from '../../cursor.js'
import { isAbsent, listSegments, type Segment } from '../../segments/segment-list.js'
import { openSegment } from './open-segment.js'
import { scanOrder, type ScanOrder } from './scan-order.js'
import type { RawChunk, SegmentReader } from './segment-reader.js'
import { takeRows } from './take.js'

export interface RowFilter {
  /** Milliseconds; rows at `startMs` or later, before `endMs`. */
  readonly startMs: number
  readonly endMs: number
  /** Whether rows on which a check failed are wanted (false), the others (true), or both. */
  readonly valid: boolean | null
}

export interface Chunk {
  /** Equal for chunks that fit in one table. */
  readonly schemaKey: string
  readonly schema: Schema
  /** Rows that the filter lets through; may be 0. */
  readonly count: number
  /** The first `count` of them, normalised, in the order of the scan. */
  rows(count: number): RecordBatch
  /** Moves the position behind the first `count` of them; `all` of them: behind the rows without a match as well. */
  consume(count: number): void
}

interface Current {
  readonly segment: Segment
  readonly reader: SegmentReader
  readonly schemaKey: string
}

const filterColumns = ['time', 'anomaly.count']
/** Rows that are looked at in one go when few may match. */
const probeRows = 65_536
/** Times that a file was gone which a new listing had named. */
const relistingsMax = 50

export class LogScan {
  /** Rows looked at so far: what a caller pays for, whether they match or not. */
  scannedRows = 0
  readonly #directory: string
  readonly #pipeline: string
  readonly #filter: RowFilter
  readonly #order: ScanOrder
  readonly #isFiltering: boolean
  /** Segments that this scan is done with, `<version>/<seq>`. */
  readonly #done = new Set<string>()
  #segments: Segment[] = []
  #current: Current | null = null

  private constructor(directory: string, pipeline: string, filter: RowFilter, order: LogOrder) {
    this.#directory = directory
    this.#pipeline = pipeline
    this.#filter = filter
    this.#order = scanOrder(order)
    this.#isFiltering = filter.valid !== null || filter.startMs > 0 || filter.endMs !== Number.POSITIVE_INFINITY
  }

  /** @param position null: from the beginning. */
  static async open(
    directory: string,
    pipeline: string,
    filter: RowFilter,
    order: LogOrder,
    position: LogPosition | null,
  ): Promise<LogScan> {
    const scan = new LogScan(directory, pipeline, filter, order)
    await scan.#list()
    scan.#order.begin(position, scan.#segments)
    return scan
  }

  /** @returns null when there are no more rows. @param rowsMax more rows than this are not needed now. */
  async next(rowsMax: number): Promise<Chunk | null> {
    for (let relistings = 0; ;) {
      try {
        this.#current ??= await this.#openNext()
        if (this.#current === null) return null
        const chunk = await this.#chunk(this.#current, rowsMax)
        if (chunk !== null) return chunk
        this.#leave(this.#current)
      } catch (error) {
        if (!isAbsent(error) || ++relistings > relistingsMax) throw error
        await this.#list()
      }
    }
  }

  get position(): LogPosition {
    const pending = this.#segments.filter((segment) => this.#isPending(segment))
    return this.#order.position(new Set(pending.map(({ version }) => version)))
  }

  close(): void {
    this.#current?.reader.close()
    this.#current = null
  }

  async #list(): Promise<void> {
    this.#segments = await listSegments(this.#directory, this.#pipeline)
  }

  #isPending(segment: Segment): boolean {
    return !this.#done.has(keyOf(segment)) && this.#order.isPending(segment)
  }

  async #openNext(): Promise<Current | null> {
    for (;;) {
      const segment = await this.#choose()
      if (segment === null) return null
      const isOutside = segment.lastMs < this.#filter.startMs || segment.firstMs >= this.#filter.endMs
      const reader = isOutside ? null : await openSegment(segment)
      if (reader !== null && reader.rows > 0) {
        this.#done.delete(keyOf(segment))
        return { segment, reader, schemaKey: schemaKeyOf(reader.schema) }
      }
      reader?.close()
      this.#finish(segment, segment.rows ?? 0)
    }
  }

  /** The next segment of each version, and of these the newest (desc) or the oldest (asc). */
  async #choose(): Promise<Segment | null> {
    const heads = new Map<number, Segment>()
    for (const segment of this.#segments) {
      if (!this.#isPending(segment)) continue
      if (!this.#order.isFirstHead || !heads.has(segment.version)) heads.set(segment.version, segment)
    }
    const candidates = [...heads.values()]
    if (candidates.length < 2) return candidates[0] ?? null
    const timed = await Promise.all(candidates.map(async (segment) => ({ segment, ms: await this.#edgeMs(segment) })))
    timed.sort((a, b) => this.#order.compareMs(a.ms, b.ms))
    return timed[0]?.segment ?? null
  }

  /** The time of the row that would come first. */
  async #edgeMs(segment: Segment): Promise<number> {
    if (segment.form !== 'live') return this.#order.edgeMs(segment)
    const reader = await openSegment(segment)
    if (reader === null) return 0
    try {
      const { rows } = reader
      if (rows === 0) return 0
      const bound = this.#order.boundBefore(this.#order.firstIn(rows))
      const { batch } = await reader.chunkAt(bound, this.#order.order, 1, filterColumns)
      return Number(timesOf(batch)[this.#order.firstIn(batch.numRows)])
    } finally {
      reader.close()
    }
  }

  /** @returns null at the end of the segment. */
  async #chunk(current: Current, rowsMax: number): Promise<Chunk | null> {
    const { segment, reader } = current
    const { order } = this.#order
    const bound = this.#order.boundIn(segment, reader.rows)
    if (this.#order.isOver(bound, reader.rows)) return null
    if (!this.#isFiltering) return this.#chunkOf(current, await reader.chunkAt(bound, order, rowsMax), bound)
    const probe = await reader.chunkAt(bound, order, probeRows, filterColumns)
    const [first] = this.#matches(probe, bound)
    if (first === undefined) return this.#empty(current, probe)
    const firstBound = this.#order.boundBefore(probe.firstRow + first)
    return this.#chunkOf(current, await reader.chunkAt(firstBound, order, rowsMax), firstBound)
  }

  /** The rows of a chunk that match, on the far side of the bound, in the order of the scan. */
  #matches({ firstRow, batch }: RawChunk, bound: number): Int32Array {
    const rows: number[] = []
    const test = this.#isFiltering ? rowTest(batch, this.#filter) : () => true
    for (const row of this.#order.rowsBeyond(bound, firstRow, batch.numRows)) if (test(row)) rows.push(row)
    return Int32Array.from(rows)
  }

  #empty(current: Current, { firstRow, batch }: RawChunk): Chunk {
    this.scannedRows += batch.numRows
    this.#order.moveTo(current.segment, this.#order.boundBehindChunk(firstRow, batch.numRows))
    const { schema } = current.reader
    const refuse = (): never => {
      throw new Error('Expected a chunk with rows')
    }
    return { schemaKey: current.schemaKey, schema, count: 0, rows: refuse, consume: () => undefined }
  }

  #chunkOf({ segment, reader, schemaKey }: Current, raw: RawChunk, bound: number): Chunk {
    const { firstRow, batch } = raw
    const matches = this.#matches(raw, bound)
    this.scannedRows += batch.numRows
    const end = this.#order.boundBehindChunk(firstRow, batch.numRows)
    return {
      schemaKey,
      schema: reader.schema,
      count: matches.length,
      rows: (count) => reader.normalise(takeRows(batch, matches.subarray(0, count))),
      consume: (count) => {
        const last = firstRow + (matches[count - 1] ?? 0)
        if (count > 0) this.#order.moveTo(segment, count === matches.length ? end : this.#order.boundBehind(last))
      },
    }
  }

  #leave({ segment, reader }: Current): void {
    this.#current = null
    const { rows } = reader
    reader.close()
    this.#finish(segment, rows)
  }

  /** Nothing more of this segment in this scan. */
  #finish(segment: Segment, rows: number): void {
    this.#done.add(keyOf(segment))
    this.#order.finish(segment, rows, this.#segments)
  }
}

export function timesOf(batch: RecordBatch): BigInt64Array {
  const index = batch.schema.fields.findIndex((field) => field.name === 'time')
  return (batch.data.children[index] as Data<TimestampMillisecond>).values
}

function rowTest(batch: RecordBatch, { startMs, endMs, valid }: RowFilter): (row: number) => boolean {
  const times = timesOf(batch)
  const index = batch.schema.fields.findIndex((field) => field.name === 'anomaly.count')
  const counts = index < 0 ? undefined : ((batch.data.children[index] as Data).values as unknown as Uint32Array)
  return (row) => {
    const ms = Number(times[row])
    return ms >= startMs && ms < endMs && (valid === null || ((counts?.[row] ?? 0) === 0) === valid)
  }
}

function schemaKeyOf(schema: Schema): string {
  return schema.fields.map((field) => `${field.name}:${field.type}`).join('\n')
}

function keyOf({ version, seq }: Segment): string {
  return `${version}/${seq}`
}
