/** The numbers of a column, what is missing left out. */
import { PenstockError } from '../../base/errors.js'
import { dtypeInfo } from '../../tensor/dtype.js'
import { cellReader, elementsOf, type TransformColumn } from '../draft/column.js'

/** Calls `visit` with each; 64-bit integers and bools as numbers. */
export function eachNumber(column: TransformColumn, visit: (value: number) => void): void {
  const { dtype, data, validity } = column
  if ((dtype === 'float32' || dtype === 'float64') && validity === null) {
    for (const value of data as Float64Array) if (!Number.isNaN(value)) visit(value)
    return
  }
  const read = cellReader(column)
  for (let element = 0; element < elementsOf(column.shape); element++) {
    const value = read(element)
    if (value === null) continue
    const number = Number(value)
    if (!Number.isNaN(number)) visit(number)
  }
}

/** @throws PenstockError ERR_DTYPE for texts, and for rows of several elements. */
export function expectNumbers(column: TransformColumn, statistic: string): void {
  expectSingle(column, statistic)
  if (dtypeInfo(column.dtype).kind === 'string')
    throw new PenstockError('ERR_DTYPE', `Expected a column of numbers for ${statistic} but received texts`)
}

/** @throws PenstockError ERR_SHAPE for rows of several elements. */
export function expectSingle({ shape }: TransformColumn, statistic: string): void {
  if (elementsOf(shape.slice(1)) === 1) return
  throw new PenstockError(
    'ERR_SHAPE',
    `Expected one value a row for ${statistic} but received rows of [${shape.slice(1).join(', ')}]. Fit the columns before they are joined`,
  )
}

export function noValues(statistic: string): PenstockError {
  return new PenstockError('ERR_ARGUMENT', `Expected a column with a value for ${statistic} but all are missing`)
}
