/**
 * Rows as applications have them, an object each, as inputs: the values under a name become its column. For signatures
 * whose inputs are columns.
 */
import { PenstockError } from '../base/errors.js'
import { argumentError, expectRecord } from '../base/expect.js'
import { didYouMean } from '../base/suggest.js'
import { hasMissingValue } from './missing.js'
import type { TensorField } from './tensor.js'

/** One row: a value of each input by its name; absent or null where it is missing. */
export type InputRow = Readonly<Record<string, unknown>>

/**
 * Makes inputs of rows. What is missing is NaN among floats and '' among texts, as null is in columns.
 * @param fields of a signature whose tensors have a row axis.
 * @throws PenstockError ERR_ARGUMENT: no rows, or one that is no object; ERR_UNKNOWN_INPUT, ERR_MISSING_INPUT, with the row.
 */
export function rowInputs(
  fields: readonly TensorField[],
  rows: InputRow | readonly InputRow[],
): Readonly<Record<string, readonly unknown[]>> {
  const list: readonly unknown[] = Array.isArray(rows) ? rows : [rows]
  if (list.length === 0) throw argumentError('rows', 'an object, or a list of at least one', 'an empty list')
  const columns = fields.map((field): [string, unknown[]] => [field.name, new Array<unknown>(list.length)])
  list.forEach((value, index) => {
    const row = expectRecord(`rows[${index}]`, value)
    let known = 0
    fields.forEach((field, at) => {
      if (Object.hasOwn(row, field.name)) known++
      ;(columns[at] as [string, unknown[]])[1][index] = cellOf(field, row, index)
    })
    if (known < Object.keys(row).length) throw unknownMember(fields, row, index)
  })
  return Object.fromEntries(columns)
}

function cellOf(field: TensorField, row: Record<string, unknown>, index: number): unknown {
  const cell = Object.hasOwn(row, field.name) ? row[field.name] : undefined
  if (cell != null || hasMissingValue(field)) return cell ?? null
  const wayOut = `there is no missing value of ${field.dtype}`
  throw new PenstockError(
    'ERR_MISSING_INPUT',
    `Expected rows[${index}] to have ${field.name} but it is missing; ${wayOut}. Send a value, or leave out the row`,
  )
}

function unknownMember(fields: readonly TensorField[], row: Record<string, unknown>, index: number): PenstockError {
  const names = fields.map(({ name }) => name)
  const other = Object.keys(row).find((name) => !names.includes(name)) ?? ''
  const wayOut = didYouMean(other, names)
  return new PenstockError(
    'ERR_UNKNOWN_INPUT',
    `Expected rows[${index}] to have ${names.join(', ')} but received ${other} too${wayOut}`,
  )
}
