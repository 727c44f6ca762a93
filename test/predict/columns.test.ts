/**
 * A scikit-learn ColumnTransformer that skl2onnx exported whole: an input a column, numbers and texts mixed. Tensors and
 * rows by name, in every form, have scikit-learn's own answers (tools/train/column_goldens.py).
 */
import { readFileSync } from 'node:fs'
import {
  Bool,
  Dictionary,
  Float32,
  Float64,
  Int32,
  Int64,
  Table,
  tableFromArrays,
  tableToIPC,
  TimestampMillisecond,
  Uint64,
  Utf8,
  vectorFromArray,
} from 'apache-arrow'
import { type Contract, Engine, PenstockServer } from 'penstock'
import { writeParquet } from 'penstock/results'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { draftContract } from '../../src/contract/draft/infer.js'
import { call, modelBytes } from '../support/served.js'

interface Row {
  readonly age: number | null
  readonly income: number
  readonly children: number
  readonly owner: boolean
  readonly region: string
}
interface Goldens {
  readonly rows: readonly Row[]
  readonly label: readonly string[]
  readonly probabilities: readonly (readonly [number, number])[]
}
interface Answer {
  readonly label: string
  readonly granted: number
  readonly probabilities: readonly number[]
}

const goldens = JSON.parse(readFileSync(new URL('./column-goldens.json', import.meta.url), 'utf8')) as Goldens
const { rows } = goldens
const names = ['age', 'income', 'children', 'owner', 'region'] as const

const features: Contract['fields'] = [
  { name: 'age', dtype: 'float32?', required: false, min: 0 },
  { name: 'income', dtype: 'float64', min: 0 },
  { name: 'children', dtype: 'int32', max: 20 },
  { name: 'owner', dtype: 'bool' },
  { name: 'region', dtype: 'string', maxLength: 20 },
]
const fields: Contract['fields'] = [
  { name: 'id', dtype: 'uint64?', role: 'entity', required: false, unique: true },
  { name: 'since', dtype: 'timestamp?', role: 'passthrough', required: false },
  ...features,
  { name: 'label', dtype: 'string', role: 'prediction' },
  // Its column is the one of its class.
  { name: 'granted', dtype: 'float32', role: 'probability', class: 'granted', from: { output: 'probabilities' } },
  { name: 'probabilities', dtype: 'float32', shape: [2], role: 'prediction' },
]

const JSON_TYPE = 'application/json'
const LINES = 'application/x-ndjson'
const CSV = 'text/csv'
const STREAM = 'application/vnd.apache.arrow.stream'
const FILE = 'application/vnd.apache.arrow.file'
const PARQUET = 'application/vnd.apache.parquet'

const valuesOf = <Name extends keyof Row>(name: Name): Row[Name][] => rows.map((row) => row[name])
const csv = [names.join(','), ...rows.map((row) => names.map((name) => row[name] ?? '').join(','))].join('\n')
/** The model's own dtypes. */
const table = new Table({
  age: vectorFromArray(valuesOf('age'), new Float32()),
  income: vectorFromArray(valuesOf('income'), new Float64()),
  children: vectorFromArray(valuesOf('children').map(BigInt), new Int64()),
  owner: vectorFromArray(valuesOf('owner'), new Bool()),
  region: vectorFromArray(valuesOf('region'), new Utf8()),
})
/** As pandas has them: missing numbers as NaN, categories, columns in another order. */
const otherTable = new Table({
  region: vectorFromArray(valuesOf('region'), new Dictionary(new Utf8(), new Int32())),
  children: vectorFromArray(valuesOf('children'), new Float64()),
  income: vectorFromArray(valuesOf('income'), new Float64()),
  owner: vectorFromArray(valuesOf('owner'), new Bool()),
  age: vectorFromArray(
    valuesOf('age').map((age) => age ?? NaN),
    new Float64(),
  ),
})

