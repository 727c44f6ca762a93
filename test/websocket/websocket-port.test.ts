/**
 * Frames of penstock.v1 through the engine's websocket port, without sockets: what a transport in the same isolate
 * relies on.
 */
import { type Engine, type PenstockError } from 'penstock'
import { describe, expect, test } from 'vitest'
import { decodeMessage, encodeMessage, type Message } from '../../src/protocol/codec.js'
import { Body } from '../../src/protocol/generated/body.js'
import { deploy, openEngine, testModel, until } from '../support/engine-harness.js'
import { TestLog } from '../support/log-harness.js'

type Results = Extract<Message, { kind: 'results' }>
interface Failed {
  connection: number
  channel: number
  wireId: number
  error: PenstockError
}

/** Collects what the port sends. */
function listen(engine: Engine): {
  results: { connection: number; message: Results }[]
  failures: Failed[]
  answered: () => number
} {
  const results: { connection: number; message: Results }[] = []
  const failures: Failed[] = []
  engine.port.setHooks({
    onSend: (connection, bytes) => {
      // Lent: a copy must be taken before the call returns.
      const message = decodeMessage(bytes.slice())
      if (message.kind !== 'results') throw new Error(`Expected results but received ${message.kind}`)
      results.push({ connection, message })
    },
    onWebSocketFailure: (connection, channel, wireId, error) => failures.push({ connection, channel, wireId, error }),
  })
  const answered = (): number =>
    results.reduce((sum, { message }) => sum + message.requests.length, 0) + failures.length
  return { results, failures, answered }
}

function frame(
  channel: number,
  request: number,
  x: ArrayBufferView,
  options: { rows?: number; deadlineMs?: number; dims?: number[] } = {},
): ArrayBuffer {
  const data = new Uint8Array(x.buffer, x.byteOffset, x.byteLength)
  const { rows = 1, deadlineMs = 0, dims = null } = options
  const bytes = encodeMessage({
    kind: 'infer',
    channel,
    request,
    rows,
    data,
    dims: dims === null ? null : Uint32Array.from(dims),
    meta: null,
    deadlineMs,
    priority: 'interactive',
    texts: null,
  })
  return bytes.slice().buffer
}

const floatsOf = (bytes: Uint8Array): number[] => Array.from(new Float32Array(bytes.slice().buffer))

