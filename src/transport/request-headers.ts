/**
 * The request headers that handlers may read, in one table: both what the sockets keep of a head and the type of the
 * names that `header()` takes come from it, so that reading a header that is not here does not compile, whichever of the
 * two ways a request goes.
 *
 * `kept`: the request without promises (socket/fast-path-request.ts) keeps the value; a request that sends the header twice,
 * or empty, takes the usual way. `leaves`: any request with the header takes the usual way, so its readers see '' on the
 * fast one. The headers that say where a body ends are no handler's business: the requests read them themselves.
 */
import { REQUEST_ID_KEY } from '../pipeline/definition.js'
import { TRACE_PARENT_KEY, TRACE_STATE_KEY } from '../protocol/trace-context.js'

export const requestHeaders = {
  'content-type': 'kept',
  accept: 'kept',
  authorization: 'kept',
  origin: 'kept',
  host: 'kept',
  'content-encoding': 'kept',
  'accept-encoding': 'kept',
  'inference-header-content-length': 'kept',
  [REQUEST_ID_KEY]: 'kept',
  [TRACE_PARENT_KEY]: 'kept',
  [TRACE_STATE_KEY]: 'kept',
  'if-none-match': 'leaves',
  'penstock-deadline-ms': 'leaves',
  'penstock-priority': 'leaves',
  'penstock-timing': 'leaves',
  'x-amzn-sagemaker-custom-attributes': 'leaves',
  'sec-fetch-site': 'leaves',
  'sec-websocket-protocol': 'leaves',
} as const satisfies Readonly<Record<string, 'kept' | 'leaves'>>

/** What handlers read, in lower case. */
export type RequestHeader = keyof typeof requestHeaders
/** What says where the body ends. */
export type FramingHeader = 'content-length' | 'transfer-encoding'

/** The value of a header; '' when it was not sent. */
export type ReadHeader = (name: RequestHeader) => string

const names = Object.keys(requestHeaders) as RequestHeader[]

/** The kept ones; a header's place in this list is where a request has its value. */
export const keptHeaders: readonly RequestHeader[] = names.filter((name) => requestHeaders[name] === 'kept')

/** What `placeOf` says of a header that makes a request take the usual way, and of one that nobody reads. */
export const LEAVES = -1
export const UNREAD = -2

interface Candidate {
  readonly name: RequestHeader
  readonly place: number
}

/** By length: most names that a request brings have another length or another first letter, and cost no hash. */
const candidates: readonly (readonly Candidate[])[] = Array.from(
  { length: Math.max(...names.map((name) => name.length)) + 1 },
  (_, length) =>
    names
      .filter((name) => name.length === length)
      .map((name) => ({ name, place: requestHeaders[name] === 'kept' ? keptHeaders.indexOf(name) : LEAVES })),
)

/**
 * Called for each header of each request.
 * @param name as it came, in lower case.
 * @returns its place among the kept headers, LEAVES or UNREAD.
 */
export function placeOf(name: string): number {
  const known = candidates[name.length]
  if (known === undefined) return UNREAD
  for (let at = 0; at < known.length; at++) {
    const candidate = known[at] as Candidate
    if (candidate.name === name) return candidate.place
  }
  return UNREAD
}

/** Whether any handler reads the header. @param name as it came, in lower case. */
export function isRequestHeader(name: string): name is RequestHeader {
  return placeOf(name) !== UNREAD
}
