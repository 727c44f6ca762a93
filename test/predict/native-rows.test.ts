/**
 * Rows by names that the addon takes from body to answer, against the way through JavaScript: the same text, status and
 * headers, whatever is sent. A header that says a budget makes a request take the other way.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Contract, Engine, PenstockServer } from 'penstock'
import { seededRandom } from '../../src/base/random.js'
import { modelBytes } from '../support/served.js'

const seed = Number(process.env['PENSTOCK_SEED'] ?? Date.now() % 2 ** 31)

const contract: Contract = {
  name: 'mixed',
  fields: [
    { name: 'id', dtype: 'string?', role: 'entity', required: false, maxLength: 200 },
    { name: 'first', dtype: 'float32', role: 'prediction', from: { output: 'y', column: 0 } },
    { name: 'a "b"', dtype: 'float32?', min: -1000, max: 1000 },
    { name: 'flag', dtype: 'bool' },
    { name: 'count', dtype: 'int16', max: 500, onInvalid: 'clamp' },
    { name: 'wide', dtype: 'int64?', role: 'passthrough', required: false },
    { name: 'share', dtype: 'float32?', role: 'passthrough', required: false, min: 0, max: 1 },
    { name: 'y', dtype: 'float32', role: 'prediction', shape: [3] },
    { name: 'model', dtype: 'string', role: 'modelVersion' },
  ],
  extra: 'ignore',
}

/** Raw rows, which operations make the model's tensor of; and others behind the model. */
const rawContract: Contract = {
  name: 'raw',
  fields: [
    { name: 'id', dtype: 'string?', role: 'entity', required: false },
    { name: 'colour', dtype: 'string?', maxLength: 40 },
    { name: 'size', dtype: 'float32?', min: -1000, max: 1000 },
    { name: 'count', dtype: 'int64?', required: false },
    { name: 'best', dtype: 'int64', role: 'prediction' },
    { name: 'second', dtype: 'float32', role: 'prediction', from: { output: 'y', column: 1 } },
    { name: 'y', dtype: 'float32', role: 'prediction', shape: [3] },
    { name: 'model', dtype: 'string', role: 'modelVersion' },
  ],
}
const rawSteps = [
  {
    type: 'transform',
    ops: [
      { op: 'impute', columns: ['size', 'count'], strategy: 'constant', values: [10, 7] },
      { op: 'impute', columns: ['colour'], strategy: 'most-frequent', values: ['grün'] },
      { op: 'one-hot', columns: ['colour'], categories: [['red', 'grün']], unknown: 'error', drop: 'first' },
      { op: 'clip', columns: ['count'], low: -5, high: 5 },
      { op: 'concat', columns: ['size', 'count', 'colour'], as: 'x', dtype: 'float32' },
    ],
  },
  { type: 'model', model: 'add' },
  {
    type: 'transform',
    ops: [
      { op: 'arg-max', columns: ['y'], as: ['best'] },
      { op: 'round', columns: ['y'], decimals: 2 },
    ],
  },
]

let engine: Engine
let server: PenstockServer
/** Bodies that the addon took. */
let taken = 0

beforeAll(async () => {
  engine = await Engine.open({ inferWorkers: 1, calibration: 'off' })
  await engine.addModel('add', modelBytes('add-one'))
  await engine.contracts.put(contract)
  const steps = [{ type: 'model', model: 'add' }] as const
  await engine.applyPipeline({ name: 'mixed', contract: 'mixed', steps }, { deploy: true })
  await engine.contracts.put(rawContract)
  await engine.applyPipeline({ name: 'raw', contract: 'raw', steps: rawSteps as never }, { deploy: true })
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
})

interface Reply {
  readonly status: number
  readonly text: string
  readonly type: string | null
}

