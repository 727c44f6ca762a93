/**
 * Columns of Arrow batches, as everything behind the reader sees them, and the two ways to make new ones: `takeRows`
 * copies rows by their numbers (dictionaries, run ends, views of lists), `joinColumns` puts columns behind each other.
 *
 * Either makes more bytes than a body has: one text may stand in a million rows. What is made is spent from the body's
 * allowance before it is allocated.
 */
import { arrowError } from './flat-view.js'
import type { ArrowField, ArrowType } from './arrow-schema.js'

/** A column of one record batch; its type is one of ArrowType's, its encoding has been written out. */
export interface ArrowColumn {
  readonly field: ArrowField
  readonly length: number
  /** 0: `validity` says nothing. */
  readonly nullCount: number
  /** Bits, the lowest first; null: every row has a value, or none has (type null). */
  readonly validity: Uint8Array | null
  /** Values of primitives, texts and bytes; empty for lists and structs. */
  readonly values: Uint8Array
  /** Lists, texts and bytes have length + 1 numbers that do not shrink, inside child or values; null for others. */
  readonly offsets: Int32Array | BigInt64Array | null
  /** Lists and maps have one, structs one per member; others none. */
  readonly children: readonly ArrowColumn[]
}

/** What may still be allocated for one body. */
export class Allowance {
  #bytes: number
  readonly #bytesMax: number
  readonly #onSpend: (bytes: number) => void

  /** @param onSpend hears of bytes before they are allocated; what it throws refuses the body. */
  constructor(bytesMax: number, onSpend: (bytes: number) => void = () => undefined) {
    this.#bytes = this.#bytesMax = bytesMax
    this.#onSpend = onSpend
  }

  /** Begins anew. */
  renew(): void {
    this.#bytes = this.#bytesMax
  }

  /** @throws PenstockError ERR_BODY: the body would become too large. */
  spend(bytes: number): void {
    this.#bytes -= bytes
    if (this.#bytes >= 0) return this.#onSpend(bytes)
    throw arrowError(
      `of at most ${this.#bytesMax} bytes when it is unpacked`,
      'more. Send it in several requests, or without compression and dictionaries',
    )
  }
}

export const noBytes = new Uint8Array(0)

/** Bytes of one element of a type of fixed size; 0 for others, and for bools, which are bits. */
export function elementBytes(type: ArrowType): number {
  switch (type.id) {
    case 'int':
    case 'float':
    case 'decimal':
    case 'time':
      return type.bits / 8
    case 'timestamp':
    case 'duration':
      return 8
    case 'date':
      return type.unit === 0 ? 4 : 8
    case 'interval':
      return [4, 8, 16][type.unit] as number
    case 'fixed-size-binary':
      return type.size
    default:
      return 0
  }
}

export function bitAt(bits: Uint8Array, index: number): boolean {
  return (((bits[index >> 3] as number) >> (index & 7)) & 1) === 1
}

export function setBit(bits: Uint8Array, index: number): void {
  bits[index >> 3] = (bits[index >> 3] as number) | (1 << (index & 7))
}

/** Whether the row has no value. */
export function isNull({ field, nullCount, validity }: ArrowColumn, row: number): boolean {
  if (nullCount === 0) return false
  return validity === null ? field.type.id === 'null' : !bitAt(validity, row)
}

/** A column of no rows. */
export function emptyColumn(field: ArrowField): ArrowColumn {
  const { type } = field
  const isList = type.id === 'list' || type.id === 'large-list' || type.id === 'map' || type.id === 'fixed-size-list'
  const children = isList ? [type.item] : type.id === 'struct' ? type.members : []
  const hasOffsets =
    (isList && type.id !== 'fixed-size-list') || type.id.endsWith('utf8') || /^(large-)?binary$/.test(type.id)
  const offsets = hasOffsets ? (type.id.startsWith('large') ? new BigInt64Array(1) : new Int32Array(1)) : null
  return {
    field,
    length: 0,
    nullCount: 0,
    validity: null,
    values: noBytes,
    offsets,
    children: children.map(emptyColumn),
  }
}

// ── rows by number ──────────────────────────────────────────────────────────────────────────────

/**
 * The rows of `column` at `rows`, in that order.
 * @param rows numbers in 0..column.length - 1; -1 for no value.
 * @param field of the new column.
 */
export function takeRows(
  column: ArrowColumn,
  rows: Int32Array,
  allowance: Allowance,
  field = column.field,
): ArrowColumn {
  const { type } = column.field
  const { length } = rows
  allowance.spend(length + ((length + 7) >> 3))
  const { validity, nullCount } = validityOf(column, rows)
  const taken = { field, length, nullCount, validity, values: noBytes, offsets: null, children: [] }
  if (type.id === 'null') return { ...taken, nullCount: length, validity: null }
  if (type.id === 'bool') return { ...taken, values: takeBits(column.values, rows) }
  if (type.id === 'struct')
    return { ...taken, children: column.children.map((child) => takeRows(child, rows, allowance)) }
  if (type.id === 'fixed-size-list') {
    const { size } = type
    allowance.spend(4 * length * size)
    const inner = new Int32Array(length * size)
    for (let at = 0; at < inner.length; at++) {
      const row = rows[Math.floor(at / size)] as number
      inner[at] = row < 0 ? -1 : row * size + (at % size)
    }
    return { ...taken, children: [takeRows(column.children[0] as ArrowColumn, inner, allowance)] }
  }
  if (column.offsets !== null) return { ...taken, ...takeRanges(column, rows, allowance) }
  const bytes = elementBytes(type)
  allowance.spend(length * bytes)
  return { ...taken, values: takeElements(column.values, rows, bytes) }
}

function validityOf(column: ArrowColumn, rows: Int32Array): { validity: Uint8Array | null; nullCount: number } {
  const validity = new Uint8Array((rows.length + 7) >> 3)
  let valid = 0
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as number
    if (row < 0 || isNull(column, row)) continue
    setBit(validity, at)
    valid++
  }
  return valid === rows.length ? { validity: null, nullCount: 0 } : { validity, nullCount: rows.length - valid }
}

