/**
 * Sticky routing: the same key meets the same option in every release, by every transport, on the native path and on the
 * one of strings. The numbers below are part of the interface: a change that moves one moves somebody's sessions.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PenstockClient, type Engine } from 'penstock'
import { call, modelBytes, serve, type Served } from '../support/served.js'
import { waysOf, type Ways } from '../support/v2-ways.js'

/** Text, seed, u; by the rule of docs/reference/steps.md, computed by a program in another language. */
const vectors = [
  ['a', 0n, 0.14938097471438938],
  ['b', 0n, 0.7327231604510314],
  ['session-1', 0n, 0.2749445202547339],
  ['session-2', 0n, 0.8431644685803514],
  ['7', 0n, 0.2837663965005415],
  ['1000000', 0n, 0.4109275435890166],
  ['naïve ☃', 0n, 0.8070030512715028],
  ['a', 1n, 0.6095475751177519],
  ['a', 18446744073709551615n, 0.5840811259321969],
  ['user@example.com', 42n, 0.8859933554675292],
] as const

/** The rule again, as the documentation says it. */
function fractionOf(text: string, seed = 0n): number {
  const bits = (value: bigint): bigint => BigInt.asUintN(64, value)
  const bytes = [
    ...Array.from({ length: 8 }, (_, index) => Number((seed >> BigInt(8 * index)) & 0xffn)),
    ...Buffer.from(text),
  ]
  let hash = 0xcbf29ce484222325n
  for (const byte of bytes) hash = bits((hash ^ BigInt(byte)) * 0x100000001b3n)
  let z = bits(hash + 0x9e3779b97f4a7c15n)
  z = bits((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n)
  z = bits((z ^ (z >> 27n)) * 0x94d049bb133111ebn)
  return Number((z ^ (z >> 31n)) >> 11n) / 2 ** 53
}

let served: Served
let engine: Engine
let ways: Ways
beforeAll(async () => {
  served = await serve({ grpcPort: 0 })
  engine = served.engine
  ways = waysOf(served.server)
  for (const name of ['upper-one', 'upper-two']) await engine.addModel(name, modelBytes('upper-string'))
  const split = (models: [string, string], more: object): never[] =>
    [
      {
        type: 'random-split',
        options: models.map((model) => ({ weight: 1, model })),
        hashKey: 'u',
        ...more,
      },
    ] as never[]
  const apply = (name: string, steps: never[]) => engine.applyPipeline({ name, steps }, { deploy: true })
  await apply('sticky', split(['one', 'two'], {}))
  await apply('sticky-text', split(['upper-one', 'upper-two'], {}))
  await apply('sticky-seeded', split(['one', 'two'], { hashSeed: '42' }))
  await apply('sticky-required', split(['one', 'two'], { required: true }))
  await apply('text-required', split(['upper-one', 'upper-two'], { required: true }))
  await apply('key-required', [
    { type: 'key-split', default: 'one', key: 'region', options: { eu: 'two', 1000000: 'two' }, required: true },
  ] as never[])
})
afterAll(async () => {
  ways.close()
  await served.close()
})

type MetaValue = string | number | readonly string[] | readonly number[]
const rowsOf = (meta: MetaValue): number => (Array.isArray(meta) ? meta.length : 1)
const xs = (rows: number): number[][] => Array.from({ length: rows }, () => [1, 2, 3])

/** Index of the option by row. */
async function ask(pipeline: string, meta: Record<string, MetaValue>): Promise<number[]> {
  const rows = rowsOf(Object.values(meta)[0] ?? 0)
  const isText = pipeline.includes('text')
  const inputs = isText ? { label: Array.from({ length: rows }, () => 'a') } : { x: xs(rows) }
  const { metadata } = await engine.infer(pipeline, { inputs, meta })
  return (metadata.route ?? []).map((model) => (/one|upper-one/.test(model) ? 0 : 1))
}
const optionOf = (text: string, seed = 0n): number => (fractionOf(text, seed) < 0.5 ? 0 : 1)
const texts = Array.from({ length: 200 }, (_, index) => `session ${index}`)

describe('sticky routing', () => {
  it.each(vectors)('sends %s, seed %s, to u = %d exactly', async (text, seed, u) => {
    expect(fractionOf(text, seed)).toBe(u)
    for (const [weight, option] of [
      [u + 1e-12, 0],
      [u - 1e-12, 1],
    ] as const) {
      const options = [
        { weight, model: 'one' },
        { weight: 1 - weight, model: 'two' },
      ]
      const step = { type: 'random-split', options, hashKey: 'u', hashSeed: String(seed) }
      await engine.applyPipeline({ name: 'vector', steps: [step] as never[] }, { deploy: true })
      expect(await ask('vector', { u: text })).toEqual([option])
    }
  })

  it('deals texts evenly, and anew under another seed', async () => {
    const options = await ask('sticky', { u: texts })
    expect(options).toEqual(texts.map((text) => optionOf(text)))
    const seeded = await ask('sticky-seeded', { u: texts })
    expect(seeded).toEqual(texts.map((text) => optionOf(text, 42n)))
    for (const dealt of [options, seeded]) expect(dealt.reduce((sum, option) => sum + option, 0)).toBeGreaterThan(70)
    expect(seeded.filter((option, row) => option === options[row]).length).toBeLessThan(140)
    expect(await ask('sticky-text', { u: texts })).toEqual(options)
  })

  it('takes numbers in [0, 1] as they are, and integers above as their decimal text', async () => {
    expect(await ask('sticky', { u: [0, 0.49, 0.5, 0.999, 1] })).toEqual([0, 0, 1, 1, 1])
    const integers = [2, 7, 10, 1_000_000, 1e15, 123_456_789, 2 ** 53 - 1]
    expect(await ask('sticky', { u: integers })).toEqual(integers.map((value) => optionOf(String(value))))
    expect(await ask('sticky-text', { u: integers })).toEqual(integers.map((value) => optionOf(String(value))))
    expect(await ask('sticky', { u: integers.map(String) })).toEqual(await ask('sticky', { u: integers }))
  })

  it.each([-0.5, -1, 1.5, 2.000001, 2 ** 53, 1e300])('refuses %d, which is neither', async (value) => {
    for (const pipeline of ['sticky', 'sticky-text'])
      await expect(ask(pipeline, { u: value })).rejects.toMatchObject({
        code: 'ERR_META',
        message: expect.stringMatching(/meta\["u"\].*\[0, 1\] or an integer up to .*as text \(row 0\)/) as string,
      })
    await expect(ask('sticky', { u: [0.5, value] })).rejects.toMatchObject({
      message: expect.stringContaining('(row 1)') as string,
    })
  })

  it('draws where the key is absent or empty, and refuses it where it is required', async () => {
    expect(new Set(await ask('sticky', { u: Array.from({ length: 200 }, () => '') })).size).toBe(2)
    for (const pipeline of ['sticky-required', 'text-required']) {
      expect(await ask(pipeline, { u: 'a' })).toEqual([0])
      for (const [meta, row] of [
        [{}, 0],
        [{ other: 'a' }, 0],
        [{ u: '' }, 0],
        [{ u: ['a', ''] }, 1],
      ] as const)
        await expect(ask(pipeline, meta)).rejects.toMatchObject({
          code: 'ERR_META',
          message: `Expected meta["u"] to be a routing key that the split requires but received none (row ${row})`,
        })
    }
    expect(await ask('key-required', { region: ['eu', 'us'] })).toEqual([1, 0])
    // As JavaScript writes it, not as 1e+06.
    expect(await ask('key-required', { region: 1_000_000 })).toEqual([1])
    await expect(ask('key-required', {})).rejects.toMatchObject({ code: 'ERR_META' })
    await expect(ask('key-required', { region: ['eu', ''] })).rejects.toMatchObject({ code: 'ERR_META' })
  })

  it('is the same by every transport', async () => {
    const { url } = served.server
    const client = await PenstockClient.connect(url)
    const keys = [...texts.slice(0, 10), 'naïve ☃', 7, 1_000_000, 0.25, 0.75]
    for (const key of keys) {
      const wanted = typeof key === 'string' || key > 1 ? optionOf(String(key)) : Number(key >= 0.5)
      const value = wanted + 1
      const route = (await client.infer('sticky', { x: xs(1) }, { meta: { u: key } })).outputs['y']?.data[0]
      const columns = await call(url, 'POST', '/v1/pipelines/sticky/infer', { inputs: { x: xs(1) }, meta: { u: key } })
      const records = await call(url, 'POST', '/v1/pipelines/sticky/infer', [{ x: [1, 2, 3], u: key }])
      const v2 = await ways.ask('sticky', {
        inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 3], data: [1, 2, 3] }],
        parameters: { u: key },
      })
      expect([route, ...v2.map(({ outputs }) => outputs['y']?.data[0])], String(key)).toEqual(Array(7).fill(value))
      for (const { status, text } of [columns, records]) {
        expect(status, text).toBe(200)
        expect(/"y":\s*\[\s*\[?\s*(\d)/.exec(text)?.[1] ?? text).toBe(String(value))
      }
    }
    const refused = await call(url, 'POST', '/v1/pipelines/sticky-required/infer', { inputs: { x: xs(1) } })
    expect([refused.status, refused.json['error']]).toEqual([400, expect.stringContaining('meta["u"]')])
    await client.close()
  })

  it('needs a key to be seeded or required by', async () => {
    for (const more of [{ hashSeed: '1' }, { required: true }])
      await expect(
        engine.applyPipeline({
          name: 'wrong',
          steps: [{ type: 'random-split', options: [{ weight: 1, model: 'one' }], ...more }] as never[],
        }),
      ).rejects.toMatchObject({ code: 'ERR_PIPELINE_INVALID', message: expect.stringContaining('hashKey') as string })
    for (const [more, words] of [
      [{ hashKey: 'u', hashSeed: '-1' }, 'hashSeed'],
      [{ hashKey: 'u', hashSeed: 1 }, 'hashSeed'],
      [{ hashKey: 'u', required: 'yes' }, 'true or false'],
    ] as const)
      await expect(
        engine.applyPipeline({
          name: 'wrong',
          steps: [{ type: 'random-split', options: [{ weight: 1, model: 'one' }], ...more }] as never[],
        }),
      ).rejects.toMatchObject({ message: expect.stringContaining(words) as string })
  })
})
