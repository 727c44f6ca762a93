/**
 * Who may call, end to end, over HTTP, WebSocket and gRPC and both socket backends: keys with scopes, pipelines, limits
 * and an end; what is open of a key that was revoked; servers without keys and foreign names; and who is in the journal.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, credentials, Metadata, status, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Engine, Home, PenstockClient, PenstockServer } from 'penstock'
import { SCOPES, type Scope } from '../../src/base/access.js'
import { openKeys } from '../../src/registry/home.js'
import { readJournal } from '../../src/registry/journal.js'
import type { ApiKeys, KeyOptions } from '../../src/registry/keys/keys.js'
import { addressOfCall } from '../../src/transport/dialects/oip/grpc/gate.js'
import type { Route } from '../../src/transport/http/route.js'
import { routesOf } from '../../src/transport/routes.js'
import { RawWebSocket, rawHttp, rawRequest } from '../support/raw-sockets.js'
import { modelBytes, until } from '../support/served.js'
import { grpcClient } from '../support/v2-ways.js'

const body = JSON.stringify({ x: [[1, 2, 3]] })
const v2Body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 3], data: [1, 2, 3] }] })
const grpcInfer = (model: string) => ({
  model_name: model,
  inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 3], contents: { fp32_contents: [1, 2, 3] } }],
})
const oneRow = { x: Float32Array.of(1, 2, 3) }

interface Stage {
  readonly home: Home
  readonly outside: ApiKeys
  readonly server: PenstockServer
  /** Makes a key and waits until the server knows it. */
  key(name: string, options?: KeyOptions): Promise<string>
  revoke(name: string): Promise<void>
  close(): Promise<void>
}

async function open(sockets: 'uws' | 'node', withKeys: boolean, more = {}): Promise<Stage> {
  const path = mkdtempSync(join(tmpdir(), 'penstock-access-'))
  const home = await Home.open({ path })
  const engine = await Engine.open({
    inferWorkers: 1,
    calibration: 'off',
    models: home.models,
    pipelines: home.pipelines,
  })
  for (const [name, model] of [
    ['wine', 'add-one'],
    ['fraud', 'add-one'],
    ['slow', 'slow'],
    ['text', 'upper-string'],
  ] as const) {
    await engine.addModel(`${name}-model`, modelBytes(model))
    await engine.applyPipeline({ name, steps: [{ type: 'model', model: `${name}-model` }] }, { deploy: true })
  }
  const outside = await openKeys(path)
  if (withKeys) await outside.create('first')
  home.keys.watch(() => undefined)
  const server = await PenstockServer.start({
    engine,
    port: 0,
    grpcPort: 0,
    sockets,
    ...(withKeys ? { keys: home.keys } : {}),
    exportPath: join(path, 'exports'),
    onControl: (action) => home.note(action),
    invocations: 'sagemaker',
    defaultPipeline: 'wine',
    ...more,
  })
  return {
    home,
    outside,
    server,
    key: async (name, options) => {
      const { key } = await outside.create(name, options)
      await until(`the server knows ${name}`, () => home.keys.verify(key) !== undefined)
      return key
    },
    revoke: (name) => outside.revoke(name),
    close: async () => {
      await server.close()
      await engine.close()
      await home.close()
      rmSync(path, { recursive: true, force: true })
    },
  }
}

interface Answer {
  readonly status: number
  readonly text: string
  readonly headers: Headers
}

