/**
 * X-Amzn-SageMaker-Custom-Attributes: an opaque text of the caller, which the service hands to the container and back from it.
 * Here it says nothing about the request, so the answer repeats it.
 */
import { argumentError } from '../../../../base/expect.js'
import type { ReadHeader } from '../../../request-headers.js'

export const ATTRIBUTES_HEADER = 'x-amzn-sagemaker-custom-attributes'
/** Characters, by the service's API. */
const charactersMax = 1024

/** @returns the header of the answer, or nothing. @throws PenstockError ERR_ARGUMENT: longer, or not visible US-ASCII. */
export function repeatedAttributes(header: ReadHeader): readonly (readonly [string, string])[] {
  const text = header(ATTRIBUTES_HEADER)
  if (text === '') return []
  if (text.length <= charactersMax && /^[\x20-\x7e]*$/.test(text)) return [[ATTRIBUTES_HEADER, text]]
  const received = text.length > charactersMax ? `${text.length} characters` : text
  throw argumentError(ATTRIBUTES_HEADER, `at most ${charactersMax} characters of visible US-ASCII`, received)
}
