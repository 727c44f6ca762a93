/** The longer sentences of json-reader.ts. */
import { PenstockError } from '../../base/errors.js'
import { JSON_CONTAINERS_MAX } from '../../base/limits/limits.js'

export function notFinite(word: string): PenstockError {
  const wayOut = /nan/i.test(word)
    ? 'Send null for a missing value of a float input'
    : 'Send the tensor in a binary form (application/x-penstock, Arrow, or binary data on /v2), or replace the value'
  return new PenstockError(
    'ERR_BODY',
    `Expected a number but received ${word}: JSON has neither NaN nor Infinity. ${wayOut}`,
  )
}

/** A number as written, short enough for a sentence. */
export function clip(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text
}

export function tooManyContainers(): PenstockError {
  return new PenstockError(
    'ERR_BODY',
    `Expected a JSON body of at most ${JSON_CONTAINERS_MAX} arrays and objects but received more. Send fewer rows, or application/x-penstock`,
  )
}