function takeBits(bits: Uint8Array, rows: Int32Array): Uint8Array {
  const taken = new Uint8Array((rows.length + 7) >> 3)
  for (let at = 0; at < rows.length; at++)
    if ((rows[at] as number) >= 0 && bitAt(bits, rows[at] as number)) setBit(taken, at)
  return taken
}

function takeElements(values: Uint8Array, rows: Int32Array, bytes: number): Uint8Array {
  const taken = new Uint8Array(rows.length * bytes)
  for (let at = 0; at < rows.length; at++) {
    const start = (rows[at] as number) * bytes
    for (let index = 0; start >= 0 && index < bytes; index++)
      taken[at * bytes + index] = values[start + index] as number
  }
  return taken
}

/** Takes rows of lists, texts and bytes. */
function takeRanges(
  { offsets, values, children }: ArrowColumn,
  rows: Int32Array,
  allowance: Allowance,
): Pick<ArrowColumn, 'offsets' | 'values' | 'children'> {
  const from = offsets as Int32Array | BigInt64Array
  allowance.spend(rows.length * 8)
  const isLarge = from instanceof BigInt64Array
  const taken = isLarge ? new BigInt64Array(rows.length + 1) : new Int32Array(rows.length + 1)
  let total = 0
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as number
    if (row >= 0) total += Number(from[row + 1]) - Number(from[row])
    if (total > INT32_MAX)
      throw arrowError('texts and lists of at most 2^31 bytes and elements in a batch when it is unpacked', 'more')
    taken[at + 1] = isLarge ? BigInt(total) : total
  }
  const [child] = children
  // A list's elements are taken by their numbers, which cost four bytes each.
  allowance.spend(child === undefined ? total : 4 * total)
  if (child === undefined) return { offsets: taken, values: copyRanges(from, values, rows, total), children: [] }
  const inner = new Int32Array(total)
  let filled = 0
  for (const row of rows) {
    if (row < 0) continue
    for (let at = Number(from[row]); at < Number(from[row + 1]); at++) inner[filled++] = at
  }
  return { offsets: taken, values: noBytes, children: [takeRows(child, inner, allowance)] }
}

