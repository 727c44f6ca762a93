/**
 * The one wrapper around handlers, on a real socket with routes made for the test: what is thrown becomes the documented
 * reply, what is a bug becomes a request id and a line in the log.
 */
import { Writable } from 'node:stream'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PenstockError } from '../../base/errors.js'
import { systemClock } from '../../base/clock.js'
import { Access } from '../access/access.js'
import { testBudget } from '../testing/budget.js'
import { SocketServer } from '../socket/server.js'
import { createDispatcher } from './dispatch.js'
import { jsonReply } from './replies.js'
import type { HttpContext, Route } from './route.js'
import { Router } from './router.js'

const lines: Record<string, unknown>[] = []
const logger = pino(
  { level: 'info' },
  new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>)
      done()
    },
  }),
)
const document: Route['document'] = { summary: '', responses: {}, query: [{ name: 'known', description: '' }] }
const route = (path: string, handle: Route['handle'], more: Partial<Route> = {}): Route => ({
  method: 'POST',
  path,
  access: [],
  document,
  handle,
  ...more,
})
const fails =
  (error: unknown): Route['handle'] =>
  () => {
    throw error
  }
const routes: readonly Route[] = [
  route('/echo', ({ body }) => jsonReply({ bytes: body.length, text: body.toString('utf8', 0, 10) }), {
    bodyBytesMax: 300_000,
  }),
  route('/bug', fails(new Error('the password is hunter2'))),
  route('/rejects', () => Promise.reject(new TypeError('hunter2'))),
  route('/odd', fails('hunter2')),
  route('/storage', fails(new PenstockError('ERR_STORAGE', 'The disk is full', { cause: new Error('ENOSPC') }))),
  route('/full', fails(new PenstockError('ERR_QUEUE_FULL', 'Try again', { retryAfterMs: 2300 }))),
  route('/wrong', fails(new PenstockError('ERR_SHAPE', 'Expected x'))),
  route('/off', fails(new PenstockError('ERR_UNSUPPORTED', 'It is off'))),
  route('/big', () => ({ status: 200, contentType: 'text/plain', body: 'ä'.repeat(3_000_000) })),
  route('/never', () => new Promise(() => undefined)),
]
const answered: string[] = []
const context = {
  access: new Access({
    keys: null,
    isLoopback: true,
    names: [],
    clock: systemClock,
    logger,
    makeLimit: () => {
      throw new Error('no key, no limit')
    },
  }),
  logger,
  clock: systemClock,
  onAnswered: (path: string, method: string, status: number) => answered.push(`${method} ${path} ${status}`),
} as unknown as HttpContext

let sockets: SocketServer<object>
let url: string
beforeAll(async () => {
  sockets = new SocketServer<object>({
    admits: () => true,
    onRequest: createDispatcher(new Router(routes), context),
    budget: testBudget(400_000),
    socket: {
      path: '/ws',
      frameBytesMax: 1024,
      bufferBytesMax: 1024,
      idleTimeoutS: 8,
      accept: () => ({ status: 400 }),
      open: () => undefined,
      message: () => undefined,
      drain: () => undefined,
      close: () => undefined,
    },
  })
  url = `http://127.0.0.1:${await sockets.listen('127.0.0.1', 0)}`
})
afterAll(() => sockets.close())

const post = async (path: string, body?: RequestInit['body'], more: RequestInit = {}) => {
  const response = await fetch(url + path, { method: 'POST', ...(body === undefined ? {} : { body }), ...more })
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: (text.startsWith('{') ? JSON.parse(text) : {}) as Record<string, unknown>,
  }
}

describe('dispatch', () => {
  it('answers bugs with ERR_INTERNAL and a request id, and writes the cause only to the log', async () => {
    for (const path of ['/bug', '/rejects', '/odd']) {
      const before = lines.length
      const { status, text, json } = await post(path)
      expect([status, json['code']]).toEqual([500, 'ERR_INTERNAL'])
      expect(text).not.toContain('hunter2')
      expect(json['request_id']).toMatch(/^[0-9a-f]{8}-\d+$/)
      expect(lines.length).toBe(before + 1)
      expect(lines.at(-1)).toMatchObject({ requestId: json['request_id'], path, method: 'POST', level: 50 })
      expect(JSON.stringify(lines.at(-1))).toContain('hunter2')
    }
  })

  it('logs a failure of the machine with its cause, and no refusal', async () => {
    const before = lines.length
    expect((await post('/storage')).json).toMatchObject({
      code: 'ERR_STORAGE',
      error: 'The disk is full',
      request_id: expect.any(String) as string,
    })
    expect(JSON.stringify(lines.at(-1))).toContain('ENOSPC')
    for (const path of ['/wrong', '/full', '/off', '/nowhere', '/echo?knwon=1']) await post(path)
    expect(lines.length).toBe(before + 1)
  })

  it('says when to come back, in the body and in whole seconds', async () => {
    const { status, headers, json } = await post('/full')
    expect([status, headers.get('retry-after'), json]).toEqual([
      429,
      '3',
      { error: 'Try again', code: 'ERR_QUEUE_FULL', retry_after_ms: 2300 },
    ])
    expect((await post('/wrong')).headers.get('retry-after')).toBe(null)
  })

  it('reads bodies up to the limit of their route, and up to the limit of all together', async () => {
    expect((await post('/echo', 'a'.repeat(300_000))).json).toEqual({ bytes: 300_000, text: 'aaaaaaaaaa' })
    expect((await post('/echo', 'a'.repeat(300_001))).json).toMatchObject({ code: 'ERR_BODY_TOO_LARGE' })
    const slowly = (): ReadableStream => {
      let chunks = 3
      return new ReadableStream({
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve, 50))
          if (chunks-- > 0) controller.enqueue(new Uint8Array(90_000))
          else controller.close()
        },
      })
    }
    const together = await Promise.all(
      [1, 2, 3, 4].map(() => post('/echo', slowly() as never, { duplex: 'half' } as never)),
    )
    const statuses = together.map(({ status }) => status).sort()
    expect(statuses[0]).toBe(200)
    expect(statuses.at(-1)).toBe(429)
    // All of it was given back.
    expect((await post('/echo', slowly() as never, { duplex: 'half' } as never)).json).toMatchObject({ bytes: 270_000 })
  })

  it('streams large answers whole, counts every answer once, and ends with no open request', async () => {
    const { text, headers } = await post('/big')
    expect(text).toBe('ä'.repeat(3_000_000))
    expect(headers.get('content-length')).toBe('6000000')
    answered.length = 0
    await post('/wrong')
    await post('/nowhere')
    expect(answered).toEqual(['POST /wrong 400', 'POST  404'])
    expect(sockets.openRequestCount).toBe(0)
    const controller = new AbortController()
    const pending = post('/never', undefined, { signal: controller.signal }).catch((error: Error) => error.name)
    while (sockets.openRequestCount === 0) await new Promise((resolve) => setTimeout(resolve, 2))
    controller.abort()
    expect(await pending).toBe('AbortError')
    while (sockets.openRequestCount > 0) await new Promise((resolve) => setTimeout(resolve, 2))
  })

  it('answers an announced body that is too large before it comes, and goes on serving', async () => {
    const before = Date.now()
    expect((await post('/echo', new Uint8Array(50_000_000))).status).toBe(413)
    expect(Date.now() - before).toBeLessThan(5000)
    expect((await post('/echo', 'x')).json).toEqual({ bytes: 1, text: 'x' })
  })
})
