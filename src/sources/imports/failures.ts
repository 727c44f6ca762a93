/** What goes wrong with places that models are taken from: one code, whatever the place. */
import { PenstockError } from '../../base/errors.js'

/** @param sentence what was expected, what was found, the way out. */
export function sourceError(sentence: string, options: { readonly cause?: unknown } = {}): PenstockError {
  return new PenstockError('ERR_SOURCE', sentence, options)
}

/** What an error says, or the one under it, where fetch wraps the reason. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message
}
