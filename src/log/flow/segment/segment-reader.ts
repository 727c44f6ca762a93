/**
 * One open segment, whatever its form: rows by number, a chunk at a time. A chunk is what its form reads in one go, a
 * record batch of an .arrows file or a stretch of a row group of a Parquet file, so a reader holds no more than that.
 *
 * An open segment stays readable when its file is renamed or removed meanwhile.
 */
import type { RecordBatch, Schema } from 'apache-arrow'
import type { LogOrder } from '../../cursor.js'

export interface RawChunk {
  /** Number in the segment of the batch's first row. */
  readonly firstRow: number
  readonly batch: RecordBatch
}

export interface SegmentReader {
  /** Whole rows that it has. */
  readonly rows: number
  /** The schema of the normalised columns. */
  readonly schema: Schema
  /**
   * A chunk that holds row `row` (asc), or row `row - 1` (desc).
   * @param rowsMax more rows than this are not needed now.
   * @param columns enough are these; a form whose columns lie apart reads no others.
   */
  chunkAt(row: number, order: LogOrder, rowsMax: number, columns?: readonly string[]): Promise<RawChunk>
  /** The columns that readers see, of a batch that chunkAt gave. */
  normalise(batch: RecordBatch): RecordBatch
  close(): void
}
