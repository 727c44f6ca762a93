/**
 * HTTP end to end: a real engine, a real socket. Every JSON answer is held to the schema that /openapi.json promises.
 */
import { createServer } from 'node:net'
import { Engine, PenstockServer } from 'penstock'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeMessage, encodeMessage } from '../../src/protocol/codec.js'
import { RawConnection, parseAnswer, rawHttp, rawRequest } from '../support/raw-sockets.js'
import { call, modelBytes, serve, testKey, until, type Answer, type Served } from '../support/served.js'
import { inferMessage } from '../support/messages.js'
import { TestLog } from '../support/log-harness.js'

let served: Served
const http = (method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer> =>
  call(served.server.url, method, path, body, headers)
const infer = (pipeline: string, body: unknown, headers?: Record<string, string>): Promise<Answer> =>
  http('POST', `/v1/pipelines/${pipeline}/infer`, body, headers)

beforeAll(async () => {
  served = await serve()
})
afterAll(() => served.close())

describe('models over HTTP', () => {
  it('uploads, lists, aliases and removes', async () => {
    const first = await http('PUT', '/v1/models/life/versions?alias=champion&tag=a&tag=b', modelBytes('add-one'))
    expect(first).toMatchObject({
      status: 201,
      json: {
        name: 'life',
        version: 1,
        aliases: ['champion'],
        tags: ['a', 'b'],
        batching: 'rows',
        inputs: [{ name: 'x', dtype: 'float32', shape: [null, 3] }],
      },
    })
    expect((await http('PUT', '/v1/models/life/versions', modelBytes('add-one'))).json['version']).toBe(1)
    expect((await http('PUT', '/v1/models/life/versions', modelBytes('times-two'))).json).toMatchObject({
      version: 2,
      aliases: [],
    })
    expect((await http('PUT', '/v1/models/life/aliases/champion', { version: 2 })).json).toMatchObject({
      name: 'life',
      aliases: { champion: 2 },
    })
    expect((await http('GET', '/v1/models')).json['models']).toEqual(
      expect.arrayContaining([expect.objectContaining({ name: 'life' })]),
    )
    expect((await http('DELETE', '/v1/models/life/versions/1')).json['versions']).toHaveLength(1)
    expect(await http('DELETE', '/v1/models/life/versions/2')).toMatchObject({
      status: 409,
      json: { code: 'ERR_CONFLICT' },
    })
    expect((await http('DELETE', '/v1/models/life/aliases/champion')).json['aliases']).toEqual({})
    expect((await http('DELETE', '/v1/models/life')).status).toBe(204)
    expect(await http('GET', '/v1/models/life')).toMatchObject({ status: 404, json: { code: 'ERR_MODEL_NOT_FOUND' } })
  })

  it('refuses an announced body beyond the limit before a byte of it is sent', async () => {
    const head = 'PUT /v1/models/huge/versions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3000000000\r\n\r\n'
    const answer = await rawHttp(served.server.port, [head])
    expect(answer.status).toBe(413)
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'ERR_BODY_TOO_LARGE' })
  })
})

