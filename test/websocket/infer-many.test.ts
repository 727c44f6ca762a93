/**
 * Requests that share frames, end to end: each keeps its own answer, failure, deadline, credit and id, whatever its
 * neighbours do; the client gathers what one turn asks for; and both sides still speak with those that know no InferMany.
 */
import { PenstockClient } from 'penstock/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { WebSocket } from 'ws'
import { decodeMessage, encodeMessage, type InferManyMessage, type Message } from '../../src/protocol/codec.js'
import { cuttable } from '../support/client-harness.js'
import { floats, inferMessage } from '../support/messages.js'
import { RawWebSocket } from '../support/raw-sockets.js'
import { serve, until, type Served } from '../support/served.js'

let served: Served
let client: PenstockClient
const sockets: WebSocket[] = []
/** Frames that the client sent, of those that carry requests. */
const sent: Message[] = []

beforeAll(async () => {
  served = await serve()
  client = await PenstockClient.connect(served.server.url, {}, watched())
})
afterAll(async () => {
  await client.close()
  await served.close()
})

/** Notes what goes out; `hide` takes the offer out of Hello, as an older server would. */
function watched(hide = false) {
  const environment = cuttable(sockets)
  return {
    ...environment,
    openSocket: async (url: string, protocols: readonly string[]) => {
      const socket = await environment.openSocket(url, protocols)
      const send = socket.send.bind(socket)
      socket.send = (data) => {
        const message = decodeMessage(data.slice())
        if (message.kind.startsWith('infer')) sent.push(message)
        send(data)
      }
      if (hide) hideOffer(socket as unknown as WebSocket)
      return socket
    },
  }
}

function hideOffer(socket: WebSocket): void {
  const emit = socket.emit.bind(socket)
  socket.emit = (event: string | symbol, ...args: unknown[]): boolean => {
    if (event !== 'message' || !(args[0] instanceof ArrayBuffer)) return emit(event, ...args)
    const message = decodeMessage(args[0])
    if (message.kind !== 'hello') return emit(event, ...args)
    const older: Message = { ...message, inferManyMax: 0 }
    return emit(event, encodeMessage(older).slice().buffer, ...args.slice(1))
  }
}

const row = (value: number) => ({ x: Float32Array.of(value, value, value) })
const sentOf = async <T>(act: () => Promise<T>): Promise<[T, readonly Message[]]> => {
  sent.length = 0
  const result = await act()
  return [result, sent.slice()]
}

async function openRaw(pipeline: string, channel = 1): Promise<RawWebSocket> {
  const socket = await RawWebSocket.open(served.server.port)
  socket.send({ kind: 'open', channel, pipeline })
  await socket.message('opened')
  return socket
}
const many = (more: Partial<InferManyMessage> = {}): InferManyMessage => ({
  kind: 'infer-many',
  channel: 1,
  requests: [1, 2],
  rows: null,
  data: floats(1, 2, 3, 4, 5, 6),
  ...more,
})

