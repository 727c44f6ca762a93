/** The client's rules for requests, one by one, in a world whose time stands still until it is moved. */
import { describe, expect, it } from 'vitest'
import { PenstockError } from '../base/errors.js'
import { firstOf, inputs, opened, socketOf, track, until } from './testing/harness.js'

describe('client: requests and answers', () => {
  it('client: a channel has the signature, a result has tensors, rows and failed checks', async () => {
    const { world, client, channel } = await opened()
    expect([
      channel.pipeline,
      channel.version,
      channel.isNonBatching,
      channel.rowsMax,
      channel.checks,
      channel.routes,
    ]).toEqual(['double', 1, false, 100, ['odd'], []])
    expect(channel.inputs).toEqual([{ name: 'x', dtype: 'float32', shape: [null, 2] }])
    const result = await until(
      world,
      channel.infer({
        x: [
          [1, 2],
          [3, 4],
        ],
      }),
    )
    expect(result).toEqual({
      rows: 2,
      outputs: { y: { dtype: 'float32', shape: [2, 2], data: Float32Array.of(2, 4, 6, 8) } },
      checkFailures: [{ check: 'odd', rows: [0] }],
      route: null,
    })
    expect(await until(world, client.open('double'))).toBe(channel)
    expect(firstOf(await until(world, client.infer('double', inputs(4))))).toBe(8)
  })

  it('client: dials the stream path with both subprotocols, and nothing else carries the key', async () => {
    const { server } = await opened({ apiKey: 'psk_1-2' })
    expect(server.sockets[0]?.url).toBe('ws://fake/v1/stream')
    expect(server.sockets[0]?.protocols).toEqual(['penstock.v1', 'penstock.key.psk_1-2'])
  })

  const refusals: [string, unknown, string][] = [
    ['a missing input', {}, 'ERR_MISSING_INPUT'],
    ['an input too many', { x: [[1, 2]], z: [[1, 2]] }, 'ERR_UNKNOWN_INPUT'],
    ['a wrong shape', { x: [[1, 2, 3]] }, 'ERR_SHAPE'],
    ['a lossy dtype', { x: new Float64Array(2) }, 'ERR_DTYPE'],
    ['too many rows', { x: new Float32Array(202) }, 'ERR_TOO_MANY_ROWS'],
    ['no inputs at all', null, 'ERR_ARGUMENT'],
  ]
  for (const [title, given, code] of refusals) {
    it(`client: refuses ${title} without sending it`, async () => {
      const { world, server, channel } = await opened()
      const sent = socketOf(server).received.length
      const tracked = track(channel.infer(given as never))
      await world.runFor(50)
      expect(tracked.outcome).toBe(code)
      expect(socketOf(server).received.length).toBe(sent)
    })
  }

  const wrongOptions: [string, object, string][] = [
    ['a deadline of 0', { deadlineMs: 0 }, 'ERR_ARGUMENT'],
    ['a misspelt option', { deadlineMS: 5 }, 'ERR_ARGUMENT'],
    ['an unknown priority', { priority: 'urgent' }, 'ERR_ARGUMENT'],
    ['a signal that is none', { signal: {} }, 'ERR_ARGUMENT'],
    ['meta that is not one per row', { meta: { k: [1, 2, 3] } }, 'ERR_META'],
  ]
  for (const [title, options, code] of wrongOptions) {
    it(`client: refuses ${title}, and the next request is well`, async () => {
      const { world, client, channel } = await opened()
      expect(track(channel.infer(inputs(1), options)).outcome).toBe('pending')
      const tracked = track(channel.infer(inputs(1), options))
      await world.runFor(1)
      expect(tracked.outcome).toBe(code)
      expect(client.inFlight).toBe(0)
      expect(firstOf(await until(world, channel.infer(inputs(3))))).toBe(6)
    })
  }

  it('client: refuses a request larger than the server’s frames, and the next is well', async () => {
    const { world, channel } = await opened({}, (server) => (server.frameBytesMax = 200))
    const tracked = track(channel.infer({ x: new Float32Array(60) }))
    await world.runFor(1)
    expect(tracked.outcome).toBe('ERR_BODY_TOO_LARGE')
    expect(firstOf(await until(world, channel.infer(inputs(3))))).toBe(6)
  })

  it('client: a pipeline that cannot be opened rejects open, and may be opened later', async () => {
    const { world, server, client } = await opened()
    server.refuseOpen = () => new PenstockError('ERR_PIPELINE_NOT_FOUND', 'no such')
    await expect(until(world, client.open('other'))).rejects.toMatchObject({
      code: 'ERR_PIPELINE_NOT_FOUND',
      message: 'no such',
    })
    server.refuseOpen = null
    expect((await until(world, client.open('other'))).pipeline).toBe('other')
    await expect(client.open('a/b')).rejects.toMatchObject({ code: 'ERR_ARGUMENT' })
  })

  it('client: infer by name opens the pipeline once, and fails with what the opening fails with', async () => {
    const { world, server, client } = await opened()
    const results = await until(world, Promise.all([1, 2, 3].map((value) => client.infer('other', inputs(value)))))
    expect(results.map(firstOf)).toEqual([2, 4, 6])
    expect(socketOf(server).received.filter(({ kind }) => kind === 'open').length).toBe(2)
    server.refuseOpen = () => new PenstockError('ERR_PIPELINE_NOT_FOUND')
    const refused = [1, 2, 3, 4, 5, 6].map((value) => track(client.infer('nobody', inputs(value))))
    await world.run(() => refused.every(({ outcome }) => outcome !== 'pending'))
    expect(new Set(refused.map(({ outcome }) => outcome))).toEqual(new Set(['ERR_PIPELINE_NOT_FOUND']))
    expect(client.waiting).toBe(0)
  })

  it('client: deadline and signal count while a pipeline is being opened', async () => {
    const { world, client } = await opened({}, (server) => (server.latencyMs = [100, 100]))
    const abort = new AbortController()
    const tracked = [
      track(client.infer('other', inputs(1), { deadlineMs: 50 })),
      track(client.infer('other', inputs(1), { signal: abort.signal })),
    ]
    await world.runFor(20)
    abort.abort()
    await world.runFor(40)
    expect(tracked.map(({ outcome }) => outcome)).toEqual(['ERR_DEADLINE_EXCEEDED', 'ERR_ABORTED'])
  })

  it('client: a closed channel is closed at the server after its last answer', async () => {
    const { world, server, client, channel } = await opened()
    const promise = channel.infer(inputs(5))
    channel.close()
    await expect(channel.infer(inputs(1))).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    expect(firstOf(await until(world, promise))).toBe(10)
    await world.runFor(20)
    expect(socketOf(server).received.map(({ kind }) => kind)).toEqual(['open', 'infer', 'close'])
    expect(await until(world, client.open('double'))).not.toBe(channel)
  })
})

