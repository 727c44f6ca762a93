/**
 * The text of one cell as an element of a dtype. What Python, R and spreadsheets write is taken: a sign, a point at either
 * end, spaces around, words of any case. Nothing is guessed: the dtype is known before the cell is looked at.
 *
 *   floats     -1.5e3  +1  .5  5.  inf  Infinity  nan; no value: empty, NaN, NA, N/A, null, None, <NA>
 *   integers   -12  +12  12.0  1e3; exact to 64 bits
 *   bools      true  False  1  0.0
 */
import { PenstockError } from '../../base/errors.js'
import { dtypeInfo, type NumericData } from '../../tensor/dtype.js'
import { bfloat16Bits, bfloat16Value, float16Bits, float16Value } from '../../tensor/float16.js'
import type { NumericDtype } from '../../tensor/tensor.js'

/** Where a cell stands, for messages. The header is row 1. */
export interface CellPlace {
  readonly column: string
  readonly row: number
}

/**
 * Writes the element of a cell's text at `at`; `row` and `column` say where it stood. One call a cell: no object for it.
 * @throws PenstockError ERR_DTYPE, ERR_VALUE_RANGE, ERR_ARGUMENT.
 */
export type CellWriter = (text: string, data: NumericData, at: number, row: number, column: string) => void

const numberPattern = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/
const infinityPattern = /^([+-]?)inf(?:inity)?$/i
const missingPattern = /^(?:|[+-]?nan|na|n\/a|#n\/a|null|none|<na>)$/i

/** Whether a cell says that there is no value. */
export function isMissing(text: string): boolean {
  return missingPattern.test(text.trim())
}

export function cellWriter(dtype: NumericDtype): CellWriter {
  if (dtypeInfo(dtype).kind === 'float') return floatWriter(dtype)
  if (dtype === 'bool') return writeBool
  return (text, data, at, row, column) => writeInteger(dtype, text, data, at, row, column)
}

/** A number; NaN for no value, undefined for anything else. */
export function numberIn(text: string): number | undefined {
  const trimmed = text.trim()
  if (numberPattern.test(trimmed)) return Number(trimmed)
  if (missingPattern.test(trimmed)) return NaN
  const infinity = infinityPattern.exec(trimmed)
  return infinity === null ? undefined : infinity[1] === '-' ? -Infinity : Infinity
}

function floatWriter(dtype: NumericDtype): CellWriter {
  const halves: Readonly<
    Partial<Record<NumericDtype, readonly [(value: number) => number, (bits: number) => number]>>
  > = { float16: [float16Bits, float16Value], bfloat16: [bfloat16Bits, bfloat16Value] }
  const [bitsOf, valueOf] = halves[dtype] ?? [null, null]
  return (text, data, at, row, column) => {
    const value = numberIn(text)
    if (value === undefined) throw wrongCell(dtype, text, { row, column })
    data[at] = bitsOf === null ? value : bitsOf(value)
    const stored = valueOf === null ? data[at] : valueOf(data[at])
    if (!Number.isFinite(stored) && Number.isFinite(value)) throw beyond(dtype, text, { row, column })
  }
}

function writeInteger(
  dtype: NumericDtype,
  text: string,
  data: NumericData,
  at: number,
  row: number,
  column: string,
): void {
  const trimmed = text.trim()
  if (missingPattern.test(trimmed)) throw missingCell(dtype, { row, column })
  const isPlain = /^[+-]?\d+$/.test(trimmed)
  const number = Number(trimmed)
  if (!isPlain && !numberPattern.test(trimmed)) throw wrongCell(dtype, text, { row, column })
  if (!isPlain && !Number.isInteger(number)) throw beyond(dtype, text, { row, column })
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    // BigInt takes no plus sign.
    const wide = isPlain ? BigInt(trimmed.replace('+', '')) : BigInt(number)
    data[at] = wide
    if (data[at] !== wide) throw beyond(dtype, text, { row, column })
    return
  }
  data[at] = number
  if (data[at] !== number) throw beyond(dtype, text, { row, column })
}

const bools: Readonly<Record<string, number>> = { true: 1, false: 0 }

function writeBool(text: string, data: NumericData, at: number, row: number, column: string): void {
  const value = bools[text.trim().toLowerCase()] ?? numberIn(text)
  if (value !== 0 && value !== 1)
    throw isMissing(text) ? missingCell('bool', { row, column }) : wrongCell('bool', text, { row, column })
  data[at] = value
}

function wrongCell(dtype: NumericDtype, text: string, { column, row }: CellPlace): PenstockError {
  const expected = dtype === 'bool' ? 'true, false, 1 or 0' : 'a number'
  const hasComma = /^[+-]?\d+,\d+$/.test(text.trim())
  const wayOut = hasComma ? '. Write a point, not a comma, before decimals, and nothing between thousands' : ''
  return new PenstockError(
    'ERR_DTYPE',
    `Expected column ${column} to have ${expected} (${dtype}) in each row but received ${JSON.stringify(text.slice(0, 80))} in row ${row}${wayOut}`,
  )
}

function beyond(dtype: NumericDtype, text: string, { column, row }: CellPlace): PenstockError {
  return new PenstockError(
    'ERR_VALUE_RANGE',
    `Expected column ${column} to have values that fit ${dtype} but received ${text.trim().slice(0, 80)} in row ${row}`,
  )
}

/** An integer or a bool has no value for what is missing. */
export function missingCell(dtype: NumericDtype, { column, row }: CellPlace): PenstockError {
  return new PenstockError(
    'ERR_ARGUMENT',
    `Expected column ${column} to have a value in every row but received an empty cell in row ${row}, and ${dtype} has no number for that, as a float has NaN. Fill it in, or leave the row out`,
  )
}