async function ask(body: string, headers: Record<string, string> = {}, pipeline = 'mixed'): Promise<Reply> {
  const response = await fetch(`${server.url}/predict/${pipeline}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  })
  if (response.status === 200) expect(response.headers.get('x-penstock-request-id')).toMatch(/^[0-9a-f]+-[0-9a-z]+$/)
  const text = await response.text()
  // Refusals have the request's number.
  return {
    status: response.status,
    text: text.replace(/"request_id":"[^"]*"/, ''),
    type: response.headers.get('content-type'),
  }
}

const throughJavaScript = { 'penstock-deadline-ms': '60000' }
const row = { 'a "b"': 1.5, flag: true, count: 7 }

test.each([
  ['one row', row],
  ['members in another order', { count: -3, flag: false, 'a "b"': -0.1 }],
  ['a list of one', [row]],
  [
    'what is repeated',
    [
      { ...row, id: 'A1', wide: 7, share: 0.3 },
      { ...row, id: '' },
    ],
  ],
  ['texts with escapes', { ...row, id: 'q"\\/\b\f\n\r\t\u0001\u007f ü 😀 \u2028' }],
  [
    'integers beyond 2^53',
    [
      { ...row, wide: '9007199254740993' },
      { ...row, wide: '-9223372036854775808' },
    ],
  ],
  ['missing values', [{ ...row, 'a "b"': null, id: null, wide: null, share: null }, row]],
  [
    'bounds to the last digit',
    [
      { ...row, 'a "b"': 1000, share: 1 },
      { ...row, share: 0.1 },
    ],
  ],
  ['many rows', Array.from({ length: 500 }, (_, at) => ({ ...row, count: at, share: at / 500, id: `r${at}` }))],
])('rows that the addon takes are answered as JavaScript answers them: %s', async (_, body) => {
  const before = taken
  const text = JSON.stringify(body)
  const native = await ask(text)
  expect(taken).toBe(before + 1)
  expect(native).toEqual(await ask(text, throughJavaScript))
  expect([taken, native.status]).toEqual([before + 1, 200])
})

test.each([
  ['a member beside the fields', JSON.stringify({ ...row, more: [1] })],
  ['a value that is clamped', JSON.stringify({ ...row, count: 501 })],
  ['a value beyond a bound by less than a float32 can tell', JSON.stringify({ ...row, 'a "b"': 1000.00000001 })],
  ['a row that lacks a field', '[{"flag":true}]'],
  ['a key twice', '{"flag":true,"flag":false}'],
  ['no rows', '[]'],
  ['no JSON', '{"flag":tru}'],
  ['an empty body', ''],
  ['lone halves of surrogate pairs', `{"id":"\\ud800",${JSON.stringify(row).slice(1)}`],
  ['a body of more than 64 KiB', JSON.stringify(Array.from({ length: 2000 }, () => row))],
])('what the addon leaves is answered as before: %s', async (_, text) => {
  const before = taken
  const native = await ask(text)
  expect(native).toEqual(await ask(text, throughJavaScript))
  expect(taken).toBe(before)
})

test(`whatever bytes come, both ways answer the same (seed ${seed})`, async () => {
  const random = seededRandom(seed)
  const below = (count: number): number => Math.floor(random() * count)
  const body = JSON.stringify([{ ...row, id: 'ü"', wide: '9007199254740993', share: 0.5 }, row])
  const pieces = ['"', ',', '{', ']', '1e999', '-0', '0.10', '1000.0000000001', ' ', '\\u0041', 'null', '9'.repeat(17)]
  const before = taken
  for (let round = 0; round < 80; round++) {
    const at = below(body.length)
    const text = `${body.slice(0, at)}${pieces[below(pieces.length)]}${body.slice(at + below(3))}`
    expect(await ask(text), text).toEqual(await ask(text, throughJavaScript))
  }
  expect(taken).toBeGreaterThan(before)
})

test(`raw rows go through the operations before and behind the model as in JavaScript (seed ${seed})`, async () => {
  const random = seededRandom(seed)
  const pick = <T>(...list: T[]): T => list[Math.floor(random() * list.length)] as T
  const before = taken
  for (let round = 0; round < 60; round++) {
    const rows = Array.from({ length: pick(1, 1, 2, 40) }, (_, at) => ({
      id: pick(undefined, null, `r${at}`, 'ü"'),
      colour: pick('red', 'grün', null, ...(round % 6 === 0 ? ['rosé', ''] : [])),
      size: pick(null, 1.005, -0.1, 999.9999, random() * 100),
      count: pick<number | string | null | undefined>(undefined, null, 3, -4, '9007199254740993', 1e6),
    }))
    const text = JSON.stringify(rows.length === 1 && round % 2 === 0 ? rows[0] : rows)
    const tookBefore = taken
    const native = await ask(text, {}, 'raw')
    expect(native, text).toEqual(await ask(text, throughJavaScript, 'raw'))
    const isSound = rows.every(({ colour }) => colour === null || ['red', 'grün'].includes(colour))
    expect([taken - tookBefore, native.status], text).toEqual(isSound ? [1, 200] : [0, 400])
  }
  expect(taken - before).toBeGreaterThan(45)
  const { text } = await ask('{"colour":"red","size":null}', {}, 'raw')
  expect(text).toBe('{"id":null,"best":0,"second":6,"y":[11,6,1],"model":"add@1"}')
})

test('headers are the request’s: the trace goes on, and a form that is none is refused', async () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const before = taken
  const response = await fetch(`${server.url}/predict/mixed`, {
    method: 'POST',
    body: JSON.stringify(row),
    headers: { 'content-type': 'application/json', traceparent },
  })
  expect([taken, response.headers.get('traceparent')]).toEqual([before + 1, traceparent])
  expect((await ask(JSON.stringify(row), { accept: 'text/csv' })).status).toBe(406)
  expect((await ask(JSON.stringify(row), { 'content-type': 'text/plain' })).status).toBe(415)
})

test('exchanges carry rows and tensors in turn, and answers stay their own', async () => {
  const tensors = JSON.stringify({ x: [[1, 2, 3]] })
  const infer = async (): Promise<unknown> => {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${server.url}/v1/pipelines/mixed/infer`, { method: 'POST', body: tensors, headers })
    return ((await response.json()) as { outputs: unknown }).outputs
  }
  const answers = await Promise.all(
    Array.from({ length: 60 }, async (_, at) =>
      at % 3 === 0 ? infer() : (await ask(JSON.stringify({ ...row, count: at }))).text,
    ),
  )
  answers.forEach((answer, at) => {
    if (at % 3 === 0) expect(answer).toEqual({ y: [[2, 3, 4]] })
    else expect(JSON.parse(answer as string)).toMatchObject({ first: 2.5, y: [2.5, 2, at + 1], model: 'add@1' })
  })
})

test('a redeploy to another contract is followed from the next request on', async () => {
  const [, ...fields] = contract.fields
  await engine.contracts.put({ ...contract, fields })
  const steps = [{ type: 'model', model: 'add' }] as const
  await engine.applyPipeline({ name: 'mixed', contract: 'mixed', steps }, { deploy: true })
  const before = taken
  const answer = JSON.parse((await ask(JSON.stringify(row))).text) as object
  expect(Object.keys(answer)).toEqual(['first', 'wide', 'share', 'y', 'model'])
  expect(taken).toBe(before + 1)
})
