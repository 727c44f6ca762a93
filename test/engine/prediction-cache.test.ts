/**
 * Pipelines with a prediction cache: one entry for the same rows over every transport, no run on a hit, and nobody is given
 * another's id. What a key is, bounds and threads are claims of native/test (prediction_cache_test, caching_test).
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { tableFromIPC } from 'apache-arrow'
import { Engine, LogStore, PenstockClient, PenstockServer, pipeline } from 'penstock'
import { TestLog } from '../support/log-harness.js'
import { call, modelBytes } from '../support/served.js'
import { waysOf } from '../support/v2-ways.js'

const log = new TestLog()
const cache = { ttlSeconds: 60, maxBytes: 1 << 20 }
let engine: Engine
let store: LogStore
let server: PenstockServer
let url = ''

beforeAll(async () => {
  store = await LogStore.open(log.path)
  engine = await Engine.open({ inferWorkers: 1, calibration: 'off', log: store })
  await engine.addModel('add', modelBytes('add-one'), { alias: 'champion' })
  await engine.addModel('one', modelBytes('constant-v1'))
  await engine.addModel('two', modelBytes('constant-v2'))
  await engine.addModel('text', modelBytes('upper-string'))
  const checked = [
    { type: 'model', model: 'add@champion' },
    { type: 'check', name: 'high', flag: 'out.y[0] > 5' },
  ] as const
  await engine.applyPipeline({ name: 'add', steps: checked, cache }, { deploy: true })
  server = await PenstockServer.start({ engine, port: 0, grpcPort: 0 })
  url = server.url
})
afterAll(async () => {
  await server.close()
  await engine.close()
  await store.close()
})

/** What /metrics would say of it. */
const counters = (name = 'add') => engine.metrics().pipelines.find((one) => one.pipeline === name)?.cache
const runs = () => engine.metrics().models.find((one) => one.model === 'add')?.batchRows.count ?? 0

interface Metadata {
  readonly cache?: string
  readonly request_id: string
}
const asJson = async (rows: number[][], accept = 'application/json') => {
  const { json } = await call(url, 'POST', '/v1/pipelines/add/infer', { x: rows }, { accept })
  return json as { outputs: { y: number[][] }; check_failures: unknown; metadata: Metadata }
}

test('prediction cache: the second identical request is a hit, with an id of its own, and no model runs', async () => {
  const first = await asJson([[9, 2, 3]])
  const before = runs()
  const second = await asJson([[9, 2, 3]])
  expect([first.metadata.cache, second.metadata.cache]).toEqual(['miss', 'hit'])
  expect(runs()).toBe(before)
  expect(second.outputs).toEqual(first.outputs)
  expect(second.check_failures).toEqual([{ check: 'high', rows: [0] }])
  expect(second.metadata.request_id).not.toBe(first.metadata.request_id)
  expect((await asJson([[9, 2, 4]])).metadata.cache).toBe('miss')
  expect(runs()).toBe(before + 1)
})

