/**
 * WebSocket end to end: the project's own client for what clients do, and a hand-made one for what they should not do.
 * Hostile frames have their own suite, bad-input.test.ts.
 */
import { Engine, PenstockServer } from 'penstock'
import { PenstockClient } from 'penstock/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { InferEncoder, type ResultsMessage } from '../../src/protocol/codec.js'
import { RawWebSocket } from '../support/raw-sockets.js'
import { call, modelBytes, serve, testKey, until, type Served } from '../support/served.js'
import { floats, inferMessage } from '../support/messages.js'

let served: Served
let client: PenstockClient

beforeAll(async () => {
  served = await serve()
  client = await PenstockClient.connect(streamUrl(served.server))
})
afterAll(async () => {
  await client.close()
  await served.close()
})

const streamUrl = (server: PenstockServer): string => server.url.replace('http', 'ws')
const resultFloats = (message: ResultsMessage): number[] => Array.from(new Float32Array(message.data.slice().buffer))

async function openRaw(server: PenstockServer, pipeline: string, channel = 1): Promise<RawWebSocket> {
  const socket = await RawWebSocket.open(server.port)
  socket.send({ kind: 'open', channel, pipeline })
  await socket.message('opened')
  return socket
}

describe('a connection', () => {
  it('begins with Hello and answers Open with the signature', async () => {
    const socket = await RawWebSocket.open(served.server.port)
    expect(await socket.message('hello')).toMatchObject({
      windowRequests: 1024,
      server: expect.stringMatching(/^penstock\/\d/) as string,
      frameBytesMax: 64 * 1024 * 1024,
    })
    socket.send({ kind: 'open', channel: 5, pipeline: 'mixed' })
    expect(await socket.message('opened')).toMatchObject({
      channel: 5,
      pipeline: 'mixed',
      version: 1,
      inputs: [
        { name: 'x', dtype: 'float64', shape: [null, 2] },
        { name: 'scale', dtype: 'int32', shape: [null] },
      ],
      outputs: [{ name: 'y' }, { name: 'big', dtype: 'bool' }],
      isNonBatching: false,
    })
    socket.connection.close()
  })

  it('answers Open of what is not there with a failure of the channel, and stays open', async () => {
    const socket = await RawWebSocket.open(served.server.port)
    socket.send({ kind: 'open', channel: 1, pipeline: 'nowhere' })
    expect(await socket.message('failure')).toMatchObject({
      channel: 1,
      code: 'ERR_PIPELINE_NOT_FOUND',
      isChannel: true,
    })
    socket.send({ kind: 'open', channel: 1, pipeline: 'add' })
    await socket.message('opened')
    socket.send({ kind: 'open', channel: 1, pipeline: 'both' })
    expect(await socket.message('failure', ({ code }) => code === 'ERR_ARGUMENT')).toMatchObject({
      channel: 1,
      isChannel: true,
    })
    socket.send(inferMessage({ channel: 1, request: 7, data: floats(1, 2, 3) }))
    expect(resultFloats(await socket.message('results'))).toEqual([2, 3, 4])
    socket.send({ kind: 'close', channel: 1 })
    socket.send(inferMessage({ channel: 1, request: 8, data: floats(1, 2, 3) }))
    expect(await socket.message('failure', ({ request }) => request === 8)).toMatchObject({
      code: 'ERR_CHANNEL_NOT_FOUND',
      isChannel: false,
    })
    socket.connection.close()
  })

  it('takes a key as a subprotocol or a header, and refuses others', async () => {
    const keys = { count: 1, verify: (key: string) => (key === testKey ? { name: 'test' } : undefined) }
    const engine = await Engine.open({ inferWorkers: 1, calibration: 'off' })
    const server = await PenstockServer.start({ engine, port: 0, keys })
    for (const [subprotocols, headers] of [
      [`penstock.v1, penstock.key.${testKey}`, {}],
      ['penstock.v1', { authorization: `Bearer ${testKey}` }],
    ] as const) {
      const socket = await RawWebSocket.open(server.port, subprotocols, headers)
      await socket.message('hello')
      expect(socket.head.toLowerCase()).toContain('sec-websocket-protocol: penstock.v1\r\n')
      socket.connection.close()
    }
    await expect(RawWebSocket.open(server.port)).rejects.toMatchObject({
      answer: { status: 401, body: expect.stringContaining('ERR_UNAUTHORIZED') as string },
    })
    await expect(RawWebSocket.open(server.port, 'penstock.v1, penstock.key.nope')).rejects.toMatchObject({
      answer: { status: 401 },
    })
    await server.close()
    await engine.close()
  })

  it('is refused beyond the limit of connections, with a code that says to come back', async () => {
    const engine = await Engine.open({ inferWorkers: 1, calibration: 'off' })
    const server = await PenstockServer.start({ engine, port: 0, limits: { connectionsMax: 1 } })
    const first = await RawWebSocket.open(server.port)
    await expect(RawWebSocket.open(server.port)).rejects.toMatchObject({
      answer: { status: 429, head: expect.stringMatching(/retry-after: \d/i) as string },
    })
    first.connection.close()
    await until('the first is gone', () => server.connectionCount === 0)
    const second = await RawWebSocket.open(server.port)
    second.connection.close()
    await server.close()
    await engine.close()
  })
})

