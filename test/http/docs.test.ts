/** The page at /docs as bytes: its files and headers, what a caller has already, keys, --docs off. Its work is test/interop/docs. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Engine, PenstockServer } from 'penstock'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packagePath } from '../../src/base/package-root.js'
import { rawHttp, rawRequest } from '../support/raw-sockets.js'
import { call, testKey } from '../support/served.js'

const pins = JSON.parse(
  readFileSync(packagePath('src', 'transport', 'dialects', 'penstock', 'docs', 'swagger-ui.json'), 'utf8'),
) as { copied: Record<string, string> }

let engine: Engine
let server: PenstockServer
let url = ''
beforeAll(async () => {
  engine = await Engine.open({ inferWorkers: 1, calibration: 'off' })
  const keys = { count: 1, verify: (text: string) => (text === testKey ? { name: 'test' } : undefined) }
  server = await PenstockServer.start({ engine, port: 0, keys })
  url = server.url
})
afterAll(async () => {
  await server.close()
  await engine.close()
})

const types = {
  '/docs': 'text/html; charset=utf-8',
  '/docs/page.css': 'text/css; charset=utf-8',
  '/docs/page.js': 'text/javascript; charset=utf-8',
  '/docs/swagger-ui.css': 'text/css; charset=utf-8',
  '/docs/swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  '/docs/favicon-32x32.png': 'image/png',
}

describe('http: the page of the API', () => {
  it.each(Object.entries(types))(
    '%s: is served as what it is, to whoever asks, under a strict policy',
    async (path, type) => {
      const answer = await fetch(url + path)
      const bytes = new Uint8Array(await answer.arrayBuffer())
      const { headers } = answer
      expect([answer.status, headers.get('content-type')]).toEqual([200, type])
      const policy = new Map(
        headers
          .get('content-security-policy')
          ?.split('; ')
          .map((rule) => rule.split(/ (.*)/, 2)) as [],
      )
      expect(Object.fromEntries(policy)).toEqual({
        'default-src': "'none'",
        'script-src': "'self'",
        'style-src': "'self'",
        'img-src': "'self' data:",
        'connect-src': "'self'",
        'base-uri': "'none'",
        'form-action': "'none'",
        'frame-ancestors': "'none'",
      })
      expect([headers.get('x-content-type-options'), headers.get('referrer-policy')]).toEqual([
        'nosniff',
        'no-referrer',
      ])
      const pinned = pins.copied[path.split('/').at(-1) ?? '']
      if (pinned !== undefined) expect(createHash('sha256').update(bytes).digest('hex')).toBe(pinned)
      expect(bytes.length).toBeGreaterThan(100)
    },
  )

  it('names no file that it does not serve, and no other host', async () => {
    const page = await (await fetch(`${url}/docs`)).text()
    const links = [...page.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, link]) => `/${link}`)
    expect(links.sort()).toEqual([...Object.keys(types).slice(1), '/openapi.json'].sort())
  })

  it('sends nothing to a caller who has it, and the same head to HEAD', async () => {
    const path = '/docs/swagger-ui-bundle.js'
    const first = await fetch(url + path, { method: 'HEAD' })
    const etag = first.headers.get('etag') ?? ''
    expect([etag, first.headers.get('cache-control')]).toEqual([expect.stringMatching(/^"[\w-]{43}"$/), 'no-cache'])
    expect(Number(first.headers.get('content-length'))).toBe((await (await fetch(url + path)).arrayBuffer()).byteLength)
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const answer = await rawHttp(server.port, [rawRequest('GET', path, '', { 'if-none-match': known })])
      expect([known, answer.status, answer.body]).toEqual([known, 304, ''])
      // A length would be taken for that of the kept bytes.
      expect(answer.head).not.toMatch(/^content-length:/im)
      expect(answer.head).toContain(`etag: ${etag}`)
    }
    for (const known of ['"other"', etag.slice(1, -1), '', `"${'x'.repeat(5000)}"`])
      expect((await fetch(url + path, { headers: { 'if-none-match': known } })).status, known).toBe(200)
  })

  it('refuses what is no file of the page, however it is written', async () => {
    for (const name of [
      'nothing.js',
      'index.html',
      'LICENSE',
      '..%2f..%2fpackage.json',
      '%2e%2e%2fx',
      '__proto__',
      'a%00b',
    ]) {
      const answer = await call(url, 'GET', `/docs/${name}`)
      expect([name, answer.status, answer.json['code']]).toEqual([name, 404, 'ERR_ROUTE_NOT_FOUND'])
    }
    expect((await call(url, 'GET', '/docs/')).status).toBe(404)
    expect((await call(url, 'GET', '/docs/a/b')).status).toBe(404)
    expect((await call(url, 'GET', '/docs/%ff')).json['code']).toBe('ERR_ARGUMENT')
    expect((await call(url, 'GET', '/docs?url=http://evil.example/openapi.json')).json['code']).toBe('ERR_ARGUMENT')
    const posted = await call(url, 'POST', '/docs')
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  })

  it('keeps what the server is behind its keys', async () => {
    expect((await call(url, 'GET', '/openapi.json')).status).toBe(401)
    const { json } = await call(url, 'GET', '/openapi.json', undefined, { authorization: `Bearer ${testKey}` })
    const paths = json['paths'] as Record<string, { get: { security: unknown } }>
    expect([paths['/docs']?.get.security, paths['/openapi.json']?.get.security]).toEqual([[{}], [{}, { apiKey: [] }]])
  })
})

it('http: the page can be turned off, and says how to turn it on', async () => {
  const other = await Engine.open({ inferWorkers: 1, calibration: 'off' })
  const without = await PenstockServer.start({ engine: other, port: 0, docs: false })
  try {
    for (const path of ['/docs', '/docs/page.js', '/docs/nothing.js']) {
      const answer = await call(without.url, 'GET', path)
      expect([answer.status, answer.json['error']]).toEqual([404, expect.stringContaining('without --docs off')])
    }
    expect((await call(without.url, 'GET', '/openapi.json')).status).toBe(200)
    await expect(PenstockServer.start({ engine: other, port: 0, docs: 'off' as never })).rejects.toMatchObject({
      code: 'ERR_ARGUMENT',
      message: expect.stringContaining('docs') as string,
    })
  } finally {
    await without.close()
    await other.close()
  }
})
