/** What `predict` answers and throws beside the fields of a contract. */
import { isPenstockError, type FieldError, type PenstockError } from '../../base/errors.js'

/** Something that was found in a row and did not refuse it: an entry of `$problems`. */
export interface AnswerProblem {
  /** What became of the value, or with `drop` of its row. A server with `--errors terse` says no more than this. */
  readonly action: 'flag' | 'clamp' | 'impute' | 'drop'
  /** Where in what was sent, as a JSON Pointer. */
  readonly path?: string
  readonly field?: string
  /** The rule that is broken. */
  readonly rule?: string
  readonly message?: string
  /** What was received, where it is short. */
  readonly value?: string | number | boolean | null
}

/** One rule that a row breaks. */
export interface ContractProblem extends FieldError {
  readonly code: 'ERR_CONTRACT'
  readonly path: string
  readonly rule: string
}

/** The refusal of rows that break their contract; nothing of them was run. */
export interface ContractError extends PenstockError {
  readonly code: 'ERR_CONTRACT'
  /** The first hundred; absent: the server keeps them from callers (`--errors terse`). */
  readonly errors?: readonly ContractProblem[]
  /** Counts all of them. */
  readonly errorCount: number
}

/**
 * Whether what `predict` threw is the refusal of its rows, which says what is wrong with them.
 * @example if (isContractError(error)) for (const { path, rule } of error.errors ?? []) console.log(path, rule)
 */
export function isContractError(error: unknown): error is ContractError {
  return isPenstockError(error) && error.code === 'ERR_CONTRACT' && error.errorCount !== undefined
}
