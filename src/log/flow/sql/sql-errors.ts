/** Errors of a query beyond its words, which its process and the thread that monitors it report alike. */
import { PenstockError } from '../../../base/errors.js'

export function memoryError(sentence: string, cause?: Error): PenstockError {
  return new PenstockError('ERR_QUERY_MEMORY', `${sentence}. Read fewer rows or columns, or aggregate them`, { cause })
}

/** @param what happened to it. */
export function failedError(what: string, cause: Error): PenstockError {
  return new PenstockError('ERR_QUERY_FAILED', `The process of the query ${what}. Change the query, or try again`, {
    cause,
  })
}