describe('pipelines over HTTP', () => {
  it('stores versions, deploys, redeploys, undeploys and removes', async () => {
    await http('PUT', '/v1/models/swap/versions', modelBytes('constant-v1'))
    const one = { steps: [{ type: 'model', model: 'swap@1' }] }
    expect((await http('PUT', '/v1/pipelines/life', one)).json).toMatchObject({
      version: 1,
      deployed: false,
      steps: one.steps,
    })
    expect(await infer('life', { x: [[1, 2, 3]] })).toMatchObject({
      status: 409,
      json: { code: 'ERR_PIPELINE_NOT_DEPLOYED' },
    })
    expect((await http('POST', '/v1/pipelines/life/deploy')).json).toMatchObject({
      version: 1,
      inputs: [{ name: 'x' }],
      models: [{ name: 'swap', version: 1 }],
    })
    expect((await infer('life', { x: [[1, 2, 3]] })).json['outputs']).toEqual({ y: [[1, 1, 1]] })
    await http('PUT', '/v1/models/swap/versions', modelBytes('constant-v2'))
    expect(
      (await http('PUT', '/v1/pipelines/life?deploy=true', { steps: [{ type: 'model', model: 'swap@2' }] })).json,
    ).toMatchObject({ version: 2, deployed: true })
    expect((await infer('life', { x: [[1, 2, 3]] })).json).toMatchObject({
      outputs: { y: [[2, 2, 2]] },
      metadata: { pipeline_version: 2 },
    })
    expect((await http('POST', '/v1/pipelines/life/deploy', { version: 1 })).json['version']).toBe(1)
    expect((await http('GET', '/v1/pipelines/life/versions')).json['versions']).toHaveLength(2)
    expect((await http('GET', '/v1/pipelines/life/versions/2')).json).toMatchObject({ name: 'life', version: 2 })
    expect(await http('GET', '/v1/pipelines/life/versions/3')).toMatchObject({
      status: 404,
      json: { code: 'ERR_PIPELINE_NOT_FOUND' },
    })
    expect((await http('GET', '/v1/pipelines/life/status')).json).toMatchObject({
      deployed: true,
      version: 1,
      request_count: 2,
      row_count: 2,
    })
    expect(await http('DELETE', '/v1/pipelines/life')).toMatchObject({ status: 409, json: { code: 'ERR_CONFLICT' } })
    expect((await http('POST', '/v1/pipelines/life/undeploy')).json['deployed_version']).toBe(null)
    expect((await http('DELETE', '/v1/pipelines/life')).status).toBe(204)
    expect((await http('GET', '/v1/pipelines')).json['pipelines']).toEqual(
      expect.not.arrayContaining([expect.objectContaining({ name: 'life' })]),
    )
  })

  it('swaps a pipeline under load without losing a request', async () => {
    for (const name of ['constant-v1', 'constant-v2']) await http('PUT', '/v1/models/hot/versions', modelBytes(name))
    await http('PUT', '/v1/pipelines/hot?deploy=true', { steps: [{ type: 'model', model: 'hot@1' }] })
    let isSwapping = true
    const seen = new Set<unknown>()
    const load = Array.from({ length: 4 }, async () => {
      while (isSwapping) {
        const answer = await infer('hot', { x: [[0, 0, 0]] })
        expect(answer.status).toBe(200)
        const { outputs, metadata } = answer.json as {
          outputs: { y: number[][] }
          metadata: { pipeline_version: number }
        }
        expect(outputs.y[0]?.[0]).toBe(metadata.pipeline_version % 2 === 1 ? 1 : 2)
        seen.add(metadata.pipeline_version)
      }
    })
    for (let round = 0; round < 6; round++) {
      const version = (round % 2) + 1
      expect(
        (await http('PUT', '/v1/pipelines/hot?deploy=true', { steps: [{ type: 'model', model: `hot@${version}` }] }))
          .status,
      ).toBe(201)
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
    isSwapping = false
    await Promise.all(load)
    expect(seen.size).toBeGreaterThan(1)
  })
})

describe('infer over HTTP', () => {
  it('answers columns, nested, flat and wrapped, at both addresses', async () => {
    for (const body of [
      {
        x: [
          [1, 2, 3],
          [4, 5, 6],
        ],
      },
      { x: [1, 2, 3, 4, 5, 6] },
      {
        inputs: {
          x: [
            [1, 2, 3],
            [4, 5, 6],
          ],
        },
      },
    ]) {
      expect((await infer('add', body)).json['outputs']).toEqual({
        y: [
          [2, 3, 4],
          [5, 6, 7],
        ],
      })
    }
    expect((await http('POST', '/pipelines/add', { x: [1, 2, 3] })).json['outputs']).toEqual({ y: [[2, 3, 4]] })
    expect((await infer('both', { left: [[1, 2]], right: [[10, 20]] })).json['outputs']).toEqual({
      sum: [[11, 22]],
      difference: [[-9, -18]],
    })
    expect((await infer('mixed', { x: [[1.5, 2]], scale: [20] })).json['outputs']).toEqual({
      y: [[30, 40]],
      big: [true],
    })
  })

  it('answers records with the row as it was written', async () => {
    const answer = await http('POST', '/pipelines/checked', '[{"x":[1.50,2,3],"note":"ä"},{"x":[1e1,5,6]}]', {
      'content-type': 'application/json; format=pandas-records',
    })
    expect(answer.status).toBe(200)
    const rows = answer.json as unknown as Record<string, Record<string, unknown>>[]
    expect(answer.text).toContain('"in":{"x":[1.50,2,3],"note":"ä"}')
    expect(rows.map(({ out, anomaly, check_failures: failed }) => ({ out, anomaly, failed }))).toEqual([
      { out: { y: [2.5, 3, 4] }, anomaly: { count: 0, 'too-high': false, 'small-input': false }, failed: [] },
      {
        out: { y: [11, 6, 7] },
        anomaly: { count: 2, 'too-high': true, 'small-input': true },
        failed: ['too-high', 'small-input'],
      },
    ])
    expect(rows[0]?.['time']).toBe(rows[1]?.['time'])
    expect(JSON.parse(String(rows[0]?.['metadata']?.['last_model']))).toMatchObject({
      model_name: 'add',
      model_sha: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    })
  })

  it('names failing rows of columns', async () => {
    const { json } = await infer('checked', {
      x: [
        [1, 0, 0],
        [10, 0, 0],
        [9, 0, 0],
      ],
    })
    expect(json['check_failures']).toEqual([
      { check: 'too-high', rows: [1] },
      { check: 'small-input', rows: [1, 2] },
    ])
  })

  it('takes one penstock message and answers one, or JSON where Accept says so', async () => {
    const data = new Uint8Array(new Float32Array([1, 2, 3, 4, 5, 6]).buffer)
    const message = encodeMessage(inferMessage({ channel: 3, request: 9, rows: 2, data }))
    const type = { 'content-type': 'application/x-penstock' }
    const binary = await infer('add', message, type)
    expect(binary.headers.get('content-type')).toBe('application/x-penstock')
    const results = decodeMessage(binary.bytes)
    if (results.kind !== 'results') throw new Error(results.kind)
    expect([results.channel, ...Array.from(results.requests)]).toEqual([3, 9])
    expect(Array.from(new Float32Array(results.data.slice().buffer))).toEqual([2, 3, 4, 5, 6, 7])
    expect((await infer('add', message, { ...type, accept: 'application/json' })).json['outputs']).toEqual({
      y: [
        [2, 3, 4],
        [5, 6, 7],
      ],
    })
    const records = await infer('add', message, { ...type, accept: 'application/json; format=pandas-records' })
    expect(records.json).toMatchObject([{ in: { x: [1, 2, 3] }, out: { y: [2, 3, 4] } }, { in: { x: [4, 5, 6] } }])
    const reverse = await infer('add', { x: [1, 2, 3] }, { accept: 'application/x-penstock' })
    expect(decodeMessage(reverse.bytes)).toMatchObject({ kind: 'results', channel: 0 })
  })

  it('keeps 64-bit integers exact, both ways', async () => {
    const { text } = await infer('wide', '{"x":[[9007199254740993,-9223372036854775808,9223372036854775807]]}')
    expect(text).toContain('[[9007199254740993,-9223372036854775808,9223372036854775807]]')
  })

  it('runs strings, bools, free dims, whole and fixed-batch models', async () => {
    expect((await infer('text', { label: ['red', 'weiß'] })).json['outputs']).toEqual({
      upper: ['RED', expect.any(String)],
    })
    expect((await infer('bool', { x: [[true, false, 1]] })).json['outputs']).toEqual({ y: [[true, false, true]] })
    expect((await infer('tokens', { tokens: [[1, 2, 3, 4, 5]] })).json['outputs']).toEqual({
      doubled: [[2, 4, 6, 8, 10]],
    })
    expect(
      (
        await infer('whole', {
          x: [
            [1, 2, 3],
            [4, 5, 6],
          ],
        })
      ).json['outputs'],
    ).toEqual({ total: [5, 7, 9] })
    expect(
      (
        await infer('fixed', {
          x: [
            [1, 2, 3, 4],
            [5, 6, 7, 8],
          ],
        })
      ).json['outputs'],
    ).toEqual({
      y: [
        [3, 5, 7, 9],
        [11, 13, 15, 17],
      ],
    })
  })

  it('routes on a meta key, a column of records, and a hash number', async () => {
    expect((await infer('split', { inputs: { x: [[0, 0, 0]] }, meta: { region: 'eu' } })).json).toMatchObject({
      outputs: { y: [[2, 2, 2]] },
      metadata: { route: ['two'] },
    })
    const rows = await infer('split', [
      { x: [0, 0, 0], region: 'eu' },
      { x: [0, 0, 0], region: 'us' },
      { x: [0, 0, 0] },
    ])
    expect(
      (rows.json as unknown as { out: { y: number[] }; metadata: { route: string } }[]).map(({ out, metadata }) => [
        out.y[0],
        metadata.route,
      ]),
    ).toEqual([
      [2, 'two'],
      [1, 'one'],
      [1, 'one'],
    ])
    const hashed = await infer('weighted', [
      { x: [0, 0, 0], u: 0.4 },
      { x: [0, 0, 0], u: 0.6 },
    ])
    expect((hashed.json as unknown as { metadata: { route: string } }[]).map(({ metadata }) => metadata.route)).toEqual(
      ['one', 'two'],
    )
    expect(await infer('weighted', [{ x: [0, 0, 0], u: 1.5 }])).toMatchObject({
      status: 400,
      json: { code: 'ERR_META' },
    })
    expect((await infer('shadowed', { x: [[0, 0, 0]] })).json).toMatchObject({
      outputs: { y: [[1, 1, 1]] },
      metadata: { last_model: expect.stringContaining('"one"') as string },
    })
  })

  it('answers a second infer that is sent before the answer to the first after it, or ends the connection, and nothing else', async () => {
    const connection = await RawConnection.open(served.server.port)
    const request = rawRequest('POST', '/v1/pipelines/add/infer', '{"x":[1,0,0]}')
    connection.socket.write(Buffer.concat([request, request]))
    // I/O threads of our own leave the second one where it is until the first is answered.
    const answers = (): number => connection.received.toString().split('HTTP/1.1 200 OK').length - 1
    await connection.until(() => (served.server.sockets === 'native' ? answers() === 2 : connection.isClosed))
    connection.close()
    await until('none is in flight', () => served.engine.inFlight === 0)
    expect((await infer('add', { x: [1, 0, 0] })).status).toBe(200)
  })

  it('keeps deadlines from the header and the body', async () => {
    const row = { x: [[1, 2, 3, 4]] }
    expect(await infer('slow', row, { 'penstock-deadline-ms': '1' })).toMatchObject({
      status: 504,
      json: { code: 'ERR_DEADLINE_EXCEEDED' },
    })
    expect(await infer('slow', { inputs: row, deadlineMs: 1 })).toMatchObject({
      status: 504,
      json: { code: 'ERR_DEADLINE_EXCEEDED' },
    })
    expect(
      (await infer('add', { x: [1, 2, 3] }, { 'penstock-deadline-ms': '60000', 'penstock-priority': 'background' }))
        .status,
    ).toBe(200)
    expect(await infer('add', { x: [1, 2, 3] }, { 'penstock-deadline-ms': 'soon' })).toMatchObject({
      status: 400,
      json: { error: 'Expected penstock-deadline-ms to be an integer in 1..3600000 but received "soon"' },
    })
  })

  it('answers many requests at once, each with its own rows', async () => {
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        infer('add', { x: Array.from({ length: 3 * ((index % 5) + 1) }, () => index) }),
      ),
    )
    for (const [index, answer] of answers.entries()) {
      expect((answer.json as { outputs: { y: number[][] } }).outputs.y).toEqual(
        Array.from({ length: (index % 5) + 1 }, () => [index + 1, index + 1, index + 1]),
      )
    }
  })

  it('streams a large answer to a slow reader without a byte lost', async () => {
    const rows = 60_000
    const values = Array.from({ length: rows }, (_, row) => `[${row},${row}.5,-${row}]`)
    const connection = await RawConnection.open(served.server.port)
    connection.socket.pause()
    connection.socket.write(rawRequest('POST', '/v1/pipelines/echo/infer', `{"x":[${values.join(',')}]}`))
    await new Promise((resolve) => setTimeout(resolve, 500))
    connection.socket.resume()
    await connection.until(() => parseAnswer(connection.received) !== null)
    const answer = parseAnswer(connection.received)
    connection.close()
    expect(answer?.status).toBe(200)
    const { outputs } = JSON.parse(answer?.body ?? '') as { outputs: { y: number[][] } }
    expect(outputs.y.length).toBe(rows)
    expect(outputs.y.at(-1)).toEqual([rows - 1, rows - 0.5, 1 - rows])
  })

  it('cancels the request of a caller who disconnects', async () => {
    const rows = Array.from({ length: 400 }, () => [1, 2, 3, 4])
    const blocker = infer('slow', { x: rows.slice(0, 20) })
    const connection = await RawConnection.open(served.server.port)
    connection.socket.write(rawRequest('POST', '/v1/pipelines/slow/infer', JSON.stringify({ x: rows })))
    await until('both are in flight', () => served.engine.inFlight === 2)
    connection.close()
    await until(
      'the abandoned one is cancelled',
      () => (served.engine.pipelineStatus('slow').failures['ERR_ABORTED'] ?? 0) === 1,
    )
    expect((await blocker).status).toBe(200)
    await until('nothing is in flight', () => served.engine.inFlight === 0)
  })
})

