/**
 * What a killed process leaves behind: a segment that was being written. It is cut after its last whole message, ended
 * and sealed, so that nothing of what was whole is lost and nothing that was torn is read.
 *
 * Power loss may leave a file that is long enough and full of zeros: no row was logged in 1970, so a batch with such a
 * time ends the segment, too. Safe to run again after dying at any point: the rename comes last.
 */
import { closeSync, fsyncSync, ftruncateSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { sealedName } from '../../segments/segment-name.js'
import { timeRangeOf, timesOf } from '../segment/arrows-segment.js'
import { extendIndex, newIndex, type BatchPlace } from '../segment/ipc-messages.js'

const endOfStream = Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])

/**
 * @param path of a live segment that no process writes.
 * @param seq its number.
 * @returns rows that the sealed segment has; 0: the file had none and is gone.
 */
export function repairSegment(path: string, seq: number): number {
  const fd = openSync(path, 'r+')
  let sealed: string | null = null
  let rows = 0
  try {
    const index = newIndex()
    extendIndex(fd, index)
    const batches = wholeBatches(fd, index.batches)
    const last = batches.at(-1)
    if (last !== undefined) {
      rows = last.firstRow + last.rows
      const end = last.offset + 8 + last.metadataBytes + last.bodyBytes
      ftruncateSync(fd, end)
      writeSync(fd, endOfStream, 0, endOfStream.length, end)
      fsyncSync(fd)
      const { firstMs, lastMs } = timeRangeOf(fd, batches)
      sealed = sealedName(seq, firstMs, lastMs, rows)
    }
  } finally {
    closeSync(fd)
  }
  if (sealed === null) unlinkSync(path)
  else renameSync(path, join(dirname(path), sealed))
  syncFolder(dirname(path))
  return rows
}

/** Up to the first batch with a row of no time. */
function wholeBatches(fd: number, batches: readonly BatchPlace[]): readonly BatchPlace[] {
  const torn = batches.findIndex((place) => timesOf(fd, place).includes(0n))
  return torn < 0 ? batches : batches.slice(0, torn)
}

/** Makes renames and removals in a folder durable. */
export function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
