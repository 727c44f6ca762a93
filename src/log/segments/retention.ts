/**
 * Which segments have to go: those whose newest row is too old, then the oldest until the rest is small enough. A segment
 * that is still written never goes; it will be sealed soon. Pure.
 */
import { LOG_RETENTION_BYTES, LOG_RETENTION_HOURS } from '../../base/limits/limits.js'
import type { LogRetention } from '../../pipeline/definition.js'
import type { Segment } from './segment-list.js'

export interface SizedSegment {
  readonly segment: Segment
  readonly sizeBytes: number
}

const hourMs = 3_600_000

/** @param segments of one pipeline, all versions. @returns the oldest first. */
export function expiredSegments(
  segments: readonly SizedSegment[],
  { ageHours = LOG_RETENTION_HOURS, bytes = LOG_RETENTION_BYTES }: LogRetention,
  nowMs: number,
): Segment[] {
  const oldestMs = nowMs - ageHours * hourMs
  const sealed = segments
    .filter(({ segment }) => segment.form !== 'live')
    .sort((a, b) => a.segment.lastMs - b.segment.lastMs || a.segment.seq - b.segment.seq)
  let restBytes = segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const expired: Segment[] = []
  for (const { segment, sizeBytes } of sealed) {
    if (segment.lastMs >= oldestMs && restBytes <= bytes) break
    expired.push(segment)
    restBytes -= sizeBytes
  }
  return expired
}