describe('infer over WebSocket', () => {
  it('answers numbers, several dtypes, free dims, non-batching models and strings', async () => {
    expect((await client.infer('add', { x: new Float32Array([1, 2, 3]) })).outputs['y']?.data).toEqual(
      new Float32Array([2, 3, 4]),
    )
    const mixed = await client.infer('mixed', { x: new Float64Array([1.5, 2]), scale: new Int32Array([20]) })
    expect([mixed.outputs['y']?.data, mixed.outputs['big']?.data]).toEqual([
      new Float64Array([30, 40]),
      new Uint8Array([1]),
    ])
    const tokens = { dtype: 'int64', shape: [1, 3], data: new BigInt64Array([1n, 2n, 9007199254740993n]) } as const
    expect((await client.infer('tokens', { tokens })).outputs['doubled']).toMatchObject({
      shape: [1, 3],
      data: new BigInt64Array([2n, 4n, 18014398509481986n]),
    })
    const whole = { dtype: 'float32', shape: [2, 3], data: new Float32Array([1, 2, 3, 4, 5, 6]) } as const
    expect((await client.infer('whole', { x: whole })).outputs['total']).toMatchObject({
      shape: [3],
      data: new Float32Array([5, 7, 9]),
    })
    expect((await client.infer('text', { label: ['red', 'green'] })).outputs['upper']?.data).toEqual(['RED', 'GREEN'])
  })

  it('reports failed checks and routes by row', async () => {
    const checked = await client.infer('checked', { x: new Float32Array([1, 0, 0, 10, 0, 0]) })
    expect(checked.checkFailures).toEqual([
      { check: 'too-high', rows: [1] },
      { check: 'small-input', rows: [1] },
    ])
    const split = await client.infer('split', { x: new Float32Array(6) }, { meta: { region: ['eu', 'us'] } })
    expect(split.route).toEqual(['two', 'one'])
    expect(split.outputs['y']?.data).toEqual(new Float32Array([2, 2, 2, 1, 1, 1]))
  })

  it('gives each of thousands of requests in flight its own answer', async () => {
    const channel = await client.open('add')
    const answers = await Promise.all(
      Array.from({ length: 5000 }, (_, index) => channel.infer({ x: new Float32Array([index, 0, -index]) })),
    )
    for (const [index, { outputs }] of answers.entries())
      expect(outputs['y']?.data).toEqual(new Float32Array([index + 1, 1, 1 - index]))
  })

  it('keeps answers apart over many connections', async () => {
    const clients = await Promise.all(
      Array.from({ length: 20 }, () => PenstockClient.connect(streamUrl(served.server))),
    )
    await Promise.all(
      clients.map(async (own, id) => {
        const channel = await own.open('add')
        const answers = await Promise.all(
          Array.from({ length: 100 }, (_, index) => channel.infer({ x: new Float32Array([id, index, 0]) })),
        )
        for (const [index, { outputs }] of answers.entries())
          expect(outputs['y']?.data).toEqual(new Float32Array([id + 1, index + 1, 1]))
      }),
    )
    await Promise.all(clients.map((own) => own.close()))
    await until('the server has forgotten them', () => served.server.connectionCount === 1)
  })

  it('fails only the request that is wrong', async () => {
    const channel = await client.open('table')
    const answers = await Promise.allSettled(
      Array.from({ length: 40 }, (_, index) =>
        channel.infer({ index: new BigInt64Array([index === 17 ? 99n : BigInt(index % 10)]) }),
      ),
    )
    for (const [index, answer] of answers.entries()) {
      if (index === 17) expect(answer).toMatchObject({ status: 'rejected', reason: { code: 'ERR_RUN_FAILED' } })
      else
        expect(answer).toMatchObject({
          status: 'fulfilled',
          value: { outputs: { value: { data: new Float32Array([index % 10, (index % 10) ** 2]) } } },
        })
    }
  })

  it('cancels, and keeps deadlines', async () => {
    const channel = await client.open('slow')
    const row = { x: new Float32Array(4) }
    const many = { x: new Float32Array(4 * 100) }
    const blocker = channel.infer(many)
    const controller = new AbortController()
    const cancelled = channel.infer(row, { signal: controller.signal })
    const late = channel.infer(row, { deadlineMs: 1 })
    setTimeout(() => controller.abort(), 5)
    await Promise.all([
      expect(cancelled).rejects.toMatchObject({ code: 'ERR_ABORTED' }),
      expect(late).rejects.toMatchObject({ code: 'ERR_DEADLINE_EXCEEDED' }),
    ])
    expect((await blocker).rows).toBe(100)
    await until('nothing is in flight', () => served.engine.inFlight === 0)
  })

  it('abandons what a lost connection had asked for', async () => {
    const before = served.engine.pipelineStatus('slow').failures['ERR_ABORTED'] ?? 0
    const socket = await openRaw(served.server, 'slow')
    for (let request = 0; request < 10; request++)
      socket.send(inferMessage({ channel: 1, request, rows: 20, data: floats(...new Array<number>(80).fill(1)) }))
    await until('they are in flight', () => served.engine.inFlight > 5)
    socket.connection.close()
    await until('they are abandoned', () => served.engine.inFlight === 0)
    expect(served.engine.pipelineStatus('slow').failures['ERR_ABORTED'] ?? 0).toBeGreaterThan(before)
    expect((await client.infer('add', { x: new Float32Array(3) })).rows).toBe(1)
  })

  it('answers ERR_CHANNEL_STALE after a redeploy with another signature, and serves the new one', async () => {
    await call(served.server.url, 'PUT', '/v1/models/changing/versions', modelBytes('add-one'))
    await call(served.server.url, 'PUT', '/v1/models/changing/versions', modelBytes('add-one-more-features'))
    const deploy = (version: number) =>
      call(served.server.url, 'PUT', '/v1/pipelines/changing?deploy=true', {
        steps: [{ type: 'model', model: `changing@${version}` }],
      })
    await deploy(1)
    const socket = await openRaw(served.server, 'changing')
    socket.send(inferMessage({ channel: 1, request: 1, data: floats(1, 2, 3) }))
    await socket.message('results')
    await deploy(2)
    socket.send(inferMessage({ channel: 1, request: 2, data: floats(1, 2, 3) }))
    expect(await socket.message('failure')).toMatchObject({
      channel: 1,
      request: 2,
      code: 'ERR_CHANNEL_STALE',
      isChannel: false,
    })
    socket.send({ kind: 'open', channel: 2, pipeline: 'changing' })
    await socket.message('opened', ({ channel }) => channel === 2)
    socket.send(inferMessage({ channel: 2, request: 3, data: floats(1, 2, 3, 4, 5) }))
    expect(resultFloats(await socket.message('results', ({ channel }) => channel === 2))).toEqual([2, 3, 4, 5, 6])
    socket.connection.close()
  })
})

