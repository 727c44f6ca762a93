/** A table packed for lookups: plain typed arrays, so that it may be made on another thread and handed over. */
import type { NumericData } from '../tensor/dtype.js'
import type { Dtype } from '../tensor/tensor.js'

export interface PackedColumnSpec {
  /** In the table. */
  readonly from: string
  readonly dtype: Dtype
  /** Rows may have no value: integers, bools and texts of one element. Floats are NaN. */
  readonly isNullable: boolean
  readonly shape: readonly number[]
}

/** What of a table is wanted. */
export interface LookupSpec {
  /** Columns of the table that are the key, together. */
  readonly key: readonly string[]
  readonly columns: readonly PackedColumnSpec[]
  /** The column of the time from which a row holds; null: a key has one row. */
  readonly asOf: string | null
}

export interface PackedColumn {
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly isNullable: boolean
  /** Elements; the UTF-8 bytes of texts. */
  readonly data: NumericData
  readonly offsets: Int32Array | null
  /** A bit a row; null: all have a value. */
  readonly validity: Uint8Array | null
}

/** A part of keys: integers and bools as int64 in two words, low one first; texts as UTF-8 bytes. */
export type KeyPart =
  | { readonly kind: 'integer'; readonly words: Int32Array }
  | { readonly kind: 'text'; readonly bytes: Uint8Array; readonly offsets: Int32Array }

export interface PackedTable {
  /** Rows that have a key. */
  readonly rows: number
  /** Rows of the file that have none, and are never found. */
  readonly keylessRows: number
  readonly keys: readonly KeyPart[]
  readonly columns: readonly PackedColumn[]
  readonly index: HashIndex
  readonly bytes: number
}

export interface HashIndex {
  /** Entry + 1 by the key's hash, from there on until it is free (0); a power of two of them. */
  readonly slots: Int32Array
  /** By entry: its first row; null: entry i is row i. */
  readonly history: History | null
}

/** Rows of each key, by time. */
export interface History {
  /** Where the rows of an entry begin in `rows`; one more than there are entries. */
  readonly starts: Int32Array
  readonly rows: Int32Array
  /** By position in `rows`, ascending within an entry. */
  readonly times: BigInt64Array
}
