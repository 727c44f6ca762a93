/** Chooses the reader of a segment by its form. */
import type { Segment } from '../../segments/segment-list.js'
import { ArrowsSegment } from './arrows-segment.js'
import { ParquetSegment } from './parquet-segment.js'
import type { SegmentReader } from './segment-reader.js'

/** @returns null when it has no schema yet. @throws the disk's error; ENOENT: list again. */
export async function openSegment(segment: Segment): Promise<SegmentReader | null> {
  return segment.form === 'parquet' ? ParquetSegment.open(segment.path) : ArrowsSegment.open(segment.path)
}