const INT32_MAX = 2 ** 31 - 1

function copyRanges(
  offsets: Int32Array | BigInt64Array,
  values: Uint8Array,
  rows: Int32Array,
  total: number,
): Uint8Array {
  const copied = new Uint8Array(total)
  let filled = 0
  for (const row of rows) {
    if (row < 0) continue
    const part = values.subarray(Number(offsets[row]), Number(offsets[row + 1]))
    copied.set(part, filled)
    filled += part.length
  }
  return copied
}

// ── columns behind each other ───────────────────────────────────────────────────────────────────

/** One column with the rows of all `parts`, which have one type; of a single part, that part. */
export function joinColumns(parts: readonly ArrowColumn[], allowance: Allowance): ArrowColumn {
  const [first, ...others] = parts
  if (first === undefined) throw new Error('Expected a batch to join')
  if (others.length === 0) return first
  const { field } = first
  const { type } = field
  const length = sum(parts, (part) => part.length)
  const nullCount = sum(parts, (part) => part.nullCount)
  allowance.spend(length + sum(parts, (part) => part.values.length))
  const isOfNulls = nullCount > 0 && type.id !== 'null'
  const column = {
    field,
    length,
    nullCount,
    validity: isOfNulls ? joinBits(parts, length, (part) => part.validity) : null,
  }
  if (type.id === 'bool')
    return { ...column, values: joinBits(parts, length, (part) => part.values), offsets: null, children: [] }
  const isText = first.offsets !== null && first.children.length === 0
  return {
    ...column,
    values: joinBytes(isText ? parts.map(textBytes) : parts.map((part) => part.values)),
    offsets: first.offsets === null ? null : joinOffsets(parts, length, isText),
    children: first.children.map((_, index) =>
      joinColumns(
        parts.map((part) => part.children[index] as ArrowColumn),
        allowance,
      ),
    ),
  }
}

/** Returns only the bytes that belong to rows: joined offsets begin where the first text does. */
function textBytes({ values, offsets, length }: ArrowColumn): Uint8Array {
  return values.subarray(Number(offsets?.[0]), Number(offsets?.[length]))
}

function joinOffsets(parts: readonly ArrowColumn[], length: number, isText: boolean): Int32Array | BigInt64Array {
  const isLarge = parts[0]?.offsets instanceof BigInt64Array
  const joined = isLarge ? new BigInt64Array(length + 1) : new Int32Array(length + 1)
  let row = 0
  // Counts, for lists, all elements of the children before; for texts, the bytes that were kept.
  let base = 0
  for (const part of parts) {
    const start = isText ? Number(part.offsets?.[0]) : 0
    for (let index = 0; index <= part.length; index++) {
      const offset = base + Number(part.offsets?.[index]) - start
      if (joined instanceof BigInt64Array) joined[row + index] = BigInt(offset)
      else joined[row + index] = offset
    }
    row += part.length
    base += isText ? textBytes(part).length : (part.children[0]?.length ?? 0)
  }
  return joined
}

function joinBits(
  parts: readonly ArrowColumn[],
  length: number,
  bitsOf: (part: ArrowColumn) => Uint8Array | null,
): Uint8Array {
  const joined = new Uint8Array((length + 7) >> 3)
  let at = 0
  for (const part of parts) {
    const bits = bitsOf(part)
    for (let row = 0; row < part.length; row++, at++) if (bits === null || bitAt(bits, row)) setBit(joined, at)
  }
  return joined
}

function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(sum(parts, (part) => part.length))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

function sum<T>(parts: readonly T[], of: (part: T) => number): number {
  return parts.reduce((total, part) => total + of(part), 0)
}
