/** Rows of a packed column as a column of a request, in the request's order: typed arrays in, typed arrays out. */
import { allocateData, type NumericData } from '../tensor/dtype.js'
import { bfloat16Bits, float16Bits } from '../tensor/float16.js'
import type { Dtype } from '../tensor/tensor.js'
import { elementsOf, hasBit, isFloat, type TransformColumn } from '../transforms/draft/column.js'
import type { PackedColumn } from './packed.js'

/** @param rows of the table, by row of the request; -1: none, the value is missing. */
export function gather(column: PackedColumn, rows: Int32Array): TransformColumn {
  const { dtype, shape, offsets } = column
  const full = [rows.length, ...shape]
  const validity = column.isNullable ? validityOf(column, rows) : null
  if (offsets !== null)
    return { dtype, shape: full, ...gatherTexts(column.data as Uint8Array, offsets, rows, elementsOf(shape)), validity }
  const width = elementsOf(shape)
  const data = allocateData(dtype as never, rows.length * width)
  copyRows(column.data, data, rows, width, missingElement(dtype))
  return { dtype, shape: full, data, offsets: null, validity }
}

function missingElement(dtype: Dtype): number | bigint {
  if (dtype === 'int64' || dtype === 'uint64') return 0n
  if (dtype === 'float16') return float16Bits(NaN)
  if (dtype === 'bfloat16') return bfloat16Bits(NaN)
  return isFloat(dtype) ? NaN : 0
}

function copyRows(
  source: NumericData,
  target: NumericData,
  rows: Int32Array,
  width: number,
  missing: number | bigint,
): void {
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number
    for (let k = 0; k < width; k++) target[i * width + k] = (row < 0 ? missing : source[row * width + k]) as never
  }
}

function gatherTexts(
  bytes: Uint8Array,
  offsets: Int32Array,
  rows: Int32Array,
  width: number,
): { data: Uint8Array; offsets: Int32Array } {
  const ends = new Int32Array(rows.length * width + 1)
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number
    for (let k = 0; k < width; k++) {
      const at = row * width + k
      const length = row < 0 ? 0 : (offsets[at + 1] as number) - (offsets[at] as number)
      ends[i * width + k + 1] = (ends[i * width + k] as number) + length
    }
  }
  const data = new Uint8Array(ends[ends.length - 1] as number)
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number
    // The texts of a row lie one behind the other.
    if (row >= 0) data.set(bytes.subarray(offsets[row * width], offsets[(row + 1) * width]), ends[i * width])
  }
  return { data, offsets: ends }
}

/** null: every row has a value. */
function validityOf({ validity }: PackedColumn, rows: Int32Array): Uint8Array | null {
  const bits = new Uint8Array((rows.length + 7) >> 3)
  let hasMissing = false
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number
    if (row < 0 || !hasBit(validity, row)) hasMissing = true
    else bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7))
  }
  return hasMissing ? bits : null
}