let engine: Engine
let server: PenstockServer
let signature: Awaited<ReturnType<Engine['addModel']>>['signature']
beforeAll(async () => {
  engine = await Engine.open({ inferWorkers: 1, calibration: 'off' })
  signature = (await engine.addModel('columns', modelBytes('mixed-columns'))).signature
  await engine.contracts.put({ name: 'credit', fields })
  const steps = [{ type: 'model', model: 'columns' }] as const
  await engine.applyPipeline({ name: 'credit', contract: 'credit', steps }, { deploy: true })
  await engine.applyPipeline({ name: 'tensors', steps }, { deploy: true })
  server = await PenstockServer.start({ engine, port: 0 })
})
afterAll(async () => {
  await server.close()
  await engine.close()
})

async function post(path: string, body: string | Uint8Array, type: string): Promise<{ status: number; json: unknown }> {
  const headers = { 'content-type': type, accept: path.startsWith('/predict') ? JSON_TYPE : recordsType }
  const response = await fetch(`${server.url}${path}`, { method: 'POST', headers, body: body as string })
  return { status: response.status, json: await response.json() }
}
const recordsType = 'application/json; format=pandas-records'

function expectGoldens(answers: readonly Answer[], what: string): void {
  expect(
    answers.map(({ label }) => label),
    what,
  ).toEqual(goldens.label)
  answers.forEach(({ granted, probabilities }, row) => {
    const wanted = goldens.probabilities[row] as readonly [number, number]
    expect(granted, what).toBeCloseTo(wanted[0], 5)
    expect(probabilities[1], what).toBeCloseTo(wanted[1], 5)
  })
}

/** Every form that rows come in. */
async function forms(): Promise<(readonly [string, string | Uint8Array, string])[]> {
  return [
    ['records', JSON.stringify(rows), JSON_TYPE],
    ['lines', rows.map((row) => JSON.stringify(row)).join('\n'), LINES],
    ['CSV', csv, CSV],
    ['an Arrow stream', tableToIPC(table, 'stream'), STREAM],
    ['an Arrow file', tableToIPC(table, 'file'), FILE],
    ['Arrow of other dtypes', tableToIPC(otherTable, 'stream'), STREAM],
    ['Parquet', await writeParquet(table), PARQUET],
  ]
}

describe('an input a column: tensors', () => {
  test('every form of rows and columns is answered as scikit-learn answers', async () => {
    const cells = rows.map((row) => names.map((name) => row[name]))
    const columns = Object.fromEntries(names.map((name) => [name, rows.map((row) => [row[name]])]))
    const flat = Object.fromEntries(names.map((name) => [name, valuesOf(name)]))
    for (const [what, body, type] of [
      ...(await forms()),
      ['columns', JSON.stringify(columns), JSON_TYPE],
      ['columns inside "inputs"', JSON.stringify({ inputs: columns }), JSON_TYPE],
      ['flat columns', JSON.stringify(flat), JSON_TYPE],
      ['split', JSON.stringify({ columns: names, data: cells }), `${JSON_TYPE}; format=pandas-split`],
    ] as const) {
      const query = '?dataset=out&dataset_separator=.'
      const { status, json } = await post(`/v1/pipelines/tensors/infer${query}`, body, type)
      expect(status, `${what}: ${JSON.stringify(json)}`).toBe(200)
      const answers = (json as Record<string, unknown>[]).map((row): Answer => {
        const probabilities = row['out.probabilities'] as number[]
        return { label: row['out.label'] as string, granted: probabilities[0] as number, probabilities }
      })
      expectGoldens(answers, what)
    }
  })
})

