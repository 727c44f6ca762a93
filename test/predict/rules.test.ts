/**
 * Every rule of a contract over HTTP: a value that keeps it is answered, one that breaks it is refused with the rule, the
 * place and the way out, and with every `onInvalid` it becomes what docs/reference/contracts.md says.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Contract, Engine, PenstockServer } from 'penstock'
import { call, modelBytes } from '../support/served.js'

type Field = Contract['fields'][number]

let engine: Engine
let server: PenstockServer
beforeAll(async () => {
  engine = await Engine.open({ inferWorkers: 1, calibration: 'off' })
  await engine.addModel('add', modelBytes('add-one'))
  server = await PenstockServer.start({ engine, port: 0 })
})
afterAll(async () => {
  await server.close()
  await engine.close()
})

const x: Field = { name: 'x', dtype: 'float32', shape: [3] }
const y: Field = { name: 'y', dtype: 'float32', shape: [3], role: 'prediction' }

/** Serves add-one with the field beside its input, echoed. */
async function serve(field: Field, contract: Partial<Contract> = {}): Promise<void> {
  const isFeature = field.name === 'x'
  const fields = isFeature ? [field, y] : [x, { role: 'passthrough', ...field } as Field, y]
  await engine.contracts.put({ name: 'rules', fields, ...contract })
  const steps = [{ type: 'model', model: 'add' }] as const
  await engine.applyPipeline({ name: 'rules', contract: 'rules', steps }, { deploy: true })
}

const row = (value: unknown): Record<string, unknown> => ({ x: [1, 2, 3], v: value })
const predict = (body: unknown) => call(server.url, 'POST', '/predict/rules', body)

interface Case {
  readonly rule: string
  readonly field: Omit<Field, 'name'>
  readonly good: unknown
  /** As it is echoed. */
  readonly echo?: unknown
  readonly bad: unknown
  /** Below the field. */
  readonly place?: string
}

const cases: readonly Case[] = [
  { rule: 'dtype', field: { dtype: 'int8' }, good: 7.0, bad: 128 },
  { rule: 'dtype', field: { dtype: 'int32' }, good: -(2 ** 31), bad: 0.5 },
  { rule: 'dtype', field: { dtype: 'uint16' }, good: 65_535, bad: -1 },
  { rule: 'dtype', field: { dtype: 'int64' }, good: '-9223372036854775808', bad: '7' },
  { rule: 'dtype', field: { dtype: 'uint64' }, good: '18446744073709551615', bad: -1 },
  { rule: 'dtype', field: { dtype: 'float32' }, good: 0.1, bad: '0.1' },
  { rule: 'dtype', field: { dtype: 'float16' }, good: 0.5, bad: 1e6 },
  { rule: 'dtype', field: { dtype: 'float64' }, good: 1e300, bad: true },
  { rule: 'dtype', field: { dtype: 'bool' }, good: false, bad: 0 },
  { rule: 'dtype', field: { dtype: 'string' }, good: 'ü "', bad: 7 },
  {
    rule: 'dtype',
    field: { dtype: 'timestamp' },
    good: '2026-01-31T08:30:00+01:00',
    echo: '2026-01-31T07:30:00.000000Z',
    bad: '2026-01-31T08:30:00',
  },
  { rule: 'dtype', field: { dtype: 'date' }, good: '2024-02-29', bad: '2023-02-29' },
  {
    rule: 'dtype',
    field: { dtype: 'uuid' },
    good: '123E4567-E89B-12D3-A456-426614174000',
    echo: '123e4567-e89b-12d3-a456-426614174000',
    bad: '123e4567',
  },
  { rule: 'dtype', field: { dtype: 'int8', shape: [2] }, good: [1, 2], bad: [1, 'x'], place: '/1' },
  { rule: 'shape', field: { dtype: 'int8', shape: [2] }, good: [1, 2], bad: [1] },
  { rule: 'shape', field: { dtype: 'int8', shape: [null, 1] }, good: [[1], [2]], bad: [[1], [2, 3]], place: '/1' },
  { rule: 'null', field: { dtype: 'int8' }, good: 0, bad: null },
  { rule: 'min', field: { dtype: 'int8', min: 3 }, good: 3, bad: 2 },
  { rule: 'max', field: { dtype: 'float32', max: 3 }, good: 3, bad: 3.5 },
  { rule: 'exclusiveMin', field: { dtype: 'float32', exclusiveMin: 3 }, good: 3.25, bad: 3 },
  {
    rule: 'exclusiveMax',
    field: { dtype: 'int64', exclusiveMax: '9007199254740993' },
    good: '9007199254740992',
    bad: '9007199254740993',
  },
  { rule: 'values', field: { dtype: 'string', values: ['red', 'white'] }, good: 'red', bad: 'rosé' },
  { rule: 'values', field: { dtype: 'int8', values: [1, 2] }, good: 2, bad: 3 },
  { rule: 'pattern', field: { dtype: 'string', pattern: '^[A-Z]{2}$' }, good: 'AB', bad: 'ABC' },
  { rule: 'minLength', field: { dtype: 'string', minLength: 2 }, good: '🍷🍷', bad: '🍷' },
  { rule: 'maxLength', field: { dtype: 'string', maxLength: 2 }, good: '🍷🍷', bad: '🍷🍷🍷' },
  { rule: 'minLength', field: { dtype: 'int8', shape: [null], minLength: 1 }, good: [1], bad: [] },
  { rule: 'maxLength', field: { dtype: 'int8', shape: [null], maxLength: 1 }, good: [1], bad: [1, 2] },
]

