/**
 * Finds the segments of one pipeline, while a writer seals them, a compactor replaces them and retention removes them.
 *
 * 1. What readdir returns of a folder that changes under it may lack a file under its old name and under its new one: so
 *    a folder is listed until two listings agree.
 * 2. A segment that is there in two forms is read in the later one: the Parquet file appears by rename, whole, before the
 *    sealed file goes; a sealed name appears by rename of the live one.
 * 3. A file that is gone when it is opened was replaced or removed: list again. The rows of a segment keep their order and
 *    number in every form, so a reader that stood at (version, seq, row) goes on at the same place in the new form.
 */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parseSegmentName, type SegmentForm, type SegmentName } from './segment-name.js'

export interface Segment extends SegmentName {
  readonly version: number
  readonly path: string
}

const laterForm: Readonly<Record<SegmentForm, number>> = { live: 0, sealed: 1, parquet: 2 }
/** A folder that never comes to rest changes faster than a disk can rename: the last listing must do. */
const listingsMax = 20

/** All segments of all versions under `<directory>/<pipeline>`, by version and seq; none when nothing was logged. */
export async function listSegments(directory: string, pipeline: string): Promise<Segment[]> {
  const segments: Segment[] = []
  for (const version of await listVersions(join(directory, pipeline))) {
    const folder = join(directory, pipeline, String(version))
    for (const [file, name] of newestForms(await settledNames(folder)))
      segments.push({ ...name, version, path: join(folder, file) })
  }
  return segments
}

/** Pipelines that have a folder. */
export async function listPipelines(directory: string): Promise<string[]> {
  return (await namesIn(directory)).filter((name) => /^[A-Za-z0-9-]+$/.test(name)).sort()
}

/** Versions that have a folder, ascending. */
export async function listVersions(folder: string): Promise<number[]> {
  const names = await namesIn(folder)
  return names
    .filter((name) => /^[1-9]\d{0,9}$/.test(name))
    .map(Number)
    .sort((a, b) => a - b)
}

/** The file of each segment in its latest form, by seq. */
export function newestForms(files: readonly string[]): [file: string, name: SegmentName][] {
  const best = new Map<number, [string, SegmentName]>()
  for (const file of files) {
    const name = parseSegmentName(file)
    if (name === null) continue
    const other = best.get(name.seq)
    if (other === undefined || laterForm[name.form] > laterForm[other[1].form]) best.set(name.seq, [file, name])
  }
  return [...best.values()].sort(([, a], [, b]) => a.seq - b.seq)
}

/** Rule 1. */
async function settledNames(folder: string): Promise<string[]> {
  let before = await namesIn(folder)
  for (let listing = 1; listing < listingsMax; listing++) {
    const now = await namesIn(folder)
    if (now.length === before.length && now.every((name, index) => name === before[index])) return now
    before = now
  }
  return before
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort()
  } catch (error) {
    if (isAbsent(error)) return []
    throw error
  }
}

/** A folder or file that is not there, or is something else. */
export function isAbsent(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ENOENT' || code === 'ENOTDIR'
}

/** Bytes of a file; null when it is gone. */
export async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (isAbsent(error)) return null
    throw error
  }
}