async function call(server: PenstockServer, method: string, path: string, key = '', payload?: string): Promise<Answer> {
  const response = await fetch(server.url + path, {
    method,
    headers: {
      ...(key === '' ? {} : { authorization: `Bearer ${key}` }),
      ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(payload === undefined ? {} : { body: payload }),
  })
  return { status: response.status, text: await response.text(), headers: response.headers }
}

const metadataOf = (key: string): Metadata => {
  const metadata = new Metadata()
  if (key !== '') metadata.set('authorization', `Bearer ${key}`)
  return metadata
}

interface Unary {
  (request: object, metadata: Metadata, callback: (error: ServiceError | null, answer: unknown) => void): void
}

/** @returns the status: 0 is well. */
function grpc(server: PenstockServer, name: string, key: string, request: object): Promise<ServiceError | null> {
  const client = grpcClient(server) as unknown as Record<string, Unary> & { close(): void }
  return new Promise<ServiceError | null>((resolve) =>
    client[name]?.(request, metadataOf(key), (error) => resolve(error)),
  ).finally(() => client.close())
}

describe.each(['uws', 'node'] as const)('access over %s', (sockets) => {
  let stage: Stage
  beforeAll(async () => {
    stage = await open(sockets, true)
  }, 60_000)
  afterAll(() => stage.close())

  it('lets each scope to its addresses and calls alone, over the whole table', async () => {
    const { server } = stage
    const keys = Object.fromEntries(
      await Promise.all(SCOPES.map(async (scope) => [scope, await stage.key(`only-${scope}`, { scopes: [scope] })])),
    ) as Record<Scope, string>
    let refused = 0
    const routes = routesOf('sagemaker')
    for (const route of routes) {
      // What it would do is not of interest here, only whether it gets that far: no pipeline or model of these names exists.
      const path = route.path.replace(/\{version\}/, '7').replaceAll(/\{\w+\}/g, 'none')
      const { status: bareStatus } = await call(server, route.method, path)
      // 404: a file that the page of the API has not.
      expect(route.access === 'open' ? [200, 503, 404] : [401], path).toContain(bareStatus)
      if (route.access === 'open') continue
      for (const scope of SCOPES) {
        const isAllowed = route.access.length === 0 || route.access.includes(scope)
        const answer = await call(server, route.method, path, keys[scope])
        expect(answer.status === 403, `${route.method} ${path} with ${scope}: ${answer.text}`).toBe(!isAllowed)
        if (isAllowed) continue
        refused++
        const told = JSON.parse(answer.text) as { code: string; error: string | { code: string; message: string } }
        // OpenAI's form has the sentence within the error.
        const { code, message } = typeof told.error === 'string' ? { code: told.code, message: told.error } : told.error
        expect([code, message]).toEqual(['ERR_FORBIDDEN', expect.stringContaining(`only-${scope}`)])
        expect(answer.text).not.toContain(keys[scope])
      }
    }
    expect(refused).toBeGreaterThan(100)
    const accessOf = (address: string) => routes.find((route) => `${route.method} ${route.path}` === address) as Route
    for (const [name, address] of Object.entries(addressOfCall)) {
      if (name === 'ModelStreamInfer') continue
      const { access } = accessOf(address)
      expect((await grpc(server, name, '', {}))?.code, name).toBe(access === 'open' ? undefined : 16)
      for (const scope of SCOPES) {
        const isAllowed = access === 'open' || access.length === 0 || access.includes(scope)
        expect(
          (await grpc(server, name, keys[scope], {}))?.code === status.PERMISSION_DENIED,
          `${name} with ${scope}`,
        ).toBe(!isAllowed)
      }
    }
    for (const scope of SCOPES) {
      const handshake = RawWebSocket.open(server.port, `penstock.v1, penstock.key.${keys[scope]}`)
      if (scope === 'infer') (await handshake).connection.close()
      else await expect(handshake).rejects.toMatchObject({ answer: { status: 403 } })
    }
  }, 60_000)

  it('binds a key to its pipelines, in every dialect', async () => {
    const { server } = stage
    const key = await stage.key('bound', { pipelines: ['wine'] })
    for (const [method, path, payload] of [
      ['POST', '/v1/pipelines/NAME/infer', body],
      ['POST', '/pipelines/NAME', body],
      ['GET', '/v1/pipelines/NAME/status', undefined],
      ['GET', '/v1/pipelines/NAME/description', undefined],
      ['POST', '/v2/models/NAME/infer', v2Body],
      ['GET', '/v2/models/NAME', undefined],
    ] as const) {
      expect((await call(server, method, path.replace('NAME', 'wine'), key, payload)).status, path).toBe(200)
      expect((await call(server, method, path.replace('NAME', 'fraud'), key, payload)).status, path).toBe(403)
    }
    expect((await call(server, 'POST', '/invocations', key, '[[1,2,3]]')).status).toBe(200)
    const other = await stage.key('bound-elsewhere', { pipelines: ['fraud'] })
    for (const path of ['/invocations', '/models/wine/invoke'])
      expect((await call(server, 'POST', path, other, '[[1,2,3]]')).status, path).toBe(403)
    // The models under it, and everything that is about more than one.
    for (const path of [
      '/v2/models/wine-model',
      '/v1/models',
      '/v1/pipelines',
      '/metrics',
      '/v2/models/stats',
      '/v1/tags',
    ])
      expect((await call(server, 'GET', path, key)).status, path).toBe(403)
    expect((await call(server, 'POST', '/v1/logs/query', key, '{"sql":"SELECT 1"}')).status).toBe(403)
    expect(await grpc(server, 'ModelInfer', key, grpcInfer('wine'))).toBeNull()
    expect(await grpc(server, 'ModelInfer', key, grpcInfer('fraud'))).toMatchObject({ code: 7 })
    const socket = await RawWebSocket.open(server.port, `penstock.v1, penstock.key.${key}`)
    socket.send({ kind: 'open', channel: 1, pipeline: 'fraud' })
    expect(await socket.message('failure')).toMatchObject({ code: 'ERR_FORBIDDEN', isChannel: true })
    socket.send({ kind: 'open', channel: 1, pipeline: 'wine' })
    await socket.message('opened')
    socket.connection.close()
  })

  it('takes the key as the first message of a WebSocket, and greets nobody before', async () => {
    const { server } = stage
    const key = await stage.key('first-message')
    const socket = await RawWebSocket.open(server.port, 'penstock.v1, penstock.auth')
    expect(socket.head.toLowerCase()).toContain('sec-websocket-protocol: penstock.v1\r\n')
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(socket.messages).toEqual([])
    socket.send({ kind: 'authenticate', key })
    await socket.message('hello')
    // It is a first message, and no other.
    socket.send({ kind: 'authenticate', key })
    expect((await socket.closed()).code).toBe(4400)
    for (const [message, code] of [
      [{ kind: 'authenticate', key: 'psk_wrong' }, 4401],
      [{ kind: 'open', channel: 1, pipeline: 'wine' }, 4401],
    ] as const) {
      const other = await RawWebSocket.open(server.port, 'penstock.v1, penstock.auth')
      other.send(message)
      const closing = await other.closed()
      expect(closing.code).toBe(code)
      expect(closing.reason).not.toContain('psk_wrong')
    }
    const unscoped = await stage.key('reader', { scopes: ['read'] })
    const third = await RawWebSocket.open(server.port, 'penstock.v1, penstock.auth')
    third.send({ kind: 'authenticate', key: unscoped })
    expect((await third.closed()).code).toBe(4403)
    const client = await PenstockClient.connect(server.url, { apiKey: key, apiKeyIn: 'message' })
    expect((await client.infer('wine', oneRow)).rows).toBe(1)
    await client.close()
    await expect(PenstockClient.connect(server.url, { apiKey: 'psk_no', apiKeyIn: 'message' })).rejects.toMatchObject({
      code: 'ERR_UNAUTHORIZED',
    })
  })

  it('ends what is open of a revoked key within a second, and of no other', async () => {
    const { server } = stage
    const [key, other] = [await stage.key('leaving'), await stage.key('staying')]
    const socket = await RawWebSocket.open(server.port, `penstock.v1, penstock.key.${key}`)
    const stays = await RawWebSocket.open(server.port, `penstock.v1, penstock.key.${other}`)
    const client = await PenstockClient.connect(server.url, { apiKey: key })
    const grpcStage = grpcClient(server) as unknown as {
      ModelStreamInfer(metadata: Metadata): ClientDuplexStream<object, object>
      close(): void
    }
    const stream = grpcStage.ModelStreamInfer(metadataOf(key))
    const streamEnd = new Promise<ServiceError>((resolve) =>
      stream.on('error', (error) => resolve(error as ServiceError)),
    )
    const firstAnswer = new Promise((resolve) => stream.once('data', resolve))
    stream.write(grpcInfer('wine'))
    await firstAnswer
    const keepAlive = new Agent({ keepAlive: true, maxSockets: 1 })
    expect(await statusOver(keepAlive, server.port, key)).toBe(200)
    await stage.revoke('leaving')
    const revokedMs = Date.now()
    const closing = await socket.closed()
    expect(Date.now() - revokedMs).toBeLessThan(1000)
    expect(closing).toMatchObject({ code: 4401, reason: expect.stringContaining('leaving was revoked') as string })
    expect(await streamEnd).toMatchObject({ code: 16 })
    expect(Date.now() - revokedMs).toBeLessThan(1000)
    expect(await statusOver(keepAlive, server.port, key)).toBe(401)
    keepAlive.destroy()
    await expect(client.infer('wine', oneRow)).rejects.toMatchObject({
      code: expect.stringMatching(/ERR_UNAUTHORIZED|ERR_CLOSED/) as string,
    })
    await client.close()
    grpcStage.close()
    stays.send({ kind: 'open', channel: 1, pipeline: 'wine' })
    await stays.message('opened')
    stays.connection.close()
  })

  it('ends what is open of a key that expires', async () => {
    const { server } = stage
    const key = await stage.key('short', { expiresAt: new Date(Date.now() + 1500) })
    const socket = await RawWebSocket.open(server.port, `penstock.v1, penstock.key.${key}`)
    await socket.message('hello')
    expect(await socket.closed()).toMatchObject({ code: 4401, reason: expect.stringContaining('expired') as string })
    const refused = await call(server, 'GET', '/v1/models', key)
    expect([refused.status, refused.text]).toEqual([401, expect.stringContaining('The API key short expired')])
  })

  it('holds a key to its rate in every dialect at once, and says when to come back', async () => {
    const { server } = stage
    const key = await stage.key('slow-rate', { ratePerS: 3 / 60 })
    expect((await call(server, 'POST', '/v1/pipelines/wine/infer', key, body)).status).toBe(200)
    for (const path of ['/v1/pipelines/wine/infer', '/v2/models/wine/infer']) {
      const answer = await call(server, 'POST', path, key, path.includes('v2') ? v2Body : body)
      expect(answer.status, answer.text).toBe(429)
      expect(answer.text).toContain('rate')
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(10)
    }
    expect(await grpc(server, 'ModelInfer', key, grpcInfer('wine'))).toMatchObject({ code: 8 })
    const socket = await RawWebSocket.open(server.port, `penstock.v1, penstock.key.${key}`)
    for (const [channel, pipeline] of [
      [1, 'wine'],
      [2, 'text'],
    ] as const) {
      socket.send({ kind: 'open', channel, pipeline })
      await socket.message('opened', (opened) => opened.channel === channel)
    }
    const infer = { kind: 'infer', rows: 1, dims: null, meta: null, deadlineMs: 0, priority: 'interactive' } as const
    const data = new Uint8Array(Float32Array.of(1, 2, 3).buffer)
    socket.send({ ...infer, channel: 1, request: 7, data, texts: null })
    socket.send({ ...infer, channel: 2, request: 8, data: new Uint8Array(0), texts: ['a'] })
    for (const request of [7, 8]) {
      const failure = await socket.message('failure', (message) => message.request === request)
      expect(failure).toMatchObject({ code: 'ERR_RATE_LIMITED', isChannel: false })
      expect(failure.retryAfterMs).toBeGreaterThan(10_000)
    }
    socket.connection.close()
  })

  it('a body that the fast path leaves is counted once', async () => {
    const { server } = stage
    const key = await stage.key('two', { ratePerS: 2 })
    const records = JSON.stringify([{ x: [1, 2, 3] }])
    const statuses = []
    for (let count = 0; count < 2; count++)
      statuses.push((await call(server, 'POST', '/v1/pipelines/wine/infer', key, records)).status)
    expect(statuses).toEqual([200, 200])
  })

  it('holds a key to its requests in flight, and gives each place back', async () => {
    const { server } = stage
    const key = await stage.key('narrow', { concurrency: 1 })
    for (let round = 0; round < 3; round++) {
      expect((await call(server, 'POST', '/v1/pipelines/wine/infer', key, body)).status).toBe(200)
      expect((await call(server, 'POST', '/v1/pipelines/none/infer', key, body)).status).toBe(404)
      expect((await call(server, 'POST', '/v1/pipelines/wine/infer', key, '{"x":"no"}')).status).toBe(400)
      expect(await grpc(server, 'ModelInfer', key, grpcInfer('wine'))).toBeNull()
    }
    const socket = await RawWebSocket.open(server.port, `penstock.v1, penstock.key.${key}`)
    socket.send({ kind: 'open', channel: 1, pipeline: 'slow' })
    const { inputs } = await socket.message('opened')
    const width = inputs[0]?.shape.slice(1).reduce<number>((product, dim) => product * (dim ?? 1), 1) ?? 1
    const data = new Uint8Array(new Float32Array(width).buffer)
    const infer = { kind: 'infer', channel: 1, rows: 1, dims: null, meta: null, deadlineMs: 0, texts: null } as const
    socket.send({ ...infer, priority: 'interactive', request: 1, data })
    socket.send({ ...infer, priority: 'interactive', request: 2, data })
    expect(await socket.message('failure', ({ request }) => request === 2)).toMatchObject({
      code: 'ERR_RATE_LIMITED',
      message: expect.stringContaining('in flight') as string,
    })
    expect((await call(server, 'POST', '/v1/pipelines/wine/infer', key, body)).status).toBe(429)
    // Its place is back when the connection is gone, answered or not.
    socket.connection.close()
    let status = 429
    await until('the place is back', () => {
      void call(server, 'POST', '/v1/pipelines/wine/infer', key, body).then((answer) => (status = answer.status))
      return status === 200
    })
  })

  it('slows wrong keys down, and locks nobody out who has the right one', async () => {
    const { server } = stage
    const key = await stage.key('right')
    const statuses = []
    for (let count = 0; count < 20; count++)
      statuses.push((await call(server, 'POST', '/v1/pipelines/wine/infer', 'psk_wrong', body)).status)
    expect(statuses.slice(-5)).toEqual([429, 429, 429, 429, 429])
    const slowed = await call(server, 'GET', '/v1/models', 'psk_wrong')
    expect(slowed.headers.get('retry-after')).not.toBeNull()
    expect((await call(server, 'POST', '/v1/pipelines/wine/infer', key, body)).status).toBe(200)
    await expect(RawWebSocket.open(server.port, 'penstock.v1, penstock.key.psk_wrong')).rejects.toMatchObject({
      answer: { status: 429 },
    })
    expect(await statusFrom('127.0.0.2', server.port, 'psk_wrong')).toBe(401)
    expect(await statusFrom('127.0.0.2', server.port, key)).toBe(200)
  })

  it('journals who asked for a change, also where no store sees it', async () => {
    const { server, home } = stage
    const key = await stage.key('deployer')
    expect((await call(server, 'PUT', '/v1/pipelines/wine/tags/red', key)).status).toBeLessThan(300)
    expect((await call(server, 'POST', '/v1/pipelines/fraud/undeploy', key)).status).toBeLessThan(300)
    expect(await grpc(server, 'RepositoryModelLoad', key, { model_name: 'fraud' })).toBeNull()
    expect((await call(server, 'POST', '/v2/repository/models/wine-model/load', key)).status).toBe(200)
    const lines = async () => (await readJournal(join(home.path, 'journal.jsonl'))).entries
    await expect.poll(async () => (await lines()).some(({ name }) => name === 'served/wine-model')).toBe(true)
    const mine = (await lines()).filter(({ actor }) => actor === 'key:deployer')
    expect(mine.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'pipeline.tags pipelines/wine',
      'pipeline.undeploy pipelines/fraud',
      'pipeline.deploy pipelines/fraud',
      'model.load served/fraud',
      'model.load served/wine-model',
    ])
    for (const { time } of mine) expect(Math.abs(Date.parse(time) - Date.now())).toBeLessThan(60_000)
    expect((await lines()).find(({ kind, name }) => kind === 'key.create' && name === 'keys/deployer')?.actor).toBe(
      'local',
    )
    expect((await lines()).find(({ kind }) => kind === 'model.add')?.actor).toBe('local')
  })
})

