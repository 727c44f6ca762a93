/**
 * What tells the heads of HTTP requests apart that an I/O thread may answer by itself, once one of them was judged here: the
 * path, then a line for each header that a handler may read on the fast path. native/net/service/heads.cpp writes the
 * same of what it receives. Headers that belong to one request only have no place in it: such a request comes here.
 */
import { REQUEST_ID_KEY } from '../../pipeline/definition.js'
import { TRACE_PARENT_KEY, TRACE_STATE_KEY } from '../../protocol/trace-context.js'
import { keptHeaders, type ReadHeader, type RequestHeader } from '../request-headers.js'

const ownHeaders: readonly RequestHeader[] = [REQUEST_ID_KEY, TRACE_PARENT_KEY, TRACE_STATE_KEY]
const sharedHeaders = keptHeaders.filter((name) => !ownHeaders.includes(name))

/** @param path as it was sent. @returns null: no other request has the same head. */
export function headKeyOf(path: string, header: ReadHeader): string | null {
  if (ownHeaders.some((name) => header(name) !== '')) return null
  return [path, ...sharedHeaders.map((name) => header(name))].join('\n')
}