describe('the client: requests of one turn', () => {
  it('share one frame, also over separate calls and after promises, and each gets its own answer', async () => {
    const channel = await client.open('add')
    const [results, frames] = await sentOf(async () => {
      const late = Promise.resolve()
        .then(() => undefined)
        .then(() => channel.infer(row(100)))
      return Promise.all([...Array.from({ length: 50 }, (_, value) => channel.infer(row(value))), late])
    })
    for (const [index, { outputs }] of results.entries())
      expect(outputs['y']?.data[0]).toBe(index === 50 ? 101 : index + 1)
    expect(frames.length).toBeLessThanOrEqual(2)
    expect(frames[0]).toMatchObject({ kind: 'infer-many', rows: null })
  })

  it('of several inputs and different rows lie input by input', async () => {
    const channel = await client.open('mixed')
    const [results, frames] = await sentOf(() =>
      Promise.all(
        [1, 3, 2].map((rows) =>
          channel.infer({
            x: Float64Array.from({ length: rows * 2 }, (_, index) => rows * 10 + index),
            scale: Int32Array.from({ length: rows }, (_, index) => index + 1),
          }),
        ),
      ),
    )
    expect(frames).toMatchObject([{ kind: 'infer-many', rows: Uint32Array.of(1, 3, 2) }])
    for (const [index, rows] of [1, 3, 2].entries()) {
      const alone = await served.engine.infer('mixed', {
        inputs: {
          x: Float64Array.from({ length: rows * 2 }, (_, at) => rows * 10 + at),
          scale: Int32Array.from({ length: rows }, (_, at) => at + 1),
        },
      })
      for (const name of ['y', 'big'])
        expect(results[index]?.outputs[name]?.data, name).toEqual(alone.outputs[name]?.data)
    }
  })

  it('keep their order around those that need a frame of their own', async () => {
    const channel = await client.open('add')
    const { x } = row(1)
    const [, frames] = await sentOf(() =>
      Promise.all([
        channel.infer({ x }),
        channel.infer({ x }, { meta: { region: 'eu' } }),
        channel.infer({ x }, { timing: true }),
        channel.infer({ x }, { requestId: true }),
      ]),
    )
    expect(frames.map(({ kind }) => kind)).toEqual(['infer-many', 'infer', 'infer', 'infer-many'])
  })

  it('fail alone: the one that is wrong, the cancelled one, and the one whose deadline has passed', async () => {
    const table = await client.open('table')
    const answers = await Promise.allSettled(
      Array.from({ length: 40 }, (_, index) =>
        table.infer({ index: BigInt64Array.of(index === 17 ? 99n : BigInt(index % 10)) }),
      ),
    )
    for (const [index, answer] of answers.entries())
      expect(answer.status, `${index}`).toBe(index === 17 ? 'rejected' : 'fulfilled')
    const slow = await client.open('slow')
    const blocker = slow.infer({ x: new Float32Array(4 * 100) })
    const controller = new AbortController()
    const x = new Float32Array(4)
    const outcomes = Promise.allSettled([
      slow.infer({ x }, { signal: controller.signal }),
      slow.infer({ x }, { deadlineMs: 1 }),
      slow.infer({ x }),
    ])
    setTimeout(() => controller.abort(), 5)
    expect(await outcomes).toMatchObject([
      { status: 'rejected', reason: { code: 'ERR_ABORTED' } },
      { status: 'rejected', reason: { code: 'ERR_DEADLINE_EXCEEDED' } },
      { status: 'fulfilled' },
    ])
    await blocker
    await until('nothing is in flight', () => served.engine.inFlight === 0)
  })

  it('aborted in the turn that asked for it, a request is cancelled behind its frame', async () => {
    const slow = await client.open('slow')
    const controller = new AbortController()
    const cancelled = slow.infer({ x: new Float32Array(4) }, { signal: controller.signal })
    controller.abort()
    await expect(cancelled).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    await until('nothing is in flight', () => client.inFlight === 0 && served.engine.inFlight === 0)
  })

  it('report failed checks, ids and traceparents each by itself', async () => {
    const channel = await client.open('checked')
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const results = await Promise.all([
      channel.infer(row(1)),
      channel.infer(row(20), { requestId: true }),
      channel.infer(row(2), { meta: { traceparent } }),
    ])
    expect(results[0]).toMatchObject({ checkFailures: [] })
    expect(results[1]?.checkFailures.map(({ check }) => check)).toEqual(['too-high', 'small-input'])
    expect(results[1]?.requestId).toMatch(/^[0-9a-z]+-[0-9a-z]+$/)
    expect(results[0]).not.toHaveProperty('requestId')
    expect(results[2]).toMatchObject({ checkFailures: [], traceparent })
  })

  it('hold the window, however they are sent', async () => {
    const small = await serve({ limits: { windowRequests: 4 } })
    const own = await PenstockClient.connect(small.server.url)
    try {
      const channel = await own.open('add')
      const results = await Promise.all(Array.from({ length: 100 }, (_, value) => channel.infer(row(value))))
      expect(results.map(({ outputs }) => outputs['y']?.data[0])).toEqual(
        Array.from({ length: 100 }, (_, value) => value + 1),
      )
    } finally {
      await own.close()
      await small.close()
    }
  })

  it('have a frame each at a server that does not offer more, and on channels of strings', async () => {
    const own = await PenstockClient.connect(served.server.url, {}, watched(true))
    const channel = await own.open('add')
    const [results, frames] = await sentOf(() => Promise.all([1, 2, 3].map((value) => channel.infer(row(value)))))
    expect(results.map(({ outputs }) => outputs['y']?.data[0])).toEqual([2, 3, 4])
    expect(frames.map(({ kind }) => kind)).toEqual(['infer', 'infer', 'infer'])
    await own.close()
    const texts = await client.open('text')
    const [, textFrames] = await sentOf(() =>
      Promise.all([1, 2].map((n) => texts.infer({ [texts.inputs[0]?.name ?? '']: [`a${n}`] }))),
    )
    expect(textFrames.map(({ kind }) => kind)).toEqual(['infer', 'infer'])
  })
})