describe('client: the window', () => {
  it('client: holds at most the window in flight and sends the rest in order', async () => {
    const { world, server, client, channel } = await opened({}, (fake) => (fake.isAnswering = false))
    const tracked = Array.from({ length: 10 }, (_, index) => track(channel.infer(inputs(index))))
    await world.runFor(20)
    expect([client.inFlight, client.waiting, server.held.length]).toEqual([4, 6, 4])
    server.isAnswering = true
    for (const run of server.held.splice(0).reverse()) run()
    await world.run(() => tracked.every(({ outcome }) => outcome === 'resolved'))
    const order = socketOf(server).received.flatMap((message) =>
      message.kind === 'infer' ? [new Float32Array(message.data.slice().buffer)[0]] : [],
    )
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(server.violations).toEqual([])
  })

  it('client: tryInfer answers null when the window is full, and a promise when it is not', async () => {
    const { world, server, client, channel } = await opened({}, (fake) => (fake.isAnswering = false))
    const promises = Array.from({ length: 4 }, (_, index) => channel.tryInfer(inputs(index)))
    expect(promises.every((promise) => promise !== null)).toBe(true)
    expect(channel.tryInfer(inputs(9))).toBeNull()
    expect(client.waiting).toBe(0)
    const ready = track(client.ready())
    await world.runFor(20)
    expect(ready.outcome).toBe('pending')
    server.held[0]?.()
    await world.run(() => ready.outcome === 'resolved')
    expect(channel.tryInfer(inputs(9))).not.toBeNull()
  })

  it('client: a credit makes the window larger or smaller', async () => {
    const { world, server, client, channel } = await opened({}, (fake) => (fake.isAnswering = false))
    for (let index = 0; index < 10; index++) track(channel.infer(inputs(index)))
    await world.runFor(20)
    server.windowRequests = 7
    socketOf(server).sendToClient({ kind: 'credit', windowRequests: 7 })
    await world.runFor(20)
    expect([client.inFlight, client.waiting]).toEqual([7, 3])
    socketOf(server).sendToClient({ kind: 'credit', windowRequests: 1 })
    await world.runFor(20)
    for (const run of server.held.splice(0, 6)) run()
    await world.runFor(20)
    expect([client.inFlight, client.waiting]).toEqual([1, 3])
  })

  it('client: refuses more waiting requests than waitingMax', async () => {
    const { world, client, channel } = await opened({ waitingMax: 2 }, (fake) => (fake.isAnswering = false))
    const tracked = Array.from({ length: 8 }, (_, index) => track(channel.infer(inputs(index))))
    await world.runFor(20)
    expect(tracked.map(({ outcome }) => outcome).slice(6)).toEqual(['ERR_QUEUE_FULL', 'ERR_QUEUE_FULL'])
    expect(client.waiting).toBe(2)
  })

  it('client: a socket that does not drain makes requests wait, and its draining goes on with them', async () => {
    const { world, server, client, channel } = await opened({ bufferedBytesMax: 1000 })
    socketOf(server).bufferedAmount = 1000
    expect(channel.tryInfer(inputs(1))).toBeNull()
    const tracked = track(channel.infer(inputs(1)))
    await world.runFor(100)
    expect([tracked.outcome, client.waiting]).toEqual(['pending', 1])
    socketOf(server).bufferedAmount = 0
    await world.run(() => tracked.outcome === 'resolved')
  })
})

