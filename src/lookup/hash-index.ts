/**
 * From keys to rows: open addressing in one typed array, half full at most. Built once, read by everybody, never changed: a
 * file that changed gets a new one.
 */
import { equalKeys, hashKey } from './keys.js'
import type { HashIndex, History, KeyPart } from './packed.js'

export interface TwoRows {
  readonly first: number
  readonly second: number
}

/** Bytes of the slots for so many keys. */
export function slotBytes(rows: number): number {
  return 4 * slotCount(rows)
}

function slotCount(rows: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(4, 2 * rows)))
}

/** @returns two rows with one key: then there is no index. */
export function indexRows(keys: readonly KeyPart[], rows: number): HashIndex | TwoRows {
  const slots = new Int32Array(slotCount(rows))
  const mask = slots.length - 1
  for (let row = 0; row < rows; row++) {
    let at = hashKey(keys, row) & mask
    for (let entry = slots[at] as number; entry !== 0; entry = slots[at] as number) {
      if (equalKeys(keys, entry - 1, keys, row)) return { first: entry - 1, second: row }
      at = (at + 1) & mask
    }
    slots[at] = row + 1
  }
  return { slots, history: null }
}

/** @param times of each row. Of two rows of one key and time the later in the file wins. */
export function indexHistory(keys: readonly KeyPart[], rows: number, times: BigInt64Array): HashIndex {
  const slots = new Int32Array(slotCount(rows))
  const mask = slots.length - 1
  const entryOf = new Int32Array(rows)
  const firstRows: number[] = []
  for (let row = 0; row < rows; row++) {
    let at = hashKey(keys, row) & mask
    let entry = slots[at] as number
    while (entry !== 0 && !equalKeys(keys, firstRows[entry - 1] as number, keys, row)) {
      at = (at + 1) & mask
      entry = slots[at] as number
    }
    if (entry === 0) {
      entry = firstRows.push(row)
      slots[at] = entry
    }
    entryOf[row] = entry - 1
  }
  return { slots, history: historyOf(entryOf, firstRows.length, times) }
}

function historyOf(entryOf: Int32Array, entries: number, times: BigInt64Array): History {
  const starts = new Int32Array(entries + 1)
  for (const entry of entryOf) starts[entry + 1] = (starts[entry + 1] as number) + 1
  for (let entry = 0; entry < entries; entry++)
    starts[entry + 1] = (starts[entry + 1] as number) + (starts[entry] as number)
  const next = starts.slice(0, entries)
  const rows = new Int32Array(entryOf.length)
  entryOf.forEach((entry, row) => {
    rows[next[entry] as number] = row
    next[entry] = (next[entry] as number) + 1
  })
  for (let entry = 0; entry < entries; entry++)
    rows.subarray(starts[entry], starts[entry + 1]).sort((a, b) => compareRows(a, b, times))
  return { starts, rows, times: BigInt64Array.from(rows, (row) => times[row] as bigint) }
}

function compareRows(a: number, b: number, times: BigInt64Array): number {
  const [left = 0n, right = 0n] = [times[a], times[b]]
  return left < right ? -1 : left > right ? 1 : a - b
}

/**
 * Finds the rows of keys.
 * @param asked keys of the same kinds as the table's.
 * @param times of the request, by row; null: the index has no history.
 * @param found receives rows of the table; -1: there is none. A row that holds -1 and is not `isAsked` stays so.
 */
export function findRows(
  { slots, history }: HashIndex,
  keys: readonly KeyPart[],
  asked: readonly KeyPart[],
  times: BigInt64Array | null,
  found: Int32Array,
): void {
  const mask = slots.length - 1
  for (let row = 0; row < found.length; row++) {
    // No key, or no time, is no row's.
    if (found[row] === -1) continue
    let at = hashKey(asked, row) & mask
    let entry = slots[at] as number
    while (entry !== 0 && !equalKeys(keys, firstRow(history, entry - 1), asked, row)) {
      at = (at + 1) & mask
      entry = slots[at] as number
    }
    if (entry === 0) found[row] = -1
    else
      found[row] = history === null ? entry - 1 : latestRow(history, entry - 1, (times as BigInt64Array)[row] as bigint)
  }
}

function firstRow(history: History | null, entry: number): number {
  return history === null ? entry : (history.rows[history.starts[entry] as number] as number)
}

/** The last row of the entry that is not after the time; -1: all are. */
function latestRow({ starts, rows, times }: History, entry: number, time: bigint): number {
  let low = starts[entry] as number
  const start = low
  let high = starts[entry + 1] as number
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((times[middle] as bigint) <= time) low = middle + 1
    else high = middle
  }
  return low === start ? -1 : (rows[low - 1] as number)
}
