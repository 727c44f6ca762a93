/**
 * What a handler may read of a request's head: a header that is not in the table does not compile, and both ways that a
 * request may go know each one that is.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packagePath } from '../base/package-root.js'
import { REQUEST_ID_KEY } from '../pipeline/definition.js'
import { TRACE_PARENT_KEY, TRACE_STATE_KEY } from '../protocol/trace-context.js'
import { headKeyOf } from './http/head-key.js'
import { keptHeaders, requestHeaders, type ReadHeader, type RequestHeader } from './request-headers.js'
import { readHead } from './socket/http-request.js'
import { FastPathRequest, type FastPathOptions } from './socket/fast-path-request.js'
import type { RawRequest, RawResponse } from './socket/seam.js'

const names = Object.keys(requestHeaders) as RequestHeader[]

function requestWith(headers: readonly (readonly [string, string])[]): RawRequest {
  return {
    getCaseSensitiveMethod: () => 'POST',
    getUrl: () => '/infer',
    getQuery: () => undefined,
    getParameter: () => 'p',
    getHeader: () => '',
    forEach: (callback) => headers.forEach(([name, value]) => callback(name, value)),
  }
}

const raw = { onAborted: () => undefined, onData: () => undefined } as unknown as RawResponse

/** @returns null: the request takes the usual way. */
function taken(headers: readonly (readonly [string, string])[]): FastPathRequest | null {
  const handler = { paths: ['/infer'], bodyBytesMax: 100, wants: () => true }
  const httpRequest = new FastPathRequest(0, { handler, share: { openRequests: 0 } } as unknown as FastPathOptions, [])
  return httpRequest.begin(raw, requestWith(headers), 0) ? httpRequest : null
}

describe('request headers: the table', () => {
  it('does not let a handler read a header that it does not have', () => {
    const read: ReadHeader = () => ''
    // @ts-expect-error: not declared.
    read('x-forgotten')
    // @ts-expect-error: nor on a request.
    expect(taken([['x-forgotten', 'yes']])?.header('x-forgotten')).toBe('')
  })

  it.each(names)('%s: an httpRequest without promises has it, or leaves the request', (name) => {
    const httpRequest = taken([[name, 'a value']])
    if (requestHeaders[name] === 'leaves') expect(httpRequest).toBeNull()
    else expect(httpRequest?.header(name)).toBe('a value')
  })

  it.each(names)('%s: the usual way has it, repeated ones joined', (name) => {
    const { headers } = readHead(
      requestWith([
        [name, 'a'],
        [name, 'b'],
      ]),
    )
    expect(headers.get(name)).toBe('a, b')
  })

  it.each(keptHeaders)('%s: sent twice, the request is left to the usual way', (name) => {
    const isTaken = (first: string): boolean =>
      taken([
        [name, first],
        [name, 'b'],
      ]) !== null
    expect([isTaken('a'), isTaken('')]).toEqual([false, false])
  })

  it('keeps nothing of the request before', () => {
    const httpRequest = taken([['accept', 'text/csv']])
    httpRequest?.begin(raw, requestWith([['host', 'h']]), 0)
    expect([httpRequest?.header('accept'), httpRequest?.header('host')]).toEqual(['', 'h'])
  })

  it("is the only way to a head: nothing but the sockets' own files asks the socket library for a header", () => {
    const root = packagePath('src', 'transport')
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
      (file) => file.endsWith('.ts') && !file.endsWith('.test.ts'),
    )
    const asking = files.filter((file) => readFileSync(join(root, file), 'utf8').includes('.getHeader('))
    expect(asking.sort()).toEqual(['socket/native/backend.ts', 'socket/node-http.ts', 'socket/uws.ts'])
  })
})

describe('the native parser', () => {
  it('finds each header that handlers read, and the name of no other', () => {
    const source = readFileSync(packagePath('native', 'net', 'http', 'header_names.cpp'), 'utf8')
    const list = /kHeaderNames = \{([^}]*)\}/.exec(source)?.[1] ?? ''
    const known = [...list.matchAll(/"([^"]*)"/g)].map(([, name]) => name ?? '').slice(1)
    const framing = ['connection', 'content-length', 'expect', 'transfer-encoding', 'upgrade']
    const handshake = ['sec-websocket-extensions', 'sec-websocket-key', 'sec-websocket-version']
    expect([...known].sort()).toEqual([...names, ...framing, ...handshake].sort())
  })

  it('writes the same keys of heads: each kept header in its place, and no key for a head with another', () => {
    const source = readFileSync(packagePath('native', 'net', 'service', 'heads.cpp'), 'utf8')
    const listed = (list: string): string[] =>
      [...(new RegExp(`${list}\\[\\] = \\{([^}]*)\\}`).exec(source)?.[1] ?? '').matchAll(/HeaderName::k(\w+)/g)].map(
        ([, name]) => String(name),
      )
    const squeezed = (name: string): string => name.replaceAll('-', '').toLowerCase()
    const own: readonly string[] = [REQUEST_ID_KEY, TRACE_PARENT_KEY, TRACE_STATE_KEY]
    const key = headKeyOf('/path', (name) => (own.includes(name) ? '' : name))
    const kept = listed('kKept').map((name) => name.toLowerCase())
    expect(kept).toEqual(key?.split('\n').slice(1).map(squeezed))
    // An abbreviation in the C++ name is enough to tell which it is.
    expect(listed('kLeaves')).toHaveLength(names.length - kept.length)
  })
})