describe('websocket port', () => {
  test('many requests of several connections and channels: each result goes where it belongs', async () => {
    const engine = await openEngine(['add-one', 'times-two'])
    await deploy(engine, 'add', [{ type: 'model', model: 'add-one' }])
    await deploy(engine, 'twice', [{ type: 'model', model: 'times-two' }])
    const { results, failures, answered } = listen(engine)
    const connections = [0, 1, 2].map(() => engine.port.openConnection(1024))
    for (const connection of connections) {
      expect(engine.port.openChannel(connection, 1, 'add').inputs[0]?.name).toBe('x')
      engine.port.openChannel(connection, 2, 'twice')
      for (let request = 0; request < 300; request++) {
        const value = connection * 1000 + request
        expect(
          engine.port.receive(connection, frame(1 + (request % 2), request, Float32Array.of(value, value, value))),
        ).toBe(0)
      }
    }
    await until('all are answered', () => answered() === 900)
    expect(failures).toEqual([])
    for (const { connection, message } of results) {
      const values = floatsOf(message.data)
      Array.from(message.requests).forEach((request, index) => {
        const value = connection * 1000 + request
        expect(message.channel).toBe(1 + (request % 2))
        expect(values[index * 3]).toBe(message.channel === 1 ? value + 1 : value * 2)
      })
    }
    for (const connection of connections) engine.port.closeConnection(connection)
    expect(engine.metrics().connections).toBe(0)
    expect(engine.inFlight).toBe(0)
  })

  test('refusals come as failures with words, malformed frames and broken windows end the connection', async () => {
    const engine = await openEngine(['add-one', 'gather-ten'])
    await deploy(engine, 'add', [{ type: 'model', model: 'add-one' }])
    await deploy(engine, 'gather', [{ type: 'model', model: 'gather-ten' }])
    const { failures, answered } = listen(engine)
    const connection = engine.port.openConnection(4)
    engine.port.openChannel(connection, 1, 'add')
    engine.port.openChannel(connection, 2, 'gather')
    expect(engine.port.receive(connection, frame(1, 7, Float32Array.of(1, 2)))).toBe(0)
    expect(engine.port.receive(connection, frame(9, 8, Float32Array.of(1, 2, 3)))).toBe(0)
    expect(failures.map(({ channel, wireId, error }) => [channel, wireId, error.code])).toEqual([
      [1, 7, 'ERR_SHAPE'],
      [9, 8, 'ERR_CHANNEL_NOT_FOUND'],
    ])
    expect(failures[0]?.error.message).toContain('x')
    engine.port.receive(connection, frame(2, 9, BigInt64Array.of(99n)))
    await until('the failure of the run', () => answered() === 3)
    expect(failures[2]).toMatchObject({ connection, channel: 2, wireId: 9, error: { code: 'ERR_RUN_FAILED' } })
    expect(failures[2]?.error.message).toContain('out of data bounds')
    expect(engine.port.receive(connection, new ArrayBuffer(3))).toBeLessThan(0)
    expect(engine.port.lastRefusal.code).toBe('ERR_FRAME')
    expect(engine.port.lastRefusal.message).toMatch(/Expected .* but received/)
    let outcome = 0
    for (let request = 0; request < 6 && outcome === 0; request++)
      outcome = engine.port.receive(connection, frame(1, request, Float32Array.of(1, 2, 3)))
    expect(outcome).toBeLessThan(0)
    expect(engine.port.lastRefusal.code).toBe('ERR_CREDIT_EXCEEDED')
    engine.port.closeConnection(connection)
    await until('nothing is in flight', () => engine.inFlight === 0)
  })

  test('messages that are not hot are handed to the caller by their type', async () => {
    const engine = await openEngine()
    const connection = engine.port.openConnection(4)
    const open = encodeMessage({ kind: 'open', channel: 1, pipeline: 'p' })
    expect(engine.port.receive(connection, open.slice().buffer)).toBe(Body.Open)
    const cancel = encodeMessage({ kind: 'cancel', channel: 1, request: 1 })
    expect(engine.port.receive(connection, cancel.slice().buffer)).toBe(Body.Cancel)
    expect(() => engine.port.openChannel(connection, 1, 'p')).toThrow(/no pipeline p/)
  })

  test('a channel is stale after a redeploy with another signature, and goes on after one with the same', async () => {
    const engine = await openEngine(['add-one', 'times-two', 'add-one-more-features', 'upper-string'])
    await deploy(engine, 'p', [{ type: 'model', model: 'add-one' }])
    const { results, failures, answered } = listen(engine)
    const connection = engine.port.openConnection(16)
    engine.port.openChannel(connection, 1, 'p')
    await deploy(engine, 'p', [{ type: 'model', model: 'times-two' }])
    engine.port.receive(connection, frame(1, 1, Float32Array.of(1, 2, 3)))
    await until('the answer', () => answered() === 1)
    expect(floatsOf((results[0] as { message: Results }).message.data)).toEqual([2, 4, 6])
    for (const [index, model] of ['add-one-more-features', 'upper-string'].entries()) {
      await deploy(engine, 'p', [{ type: 'model', model }])
      engine.port.receive(connection, frame(1, 2 + index, Float32Array.of(1, 2, 3)))
      await until('the refusal', () => answered() === 2 + index)
      expect(failures[index]?.error, model).toMatchObject({ code: 'ERR_CHANNEL_STALE' })
    }
    // Now the pipeline is a plain one: frames come to the caller, who asks before it infers.
    engine.port.openChannel(connection, 2, 'p')
    expect(engine.port.receive(connection, frame(2, 9, new Uint8Array(0)))).toBe(Body.Infer)
    expect(() => engine.port.expectCurrent(connection, 2)).not.toThrow()
    await deploy(engine, 'p', [{ type: 'model', model: 'add-one' }])
    expect(() => engine.port.expectCurrent(connection, 2)).toThrow(/another signature/)
    expect(() => engine.port.expectCurrent(connection, 3)).toThrow(/not open/)
    await engine.undeployPipeline('p')
    engine.port.receive(connection, frame(1, 10, Float32Array.of(1, 2, 3)))
    await until('the refusal', () => answered() === 4)
    expect(failures.at(-1)?.error.code).toBe('ERR_PIPELINE_NOT_DEPLOYED')
    // Removed and made again, it is another pipeline of that name.
    await engine.removePipeline('p')
    expect(engine.metrics().pipelines).toEqual([])
    await deploy(engine, 'p', [{ type: 'model', model: 'add-one' }])
    engine.port.receive(connection, frame(1, 11, Float32Array.of(1, 2, 3)))
    await until('the refusal', () => answered() === 5)
    expect(failures.at(-1)?.error.code).toBe('ERR_CHANNEL_STALE')
  })

  test('deadlines and cancels of frames are answered, and a closed connection hears nothing more', async () => {
    const engine = await openEngine(['slow'], { inferWorkers: 1 })
    await deploy(engine, 'p', [{ type: 'model', model: 'slow' }])
    const { failures, answered } = listen(engine)
    const connection = engine.port.openConnection(16)
    engine.port.openChannel(connection, 1, 'p')
    engine.port.receive(connection, frame(1, 1, new Float32Array(4 * 32), { rows: 32 }))
    await new Promise((resolve) => {
      setTimeout(resolve, 5)
    })
    engine.port.receive(connection, frame(1, 2, new Float32Array(4), { deadlineMs: 3 }))
    engine.port.receive(connection, frame(1, 3, new Float32Array(4)))
    expect(engine.port.cancel(connection, 1, 3)).toBe(true)
    expect(engine.port.cancel(connection, 1, 77)).toBe(false)
    await until('both are refused', () => failures.length === 2)
    expect(new Map(failures.map(({ wireId, error }) => [wireId, error.code]))).toEqual(
      new Map([
        [2, 'ERR_DEADLINE_EXCEEDED'],
        [3, 'ERR_ABORTED'],
      ]),
    )
    await until('the slow one is answered', () => answered() === 3)
    engine.port.receive(connection, frame(1, 4, new Float32Array(4)))
    engine.port.closeConnection(connection)
    await until('nothing is in flight', () => engine.inFlight === 0)
    expect(answered()).toBe(3)
  })

  test('frames are logged with the version that served them', async () => {
    const log = new TestLog()
    const engine = await openEngine(['constant-v1', 'constant-v2'], { log })
    const steps = (model: string) => [
      { type: 'model' as const, model },
      { type: 'audit' as const, slice: '0:' },
    ]
    await deploy(engine, 'p', steps('constant-v1'))
    const { answered } = listen(engine)
    const connection = engine.port.openConnection(1024)
    engine.port.openChannel(connection, 1, 'p')
    const requests = 200
    for (let request = 0; request < requests; request++) {
      engine.port.receive(connection, frame(1, request, Float32Array.of(request, 0, 0)))
      if (request % 50 === 49) await deploy(engine, 'p', steps(request % 100 === 49 ? 'constant-v2' : 'constant-v1'))
    }
    const records = await log.requestsWhen(engine, requests)
    expect(records).toHaveLength(requests)
    expect(answered()).toBe(requests)
    for (const record of records) {
      const request = record.inputs['x']?.data[0] as number
      expect(record.outputs['y']?.data[0], `request ${request}`).toBe(record.pipelineVersion % 2 === 1 ? 1 : 2)
    }
    expect(new Set(records.map((record) => record.requestId)).size).toBe(requests)
    expect(new Set(records.map((record) => record.pipelineVersion)).size).toBeGreaterThan(2)
  })

  test('several rows and free dims travel in a frame', async () => {
    const engine = await openEngine(['double-tokens'])
    await engine.addModel('again', testModel('double-tokens'))
    await deploy(engine, 'p', [{ type: 'model', model: 'double-tokens' }])
    const { results, answered } = listen(engine)
    const connection = engine.port.openConnection(16)
    engine.port.openChannel(connection, 1, 'p')
    engine.port.receive(connection, frame(1, 1, BigInt64Array.of(1n, 2n, 3n, 4n, 5n, 6n), { rows: 2, dims: [3] }))
    await until('the answer', () => answered() === 1)
    const { message } = results[0] as { message: Results }
    expect(Array.from(message.dims ?? [])).toEqual([3])
    expect(Array.from(message.rows ?? [])).toEqual([2])
    expect(Array.from(new BigInt64Array(message.data.slice().buffer))).toEqual([2n, 4n, 6n, 8n, 10n, 12n])
  })
})
