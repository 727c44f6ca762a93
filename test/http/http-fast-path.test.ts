/**
 * Two ways answer POST …/infer: the fast path (native JSON, no promise) and the usual one, which is the reference. The
 * header penstock-priority, which says what is so without it, makes a request go the usual way: so each request is sent
 * both ways here, thousands of them, right and wrong, and the answers must be the same bytes.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { seededRandom } from '../../src/base/random.js'
import { encodeMessage } from '../../src/protocol/codec.js'
import { inferRoutes } from '../../src/transport/dialects/penstock/infer.js'
import type { TensorField } from '../../src/tensor/tensor.js'
import { modelBytes, serve, until, type Served } from '../support/served.js'
import { TestLog } from '../support/log-harness.js'

let served: Served
const log = new TestLog()
/** How often the fast path took a body, left it, and refused it. */
const outcomes = { taken: 0, left: 0, refused: 0 }
/** Those of JavaScript's fast path, and those that I/O threads took before it. */
const takenCount = (): number => {
  const ofThreads = inferRoutes.map((_, route) => served.engine.ioPorts.answeredCount(route))
  return ofThreads.reduce((sum, count) => sum + count, outcomes.taken)
}
const dtypes = 'float32 float64 float16 int8 uint8 int16 uint16 int32 uint32 int64 uint64 bool'.split(' ')

beforeAll(async () => {
  served = await serve({}, { log })
  const { engine } = served
  for (const dtype of dtypes) {
    await engine.addModel(dtype, modelBytes(`identity-${dtype}`))
    await engine.applyPipeline({ name: dtype, steps: [{ type: 'model', model: dtype }] }, { deploy: true })
  }
  const submit = engine.json.submit.bind(engine.json)
  vi.spyOn(engine.json, 'submit').mockImplementation((...parameters) => {
    const request = submit(...parameters)
    outcomes[request > 0 ? 'taken' : request === 0 ? 'left' : 'refused']++
    return request
  })
})
afterAll(() => served.close())

const usual = { 'penstock-priority': 'interactive' }

interface Seen {
  readonly status: number
  readonly headers: Record<string, string>
  readonly text: string
}