describe('the server about itself', () => {
  it('has an index, health, an OpenAPI document and HEAD', async () => {
    expect((await http('GET', '/')).json).toMatchObject({ name: 'penstock', links: { pipelines: '/v1/pipelines' } })
    expect((await http('GET', '/healthz/live')).json).toEqual({ live: true })
    expect((await http('GET', '/healthz/ready')).json).toEqual({ ready: true, failing_logs: [] })
    expect((await http('GET', '/openapi.json')).json).toMatchObject({
      openapi: '3.1.0',
      paths: { '/v1/models': { get: {} } },
    })
    const head = await fetch(`${served.server.url}/v1/models`, { method: 'HEAD' })
    expect([head.status, await head.text(), Number(head.headers.get('content-length')) > 100]).toEqual([200, '', true])
  })

  it('counts what it did, in metrics that parse', async () => {
    const { text, headers } = await http('GET', '/metrics')
    expect(headers.get('content-type')).toContain('text/plain')
    const value = (series: string): number =>
      Number(new RegExp(`^${series.replaceAll(/[{}"+.$]/g, '\\$&')} (\\S+)$`, 'm').exec(text)?.[1])
    const status = served.engine.pipelineStatus('add')
    expect(value('penstock_requests_total{pipeline="add"}')).toBe(status.requestCount)
    expect(value('penstock_rows_total{pipeline="add"}')).toBe(status.rowCount)
    // Failed requests took time, too.
    expect(value('penstock_request_duration_seconds_count{pipeline="add"}')).toBeGreaterThanOrEqual(status.requestCount)
    expect(value('penstock_failures_total{pipeline="slow",code="ERR_ABORTED"}')).toBe(1)
    expect(value('penstock_pending_rows{model="add",version="1",priority="interactive"}')).toBe(0)
    expect(value('penstock_batch_rows_count{model="add",version="1"}')).toBe(
      value('penstock_batches_total{model="add",version="1"}'),
    )
    expect(
      (
        await http('GET', '/metrics', undefined, { accept: 'application/openmetrics-text; version=1.0.0' })
      ).text.endsWith('# EOF\n'),
    ).toBe(true)
  })
})