describe('back-pressure', () => {
  /** 400 kB there and back: a window of them is more than the kernel's buffers take. */
  const tokens = new BigInt64Array(50_000)
  const request = (encoder: InferEncoder, id: number): Buffer =>
    Buffer.from(encoder.encode(id, 1, [tokens.fill(BigInt(id))], { dims: [tokens.length] }))

  it('holds a reader who does not read to its window, serves the others meanwhile, and loses nothing', async () => {
    const window = 64
    const small = await serve({ limits: { windowRequests: window } })
    const { server } = small
    try {
      const encoder = new InferEncoder(1)
      const hostile = await openRaw(server, 'tokens')
      hostile.connection.socket.pause()
      for (let id = 0; id < window; id++) hostile.sendFrame(request(encoder, id))
      await until('the window is answered', () => small.engine.pipelineStatus('tokens').requestCount === window)
      const other = await PenstockClient.connect(streamUrl(server))
      for (let index = 0; index < 200; index++)
        expect((await other.infer('add', { x: new Float32Array([index, 0, 0]) })).outputs['y']?.data[0]).toBe(index + 1)
      await other.close()

      hostile.connection.socket.resume()
      const answered = (): number =>
        hostile.messages.reduce(
          (count, message) => count + (message.kind === 'results' ? message.requests.length : 0),
          0,
        )
      await hostile.connection.until(() => answered() === window)
      const last = await hostile.message('results', ({ requests }) => Array.from(requests).at(-1) === window - 1)
      expect(new BigInt64Array(last.data.slice().buffer).at(-1)).toBe(BigInt(2 * (window - 1)))
      // Its credit has come back with the bytes.
      hostile.sendFrame(request(encoder, 1000))
      await hostile.message('results', ({ requests }) => Array.from(requests).includes(1000))
      hostile.connection.close()
    } finally {
      await small.close()
    }
  })

  it.each([
    { what: 'its window', limits: { windowRequests: 64 } },
    { what: 'its buffer', limits: { windowRequests: 4096, socketBufferBytesMax: 4 * 1024 * 1024 } },
  ])(
    'closes a reader who does not read and goes on asking, at the limit of $what, before the memory grows',
    async ({ limits }) => {
      const small = await serve({ limits })
      const { server } = small
      try {
        const encoder = new InferEncoder(1)
        const hostile = await openRaw(server, 'tokens')
        hostile.connection.socket.pause()
        const rssBefore = process.memoryUsage().rss
        let rssMax = rssBefore
        // 2 GB of answers, if nobody stopped it.
        for (let id = 0; id < 5000 && server.connectionCount > 0; id++) {
          hostile.sendFrame(request(encoder, id))
          await new Promise((resolve) => setTimeout(resolve, 1))
          rssMax = Math.max(rssMax, process.memoryUsage().rss)
        }
        await until('the server has closed it', () => server.connectionCount === 0)
        expect((rssMax - rssBefore) / 2 ** 20).toBeLessThan(400)
        hostile.connection.close()
        await until('nothing is in flight', () => small.engine.inFlight === 0)
        const other = await PenstockClient.connect(streamUrl(server))
        expect((await other.infer('add', { x: new Float32Array(3) })).rows).toBe(1)
        await other.close()
      } finally {
        await small.close()
      }
    },
  )

  it('closes a connection that has more in flight than its window, with 4429', async () => {
    const small = await serve({ limits: { windowRequests: 4 } })
    try {
      for (const pipeline of ['slow', 'text']) {
        const socket = await openRaw(small.server, pipeline)
        const isText = pipeline === 'text'
        for (let id = 0; id < 8; id++)
          socket.send(
            inferMessage({
              request: id,
              ...(isText ? { data: new Uint8Array(), texts: ['a'] } : { data: floats(1, 2, 3, 4) }),
            }),
          )
        expect(await socket.closed(), pipeline).toMatchObject({
          code: 4429,
          reason: expect.stringContaining('ERR_CREDIT_EXCEEDED') as string,
        })
      }
      await until('nothing is in flight', () => small.engine.inFlight === 0)
    } finally {
      await small.close()
    }
  })
})

describe('draining', () => {
  it('says goaway, finishes what is in flight, refuses what is new, and closes with 1001', async () => {
    const own = await serve()
    const socket = await openRaw(own.server, 'slow')
    socket.send(inferMessage({ channel: 1, request: 1, rows: 100, data: floats(...new Array<number>(400).fill(1)) }))
    await until('it is in flight', () => own.engine.inFlight === 1)
    const drained = own.server.drain()
    expect(await socket.message('goaway')).toMatchObject({ reason: 'the server is shutting down', graceMs: 30_000 })
    socket.send(inferMessage({ channel: 1, request: 2, data: floats(1, 2, 3, 4) }))
    socket.send({ kind: 'open', channel: 2, pipeline: 'add' })
    expect(await socket.message('failure', ({ isChannel }) => isChannel)).toMatchObject({
      code: 'ERR_DRAINING',
      channel: 2,
    })
    await socket.message('results', ({ requests }) => Array.from(requests).includes(1))
    expect(await drained).toBe(true)
    await own.server.close()
    expect(await socket.closed()).toEqual({ code: 1001, reason: 'the server is shutting down' })
    await own.engine.close()
  })
})
