/**
 * Walks through the log of one pipeline in its order, from a position, and yields the rows that a filter lets through, a
 * chunk at a time. The consumer says how many rows of a chunk it took; the position moves exactly as far.
 *
 * Order: within a version by segment and row, as they were logged; between versions by segment, by the times of their
 * rows (two versions overlap only while one takes over from the other).
 */
import type { Data, RecordBatch, Schema, TimestampMillisecond } from 'apache-arrow'
import type { AscendingPlace, DescendingPlace, LogOrder, LogPosition } from '../../cursor.js'
import { isAbsent, listSegments, type Segment } from '../../segments/segment-list.js'
import { openSegment } from './open-segment.js'
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
  readonly #order: LogOrder
  readonly #isFiltering: boolean
  readonly #desc = new Map<number, DescendingPlace>()
  readonly #asc = new Map<number, { past: number; rows: Map<number, number> }>()
  /** Segments that this scan is done with, `<version>/<seq>`. */
  readonly #done = new Set<string>()
  #segments: Segment[] = []
  #current: Current | null = null

  private constructor(directory: string, pipeline: string, filter: RowFilter, order: LogOrder) {
    this.#directory = directory
    this.#pipeline = pipeline
    this.#filter = filter
    this.#order = order
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
    scan.#begin(position)
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
    if (this.#order === 'desc') {
      // Versions that are done need not be named: their later rows do not belong here anyway.
      const pending = new Set(
        this.#segments.filter((segment) => this.#isPending(segment)).map(({ version }) => version),
      )
      return { order: 'desc', versions: new Map([...this.#desc].filter(([version]) => pending.has(version))) }
    }
    const versions = new Map<number, AscendingPlace>()
    for (const [version, { past, rows }] of this.#asc) versions.set(version, { past, rows: new Map(rows) })
    return { order: 'asc', versions }
  }

  close(): void {
    this.#current?.reader.close()
    this.#current = null
  }

  async #list(): Promise<void> {
    this.#segments = await listSegments(this.#directory, this.#pipeline)
  }

  #begin(position: LogPosition | null): void {
    if (position?.order === 'desc') for (const [version, place] of position.versions) this.#desc.set(version, place)
    if (position?.order === 'asc')
      for (const [version, { past, rows }] of position.versions) this.#asc.set(version, { past, rows: new Map(rows) })
    if (this.#order === 'desc' && position === null)
      for (const { version, seq } of this.#segments) this.#desc.set(version, { seq, row: Number.MAX_SAFE_INTEGER })
    if (this.#order === 'asc')
      for (const { version } of this.#segments)
        if (!this.#asc.has(version)) this.#asc.set(version, { past: 0, rows: new Map() })
  }

  /** Rows of the segment that are behind (asc) or still to come (desc). */
  #rowAt({ version, seq }: Segment): number {
    if (this.#order === 'asc') {
      const place = this.#asc.get(version)
      return place === undefined ? 0 : seq < place.past ? Number.MAX_SAFE_INTEGER : (place.rows.get(seq) ?? 0)
    }
    const place = this.#desc.get(version)
    if (place === undefined || seq > place.seq) return 0
    return seq === place.seq ? place.row : Number.MAX_SAFE_INTEGER
  }

  #moveTo({ version, seq }: Segment, row: number): void {
    if (this.#order === 'asc') this.#asc.get(version)?.rows.set(seq, row)
    else this.#desc.set(version, { seq, row })
  }

  #isPending(segment: Segment): boolean {
    if (this.#done.has(keyOf(segment))) return false
    const row = this.#rowAt(segment)
    return this.#order === 'desc' ? row > 0 : row < (segment.rows ?? Number.MAX_SAFE_INTEGER)
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
      if (this.#order === 'desc' || !heads.has(segment.version)) heads.set(segment.version, segment)
    }
    const candidates = [...heads.values()]
    if (candidates.length < 2) return candidates[0] ?? null
    const timed = await Promise.all(candidates.map(async (segment) => ({ segment, ms: await this.#edgeMs(segment) })))
    timed.sort((a, b) => (this.#order === 'desc' ? b.ms - a.ms : a.ms - b.ms))
    return timed[0]?.segment ?? null
  }

  /** The time of the row that would come first. */
  async #edgeMs(segment: Segment): Promise<number> {
    if (segment.form !== 'live') return this.#order === 'desc' ? segment.lastMs : segment.firstMs
    const reader = await openSegment(segment)
    if (reader === null) return 0
    try {
      if (reader.rows === 0) return 0
      const row = this.#order === 'desc' ? reader.rows : 0
      const { batch } = await reader.chunkAt(row, this.#order, 1, filterColumns)
      return Number(timesOf(batch)[this.#order === 'desc' ? batch.numRows - 1 : 0])
    } finally {
      reader.close()
    }
  }

  /** @returns null at the end of the segment. */
  async #chunk(current: Current, rowsMax: number): Promise<Chunk | null> {
    const { segment, reader } = current
    const { rows } = reader
    const from = this.#order === 'asc' ? this.#rowAt(segment) : Math.min(this.#rowAt(segment), rows)
    if (this.#order === 'asc' ? from >= rows : from <= 0) return null
    if (this.#isFiltering) {
      const probe = await reader.chunkAt(from, this.#order, probeRows, filterColumns)
      const matches = this.#matches(probe, from)
      if (matches.length === 0) return this.#empty(current, probe)
      const first = probe.firstRow + (matches[0] as number)
      const raw = await reader.chunkAt(this.#order === 'asc' ? first : first + 1, this.#order, rowsMax)
      return this.#chunkOf(current, raw, this.#matches(raw, this.#order === 'asc' ? first : first + 1))
    }
    const raw = await reader.chunkAt(from, this.#order, rowsMax)
    return this.#chunkOf(current, raw, this.#matches(raw, from))
  }

  /** The rows of a chunk that match, on the far side of `from`, in the order of the scan. */
  #matches({ firstRow, batch }: RawChunk, from: number): Int32Array {
    const rows: number[] = []
    const test = this.#isFiltering ? rowTest(batch, this.#filter) : () => true
    if (this.#order === 'asc')
      for (let row = from - firstRow; row < batch.numRows; row++) {
        if (test(row)) rows.push(row)
      }
    else
      for (let row = from - firstRow - 1; row >= 0; row--) {
        if (test(row)) rows.push(row)
      }
    return Int32Array.from(rows)
  }

  #empty(current: Current, { firstRow, batch }: RawChunk): Chunk {
    this.scannedRows += batch.numRows
    this.#moveTo(current.segment, this.#order === 'asc' ? firstRow + batch.numRows : firstRow)
    const { schema } = current.reader
    const refuse = (): never => {
      throw new Error('Expected a chunk with rows')
    }
    return { schemaKey: current.schemaKey, schema, count: 0, rows: refuse, consume: () => undefined }
  }

  #chunkOf({ segment, reader, schemaKey }: Current, { firstRow, batch }: RawChunk, matches: Int32Array): Chunk {
    this.scannedRows += batch.numRows
    const end = this.#order === 'asc' ? firstRow + batch.numRows : firstRow
    return {
      schemaKey,
      schema: reader.schema,
      count: matches.length,
      rows: (count) => reader.normalise(takeRows(batch, matches.subarray(0, count))),
      consume: (count) => {
        const last = firstRow + (matches[count - 1] ?? 0)
        if (count > 0) this.#moveTo(segment, count === matches.length ? end : this.#order === 'asc' ? last + 1 : last)
      },
    }
  }

  #leave({ segment, reader }: Current): void {
    this.#current = null
    const { rows } = reader
    reader.close()
    this.#finish(segment, rows)
  }

  /** Nothing more of this segment in this scan; for good when it does not grow any more. */
  #finish(segment: Segment, rows: number): void {
    this.#done.add(keyOf(segment))
    if (this.#order === 'desc') return this.#moveTo(segment, 0)
    const place = this.#asc.get(segment.version)
    if (place === undefined || segment.form === 'live') return
    // A damaged file may have fewer rows than its name says: done is done.
    place.rows.set(segment.seq, Math.max(rows, segment.rows ?? 0))
    for (const { version, seq, form, rows: total } of this.#segments) {
      if (version !== segment.version || seq < place.past) continue
      if (form === 'live' || (place.rows.get(seq) ?? 0) < (total ?? 0)) break
      place.rows.delete(seq)
      place.past = seq + 1
    }
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
