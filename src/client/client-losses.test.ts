/** The client's rules for losses, goaways, stale channels and servers that break the protocol, one by one. */
import { describe, expect, it } from 'vitest'
import { PenstockError } from '../base/errors.js'
import { encodeMessage, InferEncoder } from '../protocol/codec.js'
import { PenstockClient, type Channel } from './index.js'
import { FakeServer } from './testing/fake-server.js'
import { firstOf, inputs, opened, socketOf, track, until } from './testing/harness.js'
import { World } from './testing/world.js'

describe('client: losses', () => {
  it('client: what is in flight at a loss rejects, what waits is sent on the next connection', async () => {
    const { world, server, client, channel } = await opened({}, (fake) => (fake.isAnswering = false))
    const events: string[] = []
    client.on('close', ({ code, willReconnect }) => events.push(`close ${code} ${willReconnect}`))
    client.on('reconnecting', ({ attempt }) => events.push(`reconnecting ${attempt}`))
    client.on('open', ({ server: name }) => events.push(`open ${name}`))
    const tracked = Array.from({ length: 6 }, (_, index) => track(channel.infer(inputs(index))))
    await world.runFor(20)
    server.isAnswering = true
    socketOf(server).cut()
    await world.run(() => tracked.every(({ outcome }) => outcome !== 'pending'))
    const lost = 'ERR_CONNECTION_LOST'
    expect(tracked.map(({ outcome }) => outcome)).toEqual([lost, lost, lost, lost, 'resolved', 'resolved'])
    expect(tracked[0]?.error?.retryable).toBe(true)
    expect(events).toEqual(['close 1006 true', 'reconnecting 1', 'open fake'])
    expect(server.ran).toEqual([4, 5])
  })

  it('client: the reason of a close code is the cause', async () => {
    const { world, server, channel } = await opened({}, (fake) => (fake.isAnswering = false))
    const tracked = track(channel.infer(inputs(1)))
    await world.runFor(10)
    socketOf(server).cut(4429, 'Expected at most 4 requests')
    await world.runFor(1)
    expect(tracked.error).toMatchObject({
      code: 'ERR_CONNECTION_LOST',
      cause: { code: 'ERR_CREDIT_EXCEEDED', message: 'Expected at most 4 requests' },
    })
  })

  it('client: backs off with full jitter, doubling to the maximum', async () => {
    const { world, server, client } = await opened({ reconnect: { delayMsMin: 100, delayMsMax: 1000 } })
    const delays: number[] = []
    client.on('reconnecting', ({ delayMs }) => delays.push(delayMs))
    server.isUp = false
    socketOf(server).cut()
    await world.run(() => delays.length === 12)
    for (const [attempt, delayMs] of delays.entries()) expect(delayMs).toBeLessThan(Math.min(1000, 100 * 2 ** attempt))
    expect(Math.max(...delays)).toBeGreaterThan(400)
    expect(new Set(delays).size).toBeGreaterThan(8)
    await client.close()
  })

  it('client: gives up after attemptsMax and rejects everything', async () => {
    const { world, server, client, channel } = await opened({ reconnect: { attemptsMax: 3 } })
    server.isUp = false
    socketOf(server).cut()
    const tracked = track(channel.infer(inputs(1)))
    const ready = track(client.ready())
    await world.run(() => tracked.outcome !== 'pending')
    expect([tracked.outcome, ready.outcome]).toEqual(['ERR_CONNECTION_LOST', 'ERR_CONNECTION_LOST'])
    expect(server.sockets.length).toBe(4)
    await expect(channel.infer(inputs(1))).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    await expect(client.open('double')).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })

  it('client: without reconnect a loss closes it', async () => {
    const { world, server, client, channel } = await opened({ reconnect: false })
    const closed: boolean[] = []
    client.on('close', ({ willReconnect }) => closed.push(willReconnect))
    socketOf(server).cut()
    await expect(channel.infer(inputs(1))).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    await world.runFor(1000)
    expect([closed, server.sockets.length, world.pendingTimers]).toEqual([[false], 1, 0])
  })

  it('client: the first connection is tried once and says why it failed', async () => {
    const world = new World(1)
    const server = new FakeServer(world)
    server.isUp = false
    await expect(until(world, PenstockClient.connect('ws://fake', {}, server.environment))).rejects.toMatchObject({
      code: 'ERR_CONNECTION_LOST',
    })
    expect([server.sockets.length, world.pendingTimers]).toEqual([1, 0])
  })

  it('client: a server that never says hello fails the connect in time', async () => {
    const world = new World(1)
    const server = new FakeServer(world)
    const openSocket = server.environment.openSocket
    const mute = {
      ...server.environment,
      openSocket: (url: string, protocols: readonly string[]) =>
        Object.assign(openSocket(url, protocols), { accept: () => undefined }),
    }
    await expect(
      until(world, PenstockClient.connect('ws://fake', { connectTimeoutMs: 50 }, mute)),
    ).rejects.toMatchObject({
      code: 'ERR_CONNECTION_LOST',
      message: 'Expected ws://fake/v1/stream to answer within 50 ms but received nothing',
    })
  })

  it('client: a server that speaks no penstock.v1 is final', async () => {
    const world = new World(1)
    const server = new FakeServer(world)
    const openSocket = server.environment.openSocket
    const other = { ...server.environment, openSocket: (url: string) => openSocket(url, ['other.v1']) }
    await expect(until(world, PenstockClient.connect('ws://fake', {}, other))).rejects.toMatchObject({
      code: 'ERR_SUBPROTOCOL',
    })
  })
})

