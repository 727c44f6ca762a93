/**
 * The two orders of a scan: how far it is in each segment, which rows come next, and what is behind it. A scan is written
 * once against this; each order keeps its places in the form of its cursor.
 */
import type { AscendingPlace, DescendingPlace, LogOrder, LogPosition } from '../../cursor.js'
import type { Segment } from '../../segments/segment-list.js'

export interface ScanOrder {
  readonly order: LogOrder
  /** Begins at a position of this order, or at the beginning of what is there. */
  begin(position: LogPosition | null, segments: readonly Segment[]): void
  /** @param pending versions that have rows to come. */
  position(pending: ReadonlySet<number>): LogPosition
  isPending(segment: Segment): boolean
  /** Whether the first of the pending segments of a version comes first, in ascending order of their numbers. */
  readonly isFirstHead: boolean
  /** The bound of the next row, for a segment of so many rows: chunks begin there. */
  boundIn(segment: Segment, rows: number): number
  /** Whether nothing lies beyond the bound. */
  isOver(bound: number, rows: number): boolean
  /** The bound of which `row` is the next. */
  boundBefore(row: number): number
  /** The bound behind `row`. */
  boundBehind(row: number): number
  /** The bound behind a chunk of `count` rows from `firstRow` on. */
  boundBehindChunk(firstRow: number, count: number): number
  /** The rows of a chunk on the far side of the bound, as indexes into it, in this order. */
  rowsBeyond(bound: number, firstRow: number, count: number): Iterable<number>
  /** The index, in a chunk of `count` rows, of the row that comes first. */
  firstIn(count: number): number
  /** The time of a sealed segment's first row in this order, ms. */
  edgeMs(segment: Segment): number
  /** Negative: `a` comes before `b`. */
  compareMs(a: number, b: number): number
  moveTo(segment: Segment, bound: number): void
  /** Nothing more of the segment comes. */
  finish(segment: Segment, rows: number, segments: readonly Segment[]): void
}

export function scanOrder(order: LogOrder): ScanOrder {
  return order === 'asc' ? new AscendingScan() : new DescendingScan()
}

/** Oldest first. A bound is the number of rows behind the scan. */
class AscendingScan implements ScanOrder {
  readonly order = 'asc'
  readonly isFirstHead = true
  readonly #places = new Map<number, { past: number; rows: Map<number, number> }>()

  begin(position: LogPosition | null, segments: readonly Segment[]): void {
    if (position?.order === 'asc')
      for (const [version, { past, rows }] of position.versions)
        this.#places.set(version, { past, rows: new Map(rows) })
    for (const { version } of segments)
      if (!this.#places.has(version)) this.#places.set(version, { past: 0, rows: new Map() })
  }

  position(): LogPosition {
    const versions = new Map<number, AscendingPlace>()
    for (const [version, { past, rows }] of this.#places) versions.set(version, { past, rows: new Map(rows) })
    return { order: 'asc', versions }
  }

  isPending(segment: Segment): boolean {
    return this.#rowsBehind(segment) < (segment.rows ?? Number.MAX_SAFE_INTEGER)
  }

  boundIn(segment: Segment): number {
    return this.#rowsBehind(segment)
  }

  isOver(bound: number, rows: number): boolean {
    return bound >= rows
  }

  boundBefore(row: number): number {
    return row
  }

  boundBehind(row: number): number {
    return row + 1
  }

  boundBehindChunk(firstRow: number, count: number): number {
    return firstRow + count
  }

  *rowsBeyond(bound: number, firstRow: number, count: number): Iterable<number> {
    for (let row = bound - firstRow; row < count; row++) yield row
  }

  firstIn(): number {
    return 0
  }

  edgeMs({ firstMs }: Segment): number {
    return firstMs
  }

  compareMs(a: number, b: number): number {
    return a - b
  }

  moveTo({ version, seq }: Segment, bound: number): void {
    this.#places.get(version)?.rows.set(seq, bound)
  }

  /** For good when the segment does not grow any more: its number is then behind, and needs no place of its own. */
  finish(segment: Segment, rows: number, segments: readonly Segment[]): void {
    const place = this.#places.get(segment.version)
    if (place === undefined || segment.form === 'live') return
    // A damaged file may have fewer rows than its name says: done is done.
    place.rows.set(segment.seq, Math.max(rows, segment.rows ?? 0))
    for (const { version, seq, form, rows: total } of segments) {
      if (version !== segment.version || seq < place.past) continue
      if (form === 'live' || (place.rows.get(seq) ?? 0) < (total ?? 0)) break
      place.rows.delete(seq)
      place.past = seq + 1
    }
  }

  #rowsBehind({ version, seq }: Segment): number {
    const place = this.#places.get(version)
    if (place === undefined) return 0
    return seq < place.past ? Number.MAX_SAFE_INTEGER : (place.rows.get(seq) ?? 0)
  }
}

/** Newest first. A bound is the number of rows that are still to come. */
class DescendingScan implements ScanOrder {
  readonly order = 'desc'
  readonly isFirstHead = false
  readonly #places = new Map<number, DescendingPlace>()

  begin(position: LogPosition | null, segments: readonly Segment[]): void {
    if (position?.order === 'desc') for (const [version, place] of position.versions) this.#places.set(version, place)
    if (position !== null) return
    for (const { version, seq } of segments) this.#places.set(version, { seq, row: Number.MAX_SAFE_INTEGER })
  }

  /** Versions that are done need not be named: their later rows do not belong to this scan anyway. */
  position(pending: ReadonlySet<number>): LogPosition {
    return { order: 'desc', versions: new Map([...this.#places].filter(([version]) => pending.has(version))) }
  }

  isPending(segment: Segment): boolean {
    return this.#rowsToCome(segment) > 0
  }

  boundIn(segment: Segment, rows: number): number {
    return Math.min(this.#rowsToCome(segment), rows)
  }

  isOver(bound: number): boolean {
    return bound <= 0
  }

  boundBefore(row: number): number {
    return row + 1
  }

  boundBehind(row: number): number {
    return row
  }

  boundBehindChunk(firstRow: number): number {
    return firstRow
  }

  *rowsBeyond(bound: number, firstRow: number): Iterable<number> {
    for (let row = bound - firstRow - 1; row >= 0; row--) yield row
  }

  firstIn(count: number): number {
    return count - 1
  }

  edgeMs({ lastMs }: Segment): number {
    return lastMs
  }

  compareMs(a: number, b: number): number {
    return b - a
  }

  moveTo({ version, seq }: Segment, bound: number): void {
    this.#places.set(version, { seq, row: bound })
  }

  finish(segment: Segment): void {
    this.moveTo(segment, 0)
  }

  #rowsToCome({ version, seq }: Segment): number {
    const place = this.#places.get(version)
    if (place === undefined || seq > place.seq) return 0
    return seq === place.seq ? place.row : Number.MAX_SAFE_INTEGER
  }
}
