/**
 * Numbers that may grow with the batch: `rows * perRow + rest`, where `rows` is how many rows share a run.
 *
 * Exporters compute target shapes from the shape of the input, so the analysis follows such numbers through arithmetic
 * without knowing how many rows there will be. What has no such form (rows squared, a remainder) is null: not known. A
 * comparison is decided only when it comes out alike for every number of rows from one on.
 */
export interface Linear {
  readonly perRow: number
  readonly rest: number
}

/** null: not known, but one number. */
export type Amount = Linear | null

export const fixed = (rest: number): Linear => ({ perRow: 0, rest })
export const ROW_COUNT: Linear = { perRow: 1, rest: 0 }

/** Whether it is this number whatever the rows. */
export function isFixedAt(amount: Amount, value: number): boolean {
  return amount !== null && amount.perRow === 0 && amount.rest === value
}

/** The number, unless it depends on the rows or is not known. */
export function fixedOf(amount: Amount | undefined): number | undefined {
  return amount != null && amount.perRow === 0 ? amount.rest : undefined
}

export function hasRows(amount: Amount): boolean {
  return amount !== null && amount.perRow !== 0
}

export function isEqual(a: Amount, b: Amount): boolean {
  return a !== null && b !== null && a.perRow === b.perRow && a.rest === b.rest
}

export type Combine = (a: Linear, b: Linear, isFloat: boolean) => Amount

export const add: Combine = (a, b) => ({ perRow: a.perRow + b.perRow, rest: a.rest + b.rest })
export const subtract: Combine = (a, b) => ({ perRow: a.perRow - b.perRow, rest: a.rest - b.rest })

export const multiply: Combine = (a, b) => {
  if (a.perRow !== 0 && b.perRow !== 0) return null
  const [factor, other] = a.perRow === 0 ? [a.rest, b] : [b.rest, a]
  return { perRow: other.perRow * factor, rest: other.rest * factor }
}

/** ONNX's division: integers are cut towards zero. */
export const divide: Combine = (a, b, isFloat) => {
  if (b.perRow !== 0) {
    const isMultiple = a.rest === 0 && b.rest === 0 && a.perRow % b.perRow === 0
    return isMultiple ? fixed(a.perRow / b.perRow) : null
  }
  if (b.rest === 0) return null
  if (a.perRow === 0) return fixed(isFloat ? a.rest / b.rest : Math.trunc(a.rest / b.rest))
  const quotient = { perRow: a.perRow / b.rest, rest: a.rest / b.rest }
  return isFloat || (Number.isInteger(quotient.perRow) && Number.isInteger(quotient.rest)) ? quotient : null
}

/** The remainder with the sign of the divisor, as ONNX's Mod has it for integers. */
export const modulo: Combine = (a, b) => {
  if (a.perRow !== 0 || b.perRow !== 0 || b.rest === 0) return null
  return fixed(a.rest - b.rest * Math.floor(a.rest / b.rest))
}

/** 1 or 0; null when it depends on the rows. */
export const less: Combine = (a, b) => {
  const difference = subtract(a, b, false) as Linear
  const atOne = difference.perRow + difference.rest
  if (atOne < 0 && difference.perRow <= 0) return fixed(1)
  if (atOne >= 0 && difference.perRow >= 0) return fixed(0)
  return null
}

export const greater: Combine = (a, b, isFloat) => less(b, a, isFloat)
export const lessOrEqual: Combine = (a, b, isFloat) => negate(greater(a, b, isFloat))
export const greaterOrEqual: Combine = (a, b, isFloat) => negate(less(a, b, isFloat))

export const equal: Combine = (a, b) => {
  const { perRow, rest } = subtract(a, b, false) as Linear
  if (perRow === 0) return fixed(rest === 0 ? 1 : 0)
  const rowsWhereEqual = -rest / perRow
  return Number.isInteger(rowsWhereEqual) && rowsWhereEqual >= 1 ? null : fixed(0)
}

export const smaller: Combine = (a, b, isFloat) => chosen(less(a, b, isFloat), a, b)
export const larger: Combine = (a, b, isFloat) => chosen(less(a, b, isFloat), b, a)

export function negate(truth: Amount): Amount {
  return truth === null || truth.perRow !== 0 ? null : fixed(truth.rest === 0 ? 1 : 0)
}

/** The product; null when a factor is not known or two of them grow with the rows. */
export function product(amounts: readonly Amount[]): Amount {
  let result: Amount = fixed(1)
  for (const amount of amounts) {
    if (result === null || amount === null) return null
    result = multiply(result, amount, false)
  }
  return result
}

function chosen(isFirst: Amount, first: Linear, second: Linear): Amount {
  if (isFirst === null) return null
  return isFirst.rest === 1 ? first : second
}