describe('client: abort and deadline', () => {
  it('client: abort rejects at once and cancels; its slot is free after the server’s answer', async () => {
    const { world, server, client, channel } = await opened({}, (fake) => (fake.isAnswering = false))
    const abort = new AbortController()
    const tracked = track(channel.infer(inputs(1), { signal: abort.signal }))
    await world.runFor(10)
    abort.abort('changed my mind')
    expect(client.inFlight).toBe(1)
    await world.runFor(0)
    expect(tracked.outcome).toBe('ERR_ABORTED')
    expect(tracked.error?.cause).toBe('changed my mind')
    await world.runFor(20)
    expect(client.inFlight).toBe(0)
    expect(socketOf(server).received.at(-1)?.kind).toBe('cancel')
  })

  it('client: abort of a waiting request leaves the queue and sends nothing', async () => {
    const { world, server, client, channel } = await opened({}, (fake) => (fake.isAnswering = false))
    for (let index = 0; index < 4; index++) track(channel.infer(inputs(index)))
    const abort = new AbortController()
    const tracked = track(channel.infer(inputs(5), { signal: abort.signal }))
    await world.runFor(10)
    abort.abort()
    await world.runFor(10)
    expect([tracked.outcome, client.waiting]).toEqual(['ERR_ABORTED', 0])
    expect(socketOf(server).received.some(({ kind }) => kind === 'cancel')).toBe(false)
    const already = track(channel.infer(inputs(5), { signal: abort.signal }))
    await world.runFor(1)
    expect(already.outcome).toBe('ERR_ABORTED')
  })

  it('client: an answer that crosses the cancel on its way meets nobody', async () => {
    const { world, server, client, channel } = await opened({}, (fake) => (fake.isAnswering = false))
    const abort = new AbortController()
    const tracked = track(channel.infer(inputs(1), { signal: abort.signal }))
    await world.runFor(10)
    server.held[0]?.()
    abort.abort()
    server.isAnswering = true
    const others = Array.from({ length: 20 }, (_, index) => channel.infer(inputs(10 + index)))
    const results = await until(world, Promise.all(others))
    expect(results.map(firstOf)).toEqual(Array.from({ length: 20 }, (_, index) => 2 * (10 + index)))
    expect([tracked.outcome, client.inFlight]).toEqual(['ERR_ABORTED', 0])
  })

  it('client: the deadline counts from the call: waiting uses it up, the wire carries what is left', async () => {
    const { world, server, channel } = await opened({}, (fake) => (fake.isAnswering = false))
    for (let index = 0; index < 4; index++) track(channel.infer(inputs(index)))
    const late = track(channel.infer(inputs(5), { deadlineMs: 30 }))
    const later = track(channel.infer(inputs(6), { deadlineMs: 200 }))
    await world.runFor(100)
    expect([late.outcome, later.outcome]).toEqual(['ERR_DEADLINE_EXCEEDED', 'pending'])
    server.held[0]?.()
    await world.runFor(20)
    const last = socketOf(server).received.at(-1)
    expect(last).toMatchObject({ kind: 'infer' })
    expect(last?.kind === 'infer' && last.deadlineMs).toBeGreaterThan(60)
    expect(last?.kind === 'infer' && last.deadlineMs).toBeLessThan(101)
    await world.runFor(100)
    expect(later.outcome).toBe('ERR_DEADLINE_EXCEEDED')
  })
})