describe('client: goaway, drain and stale channels', () => {
  it('client: after a goaway work in flight finishes there, new work goes to the next connection', async () => {
    const { world, server, client, channel } = await opened({}, (fake) => (fake.isAnswering = false))
    const reasons: string[] = []
    client.on('goaway', ({ reason }) => reasons.push(reason))
    const old = track(channel.infer(inputs(1)))
    await world.runFor(20)
    server.goaway()
    await world.runFor(5)
    server.isAnswering = true
    expect(firstOf(await until(world, channel.infer(inputs(2))))).toBe(4)
    expect([old.outcome, server.live.length]).toEqual(['pending', 2])
    for (const run of server.held) run()
    await world.run(() => server.live.length === 1)
    expect([old.outcome, reasons, server.violations]).toEqual(['resolved', ['drain'], []])
  })

  it('client: a request that a draining server refused runs on the next connection', async () => {
    const { world, server, channel } = await opened()
    server.refuse = () => new PenstockError('ERR_DRAINING')
    const promise = channel.infer(inputs(7))
    await world.run(() => server.sockets.length === 2)
    server.refuse = null
    expect(firstOf(await until(world, promise))).toBe(14)
    expect(server.ran).toEqual([7])
  })

  it('client: a stale channel is opened again under a new number, once, and the request is sent again', async () => {
    const { world, server, channel } = await opened()
    let refusals = 0
    server.refuse = ({ message }) =>
      message.channel === 1 ? (refusals++, new PenstockError('ERR_CHANNEL_STALE')) : null
    const results = await until(world, Promise.all([1, 2, 3].map((value) => channel.infer(inputs(value)))))
    expect(results.map(firstOf)).toEqual([2, 4, 6])
    expect(refusals).toBe(3)
    const kinds = socketOf(server).received.flatMap((message) =>
      message.kind === 'open' || message.kind === 'close' ? [`${message.kind} ${message.channel}`] : [],
    )
    expect(kinds.sort()).toEqual(['close 1', 'open 1', 'open 2'])
  })

  it('client: a request that meets one redeploy after the other is sent again, but not for ever', async () => {
    const { world, server, channel } = await opened()
    let refusals = 0
    server.refuse = () => (refusals++ < 8 ? new PenstockError('ERR_CHANNEL_STALE') : null)
    expect(firstOf(await until(world, channel.infer(inputs(1))))).toBe(2)
    server.refuse = () => {
      refusals++
      return new PenstockError('ERR_CHANNEL_STALE')
    }
    refusals = 0
    await expect(until(world, channel.infer(inputs(1)))).rejects.toMatchObject({ code: 'ERR_CHANNEL_STALE' })
    expect(refusals).toBe(9)
  })

  it('client: after a stale channel inputs are checked against the new signature', async () => {
    const { world, server, channel } = await opened()
    server.features = 1
    server.refuse = ({ message }) => (message.channel === 1 ? new PenstockError('ERR_CHANNEL_STALE') : null)
    const flat = await until(world, channel.infer({ x: Float32Array.of(1, 2) }))
    expect(flat.rows).toBe(2)
    expect(channel.inputs[0]?.shape).toEqual([null, 1])
    await expect(until(world, channel.infer({ x: [[1, 2]] }))).rejects.toMatchObject({ code: 'ERR_SHAPE' })
  })

  it('client: a pipeline that is gone after a reconnect rejects its requests, and serves again when it is back', async () => {
    const { world, server, channel } = await opened()
    server.refuseOpen = () => new PenstockError('ERR_PIPELINE_NOT_DEPLOYED')
    socketOf(server).cut()
    await expect(until(world, channel.infer(inputs(1)))).rejects.toMatchObject({ code: 'ERR_PIPELINE_NOT_DEPLOYED' })
    server.refuseOpen = null
    expect(firstOf(await until(world, channel.infer(inputs(1))))).toBe(2)
  })
})