describe('an input a column: rows by name', () => {
  test('every form of a table is answered as scikit-learn answers, by the names of the contract', async () => {
    for (const [what, body, type] of await forms())
      for (const path of ['/predict/credit', '/predict']) {
        const { status, json } = await post(path, body, type)
        expect(status, `${what}: ${JSON.stringify(json)}`).toBe(200)
        expectGoldens(json as Answer[], what)
      }
  })

  test('what is echoed, absent or without rows is as in JSON', async () => {
    const [row] = rows as [Row]
    const header = `${names.join(',')},id,since`
    const cells = names.map((name) => row[name] ?? '').join(',')
    const text = `${header}\n${cells},18446744073709551615,2026-01-31T08:30:00Z\n${cells},,\n`
    const wide = new Table({
      ...Object.fromEntries(names.map((name) => [name, (table.getChild(name) as never as typeof table).slice(0, 1)])),
      id: vectorFromArray([2n ** 64n - 1n], new Uint64()),
      since: vectorFromArray([new Date('2026-01-31T08:30:00Z')], new TimestampMillisecond()),
    } as never)
    const sent = await post('/predict/credit', text, CSV)
    const echoed = { id: '18446744073709551615', since: '2026-01-31T08:30:00.000000Z' }
    expect(sent.json).toMatchObject([echoed, { id: null, since: null }])
    // A timestamp without a zone is no instant, and the way out says so.
    const naive = await post('/predict/credit', tableToIPC(wide, 'stream'), STREAM)
    expect(naive.status).toBe(422)
    expect(naive.json).toMatchObject({ errors: [{ path: '/0/since', rule: 'dtype' }] })
    expect(JSON.stringify(naive.json)).toMatch(/Say its zone/)
    const missing = await post('/predict/credit', tableToIPC(wide.select([...names, 'id']), 'stream'), STREAM)
    expect(missing.json).toMatchObject([{ id: '18446744073709551615', since: null }])
    expect(await post('/predict/credit', `${names.join(',')}\n`, CSV)).toEqual({ status: 200, json: [] })
    expect(await post('/predict/credit', tableToIPC(table.slice(0, 0), 'stream'), STREAM)).toEqual({
      status: 200,
      json: [],
    })
  })

  test('each cell that breaks a rule is reported with its row and field, in every form alike', async () => {
    const broken = [rows[0], { ...rows[1], children: 2.5, income: -1 }, { ...rows[2], children: 21 }] as Row[]
    const bad = new Table({
      ...Object.fromEntries(
        (['age', 'income', 'children'] as const).map((name) => [
          name,
          vectorFromArray(
            broken.map((row) => row[name]),
            new Float64(),
          ),
        ]),
      ),
      owner: vectorFromArray(
        broken.map(({ owner }) => owner),
        new Bool(),
      ),
      region: vectorFromArray(
        broken.map(({ region }) => region),
        new Utf8(),
      ),
    } as never)
    const text = [names.join(','), ...broken.map((row) => names.map((name) => row[name] ?? '').join(','))].join('\n')
    const refused = await call(server.url, 'POST', '/predict/credit', broken)
    expect(refused.json['errors']).toMatchObject([
      { path: '/1/income', rule: 'min', value: -1 },
      { path: '/1/children', rule: 'dtype', value: 2.5 },
      { path: '/2/children', rule: 'max', value: 21 },
    ])
    for (const [body, type] of [
      [text, CSV],
      [tableToIPC(bad, 'file'), FILE],
      [await writeParquet(bad), PARQUET],
    ] as const)
      expect(await post('/predict/credit', body, type), type).toEqual({ status: 422, json: refused.json })
  })

  test('a column that is no field is reported once, one of another dtype than its field in each row', async () => {
    const [row] = rows as [Row]
    const cells = names.map((name) => row[name] ?? '').join(',')
    const misnamed = await post('/predict/credit', `${csv.split('\n')[0]?.replace('income', 'incom')}\n${cells}`, CSV)
    expect(misnamed.status).toBe(422)
    expect(misnamed.json).toMatchObject({
      errors: [
        { path: '/0/income', rule: 'required' },
        { path: '/0/incom', rule: 'extra' },
      ],
    })
    expect(JSON.stringify(misnamed.json)).toMatch(/Did you mean income\?/)
    const texts = tableFromArrays({ ...Object.fromEntries(names.map((name) => [name, [String(row[name])]])) })
    const refused = await post('/predict/credit', tableToIPC(texts, 'stream'), STREAM)
    expect(refused.json).toMatchObject({
      errors: ['age', 'income', 'children', 'owner'].map((field) => ({ path: `/0/${field}`, rule: 'dtype' })),
    })
  })

  test('a body that is no such table is 400, and nothing of the budget stays charged', async () => {
    for (const [path, body, type, status, code] of [
      ['/predict/credit', '', CSV, 400, 'ERR_BODY'],
      ['/predict/credit', `${names.join(',')}\n1,2`, CSV, 400, 'ERR_BODY'],
      ['/predict/credit', 'age,age\n1,2', CSV, 400, 'ERR_BODY'],
      ['/predict/credit', `age\n${'1\n'.repeat(262_145)}`, CSV, 413, 'ERR_TOO_MANY_ROWS'],
      ['/predict/credit', 'no arrow', STREAM, 400, 'ERR_BODY'],
      ['/predict/credit', tableToIPC(table, 'file').subarray(0, 200), FILE, 400, 'ERR_BODY'],
      ['/predict/credit', 'no parquet', PARQUET, 400, 'ERR_BODY'],
      ['/predict/absent', csv, CSV, 404, 'ERR_PIPELINE_NOT_FOUND'],
      ['/predict/tensors', csv, CSV, 404, 'ERR_CONTRACT_NOT_FOUND'],
      ['/predict/credit', 'x', 'application/x-npy', 415, 'ERR_CONTENT_TYPE'],
    ] as const) {
      const refused = await post(path, body, type)
      expect([refused.status, (refused.json as { code: string }).code], `${path} ${type} ${code}`).toEqual([
        status,
        code,
      ])
    }
    for (let turn = 0; turn < 200 && engine.budget.usedBytes().bodies > 0; turn++)
      await new Promise((resolve) => setTimeout(resolve, 5))
    expect(engine.budget.usedBytes()).toMatchObject({ bodies: 0 })
  })
})