describe('client: the end', () => {
  it('client: close rejects what is in flight and what waits, and leaves no timer', async () => {
    const { world, server, client, channel } = await opened({}, (fake) => (fake.isAnswering = false))
    const tracked = Array.from({ length: 6 }, (_, index) => track(channel.infer(inputs(index), { deadlineMs: 5000 })))
    const ready = track(client.ready())
    await world.runFor(20)
    await until(world, client.close())
    expect(tracked.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 6 }, () => 'ERR_CLOSED'))
    expect(ready.outcome).toBe('ERR_CLOSED')
    expect([world.pendingTimers, server.live.length]).toEqual([0, 0])
    await client.close()
    await expect(client.infer('double', inputs(1))).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    expect(() => channel.tryInfer(inputs(1))?.catch(() => undefined)).not.toThrow()
  })

  it('client: close while reconnecting stops dialling', async () => {
    const { world, server, client } = await opened()
    server.isUp = false
    socketOf(server).cut()
    await world.runFor(1)
    await until(world, client.close())
    await world.runFor(60_000)
    expect(server.sockets.length).toBeLessThanOrEqual(2)
    expect(world.pendingTimers).toBe(0)
  })

  it('client: close from a close listener is the end', async () => {
    const { world, server, client } = await opened()
    client.on('close', () => void client.close())
    socketOf(server).cut()
    await world.runFor(60_000)
    expect(server.sockets.length).toBe(1)
  })
})

describe('client: channel numbers', () => {
  it('client: stays below 1024 and uses a number again after its channel was closed', async () => {
    const { world, server, client } = await opened()
    for (let index = 0; index < 1100; index++) {
      const other = await until(world, client.open(`p${index}`))
      other.close()
    }
    await world.runFor(20)
    const numbers = socketOf(server).received.flatMap((message) => (message.kind === 'open' ? [message.channel] : []))
    expect(Math.max(...numbers)).toBe(1023)
    expect(new Set(numbers).size).toBe(1023)
  })

  it('client: refuses to open more channels than a connection has', async () => {
    const { world, client } = await opened()
    const opens = Array.from({ length: 1023 }, (_, index) => track(client.open(`p${index}`)))
    await world.run(() => opens.every(({ outcome }) => outcome !== 'pending'))
    expect(opens.filter(({ outcome }) => outcome === 'resolved').length).toBe(1022)
    expect(opens.at(-1)?.outcome).toBe('ERR_ARGUMENT')
  })
})