describe('client: a server that breaks the protocol', () => {
  const frames: [string, (channel: Channel) => unknown][] = [
    ['text', () => 'hello'],
    ['noise', () => new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8, 9]).buffer],
    ['a client’s message', () => new InferEncoder(1).encode(1, 1, []).slice().buffer],
    [
      'an answer to nobody',
      () =>
        encodeMessage({
          kind: 'failure',
          channel: 1,
          request: 77,
          code: 'ERR_SHAPE',
          message: '',
          retryAfterMs: 0,
          isChannel: false,
        }).slice().buffer,
    ],
    [
      'a second hello',
      () => encodeMessage({ kind: 'hello', windowRequests: 1, server: '', frameBytesMax: 0 }).slice().buffer,
    ],
    [
      'a result of other rows',
      () =>
        encodeMessage({
          kind: 'results',
          channel: 1,
          requests: [0],
          rows: [2],
          data: new Uint8Array(16),
          dims: null,
          checkFailures: null,
          routes: null,
          texts: null,
        }).slice().buffer,
    ],
    [
      'a result that is too short',
      () =>
        encodeMessage({
          kind: 'results',
          channel: 1,
          requests: [0],
          rows: null,
          data: new Uint8Array(4),
          dims: null,
          checkFailures: null,
          routes: null,
          texts: null,
        }).slice().buffer,
    ],
    [
      'a result that is too long',
      () =>
        encodeMessage({
          kind: 'results',
          channel: 1,
          requests: [0],
          rows: null,
          data: new Uint8Array(12),
          dims: null,
          checkFailures: null,
          routes: null,
          texts: null,
        }).slice().buffer,
    ],
  ]
  for (const [title, make] of frames) {
    it(`client: ends the connection on ${title}, rejects what is in flight and dials anew`, async () => {
      const { world, server, channel } = await opened({}, (fake) => (fake.isAnswering = false))
      const tracked = [track(channel.infer(inputs(1))), track(channel.infer(inputs(2)))]
      await world.runFor(20)
      const socket = socketOf(server)
      socket.sendRaw(make(channel))
      server.isAnswering = true
      await world.run(() => tracked[1]?.outcome !== 'pending' && socket.closedWith !== null)
      expect(tracked[1]?.outcome).toBe('ERR_CONNECTION_LOST')
      expect(tracked[1]?.error?.cause).toMatchObject({ code: 'ERR_FRAME' })
      expect(socket.closedWith?.code).toBe(4400)
      expect(firstOf(await until(world, channel.infer(inputs(3))))).toBe(6)
    })
  }
})