describe('an input a column: contracts', () => {
  test('the draft of the model binds to it, and answers', async () => {
    const draft = draftContract({ name: 'draft', signature })
    expect(draft.fields.map(({ name, dtype }) => `${name} ${dtype}`)).toEqual([
      'age float32',
      'income float64',
      'children int64',
      'owner bool',
      'region string',
      'label string',
      'probability granted float32',
      'probability refused float32',
    ])
    await engine.contracts.put(draft)
    await engine.applyPipeline(
      { name: 'draft', contract: 'draft', steps: [{ type: 'model', model: 'columns' }] },
      { deploy: true },
    )
    const row = { ...rows[5] }
    const { predictions } = await engine.predict('draft', [row])
    expect(predictions[0]?.['label']).toBe(goldens.label[5])
    expect(predictions[0]?.['probability refused']).toBeCloseTo(goldens.probabilities[5]?.[1] ?? NaN, 5)
    await engine.undeployPipeline('draft')
  })

  test('fields and inputs that do not find each other, and missing values that no input holds, are reported at the deploy', async () => {
    const deployed = async (wrong: Contract['fields']): Promise<string> => {
      await engine.contracts.put({
        name: 'wrong',
        fields: [...wrong, { name: 'label', dtype: 'string', role: 'prediction' }],
      })
      const definition = { name: 'wrong', contract: 'wrong', steps: [{ type: 'model', model: 'columns' }] } as const
      return engine.applyPipeline(definition, { deploy: true }).then(
        () => 'deployed',
        (error: unknown) => (error as Error).message,
      )
    }
    const changed = (name: string, change: object): Contract['fields'] =>
      features.map((field) => (field.name === name ? { ...field, ...change } : field))
    const misnamed = await deployed(changed('income', { name: 'incom' }))
    expect(misnamed).toMatch(/there is none for income. Did you mean incom\?/)
    expect(misnamed).toMatch(/Expected the feature incom .* to be an input of the pipeline. Did you mean income\?/)
    expect(await deployed(features.slice(1))).toMatch(/there is none for age/)
    expect(await deployed([...features, { name: 'height', dtype: 'float32' }])).toMatch(
      /the feature height .* Its inputs are age, income, children, owner, region/,
    )
    for (const [name, dtype, input] of [
      ['children', 'int64?', 'int64'],
      ['owner', 'bool?', 'bool'],
    ] as const)
      expect(await deployed(changed(name, { dtype, required: false }))).toMatch(
        new RegExp(`feature ${name} to have a value in every row, for the input ${name} \\(${input}\\) has none`),
      )
    expect(await deployed(changed('region', { dtype: 'int32', maxLength: undefined }))).toMatch(
      /region to be string, as the input region is/,
    )
  })
})