test('prediction cache: the same rows hit the same entry over every transport, which says so', async () => {
  const rows = [
    [1, 2, 3],
    [4, 5, 6.5],
  ]
  const flat = Float32Array.from(rows.flat())
  expect((await asJson(rows)).metadata.cache).toBe('miss')
  const before = runs()
  const embedded = await engine.infer('add', { inputs: { x: { dtype: 'float32', shape: [2, 3], data: flat } } })
  expect(embedded.metadata.cache).toBe('hit')
  const records = await call(
    url,
    'POST',
    '/v1/pipelines/add/infer',
    rows.map((x) => ({ x })),
  )
  expect((records.json as unknown as { metadata: Metadata }[]).map(({ metadata }) => metadata.cache)).toEqual([
    'hit',
    'hit',
  ])
  const arrow = await fetch(`${url}/v1/pipelines/add/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/vnd.apache.arrow.file' },
    body: JSON.stringify({ x: rows }),
  })
  const table = tableFromIPC(new Uint8Array(await arrow.arrayBuffer()))
  expect([...(table.getChild('metadata')?.getChild('cache') ?? [])]).toEqual(['hit', 'hit'])
  const client = await PenstockClient.connect(url.replace('http', 'ws'))
  const remote = await client.open('add')
  const results = await Promise.all(Array.from({ length: 8 }, () => remote.infer({ x: flat })))
  expect(results.map((result) => result.cache)).toEqual(Array<string>(8).fill('hit'))
  expect(results.map(({ outputs }) => [...(outputs['y']?.data as Float32Array)])).toEqual(
    Array<number[]>(8).fill([2, 3, 4, 5, 6, 7.5]),
  )
  await client.close()
  const ways = waysOf(server)
  const body = { inputs: [{ name: 'x', datatype: 'FP32', shape: [2, 3], data: [...flat] }] }
  for (const answer of await ways.ask('add', body)) {
    expect(answer.error, answer.way).toBe('')
    expect(answer.outputs['y']?.data, answer.way).toEqual([2, 3, 4, 5, 6, 7.5])
  }
  ways.close()
  const oip = await call(url, 'POST', '/v2/models/add/infer', body)
  expect((oip.json as { parameters: Record<string, string> }).parameters['cache']).toBe('hit')
  expect(runs()).toBe(before)
})

test('prediction cache: bits are compared, not numbers', async () => {
  const ask = async (x: number): Promise<string | undefined> =>
    (await engine.infer('add', { inputs: { x: Float32Array.of(x, 0, 0) } })).metadata.cache
  expect([await ask(0), await ask(-0), await ask(0), await ask(-0)]).toEqual(['miss', 'miss', 'hit', 'hit'])
  expect([await ask(NaN), await ask(NaN)]).toEqual(['miss', 'hit'])
})

test('prediction cache: the log has a row for each request, and says which were hits', async () => {
  await pipeline('shadowed', engine).shadow('one', ['two']).cache(cache).deploy()

  const inputs = { x: Float32Array.of(1, 2, 3) }
  await engine.infer('shadowed', { inputs, withOthers: true })
  const hit = await engine.infer('shadowed', { inputs, withOthers: true })
  expect(hit.metadata.cache).toBe('hit')
  expect(hit.others?.['two']).not.toBeNull()
  const [run, cached] = await log.requestsWhen(engine, 2, 'shadowed')
  expect(cached?.inputs).toEqual(run?.inputs)
  expect(cached?.outputs).toEqual(run?.outputs)
  expect(cached?.audited['two']).toEqual(run?.audited['two'])
  const page = await call(url, 'GET', '/v1/pipelines/shadowed/logs?limit=10&dataset=metadata&order=asc')
  const records = page.json as unknown as { metadata: Metadata }[]
  expect(records.map(({ metadata }) => metadata.cache).sort()).toEqual(['hit', 'miss'])
})

test('prediction cache: a version that an alias moves to has a cache of its own', async () => {
  expect((await asJson([[7, 7, 7]])).metadata.cache).toBe('miss')
  expect((await asJson([[7, 7, 7]])).metadata.cache).toBe('hit')
  const version = await engine.addModel('add', modelBytes('constant-v2'))
  await engine.setAlias('add', 'champion', version.version)
  expect((await asJson([[7, 7, 7]])).metadata.cache).toBe('miss')
})

test('prediction cache: it is bounded in bytes, and /metrics counts it', async () => {
  await engine.applyPipeline(
    { name: 'small', steps: [{ type: 'model', model: 'one' }], cache: { ttlSeconds: 60, maxBytes: 8192 } },
    { deploy: true },
  )
  for (let i = 0; i < 50; i++) await engine.infer('small', { inputs: { x: Float32Array.of(i, 0, 0) } })
  const seen = counters('small')
  expect(seen).toMatchObject({ hitCount: 0, missCount: 50 })
  expect(seen?.bytes).toBeLessThanOrEqual(8192)
  expect((seen?.entryCount ?? 0) + (seen?.evictionCount ?? 0)).toBe(50)
  const text = await (await fetch(`${url}/metrics`)).text()
  expect(text).toContain('penstock_cache_requests_total{pipeline="small",result="miss"} 50')
  expect(text).toContain(`penstock_cache_evictions_total{pipeline="small"} ${seen?.evictionCount}`)
  const used = engine.metrics().budget.usedBytes
  expect(Object.values(used).reduce((sum, bytes) => sum + bytes, 0)).toBeGreaterThanOrEqual(seen?.bytes ?? 0)
})

test('prediction cache: an answer is too old after its time, and its memory is given back', async () => {
  await engine.applyPipeline(
    { name: 'brief', steps: [{ type: 'model', model: 'one' }], cache: { ttlSeconds: 0.05, maxBytes: 8192 } },
    { deploy: true },
  )
  const ask = async () => (await engine.infer('brief', { inputs: { x: Float32Array.of(1, 0, 0) } })).metadata.cache
  await ask()
  await expect.poll(() => counters('brief')?.entryCount, { timeout: 5000 }).toBe(0)
  expect(await ask()).toBe('miss')
})

test('prediction cache: what it cannot keep is refused with the way out', async () => {
  const put = async (definition: object) =>
    (await call(url, 'PUT', '/v1/pipelines/refused?deploy=true', definition)).json as { error: string; code: string }
  const branches = ['one', 'two'].map((model) => ({ weight: 1, model }))
  const split = await put({ steps: [{ type: 'random-split', options: branches }], cache })
  expect(split.code).toBe('ERR_PIPELINE_INVALID')
  expect(split.error).toMatch(/steps\[0\], a random-split.*Use a key-split/)
  const text = await put({ steps: [{ type: 'model', model: 'text' }], cache })
  expect(text.error).toMatch(/cache.*is a string.*transform step/)
  expect((await call(url, 'GET', '/v1/pipelines/refused')).status).toBe(404)
})