describe.each(['uws', 'node'] as const)('without keys over %s', (sockets) => {
  let stage: Stage
  beforeAll(async () => {
    stage = await open(sockets, false, { allowedHosts: ['models.example.com'] })
  }, 60_000)
  afterAll(() => stage.close())

  it('refuses names that a foreign page could have, over HTTP, its fast paths, WebSocket and gRPC', async () => {
    const { port } = stage.server
    for (const [method, path, payload] of [
      ['GET', '/v1/pipelines/wine/logs', ''],
      ['POST', '/v1/pipelines/wine/infer', body],
      ['POST', '/v2/models/wine/infer', v2Body],
    ] as const) {
      const at = (headers: Record<string, string>) => rawHttp(port, [rawRequest(method, path, payload, headers)])
      const refused = await at({ host: `evil.example:${port}` })
      expect(refused.status, path).toBe(403)
      expect(refused.body, path).toMatch(/localhost, 127\.0\.0\.1.*models\.example\.com.*--allow-host/)
      expect((await at({ host: 'localhost', 'sec-fetch-site': 'cross-site' })).status, path).toBe(403)
      expect((await at({ host: 'localhost', origin: 'https://evil.example' })).status, path).toBe(403)
      if (path.endsWith('logs')) continue
      for (const host of ['localhost', `127.0.0.1:${port}`, `[::1]:${port}`, 'models.example.com'])
        expect((await at({ host, 'sec-fetch-site': 'same-origin' })).status, `${path} ${host}`).toBe(200)
    }
    expect((await rawHttp(port, [rawRequest('GET', '/healthz/live', '', { host: 'evil.example' })])).status).toBe(200)
    for (const headers of [
      { host: 'evil.example' },
      { 'sec-fetch-site': 'cross-site' },
      { origin: 'https://evil.example' },
    ])
      await expect(RawWebSocket.open(port, 'penstock.v1', headers as Record<string, string>)).rejects.toMatchObject({
        answer: { status: 403 },
      })
    const client = grpcClient(stage.server) as unknown as { close(): void }
    client.close()
    expect(await grpc(stage.server, 'ModelInfer', '', grpcInfer('wine'))).toBeNull()
    expect(await grpcAs('evil.example', stage.server)).toBe(7)
    expect(await grpcAs('models.example.com', stage.server)).toBeUndefined()
  })

  it('takes a client that announces its key, and asks it for nothing', async () => {
    const client = await PenstockClient.connect(stage.server.url, { apiKey: 'psk_any', apiKeyIn: 'message' })
    expect((await client.infer('wine', oneRow)).rows).toBe(1)
    await client.close()
  })
})

