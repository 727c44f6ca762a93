/**
 * What the headers of a request say that all dialects have in common, and what its answer says in headers. HTTP has them
 * as they are, gRPC as metadata; over the WebSocket, whose messages have no headers, the keys stand in the meta itself.
 */
import type { RequestOptions } from '../engine/api/api.js'
import { REQUEST_ID_KEY } from '../pipeline/definition.js'
import type { ReadHeader, RequestHeader } from './request-headers.js'

/** A header as OpenAPI describes it. */
export interface DescribedHeader {
  readonly name: RequestHeader
  readonly description: string
}

/** The headers that are keys of the request's meta, under their own names. */
export const metaHeaders: readonly DescribedHeader[] = [
  { name: REQUEST_ID_KEY, description: 'An id of your own, which is logged with each row of the request' },
]

/** Those of them that the answer repeats. */
export const repeatedHeaders: readonly DescribedHeader[] = []

export type AnswerHeaders = readonly (readonly [name: string, value: string])[]

export const noHeaders: AnswerHeaders = []

/** Adds what the headers say to the meta; what `options` say of a key wins. @returns `options` when there is nothing to add. */
export function withHeaderMeta<Options extends RequestOptions>(options: Options, header: ReadHeader): Options {
  let meta: Record<string, string> | null = null
  for (const { name } of metaHeaders) {
    const value = header(name)
    if (value !== '' && options.meta?.[name] === undefined) (meta ??= {})[name] = value
  }
  return meta === null ? options : { ...options, meta: { ...options.meta, ...meta } }
}

/** The headers of the answer to a request, whatever its dialect and form. */
export function answerHeaders({ meta }: RequestOptions): AnswerHeaders {
  if (meta === undefined || repeatedHeaders.length === 0) return noHeaders
  return repeatedHeaders.flatMap(({ name }) => (typeof meta[name] === 'string' ? [[name, meta[name]] as const] : []))
}
