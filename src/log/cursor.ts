/**
 * Where a reader stands in the log, as a text that callers pass back.
 *
 * A row is named by (version, seq, row): these never change, whatever form its segment has by then. A reader stands in
 * each version on its own, so that it does not matter in which order the versions' segments were shown:
 *
 *   desc   `below`: of the version, all rows of segments < seq and the first `row` rows of segment seq are still to come.
 *          A version that is not named was deployed after the first page: its rows are newer and do not belong to it.
 *   asc    `past`: all segments < seq are done; `rows`: of these segments, so many rows are done. Several, because two
 *          deployments of one version may write at a time, and a segment that is still written is never done.
 *
 * So no row is shown twice and none is left out while segments grow, rotate, are compacted or removed. Pure.
 */
import { argumentError, expectInteger, expectOneOf } from '../base/expect.js'

export type LogOrder = 'asc' | 'desc'

export interface DescendingPlace {
  readonly seq: number
  readonly row: number
}

export interface AscendingPlace {
  readonly past: number
  readonly rows: ReadonlyMap<number, number>
}

export type LogPosition =
  | { readonly order: 'desc'; readonly versions: ReadonlyMap<number, DescendingPlace> }
  | { readonly order: 'asc'; readonly versions: ReadonlyMap<number, AscendingPlace> }

const CURSOR_CHARACTERS_MAX = 65_536

export function encodeCursor(position: LogPosition): string {
  const versions =
    position.order === 'desc'
      ? [...position.versions].map(([version, { seq, row }]) => [version, seq, row])
      : [...position.versions].map(([version, { past, rows }]) => [version, past, ...[...rows].flat()])
  return Buffer.from(JSON.stringify([position.order, ...versions])).toString('base64url')
}

/** @throws PenstockError ERR_ARGUMENT for a text that no page gave, or one of the other order. */
export function decodeCursor(cursor: string, order: LogOrder): LogPosition {
  const [written, ...versions] = readCursor(cursor)
  expectOneOf('the order of the cursor', written, [order])
  return order === 'desc' ? descending(versions, cursor) : ascending(versions, cursor)
}

/** The order that the page of a cursor had. @throws PenstockError ERR_ARGUMENT */
export function orderOfCursor(cursor: string): LogOrder {
  return expectOneOf('the order of the cursor', readCursor(cursor)[0], ['asc', 'desc'])
}

function readCursor(cursor: string): readonly unknown[] {
  if (cursor.length > CURSOR_CHARACTERS_MAX) throw invalid(cursor)
  try {
    const parsed: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
    if (Array.isArray(parsed)) return parsed
  } catch {
    // Not ours: refused below.
  }
  throw invalid(cursor)
}

function descending(versions: readonly unknown[], cursor: string): LogPosition {
  const places = versions.map((entry): [number, DescendingPlace] => {
    const [version, seq, row, ...rest] = integers(entry, cursor)
    if (version === undefined || seq === undefined || row === undefined || rest.length > 0) throw invalid(cursor)
    return [version, { seq, row }]
  })
  return { order: 'desc', versions: new Map(places) }
}

function ascending(versions: readonly unknown[], cursor: string): LogPosition {
  const places = versions.map((entry): [number, AscendingPlace] => {
    const [version, past, ...pairs] = integers(entry, cursor)
    if (version === undefined || past === undefined || pairs.length % 2 !== 0) throw invalid(cursor)
    const rows = new Map<number, number>()
    for (let index = 0; index < pairs.length; index += 2) rows.set(pairs[index] as number, pairs[index + 1] as number)
    return [version, { past, rows }]
  })
  return { order: 'asc', versions: new Map(places) }
}

function integers(entry: unknown, cursor: string): number[] {
  if (!Array.isArray(entry)) throw invalid(cursor)
  return entry.map((value) => expectInteger('each number of the cursor', value, 0, Number.MAX_SAFE_INTEGER))
}

function invalid(cursor: string): Error {
  return argumentError('cursor', 'the cursor of an earlier page', cursor, 'Leave it out to begin anew')
}