describe('who may call', () => {
  const keys = { count: 1, verify: (key: string) => (key === testKey ? { name: 'test' } : undefined) }

  it('wants the key everywhere but at the health checks', async () => {
    const locked = await serve({ keys })
    const get = (path: string, headers?: Record<string, string>): Promise<Answer> =>
      call(locked.server.url, 'GET', path, undefined, headers)
    try {
      const refused = await get('/v1/models')
      expect(refused).toMatchObject({ status: 401, json: { code: 'ERR_UNAUTHORIZED' } })
      expect(refused.headers.get('www-authenticate')).toBe('Bearer')
      for (const path of ['/', '/metrics', '/openapi.json', '/v1/pipelines'])
        expect((await get(path)).status, path).toBe(401)
      for (const path of ['/healthz/live', '/healthz/ready']) expect((await get(path)).status, path).toBe(200)
      expect((await get('/v1/models', { authorization: `Bearer ${testKey}` })).status).toBe(200)
      expect((await get('/v1/models', { authorization: 'Bearer psk_other' })).status).toBe(401)
    } finally {
      await locked.close()
    }
  })

  it('refuses a page of another origin on loopback, and a host beyond it without keys', async () => {
    expect(await http('GET', '/v1/models', undefined, { origin: 'https://evil.example' })).toMatchObject({
      status: 403,
      json: { code: 'ERR_FORBIDDEN' },
    })
    expect((await http('GET', '/v1/models', undefined, { origin: 'http://localhost:3000' })).status).toBe(200)
    await expect(PenstockServer.start({ engine: served.engine, host: '0.0.0.0', port: 0 })).rejects.toMatchObject({
      code: 'ERR_ARGUMENT',
      message: expect.stringContaining('0.0.0.0') as string,
    })
  })
})