describe('without keys, until the first', () => {
  it('ends the connections of those who have none when a key is made', async () => {
    const keys = { count: 0, verify: (key: string) => (key === 'psk_a' ? { name: 'a' } : undefined) }
    const stage = await open('uws', false, { keys })
    try {
      const socket = await RawWebSocket.open(stage.server.port)
      await socket.message('hello')
      keys.count = 1
      expect((await socket.closed()).code).toBe(4401)
    } finally {
      await stage.close()
    }
  })
})

function statusOver(agent: Agent, port: number, key: string): Promise<number> {
  return requestStatus({ agent, port, key })
}

function statusFrom(localAddress: string, port: number, key: string): Promise<number> {
  return requestStatus({ localAddress, port, key })
}

function requestStatus(options: {
  readonly port: number
  readonly key: string
  readonly agent?: Agent
  readonly localAddress?: string
}): Promise<number> {
  const { key, ...rest } = options
  return new Promise((resolve, reject) => {
    httpRequest(
      { host: '127.0.0.1', path: '/v1/models', headers: { authorization: `Bearer ${key}` }, ...rest },
      (response) => {
        response.resume()
        response.on('end', () => resolve(response.statusCode ?? 0))
      },
    )
      .on('error', reject)
      .end()
  })
}

/** @returns the status of a call under another `:authority`; undefined: it was answered. */
async function grpcAs(authority: string, server: PenstockServer): Promise<number | undefined> {
  const client = new Client(`127.0.0.1:${server.grpcPort}`, credentials.createInsecure(), {
    'grpc.default_authority': authority,
  })
  const raw = (bytes: Buffer): Buffer => bytes
  return new Promise<number | undefined>((resolve) =>
    client.makeUnaryRequest('/inference.GRPCInferenceService/ServerMetadata', raw, raw, Buffer.alloc(0), (error) =>
      resolve(error?.code),
    ),
  ).finally(() => client.close())
}
