/**
 * The head of a call: which method, by whom, how long, how its messages are packed. Made once for equal header blocks of a
 * connection, and shared by their calls.
 *
 * @source https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md and RFC 9113 section 8.
 */
import type { Field } from '../http2/frames.js'
import type { ReadHeader } from '../request-headers.js'
import type { Method } from './service.js'

export type Packing = 'identity' | 'gzip' | 'deflate'

export interface GrpcHead {
  readonly path: string
  /** undefined: there is none of this path. */
  readonly method: Method | undefined
  /** 0: it is a call; otherwise the status that HTTP has for what it is instead. */
  readonly refusalStatus: number
  /** Milliseconds; null: none. NaN: what was sent is no time. */
  readonly timeoutMs: number | null
  /** As it came. */
  readonly encoding: string
  /** Metadata: several values of a name with ', ' between; '' when there is none. */
  readonly metadata: (name: string) => string
  readonly header: ReadHeader
}

const pseudo = new Set([':method', ':path', ':scheme', ':authority'])
/** HTTP/1 has these for its connections; RFC 9113 section 8.2.2. */
const forbidden = new Set(['connection', 'proxy-connection', 'keep-alive', 'transfer-encoding', 'upgrade'])
const milliseconds: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 }

/** @throws Error: the fields are no request. */
export function readHead(fields: readonly Field[], methods: ReadonlyMap<string, Method>): GrpcHead {
  const values = gather(fields)
  const path = values.get(':path')
  if (path === undefined || !values.has(':method')) throw new Error('a request without method or path')
  const metadata = (name: string): string => values.get(name) ?? ''
  const host = metadata(':authority') || metadata('host')
  const timeout = values.get('grpc-timeout')
  return {
    path,
    method: methods.get(path),
    refusalStatus: refusalOf(metadata(':method'), metadata('content-type')),
    timeoutMs: timeout === undefined ? null : timeoutOf(timeout),
    encoding: values.get('grpc-encoding') ?? 'identity',
    metadata,
    header: (name) => (name === 'host' ? host : metadata(name)),
  }
}

function gather(fields: readonly Field[]): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  let areRegular = false
  for (const [name, value] of fields) {
    const known = values.get(name)
    if (name.startsWith(':')) {
      if (areRegular || known !== undefined || !pseudo.has(name)) throw new Error('a field that may not stand there')
    } else {
      areRegular = true
      if (name === '' || /[A-Z\s]/.test(name) || forbidden.has(name) || (name === 'te' && value !== 'trailers'))
        throw new Error('a field that HTTP/2 does not have')
    }
    values.set(name, known === undefined ? value : `${known}, ${value}`)
  }
  return values
}

function refusalOf(method: string, contentType: string): number {
  if (method !== 'POST') return 405
  return /^application\/grpc(?:\+proto)?\s*(?:;|$)/.test(contentType) ? 0 : 415
}

function timeoutOf(text: string): number {
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(text) ?? []
  return unit === undefined ? NaN : Number(digits) * (milliseconds[unit] as number)
}
