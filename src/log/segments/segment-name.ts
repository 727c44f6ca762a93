/**
 * Names of the log's files. Of one segment, `<seq>`, ten digits:
 *
 *    <seq>.arrows ── full, old enough, or retired ──► <seq>-<firstMs>-<lastMs>-<rows>.arrows ── in the background ──►
 *    <seq>-<firstMs>-<lastMs>-<rows>.parquet ── too old, or too much ──► gone
 *
 * firstMs and lastMs are the smallest and the largest time of its rows, so that a reader knows without opening a file
 * whether it is needed. Of all segments that were removed the newest leaves `<seq>.retired`, an empty file: numbers never
 * come again, and a cursor that names one never means another. Pure.
 */
export type SegmentForm = 'live' | 'sealed' | 'parquet'

export interface SegmentName {
  readonly seq: number
  readonly form: SegmentForm
  /** Sealed and parquet segments name these; a live one has 0, Infinity and null. */
  readonly firstMs: number
  readonly lastMs: number
  readonly rows: number | null
}

const seqDigits = 10
const pattern = /^(\d{10})(?:-(\d{1,15})-(\d{1,15})-(\d{1,15}))?\.(arrows|parquet)$/
const retiredPattern = /^(\d{10})\.retired$/

/** @returns null for a file that is no segment. */
export function parseSegmentName(file: string): SegmentName | null {
  const match = pattern.exec(file)
  if (match === null) return null
  const [, seq, firstMs, lastMs, rows, extension] = match
  if (firstMs === undefined)
    return extension === 'arrows'
      ? { seq: Number(seq), form: 'live', firstMs: 0, lastMs: Number.POSITIVE_INFINITY, rows: null }
      : null
  const form = extension === 'arrows' ? 'sealed' : 'parquet'
  return { seq: Number(seq), form, firstMs: Number(firstMs), lastMs: Number(lastMs), rows: Number(rows) }
}

export function liveName(seq: number): string {
  return `${padded(seq)}.arrows`
}

export function sealedName(seq: number, firstMs: number, lastMs: number, rows: number): string {
  return `${padded(seq)}-${firstMs}-${lastMs}-${rows}.arrows`
}

/** The name of the Parquet file that is made of a sealed segment. */
export function parquetName(sealed: string): string {
  return sealed.replace(/\.arrows$/, '.parquet')
}

export function retiredName(seq: number): string {
  return `${padded(seq)}.retired`
}

/** @returns null for another file. */
export function parseRetiredName(file: string): number | null {
  const match = retiredPattern.exec(file)
  return match === null ? null : Number(match[1])
}

function padded(seq: number): string {
  return String(seq).padStart(seqDigits, '0')
}
