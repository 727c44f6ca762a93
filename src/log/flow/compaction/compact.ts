/**
 * Makes the Parquet file of a sealed segment. Order matters: the whole file lies on the disk under a temporary name, then
 * gets its name, then that is durable, and only then the .arrows goes. A process that dies in between leaves a temporary
 * file, or both forms; readers take the Parquet file then, and the next run removes the other.
 */
import { existsSync, renameSync, unlinkSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { parquetName, parseSegmentName } from '../../segments/segment-name.js'
import { ArrowsSegment } from '../segment/arrows-segment.js'
import { ParquetFileWriter } from './parquet-writer.js'
import { syncFolder } from './repair.js'

/** Ends the names of files that are not whole yet. */
export const TEMPORARY_SUFFIX = '.tmp'

/**
 * @param path of a sealed segment.
 * @returns false: the file has fewer rows than its name says, so it is damaged and stays what it is.
 */
export async function compactSegment(path: string): Promise<boolean> {
  const folder = dirname(path)
  const target = join(folder, parquetName(basename(path)))
  if (!existsSync(target)) {
    const temporary = `${target}${TEMPORARY_SUFFIX}`
    const rows = await writeParquetOf(path, temporary)
    if (rows !== parseSegmentName(basename(path))?.rows) {
      unlinkSync(temporary)
      return false
    }
    renameSync(temporary, target)
    syncFolder(folder)
  }
  unlinkSync(path)
  syncFolder(folder)
  return true
}

/** Writes the rows of an .arrows file, normalised, as Parquet. @returns how many. */
async function writeParquetOf(path: string, target: string): Promise<number> {
  const segment = ArrowsSegment.open(path)
  if (segment === null) return 0
  try {
    const writer = new ParquetFileWriter(target)
    for (const batch of segment.batches()) await writer.write(batch)
    await writer.finish()
    return segment.rows
  } finally {
    segment.close()
  }
}