describe('the port', () => {
  it('is never shared in silence: a second server is refused, whoever holds it', async () => {
    await expect(PenstockServer.start({ engine: served.engine, port: served.server.port })).rejects.toMatchObject({
      code: 'ERR_CONFLICT',
      message: expect.stringContaining(`port ${served.server.port}`) as string,
    })
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as { port: number }
    await expect(PenstockServer.start({ engine: served.engine, port })).rejects.toMatchObject({ code: 'ERR_CONFLICT' })
    await new Promise((resolve) => other.close(resolve))
    await expect(
      PenstockServer.start({ engine: served.engine, host: 'no.such.host.invalid', port: 0 }),
    ).rejects.toMatchObject({ code: 'ERR_ARGUMENT' })
  })
})

describe('draining', () => {
  it('finishes what is in flight, refuses what is new, and closes', async () => {
    const log = new TestLog()
    const engine = await Engine.open({ inferWorkers: 1, calibration: 'off', log })
    await engine.addModel('slow', modelBytes('slow'))
    await engine.applyPipeline({ name: 'slow', steps: [{ type: 'model', model: 'slow' }] }, { deploy: true })
    const server = await PenstockServer.start({ engine, port: 0 })
    // Open before draining: later connections are not accepted.
    const watcher = await RawConnection.open(server.port)
    watcher.socket.write('GET /healthz/ready HTTP/1.1\r\nhost: localhost\r\n\r\n')
    await watcher.until(() => parseAnswer(watcher.received)?.status === 200)
    const late = await RawConnection.open(server.port)
    const running = call(server.url, 'POST', '/v1/pipelines/slow/infer', {
      x: Array.from({ length: 200 }, () => [1, 2, 3, 4]),
    })
    await until('it is in flight', () => engine.inFlight === 1)

    const drained = server.drain()
    watcher.drop()
    watcher.socket.write('GET /healthz/ready HTTP/1.1\r\nhost: localhost\r\n\r\n')
    await watcher.until(() => parseAnswer(watcher.received) !== null)
    expect(parseAnswer(watcher.received)).toMatchObject({
      status: 503,
      head: expect.stringMatching(/connection: close/i) as string,
    })
    late.socket.write(rawRequest('POST', '/v1/pipelines/slow/infer', '{"x":[[1,2,3,4]]}'))
    await late.until(() => parseAnswer(late.received) !== null)
    expect(JSON.parse(parseAnswer(late.received)?.body ?? '')).toMatchObject({
      code: 'ERR_DRAINING',
      retry_after_ms: expect.any(Number) as number,
    })
    await expect(fetch(server.url)).rejects.toThrow()

    expect((await running).status).toBe(200)
    expect(await drained).toBe(true)
    await server.close()
    await server.close()
    await engine.close()
    await watcher.until(() => watcher.isClosed)
  })
})
