/**
 * What must hold for every request whatever shares its batch: rows in = rows out, in order, each as it is alone; every
 * dtype bit for bit; shapes, splits of large requests and the three batching modes.
 */
import { beforeAll, afterAll, describe, expect, test } from 'vitest'
import { Engine, type Tensor } from 'penstock'
import { deploy, floats, openEngine, refusal, seeded, testModel } from '../support/engine-harness.js'

const SEED = 20_261_121

describe('rows', () => {
  let engine: Engine
  beforeAll(async () => {
    engine = await Engine.open({ inferWorkers: 2, calibration: 'off' })
    const models = [
      'add-one',
      'times-two',
      'double-tokens',
      'repeat-tokens',
      'trim-tokens',
      'nonzero',
      'fixed-one',
      'sum-rows',
      'subtract-mean',
      'sum-and-difference',
      'mixed-dtypes',
      'gather-ten',
    ]
    for (const name of models) {
      await engine.addModel(name, testModel(name))
      await deploy(engine, name, [{ type: 'model', model: name }])
    }
  })
  afterAll(() => engine.close())

  test('many requests at once: each gets its own rows, in order', async () => {
    const random = seeded(SEED)
    const requests = Array.from({ length: 400 }, () => {
      const rows = 1 + Math.floor(random() * 40)
      return Float32Array.from({ length: rows * 3 }, () => random() * 1000)
    })
    const results = await Promise.all(
      requests.map((x) =>
        engine.infer('add-one', { inputs: { x: { dtype: 'float32', shape: [x.length / 3, 3], data: x } } }),
      ),
    )
    results.forEach((result, index) => {
      const x = requests[index] as Float32Array
      expect(result.rows, `request ${index}, seed ${SEED}`).toBe(x.length / 3)
      expect(result.outputs['y']?.shape).toEqual([x.length / 3, 3])
      expect(floats(result, 'y')).toEqual(Array.from(x, (value) => Math.fround(value + 1)))
    })
    expect(engine.inFlight).toBe(0)
  })

  test('a request larger than a batch comes back in order', async () => {
    const rows = 5000
    const x = Float32Array.from({ length: rows * 3 }, (_, index) => index)
    const result = await engine.infer('add-one', { inputs: { x: { dtype: 'float32', shape: [rows, 3], data: x } } })
    expect(floats(result, 'y')).toEqual(Array.from(x, (value) => Math.fround(value + 1)))
  })

  test('requests of different free dims go to batches of their own', async () => {
    const random = seeded(SEED)
    const requests = Array.from({ length: 200 }, () => {
      const length = 1 + Math.floor(random() * 9)
      return BigInt64Array.from({ length: length * 2 }, () => BigInt(Math.floor(random() * 1e6)))
    })
    await Promise.all(
      requests.map(async (tokens, index) => {
        const shape = [2, tokens.length / 2]
        const result = await engine.infer('double-tokens', {
          inputs: { tokens: { dtype: 'int64', shape, data: tokens } },
        })
        expect(result.outputs['doubled']?.shape, `request ${index}`).toEqual(shape)
        expect(result.outputs['doubled']?.data).toEqual(tokens.map((token) => token * 2n))
      }),
    )
  })

  test('output dims that are known only after the run: batched when rows are independent', async () => {
    const results = await Promise.all(
      [1n, 2n, 3n].map((base) =>
        engine.infer('repeat-tokens', {
          inputs: {
            tokens: [
              [base, base + 1n],
              [base + 2n, base + 3n],
            ],
          },
        }),
      ),
    )
    results.forEach((result, index) => {
      const base = BigInt(index + 1)
      expect(result.outputs['twice']?.shape).toEqual([2, 4])
      const row = (first: bigint): bigint[] => [first, first + 1n, first, first + 1n]
      expect(Array.from(result.outputs['twice']?.data as BigInt64Array)).toEqual([...row(base), ...row(base + 2n)])
    })
  })

  test('models that mix rows run each request alone', async () => {
    const x = (values: number[]): Tensor => ({
      dtype: 'float32',
      shape: [values.length / 3, 3],
      data: Float32Array.from(values),
    })
    const [sum, other] = await Promise.all([
      engine.infer('sum-rows', { inputs: { x: x([1, 2, 3, 10, 20, 30]) } }),
      engine.infer('sum-rows', { inputs: { x: x([5, 5, 5]) } }),
    ])
    expect(floats(sum, 'total')).toEqual([11, 22, 33])
    expect(floats(other, 'total')).toEqual([5, 5, 5])
    const centred = await engine.infer('subtract-mean', { inputs: { x: x([1, 2, 3, 3, 4, 5]) } })
    expect(floats(centred, 'y')).toEqual([-1, -1, -1, 1, 1, 1])
    const indices = await engine.infer('nonzero', { inputs: { x: x([0, 7, 0, 1, 0, 0]) } })
    expect(indices.outputs['indices']).toEqual({
      dtype: 'int64',
      shape: [2, 2],
      data: BigInt64Array.of(0n, 1n, 1n, 0n),
    })
    const trimmed = await engine.infer('trim-tokens', {
      inputs: {
        tokens: [
          [0n, 1n, 0n],
          [0n, 0n, 2n],
        ],
      },
    })
    expect(trimmed.outputs['trimmed']).toEqual({
      dtype: 'int64',
      shape: [2, 2],
      data: BigInt64Array.of(1n, 0n, 0n, 2n),
    })
  })

  test('a model with a fixed row axis takes many rows, one run each', async () => {
    const x = Float32Array.from({ length: 28 }, (_, index) => index)
    const result = await engine.infer('fixed-one', { inputs: { x: { dtype: 'float32', shape: [7, 4], data: x } } })
    expect(result.outputs['y']?.shape).toEqual([7, 4])
    expect(floats(result, 'y')).toEqual(Array.from(x, (value) => 2 * value + 1))
  })

  test('several inputs and dtypes of one signature stay together', async () => {
    const result = await engine.infer('mixed-dtypes', {
      inputs: {
        x: [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
        scale: [1, 20, 3],
      },
    })
    expect(result.outputs['y']).toEqual({
      dtype: 'float64',
      shape: [3, 2],
      data: Float64Array.of(1, 2, 60, 80, 15, 18),
    })
    expect(result.outputs['big']).toEqual({ dtype: 'bool', shape: [3], data: Uint8Array.of(0, 1, 0) })
    const both = await engine.infer('sum-and-difference', { inputs: { right: [[1, 2]], left: [[5, 7]] } })
    expect([floats(both, 'sum'), floats(both, 'difference')]).toEqual([
      [6, 9],
      [4, 5],
    ])
  })

  test.each([
    [
      'an unknown input',
      { x: [[1, 2, 3]], z: [[1]] },
      'ERR_UNKNOWN_INPUT',
      'Expected the inputs to be x but received z',
    ],
    ['a missing input', {}, 'ERR_MISSING_INPUT', 'Expected the inputs to be x but x is missing'],
    ['a wrong inner dim', { x: [[1, 2]] }, 'ERR_SHAPE', 'x'],
    ['a wrong rank', { x: [[[1, 2, 3]]] }, 'ERR_SHAPE', 'x'],
    ['a text for a number', { x: [['a', 'b', 'c']] }, 'ERR_', 'x'],
    [
      'a dtype that cannot be cast',
      { x: { dtype: 'int64', shape: [1, 3], data: new BigInt64Array(3) } },
      'ERR_DTYPE',
      'int64',
    ],
    [
      'too many rows',
      { x: { dtype: 'float32', shape: [262_145, 3], data: new Float32Array(262_145 * 3) } },
      'ERR_TOO_MANY_ROWS',
      '262145',
    ],
  ])('refuses %s with words that name it', async (_what, inputs, code, words) => {
    const error = await refusal(engine.infer('add-one', { inputs: inputs as never }))
    expect(error.code).toContain(code)
    expect(error.message).toContain(words)
    expect(engine.inFlight).toBe(0)
  })

  test('refuses inputs whose rows disagree', async () => {
    const error = await refusal(
      engine.infer('sum-and-difference', {
        inputs: {
          left: [
            [1, 2],
            [3, 4],
          ],
          right: [[1, 2]],
        },
      }),
    )
    expect(error).toMatchObject({ code: 'ERR_SHAPE' })
    expect(error.message).toContain('left has 2 and right has 1')
  })
})

test('every dtype passes bit for bit', async () => {
  const data: Record<string, Tensor['data']> = {
    float32: Float32Array.of(0.1, -0, NaN),
    float64: Float64Array.of(0.1, Number.MAX_VALUE, -Infinity),
    float16: Uint16Array.of(0x3c00, 0x7bff, 0x0001),
    int8: Int8Array.of(-128, 0, 127),
    uint8: Uint8Array.of(0, 1, 255),
    int16: Int16Array.of(-32_768, 0, 32_767),
    uint16: Uint16Array.of(0, 1, 65_535),
    int32: Int32Array.of(-(2 ** 31), 0, 2 ** 31 - 1),
    uint32: Uint32Array.of(0, 1, 2 ** 32 - 1),
    int64: BigInt64Array.of(-(2n ** 63n), 0n, 2n ** 63n - 1n),
    uint64: BigUint64Array.of(0n, 1n, 2n ** 64n - 1n),
    bool: Uint8Array.of(0, 1, 1),
  }
  const engine = await openEngine(Object.keys(data).map((dtype) => `identity-${dtype}`))
  for (const [dtype, values] of Object.entries(data)) {
    await deploy(engine, dtype, [{ type: 'model', model: `identity-${dtype}` }])
    const { outputs } = await engine.infer(dtype, {
      inputs: { x: { dtype: dtype as Tensor['dtype'], shape: [1, 3], data: values } },
    })
    expect(outputs['y'], dtype).toEqual({ dtype, shape: [1, 3], data: values })
  }
})

test('steps: inputs of one are bound to outputs before it, casts that lose nothing are made', async () => {
  const engine = await openEngine(['add-one', 'times-two', 'identity-float64'])
  await deploy(engine, 'chain', [
    { type: 'model', model: 'add-one' },
    { type: 'model', model: 'times-two' },
    { type: 'model', model: 'identity-float64' },
  ])
  const x = Float32Array.from({ length: 3000 }, (_, index) => index)
  const result = await engine.infer('chain', { inputs: { x: { dtype: 'float32', shape: [1000, 3], data: x } } })
  expect(result.outputs['y']?.dtype).toBe('float64')
  expect(Array.from(result.outputs['y']?.data as Float64Array)).toEqual(Array.from(x, (value) => (value + 1) * 2))
  expect(result.metadata.elapsedNs).toHaveLength(4)
})

test('splits: each row goes its own way and comes back in place, under load', async () => {
  const engine = await openEngine(['constant-v1', 'constant-v2'])
  await deploy(engine, 'ab', [
    {
      type: 'random-split',
      seed: '42',
      options: [
        { weight: 2, model: 'constant-v1' },
        { weight: 1, model: 'constant-v2' },
      ],
    },
  ])
  await deploy(engine, 'keyed', [
    { type: 'key-split', default: 'constant-v1', key: 'region', options: { eu: 'constant-v2' } },
  ])
  let second = 0
  const rows = 60
  await Promise.all(
    Array.from({ length: 50 }, async () => {
      const result = await engine.infer('ab', {
        inputs: { x: { dtype: 'float32', shape: [rows, 3], data: new Float32Array(rows * 3) } },
      })
      result.metadata.route?.forEach((model, row) => {
        expect(floats(result, 'y')[row * 3]).toBe(model === 'constant-v2' ? 2 : 1)
        if (model === 'constant-v2') second++
      })
    }),
  )
  // 3000 draws at 1/3: 6 standard deviations are 155.
  expect(Math.abs(second - 1000)).toBeLessThan(155)
  const region = Array.from({ length: rows }, (_, row) => (row % 3 === 0 ? 'eu' : 'us'))
  const result = await engine.infer('keyed', {
    inputs: { x: { dtype: 'float32', shape: [rows, 3], data: new Float32Array(rows * 3) } },
    meta: { region },
  })
  expect(result.metadata.route).toEqual(region.map((name) => (name === 'eu' ? 'constant-v2' : 'constant-v1')))
  expect(floats(result, 'y').filter((_, index) => index % 3 === 0)).toEqual(
    region.map((name) => (name === 'eu' ? 2 : 1)),
  )
})

test.each([
  ['out of range', { session: 1.5 }, 'ERR_META'],
  ['negative', { session: -3 }, 'ERR_META'],
  ['an integer that doubles cannot represent', { session: 2 ** 53 }, 'ERR_META'],
  ['of another count than the rows', { session: [0.1, 0.2, 0.3] }, 'ERR_META'],
])('splits: a hash key that is %s is refused, never drawn', async (_what, meta, code) => {
  const engine = await openEngine(['constant-v1', 'constant-v2'])
  await deploy(engine, 'ab', [
    {
      type: 'random-split',
      hashKey: 'session',
      options: [
        { weight: 1, model: 'constant-v1' },
        { weight: 1, model: 'constant-v2' },
      ],
    },
  ])
  const inputs = {
    x: [
      [1, 2, 3],
      [4, 5, 6],
    ],
  }
  expect(await refusal(engine.infer('ab', { inputs, meta }))).toMatchObject({ code })
  const exact = await engine.infer('ab', { inputs, meta: { session: [0.4, 0.6] } })
  expect(exact.metadata.route).toEqual(['constant-v1', 'constant-v2'])
})
