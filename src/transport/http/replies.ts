/**
 * What handlers answer with, and the one shape of every error: `{"error": sentence, "code": "ERR_…"}`, with
 * `retry_after_ms` where trying again helps, `request_id` where the operator's log knows more, `errors` where a body's
 * mistakes are listed one by one, and `error_count` where there may be more of them.
 */
import { isForLoad, type PenstockError } from '../../base/errors.js'
import type { HttpReply } from '../socket/seam.js'

export const JSON_TYPE = 'application/json'
/** Milliseconds, where a retryable error does not say. */
const retryAfterMsDefault = 1000

export function jsonReply(value: unknown, status = 200): HttpReply {
  return { status, contentType: JSON_TYPE, body: `${JSON.stringify(value)}\n` }
}

export function textReply(body: string, contentType: string, status = 200): HttpReply {
  return { status, contentType, body }
}

export const noContent: HttpReply = { status: 204 }

/** Makes the reply to an error once that comes again and again, as refusals of an overloaded server do. */
export class RecentReply {
  #error: PenstockError | null = null
  #reply: HttpReply = { status: 500 }

  replyTo(error: PenstockError, make: () => HttpReply): HttpReply {
    if (!isForLoad(error.code)) return make()
    if (error !== this.#error) this.#reply = make()
    this.#error = error
    return this.#reply
  }
}

/** Makes the body of an error in another protocol's words of the usual one. */
export type ErrorShape = (
  error: PenstockError,
  body: Readonly<Record<string, unknown>>,
) => Readonly<Record<string, unknown>>

/**
 * @param requestId is sent to the caller when the log has an entry under it.
 * @param status where another protocol has its own; @param shape the same of the body.
 */
export function errorReply(
  error: PenstockError,
  requestId?: string,
  headers: readonly (readonly [string, string])[] = [],
  status = error.httpStatus,
  shape: ErrorShape = (_, body) => body,
): HttpReply {
  const body: Record<string, unknown> = { error: error.message, code: error.code }
  if (error.errors !== undefined) body['errors'] = error.errors
  if (error.errorCount !== undefined) body['error_count'] = error.errorCount
  const all = [...headers]
  if (error.retryable) {
    const retryAfterMs = error.retryAfterMs ?? retryAfterMsDefault
    body['retry_after_ms'] = retryAfterMs
    all.push(['retry-after', String(Math.max(1, Math.ceil(retryAfterMs / 1000)))])
  }
  if (requestId !== undefined) body['request_id'] = requestId
  if (error.code === 'ERR_UNAUTHORIZED') all.push(['www-authenticate', 'Bearer'])
  return { ...jsonReply(shape(error, body), status), headers: all }
}
