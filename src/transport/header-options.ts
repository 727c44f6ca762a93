/**
 * What the headers of a request say that all dialects have in common, and what its answer says in headers. HTTP has them
 * as they are, gRPC as metadata; over the WebSocket, whose messages have no headers, the keys stand in the meta itself, and results have a field.
 */
import type { RequestOptions } from '../engine/api/api.js'
import { REQUEST_ID_KEY } from '../pipeline/definition.js'
import { TRACE_PARENT_KEY, TRACE_STATE_KEY, traceparentOf } from '../protocol/trace-context.js'
import type { ReadHeader, RequestHeader } from './request-headers.js'

/** A header as OpenAPI describes it. */
export interface DescribedHeader {
  readonly name: RequestHeader
  readonly description: string
}

/** The headers that are keys of the request's meta, under their own names. */
export const metaHeaders: readonly DescribedHeader[] = [
  { name: REQUEST_ID_KEY, description: 'An id of your own, which is logged with each row of the request' },
  { name: TRACE_PARENT_KEY, description: 'W3C trace context, logged with each row; an invalid one is ignored' },
  { name: TRACE_STATE_KEY, description: 'The same; dropped when it is too long, or has no valid traceparent' },
]

/** Those of them that the answer repeats. */
export const repeatedHeaders: readonly DescribedHeader[] = [
  { name: TRACE_PARENT_KEY, description: 'As the request had it, where that was valid' },
]

/** What the log calls the request, for answers whose body has no place for it. */
export const LOGGED_ID_HEADER = 'x-penstock-request-id'
/** How many values something was found in, of answered and dropped rows together; absent: none. */
export const PROBLEMS_HEADER = 'penstock-problems'

export type AnswerHeaders = readonly (readonly [name: string, value: string])[]

export const noHeaders: AnswerHeaders = []

/** Adds what the headers say to the meta; what `options` say of a key wins. @returns `options` when there is nothing to add. */
export function withHeaderMeta<Options extends RequestOptions>(options: Options, header: ReadHeader): Options {
  let meta: Record<string, string> | null = null
  for (const { name } of metaHeaders) {
    // A trace state belongs to the parent that it came with.
    if (name === TRACE_STATE_KEY && options.meta?.[TRACE_PARENT_KEY] !== undefined) continue
    const value = header(name)
    if (value !== '' && options.meta?.[name] === undefined) (meta ??= {})[name] = value
  }
  return meta === null ? options : { ...options, meta: { ...options.meta, ...meta } }
}

/** The headers of the answer to a request, whatever its dialect and form. */
export function answerHeaders({ meta }: RequestOptions): AnswerHeaders {
  const traceparent = traceparentOf(meta)
  return traceparent === undefined ? noHeaders : [[TRACE_PARENT_KEY, traceparent]]
}