async function send(pipeline: string, body: string | Uint8Array, headers: Record<string, string>): Promise<Seen> {
  const response = await fetch(`${served.server.url}/v1/pipelines/${pipeline}/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: body as string,
  })
  const text = (await response.text())
    .replace(/"request_id":"[0-9a-z]+-[0-9a-z]+"/, '"request_id":"ID"')
    .replace(/"time":\d+/g, '"time":T')
    .replace(/"elapsed":\[([\d,]*)\]/, (_, elapsed: string) => `"elapsed":[${elapsed.replace(/\d+/g, 'T')}]`)
  const { date: _, ...kept } = Object.fromEntries(response.headers)
  return { status: response.status, headers: kept, text }
}

async function expectSame(pipeline: string, body: string | Uint8Array, headers: Record<string, string> = {}) {
  const [fast, reference] = [await send(pipeline, body, headers), await send(pipeline, body, { ...headers, ...usual })]
  // The lengths differ with the digits of the times.
  for (const answer of [fast, reference]) delete answer.headers['x-penstock-request-id']
  delete fast.headers['content-length']
  delete reference.headers['content-length']
  expect(fast, `${pipeline} ${Buffer.from(body).toString('latin1').slice(0, 500)}`).toEqual(reference)
  return fast
}

/** Texts of numbers, right ones mostly, by what they are for. */
function numberText(random: () => number, dtype: string): string {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T
  if (random() < 0.01)
    return pick(['null', 'NaN', '-Infinity', '"1"', '1e400', '01', '+1', '.5', '1.', '{}', 'true', '-', '1e', '[1]'])
  if (dtype === 'bool') return pick(['true', 'false', '0', '1', '1', random() < 0.05 ? '2' : '0'])
  if (/int/.test(dtype)) {
    if (random() < 0.02)
      return pick([
        '256',
        '-129',
        '65536',
        '4294967296',
        '-1',
        '1.5',
        '18446744073709551616',
        '9007199254740993',
        '1e20',
      ])
    if (random() < 0.1) return pick(['0', '-0', '1.0', '1e1', '12e-1', '100', '127'])
    const isWide = dtype.endsWith('64') && random() < 0.5
    return isWide ? `${Math.floor(random() * 9e18)}`.replace(/\..*|e.*/, '') : `${Math.floor(random() * 127)}`
  }
  if (random() < 0.02) return pick(['3.5e38', '65520', '1e39', '1e-400', '123456789012345678901234567890'])
  const bits = new DataView(new ArrayBuffer(8))
  bits.setUint32(0, Math.floor(random() * 2 ** 32))
  bits.setUint32(4, Math.floor(random() * 2 ** 32))
  const kinds = [
    () => String(random()),
    () => String(Math.fround(random())),
    () => String(Math.floor(random() * 1e6)),
    () => (random() * 10 ** Math.floor(random() * 40 - 20)).toPrecision(1 + Math.floor(random() * 20)),
    () => String(bits.getFloat32(0)).replace(/NaN|-?Infinity/, '0'),
    () => pick(['0', '-0', '-0.0', '1E5', '1e+2', '16777217', '0.1', '1e-45', '3.4028235e38', '9007199254740993']),
  ]
  const text = pick(kinds)()
  const beyond = dtype === 'float16' ? 6e4 : 3e38
  return Math.abs(Number(text)) < beyond ? text : '1.5'
}

function nest(random: () => number, dtype: string, dims: readonly number[]): string {
  const [dim, ...inner] = dims
  if (dim === undefined) return numberText(random, dtype)
  const space = random() < 0.05 ? '\n ' : ''
  const length = random() < 0.005 ? dim + 1 : dim
  return `[${Array.from({ length }, () => nest(random, dtype, inner)).join(`${space},${space}`)}${space}]`
}

function inputText(random: () => number, field: TensorField, rows: number): string {
  const dims = field.shape.map((dim, axis) => dim ?? (axis === 0 ? rows : 1 + Math.floor(random() * 3)))
  const form = random()
  if (form < 0.05) return nest(random, field.dtype, dims.slice(1))
  if (form < 0.1) return nest(random, field.dtype, [dims.reduce((product, dim) => product * dim, 1)])
  return nest(random, field.dtype, dims)
}

/** A body as a client might send it, now and then with something wrong. */
function bodyText(random: () => number, inputs: readonly TensorField[]): string {
  const rows = 1 + Math.floor(random() * 4)
  let members = inputs.map((field) => `"${field.name}":${inputText(random, field, random() < 0.01 ? 5 : rows)}`)
  if (random() < 0.1) members = members.reverse()
  if (random() < 0.02) members.push(...members.slice(0, 1))
  if (random() < 0.02) members.pop()
  if (random() < 0.02) members.push('"nobody":[1]')
  const options = [
    '"deadlineMs":60000',
    '"priority":"background"',
    '"priority":"interactive"',
    '"deadlineMs":0',
    '"priority":"urgent"',
    '"meta":{}',
    '"meta":{"region":"eu"}',
    '"deadlineMs":1e4',
    '"deadlineMs":"5"',
    '"deadlineMs":null',
  ].filter((_, index) => random() < (index < 3 ? 0.2 : 0.03))
  if (random() < 0.5) members = [`"inputs":{${members.join(', ')}}`, ...(random() < 0.3 ? options : [])]
  else if (random() < 0.02) members.push(...options)
  if (random() < 0.1) members = members.reverse()
  const text = `{${members.join(random() < 0.5 ? ',' : ' ,\n')}}`
  return random() < 0.03 ? ` ${text}\n` : text
}

function mutate(random: () => number, text: string): string {
  const at = Math.floor(random() * text.length)
  const kind = random()
  if (kind < 0.3) return text.slice(0, at) + text.slice(at + 1 + Math.floor(random() * 3))
  if (kind < 0.6) return text.slice(0, at)
  const letters = '[]{},:"0123456789.-+eE \\\u00e9\u0007'
  return text.slice(0, at) + (letters[Math.floor(random() * letters.length)] ?? '') + text.slice(at)
}

describe('fast path of infer', () => {
  const pipelines = 'add both mixed wide small echo bool text whole fixed checked split shadowed'.split(' ')

  it('answers random bodies as the usual way does', async () => {
    const seed = Number(process.env['PENSTOCK_SEED'] ?? Date.now() % 2 ** 31)
    const random = seededRandom(seed)
    const before = { taken: takenCount(), left: outcomes.left }
    for (const pipeline of [...pipelines, ...dtypes]) {
      const { inputs } = served.engine.describePipeline(pipeline)
      const bodies = Array.from({ length: 30 }, () => {
        const text = bodyText(random, inputs)
        return random() < 0.2 ? mutate(random, text) : text
      })
      await Promise.all(
        Array.from({ length: 6 }, async (_, bucket) => {
          for (let at = bucket; at < bodies.length; at += 6) {
            await expectSame(pipeline, bodies[at] as string).catch((error: unknown) => {
              throw new Error(`seed ${seed}`, { cause: error })
            })
          }
        }),
      )
    }
    // The canary: both ways were really gone.
    expect(takenCount() - before.taken).toBeGreaterThan(250)
    expect(outcomes.left - before.left).toBeGreaterThan(50)
  }, 60_000)

  it('prints every float32 and float64 as the usual way does', async () => {
    const random = seededRandom(5)
    const bits = new DataView(new ArrayBuffer(8))
    const body = (edges: readonly number[], read: () => number): string => {
      const drawn = Array.from({ length: 5000 }, () => {
        bits.setUint32(0, Math.floor(random() * 2 ** 32))
        bits.setUint32(4, Math.floor(random() * 2 ** 32))
        return read()
      })
      const values = [...edges, ...drawn].filter(Number.isFinite)
      return JSON.stringify({ x: values.slice(0, values.length - (values.length % 3)) })
    }
    const powers = Array.from({ length: 80 }, (_, index) => Number(`1e${index - 45}`))
    const halves = Array.from({ length: 280 }, (_, index) => 2 ** (index - 149)).filter((value) => value < 2 ** 128)
    const narrow = [...powers, ...powers.map((value) => value * 9.9999995), ...halves]
    const read32 = (): number =>
      random() < 0.5 ? bits.getFloat32(0) : Math.fround(random() * 10 ** (random() * 12 - 6))
    for (const [pipeline, edges, read] of [
      ['float32', narrow.filter((value) => value < 3.4e38), read32],
      ['float64', [...powers, ...halves, Number.MAX_VALUE, Number.MIN_VALUE], () => bits.getFloat64(0)],
    ] as const) {
      expect((await expectSame(pipeline, body(edges, read))).status).toBe(200)
    }
  })

  it('reads null as a missing float by itself, to the same bytes', async () => {
    for (const dtype of ['float32', 'float64', 'float16']) {
      const taken = takenCount()
      const { text } = await expectSame(dtype, '{"x":[[1,null,3],[null,null,-0]]}')
      expect(text).toContain('"outputs":{"y":[[1,null,3],[null,null,-0]]}')
      expect(takenCount()).toBe(taken + 1)
    }
    expect((await expectSame('int64', '{"x":[[1,null,3]]}')).text).toContain('"code":"ERR_ARGUMENT"')
  })

  it('agrees about heads: content types, accepts, empty bodies, names', async () => {
    const body = '{"x":[[1,2,3]]}'
    for (const type of [
      'application/json; charset=utf-8',
      'Application/JSON',
      'text/plain',
      RECORDS,
      'application/xml',
    ])
      await expectSame('add', body, { 'content-type': type })
    for (const accept of [
      'application/json',
      '*/*',
      'text/html',
      'application/x-penstock',
      RECORDS,
      'text/html, */*;q=0.1',
    ])
      await expectSame('add', body, { accept })
    expect((await expectSame('add', body, { 'content-encoding': 'identity' })).status).toBe(200)
    for (const encoding of ['gzip', 'br', 'gzip, identity']) {
      const refused = await expectSame('add', body, { 'content-encoding': encoding })
      expect(refused.status).toBe(415)
      expect(refused.text).toContain('Expected content-encoding to be identity, or absent, but received')
    }
    for (const text of ['', '{}', '[]', 'null', '[{"x":[1,2,3]}]', '\ufeff{"x":[[1,2,3]]}'])
      await expectSame('add', text)
    for (const name of ['nobody', 'a%20b', '%zz', 'add?x=1', 'text']) await expectSame(name, body)
    await expectSame('add', Uint8Array.from([0x7b, 0xff, 0x7d]))
  })

  it('reads bodies that come in pieces, and large ones', async () => {
    const taken = takenCount()
    const rows = Array.from({ length: 20_000 }, (_, row) => [row / 7, -row, row * 1e-9])
    expect((await expectSame('float32', JSON.stringify({ x: rows }))).status).toBe(200)
    expect(takenCount()).toBe(taken + 1)
    expect((await expectSame('float32', `{"x":[${'[1,2,3],'.repeat(270_000)}[1,2,3]]}`)).status).toBe(413)
  })

  it('gives each of many large tensors its own numbers back, binary and JSON', async () => {
    const rows = 10_000 // all six stay within what a queue takes
    const ask = async (seed: number): Promise<void> => {
      const x = Float32Array.from({ length: rows * 3 }, (_, index) => seed + (index % 1000))
      const isBinary = seed % 2 === 0
      const body = isBinary
        ? encodeMessage({
            kind: 'infer',
            channel: 0,
            request: seed,
            rows,
            data: new Uint8Array(x.buffer),
            dims: null,
            meta: null,
            deadlineMs: 0,
            priority: 'interactive',
            texts: null,
          })
        : JSON.stringify({ x: [...x] })
      const response = await fetch(`${served.server.url}/v1/pipelines/float32/infer`, {
        method: 'POST',
        headers: {
          'content-type': isBinary ? 'application/x-penstock' : 'application/json',
          accept: 'application/json',
        },
        body: body as string,
      })
      const { outputs } = (await response.json()) as { outputs: { y: number[][] } }
      expect(Float32Array.from(outputs.y.flat())).toEqual(x)
    }
    for (let round = 0; round < 3; round++) await Promise.all([1, 2, 3, 4, 5, 6].map((seed) => ask(10 * round + seed)))
  })

  it('logs a request under the id that its answer names', async () => {
    await served.engine.flushLogs('shadowed')
    const before = log.requests('shadowed').length
    const send = async (headers: Record<string, string>): Promise<string> => {
      const url = `${served.server.url}/v1/pipelines/shadowed/infer`
      const { inputs } = served.engine.describePipeline('shadowed')
      const body = JSON.stringify({
        [inputs[0]?.name ?? '']: [Array.from({ length: inputs[0]?.shape[1] ?? 1 }, () => 1)],
      })
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body,
      })
      return ((await response.json()) as { metadata: { request_id: string } }).metadata.request_id
    }
    const taken = takenCount()
    const ids = [await send({}), await send(usual)]
    expect(takenCount()).toBe(taken + 1)
    const records = (await log.requestsWhen(served.engine, before + 2, 'shadowed')).slice(before)
    expect(records.map((record) => record.requestId)).toEqual(ids)
    const [fast, reference] = records.map(({ inputs, outputs, audited, route }) => ({
      inputs,
      outputs,
      audited,
      route,
    }))
    expect(fast).toEqual(reference)
  })

  it('says the same of a pipeline that is gone, and counts what it answers', async () => {
    const { engine, server } = served
    const metric = async (): Promise<number> => {
      const text = await (await fetch(`${server.url}/metrics`)).text()
      return Number(/route="\/v1\/pipelines\/\{pipeline\}\/infer",status="200"\} (\d+)/.exec(text)?.[1] ?? 0)
    }
    const before = await metric()
    const rows = engine.pipelineStatus('add').rowCount
    await expectSame('add', '{"x":[[1,2,3]]}')
    expect(await metric()).toBe(before + 2)
    await until('both are counted', () => engine.pipelineStatus('add').rowCount === rows + 2)
    await engine.undeployPipeline('fixed')
    expect((await expectSame('fixed', '{"x":[[1,2,3]]}')).status).toBe(409)
    await engine.deployPipeline('fixed')
    expect((await expectSame('fixed', '{}')).status).toBe(400)
    await until('nothing is in flight', () => engine.inFlight === 0)
  })
})

const RECORDS = 'application/json; format=pandas-records'
