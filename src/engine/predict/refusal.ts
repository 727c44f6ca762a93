/** The refusal of rows that break their contract: each problem with its place in the body, up to a number of them. */
import { PenstockError, type FieldError } from '../../base/errors.js'
import { REFUSAL_PROBLEMS_MAX } from '../../base/limits/contract-limits.js'
import type { RowProblem } from '../../contract/check-row.js'

const sentencesMax = 3
const textCharactersMax = 256

export interface Refusal {
  /** e.g. `wine@2`. */
  readonly reference: string
  /** Those that refuse the request, in order of rows; at least one. */
  readonly problems: readonly RowProblem[]
  /** All of them, listed or not. */
  readonly count: number
  /** The rows came as one object. */
  readonly isOne: boolean
}

/** ERR_CONTRACT, with the problems as `errors`. */
export function contractError({ reference, problems, count, isOne }: Refusal): PenstockError {
  const told = problems.slice(0, REFUSAL_PROBLEMS_MAX)
  const sentences = told.slice(0, sentencesMax).map(({ message }) => message)
  const more = count - sentences.length
  const text = count === 1 ? sentences.join('') : `${count} values break rules of ${reference}: ${sentences.join('; ')}`
  return new PenstockError('ERR_CONTRACT', more > 0 ? `${text}. And ${more} more` : text, {
    errors: told.map((problem) => fieldError(problem, isOne)),
    errorCount: count,
  })
}

/** A JSON Pointer into the body: one object has no place in a list. */
export function pathInBody({ path }: Pick<RowProblem, 'path'>, isOne: boolean): string {
  return isOne ? path.replace(/^\/0/, '') : path
}

/** A value as it is reported: what a glance takes in. undefined: nothing, or more than that. */
export function toldValue(value: unknown): string | number | boolean | null | undefined {
  if (typeof value === 'bigint') return String(value)
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  return typeof value === 'string' && value.length <= textCharactersMax ? value : undefined
}

function fieldError(problem: RowProblem, isOne: boolean): FieldError {
  const { field, rule, message } = problem
  const value = toldValue(problem.value)
  const path = pathInBody(problem, isOne)
  return { path, field, code: 'ERR_CONTRACT', rule, message, ...(value === undefined ? {} : { value }) }
}