describe('rules over http', () => {
  test.each(cases)('$rule of $field.dtype: $good is answered, $bad is refused with its place', async (one) => {
    const { rule, field, good, echo = good, bad, place = '' } = one
    await serve({ name: 'v', ...field })
    const answered = await predict([row(good)])
    expect(answered.json, answered.text).toEqual([{ v: echo, y: [2, 3, 4] }])
    const refused = await predict([row(good), row(bad)])
    expect([refused.status, refused.json['code'], refused.json['error_count']]).toEqual([422, 'ERR_CONTRACT', 1])
    expect(refused.json['errors']).toMatchObject([{ path: `/1/v${place}`, field: 'v', rule }])
    expect(String(refused.json['error'])).toMatch(/^Expected v(\[\d+\])* of row 1 to be .* but received /)
  })

  test('required: a member that is absent is refused, unless it may be', async () => {
    await serve({ name: 'v', dtype: 'int8' })
    expect((await predict({ x: [1, 2, 3] })).json['errors']).toMatchObject([{ path: '/v', rule: 'required' }])
    await serve({ name: 'v', dtype: 'int8?', required: false })
    expect((await predict({ x: [1, 2, 3] })).json).toEqual({ v: null, y: [2, 3, 4] })
    await serve({ name: 'v', dtype: 'int8', required: false, impute: 5 })
    expect((await predict({ x: [1, 2, 3] })).json).toEqual({ v: 5, y: [2, 3, 4] })
  })

  test('unique: the second of two equal values is refused, within a request', async () => {
    await serve({ name: 'v', dtype: 'string', unique: true })
    expect((await predict([row('a'), row('b')])).status).toBe(200)
    const refused = await predict([row('a'), row('b'), row('a')])
    expect(refused.json['errors']).toMatchObject([{ path: '/2/v', rule: 'unique', value: 'a' }])
    expect((await predict([row('a')])).status).toBe(200)
  })

  test('object and extra: what is no row, and a member that is no field', async () => {
    await serve({ name: 'v', dtype: 'int8' })
    expect((await predict([row(1), [1], null])).json['errors']).toMatchObject([
      { path: '/1', field: '', rule: 'object' },
      { path: '/2', field: '', rule: 'object', value: null },
    ])
    const wrong = { ...row(1), 'a/b~': 1, y: 2 }
    expect((await predict([wrong])).json['errors']).toMatchObject([
      { path: '/0/a~1b~0', rule: 'extra' },
      { path: '/0/y', rule: 'extra', message: expect.stringMatching(/y is a field of answers/) as string },
    ])
    await serve({ name: 'v', dtype: 'int8' }, { extra: 'ignore' })
    expect((await predict([wrong])).json).toEqual([{ v: 1, y: [2, 3, 4] }])
  })

  test.each([
    ['reject', undefined, null],
    ['flag', { v: 9 }, 'flag'],
    ['clamp', { v: 5 }, 'clamp'],
    ['impute', { v: 1 }, 'impute'],
    ['drop', null, 'drop'],
  ] as const)('onInvalid %s', async (onInvalid, echoed, action) => {
    const impute = onInvalid === 'impute' ? { impute: 1 } : {}
    await serve({ name: 'v', dtype: 'int8', max: 5, onInvalid, ...impute })
    const { status, json } = await predict([row(4), row(9)])
    const good = { v: 4, y: [2, 3, 4] }
    if (action === null) return expect([status, json['code']]).toEqual([422, 'ERR_CONTRACT'])
    const problems = [expect.objectContaining({ path: '/1/v', rule: 'max', action, value: 9 })]
    const found = echoed === null ? { $problems: problems } : { ...echoed, y: [2, 3, 4], $problems: problems }
    expect([status, json]).toEqual([200, [good, found]])
  })

  test('a pipeline whose answers would have a member of the protocol’s own is refused', async () => {
    await expect(serve({ name: '$problems', dtype: 'int8' })).rejects.toMatchObject({ code: 'ERR_PIPELINE_INVALID' })
  })
})
