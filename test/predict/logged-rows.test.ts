/**
 * What the log has of rows by names beside their tensors: whom they are about, when it happened, what the contract has no
 * field for; the same whichever way the rows took.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Contract, Engine, LogStore, PenstockServer } from 'penstock'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { modelBytes } from '../support/served.js'

const features: Contract['fields'] = ['a', 'b', 'c'].map((name) => ({ name, dtype: 'float32' as const }))
const y: Contract['fields'] = [{ name: 'y', dtype: 'float32', role: 'prediction', shape: [3] }]
const contracts: readonly Contract[] = [
  {
    name: 'sale',
    fields: [
      { name: 'bottle', dtype: 'string?', role: 'entity', required: false },
      { name: 'customer', dtype: 'int64?', role: 'entity', required: false },
      ...features,
      ...y,
    ],
    extra: 'log',
  },
  {
    name: 'visit',
    fields: [
      { name: 'guest', dtype: 'uuid', role: 'entity' },
      { name: 'came', dtype: 'timestamp', role: 'timestamp' },
      ...features,
      ...y,
    ],
  },
]

let directory: string
let store: LogStore
let engine: Engine
let server: PenstockServer
let taken = 0
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'penstock-logged-'))
  store = await LogStore.open(join(directory, 'log'))
  engine = await Engine.open({ inferWorkers: 1, calibration: 'off', log: store })
  await engine.addModel('add', modelBytes('add-one'))
  const add = { type: 'model', model: 'add' } as const
  for (const contract of contracts) {
    await engine.contracts.put(contract)
    const { name } = contract as { name: string }
    await engine.applyPipeline({ name, contract: name, steps: [add] }, { deploy: true })
  }
  const { json } = engine
  const submitRows = json.submitRows.bind(json)
  json.submitRows = (...given) => {
    const request = submitRows(...given)
    if (request > 0) taken++
    return request
  }
  server = await PenstockServer.start({ engine, port: 0 })
})
afterAll(async () => {
  await server.close()
  await engine.close()
  await store.close()
  rmSync(directory, { recursive: true, force: true })
})

async function predict(pipeline: string, rows: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${server.url}/predict/${pipeline}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(rows),
  })
  const id = response.headers.get('x-penstock-request-id') ?? ''
  return { status: response.status, json: (await response.json()) as Record<string, unknown>[], id }
}

async function logged(pipeline: string, id: string, columns: readonly string[]): Promise<Record<string, unknown>[]> {
  await engine.flushLogs(pipeline)
  const named = columns.map((name) => `"${name}"`).join(', ')
  const where = `"metadata.request_id" = '${id}' ORDER BY "metadata.row"`
  const { body } = await engine.queryLogs(`SELECT ${named} FROM ${pipeline} WHERE ${where}`)
  return JSON.parse(Buffer.from(body).toString()) as Record<string, unknown>[]
}

const [bottle, customer, extra] = ['metadata.key.bottle', 'metadata.key.customer', 'metadata.extra']
const xs = { a: 1, b: 2, c: 3 }

test('entities stand in the log, of rows that the addon takes and of others, and in answers', async () => {
  const rows = [{ ...xs, bottle: 'ü "1"', customer: 7 }, { ...xs, customer: '9007199254740993' }, xs]
  const expected = [
    { [bottle]: 'ü "1"', [customer]: '7', [extra]: null },
    { [bottle]: '', [customer]: '9007199254740993', [extra]: null },
    { [bottle]: '', [customer]: '', [extra]: null },
  ]
  const before = taken
  const natively = await predict('sale', rows)
  expect([natively.status, taken]).toEqual([200, before + 1])
  expect(await logged('sale', natively.id, [bottle, customer, extra])).toEqual(expected)
  expect(natively.json.map(({ bottle: one, customer: other }) => [one, other])).toEqual([
    ['ü "1"', 7],
    [null, '9007199254740993'],
    [null, null],
  ])
  const { metadata } = await engine.predict('sale', rows)
  expect(await logged('sale', metadata?.requestId ?? '', [bottle, customer, extra])).toEqual(expected)
  // A column that no row has is null, and costs nothing.
  const { id } = await predict('sale', [xs])
  expect(await logged('sale', id, [bottle, customer])).toEqual([{ [bottle]: null, [customer]: null }])
})

test("the caller's own key of that name wins, and texts are cut", async () => {
  const long = 'x'.repeat(3000)
  const own = await engine.predict('sale', [{ ...xs, bottle: 'row' }], { meta: { bottle: 'mine' } })
  expect(await logged('sale', own.metadata?.requestId ?? '', [bottle])).toEqual([{ [bottle]: 'mine' }])
  const cut = await engine.predict('sale', [{ ...xs, bottle: long }])
  expect(await logged('sale', cut.metadata?.requestId ?? '', [bottle])).toEqual([{ [bottle]: long.slice(0, 1024) }])
})

test('members that are no field stand in the log with their first values, bounded, where the contract says so', async () => {
  const before = taken
  const more = { colour: 'red', old: null, size: { a: 1 }, list: [1, 2], price: 1.5, text: 'y'.repeat(100) }
  const { status, id } = await predict('sale', [
    { ...xs, ...more },
    { ...xs, colour: 'white', late: true },
  ])
  expect([status, taken]).toEqual([200, before])
  const [first, second] = await logged('sale', id, [extra])
  expect(second).toEqual(first)
  expect(JSON.parse(first?.[extra] as string)).toEqual({
    ...more,
    size: 'an object',
    list: 'a list of 2',
    text: `${'y'.repeat(64)}…`,
    late: true,
  })
  const many = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`name ${at} ${'z'.repeat(20)}`, at]))
  const wide = await predict('sale', [{ ...xs, ...many }])
  expect(wide.status).toBe(200)
  const text = (await logged('sale', wide.id, [extra]))[0]?.[extra] as string
  expect(text.length).toBeLessThanOrEqual(1024)
  const told = JSON.parse(text) as Record<string, number>
  // 64 names are kept of a request; those without room are counted.
  expect(Object.keys(told).length - 1 + (told['…'] ?? 0)).toBe(64)
})

test('calendar values stand in the log and in answers as rows have them', async () => {
  const guest = '123e4567-e89b-12d3-a456-426614174000'
  const { status, id, json } = await predict('visit', [{ ...xs, guest, came: '2026-01-31T09:30:00.25+01:00' }])
  expect([status, json]).toEqual([200, [{ guest, came: '2026-01-31T08:30:00.250000Z', y: [2, 3, 4] }]])
  const columns = ['metadata.key.guest', 'metadata.key.came']
  expect(await logged('visit', id, columns)).toEqual([
    { 'metadata.key.guest': guest, 'metadata.key.came': '2026-01-31T08:30:00.250000Z' },
  ])
})
