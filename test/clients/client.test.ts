/** The client against the real server: every dtype and shape, routing, strings, order, cancel, deadline, priority. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PenstockClient } from 'penstock/client'
import { codeOf, Stage } from '../support/client-harness.js'

let stage: Stage
let client: PenstockClient

beforeAll(async () => {
  const models = ['add-one', 'times-two', 'constant-v1', 'constant-v2']
  stage = await Stage.open(
    {
      'add-one': 'add-one',
      floats: 'identity-float32',
      halves: 'identity-float16',
      longs: 'identity-int64',
      bools: 'identity-bool',
      mixed: 'mixed-dtypes',
      'two-inputs': 'sum-and-difference',
      tokens: 'double-tokens',
      trimmed: 'trim-tokens',
      whole: 'sum-rows',
      fixed: 'fixed-one',
      colours: 'upper-string',
      codes: 'encode-string',
      poison: 'gather-ten',
      slow: 'slow',
      split: [{ type: 'key-split', default: 'constant-v1', key: 'region', options: { eu: 'constant-v2' } }],
      checked: [
        { type: 'model', model: 'add-one' },
        { type: 'check', name: 'high', flag: 'out.y[0] > 10' },
        { type: 'check', name: 'low', require: 'out.y[1] > 0' },
      ],
      chain: [
        { type: 'model', model: 'add-one', tensorFields: ['x'] },
        { type: 'model', model: 'times-two', tensorFields: ['y'] },
      ],
    },
    models,
  )
  client = await stage.client()
})

afterAll(() => stage?.close())

describe('client, end to end: tensors', () => {
  it('client: float32 rows go in and come out', async () => {
    const { rows, outputs } = await client.infer('add-one', { x: Float32Array.of(1, 2, 3, 4, 5, 6) })
    expect(rows).toBe(2)
    expect(outputs).toEqual({ y: { dtype: 'float32', shape: [2, 3], data: Float32Array.of(2, 3, 4, 5, 6, 7) } })
  })

  it('client: every bit of a float32 survives, NaN and infinities too', async () => {
    const data = Float32Array.of(Number.NaN, Infinity, -Infinity, -0, 1e-45, 3.4e38)
    const { outputs } = await client.infer('floats', { x: data })
    expect(new Uint8Array((outputs['y']?.data as Float32Array).buffer)).toEqual(new Uint8Array(data.buffer))
  })

  it('client: int64 beyond 2^53 is exact', async () => {
    const { outputs } = await client.infer('longs', { x: [[2n ** 62n, -1n, 2n ** 53n + 1n]] })
    expect(outputs['y']?.data).toEqual(BigInt64Array.of(2n ** 62n, -1n, 2n ** 53n + 1n))
  })

  it('client: float16 travels as bits, bool as 0 and 1', async () => {
    const halves = await client.infer('halves', { x: Uint16Array.of(0x3c00, 0xc000, 0x7bff) })
    expect(halves.outputs['y']).toEqual({
      dtype: 'float16',
      shape: [1, 3],
      data: Uint16Array.of(0x3c00, 0xc000, 0x7bff),
    })
    const bools = await client.infer('bools', { x: [[true, false, true]] })
    expect(bools.outputs['y']?.data).toEqual(Uint8Array.of(1, 0, 1))
  })

  it('client: several inputs and outputs of several dtypes keep apart', async () => {
    const { outputs } = await client.infer('mixed', {
      x: [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      scale: [2, 20, 3],
    })
    expect(outputs['y']).toEqual({ dtype: 'float64', shape: [3, 2], data: Float64Array.of(2, 4, 60, 80, 15, 18) })
    expect(outputs['big']).toEqual({ dtype: 'bool', shape: [3], data: Uint8Array.of(0, 1, 0) })
    const pair = await client.infer('two-inputs', { right: [[1, 2]], left: [[5, 7]] })
    expect([pair.outputs['sum']?.data, pair.outputs['difference']?.data]).toEqual([
      Float32Array.of(6, 9),
      Float32Array.of(4, 5),
    ])
  })

  it('client: requests of several free shapes at once each come back in their own', async () => {
    const lengths = [1, 5, 2, 5, 1, 9]
    const results = await Promise.all(
      lengths.map((length, index) => client.infer('tokens', { tokens: [Array.from({ length }, () => BigInt(index))] })),
    )
    for (const [index, { outputs }] of results.entries()) {
      expect(outputs['doubled']?.shape).toEqual([1, lengths[index]])
      expect([...(outputs['doubled']?.data as BigInt64Array)]).toEqual(
        Array.from({ length: lengths[index]! }, () => 2n * BigInt(index)),
      )
    }
  })

  it('client: an output whose shape is known only after the run has that shape', async () => {
    const { outputs } = await client.infer('trimmed', {
      tokens: [
        [1n, 0n, 3n, 0n],
        [2n, 0n, 0n, 0n],
      ],
    })
    expect(outputs['trimmed']).toEqual({ dtype: 'int64', shape: [2, 2], data: BigInt64Array.of(1n, 3n, 2n, 0n) })
  })

  it('client: a pipeline without a row axis takes a tensor as it is', async () => {
    const channel = await client.open('whole')
    const { outputs } = await channel.infer({
      x: [
        [1, 2, 3],
        [10, 20, 30],
      ],
    })
    expect([channel.isNonBatching, outputs['total']]).toEqual([
      true,
      { dtype: 'float32', shape: [3], data: Float32Array.of(11, 22, 33) },
    ])
  })

  it('client: a model exported for one row takes many', async () => {
    const { outputs } = await client.infer('fixed', { x: Float32Array.from({ length: 12 }, (_, index) => index) })
    expect([...(outputs['y']?.data as Float32Array)]).toEqual(Array.from({ length: 12 }, (_, index) => 2 * index + 1))
  })

  it('client: strings go in and come out, and may give numbers', async () => {
    const upper = await client.infer('colours', { label: ['red', 'naïve', ''] })
    expect(upper.outputs['upper']).toEqual({
      dtype: 'string',
      shape: [3],
      data: ['RED', expect.stringMatching(/^NA.VE$/), ''],
    })
    const codes = await client.infer('codes', { label: [['white'], ['red'], ['blue']] })
    expect(codes.outputs['code']?.data).toEqual(BigInt64Array.of(1n, 0n, -1n))
  })

  it('client: a request of 60,000 rows comes back whole and in order', async () => {
    const x = Float32Array.from({ length: 180_000 }, (_, index) => index)
    const { rows, outputs } = await client.infer('add-one', { x })
    expect(rows).toBe(60_000)
    expect((outputs['y']?.data as Float32Array).every((value, index) => value === index + 1)).toBe(true)
  })
})

describe('client, end to end: pipelines', () => {
  it('client: route names the model that answered, row by row', async () => {
    const { route, outputs } = await client.infer(
      'split',
      { x: new Float32Array(9) },
      { meta: { region: ['us', 'eu', 'eu'] } },
    )
    expect(route).toEqual(['constant-v1', 'constant-v2', 'constant-v2'])
    expect(outputs['y']?.data).toEqual(Float32Array.of(1, 1, 1, 2, 2, 2, 2, 2, 2))
    const one = await client.infer('split', { x: new Float32Array(6) }, { meta: { region: 'eu', other: 0.5 } })
    expect(one.route).toEqual(['constant-v2', 'constant-v2'])
    expect((await client.open('split')).routes).toEqual(['constant-v1', 'constant-v2'])
    expect((await client.infer('add-one', { x: new Float32Array(3) })).route).toBeNull()
  })

  it('client: failed checks name their rows', async () => {
    const channel = await client.open('checked')
    expect(channel.checks).toEqual(['high', 'low'])
    const { checkFailures } = await channel.infer({
      x: [
        [10, 1, 0],
        [0, -5, 0],
        [20, -5, 0],
        [1, 1, 1],
      ],
    })
    expect(checkFailures).toEqual([
      { check: 'high', rows: [0, 2] },
      { check: 'low', rows: [1, 2] },
    ])
    expect((await channel.infer({ x: [[1, 1, 1]] })).checkFailures).toEqual([])
  })

  it('client: steps follow each other', async () => {
    const { outputs } = await client.infer('chain', { x: [[1, 2, 3]] })
    expect([...(outputs['y']?.data as Float32Array)]).toEqual([4, 6, 8])
  })

  it('client: one bad request fails alone', async () => {
    const settled = await Promise.allSettled(
      [1, 2, 99, 4].map((index) => client.infer('poison', { index: [[BigInt(index)]] })),
    )
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
    expect(settled[2]).toMatchObject({ reason: { code: 'ERR_RUN_FAILED' } })
  })

  it('client: what the server refuses has its code, and the connection lives on', async () => {
    expect(await codeOf(client.open('nobody'))).toBe('ERR_PIPELINE_NOT_FOUND')
    await stage.engine.applyPipeline({ name: 'asleep', steps: [{ type: 'model', model: 'add-one' }] })
    expect(await codeOf(client.open('asleep'))).toBe('ERR_PIPELINE_NOT_DEPLOYED')
    expect((await client.infer('add-one', { x: [[1, 2, 3]] })).rows).toBe(1)
  })
})

describe('client, end to end: order, cancel, deadline, priority', () => {
  const row = { x: Float32Array.of(0.1, 0.2, 0.3, 0.4) }

  it('client: a quick pipeline overtakes a slow one on the same connection', async () => {
    const finished: string[] = []
    const slow = client.infer('slow', row).then(() => finished.push('slow'))
    const quick = client.infer('add-one', { x: [[1, 2, 3]] }).then(() => finished.push('quick'))
    await Promise.all([slow, quick])
    expect(finished).toEqual(['quick', 'slow'])
  })

  it('client: abort rejects at once, and frees the slot when the server has answered', async () => {
    const channel = await client.open('slow')
    const abort = new AbortController()
    const promise = channel.infer(row, { signal: abort.signal })
    setTimeout(() => abort.abort(), 5)
    expect(await codeOf(promise)).toBe('ERR_ABORTED')
    await expect.poll(() => client.inFlight).toBe(0)
  })

  it('client: a request that cannot be done in time fails in time', async () => {
    const channel = await client.open('slow')
    const fillers = Array.from({ length: 40 }, () => channel.infer({ x: new Float32Array(40) }).catch(() => undefined))
    const startMs = performance.now()
    expect(await codeOf(channel.infer(row, { deadlineMs: 20 }))).toBe('ERR_DEADLINE_EXCEEDED')
    expect(performance.now() - startMs).toBeLessThan(1000)
    await Promise.all(fillers)
  })

  it('client: interactive requests go before background ones', async () => {
    const channel = await client.open('slow')
    const order: string[] = []
    // Each waits for its answer before it asks again: what is not in the first batch cannot be in it however busy the machine is.
    const background = Array.from({ length: 4 }, async () => {
      for (let asked = 0; asked < 4; asked++) {
        await channel.infer({ x: new Float32Array(4 * 8) }, { priority: 'background' })
        order.push('background')
      }
    })
    const interactive = channel.infer(row).then(() => order.push('interactive'))
    await Promise.all([...background, interactive])
    expect(order.indexOf('interactive')).toBeLessThan(9)
  })
})