describe('the server: frames of many requests', () => {
  it('is offered by Hello and Opened, and answers beside plain Infers of an older client', async () => {
    const socket = await RawWebSocket.open(served.server.port)
    expect(await socket.message('hello')).toMatchObject({ inferManyMax: 1024 })
    socket.send({ kind: 'open', channel: 1, pipeline: 'add' })
    expect(await socket.message('opened')).toMatchObject({ inferMany: true })
    socket.send(many())
    socket.send(inferMessage({ request: 3 }))
    const answered = new Set<number>()
    await until('all three are answered', () => {
      for (const message of socket.messages)
        if (message.kind === 'results') for (const id of Array.from(message.requests)) answered.add(id)
      return answered.size === 3
    })
    socket.connection.close()
  })

  it('refuses one of a frame by its code and answers its neighbours', async () => {
    const socket = await openRaw('add')
    socket.send(many({ requests: [1, 2, 3], priorities: [0, 9, 1], data: floats(1, 2, 3, 4, 5, 6, 7, 8, 9) }))
    expect(await socket.message('failure')).toMatchObject({ request: 2, code: 'ERR_ARGUMENT' })
    const answered: number[] = []
    await until('the others are answered', () => {
      answered.length = 0
      for (const message of socket.messages)
        if (message.kind === 'results') answered.push(...Array.from(message.requests))
      return answered.length === 2
    })
    expect(answered.sort()).toEqual([1, 3])
    socket.connection.close()
  })

  it('refuses all of a frame whose data does not fit its rows, or whose channel is not open', async () => {
    const socket = await openRaw('add')
    socket.send(many({ data: floats(1, 2, 3, 4) }))
    for (const id of [1, 2])
      expect(await socket.message('failure', ({ request }) => request === id)).toMatchObject({ code: 'ERR_SHAPE' })
    socket.send(many({ channel: 9, requests: [5, 6] }))
    for (const id of [5, 6])
      expect(await socket.message('failure', ({ request }) => request === id)).toMatchObject({
        channel: 9,
        code: 'ERR_CHANNEL_NOT_FOUND',
      })
    socket.connection.close()
  })

  it('closes a connection with 4429 for a frame beyond its credit, with 4400 for a malformed one', async () => {
    const small = await serve({ limits: { windowRequests: 4 } })
    try {
      const socket = await RawWebSocket.open(small.server.port)
      socket.send({ kind: 'open', channel: 1, pipeline: 'slow' })
      await socket.message('opened')
      socket.send(inferMessage({ request: 9, data: floats(1, 2, 3, 4) }))
      socket.send(many({ requests: [1, 2, 3, 4], data: new Uint8Array(64) }))
      expect(await socket.closed()).toMatchObject({ code: 4429 })
      await until('nothing is in flight', () => small.engine.inFlight === 0)
    } finally {
      await small.close()
    }
    const socket = await openRaw('add')
    socket.send(many({ rows: [1] }))
    expect(await socket.closed()).toMatchObject({
      code: 4400,
      reason: expect.stringContaining('InferMany') as string,
    })
  })

  it('cancels one of many', async () => {
    const socket = await openRaw('slow')
    socket.send(many({ requests: [1, 2, 3], data: new Uint8Array(48) }))
    socket.send({ kind: 'cancel', channel: 1, request: 2 })
    const answers = new Map<number, string>()
    await until('all are answered', () => {
      for (const message of socket.messages) {
        if (message.kind === 'failure') answers.set(message.request, message.code)
        if (message.kind === 'results') for (const id of Array.from(message.requests)) answers.set(id, 'result')
      }
      return answers.size === 3
    })
    // The cancel may come too late; it never touches the others.
    expect(answers.get(1)).toBe('result')
    expect(answers.get(3)).toBe('result')
    socket.connection.close()
  })

  it('splits what comes for a channel that did not offer it', async () => {
    await served.engine.applyPipeline(
      {
        name: 'columns',
        steps: [
          {
            type: 'transform',
            inputs: [
              { name: 'a', dtype: 'float32' },
              { name: 'b', dtype: 'float32' },
              { name: 'c', dtype: 'float32' },
            ],
            ops: [{ op: 'concat', columns: ['a', 'b', 'c'], as: 'x' }],
          },
          { type: 'model', model: 'add' },
        ],
      },
      { deploy: true },
    )
    const socket = await RawWebSocket.open(served.server.port)
    for (const [channel, pipeline] of [
      [1, 'columns'],
      [2, 'text'],
    ] as const)
      socket.send({ kind: 'open', channel, pipeline })
    await until('both are open', () => socket.messages.filter(({ kind }) => kind === 'opened').length === 2)
    for (const message of socket.messages) if (message.kind === 'opened') expect(message.inferMany).toBeUndefined()
    // Column by column: a of both, b of both, c of both.
    socket.send(many({ data: floats(1, 2, 10, 20, 100, 200) }))
    const values = new Map<number, number[]>()
    await until('both are answered', () => {
      for (const message of socket.messages) {
        if (message.kind !== 'results') continue
        const data = Array.from(new Float32Array(message.data.slice().buffer))
        for (const [index, id] of Array.from(message.requests).entries())
          values.set(id, data.slice(3 * index, 3 * index + 3))
      }
      return values.size === 2
    })
    expect(values).toEqual(
      new Map([
        [1, [2, 11, 101]],
        [2, [3, 21, 201]],
      ]),
    )
    socket.send(many({ channel: 2, requests: [7, 8], data: new Uint8Array(0) }))
    for (const id of [7, 8])
      expect(await socket.message('failure', ({ request }) => request === id)).toMatchObject({ code: 'ERR_ARGUMENT' })
    socket.connection.close()
  })
})
