/** Lookup steps: an id in place of a row, over tables in files that change while they serve. */
import { mkdtempSync, renameSync, symlinkSync, writeFileSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Engine, PenstockServer, tablesIn, type EngineNotice } from 'penstock'
import { PenstockClient } from 'penstock/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tableFromArrays } from 'apache-arrow'
import { writeParquet } from '../../src/formats/parquet.js'
import { refusal, testModel, until } from '../support/engine-harness.js'

// add-one: float32 x [N, 3] → y [N, 3], each element one more.
const contract = {
  name: 'orders',
  fields: [
    { name: 'order_id', dtype: 'int64', role: 'entity' },
    { name: 'size', dtype: 'float32?' },
    { name: 'count', dtype: 'float32?', required: false },
    { name: 'price', dtype: 'float32?', required: false },
    { name: 'answer', dtype: 'float32', role: 'prediction', from: { output: 'y', column: 2 } },
  ],
} as const
const byId = {
  ...contract,
  name: 'ids',
  fields: [{ ...contract.fields[0] }, contract.fields[4]],
} as const
const features = ['size', 'count', 'price']
const concat = { type: 'transform', ops: [{ op: 'concat', columns: features, as: 'x' }] }
const lookup = {
  type: 'lookup',
  table: 'orders.csv',
  key: ['order_id'],
  columns: features.map((name) => ({ name, dtype: 'float32' })),
}
const model = { type: 'model', model: 'add-one' }
const csv = 'order_id,price,size,count\n17,30.5,1,2\n18,4,,5\n'

const folder = mkdtempSync(join(tmpdir(), 'tables-'))
const notices: EngineNotice[] = []
let engine: Engine
let server: PenstockServer
beforeAll(async () => {
  writeFileSync(join(folder, 'orders.csv'), csv)
  writeFileSync(`${folder}-secret.csv`, csv)
  symlinkSync(`${folder}-secret.csv`, join(folder, 'link.csv'))
  mkdirSync(join(folder, 'eu'))
  writeFileSync(join(folder, 'eu', 'orders.ndjson'), '{"order_id": 17, "price": 1, "size": 2, "count": 3}\n')
  const onNotice = (notice: EngineNotice): void => void notices.push(notice)
  engine = await Engine.open({ inferWorkers: 2, calibration: 'off', tables: tablesIn(folder), onNotice })
  await engine.addModel('add-one', testModel('add-one'))
  await engine.contracts.put(contract)
  await engine.contracts.put(byId)
  await apply('rows', 'orders', concat, model)
  await apply('ids', 'ids', lookup, concat, model)
  server = await PenstockServer.start({ engine, port: 0 })
})
afterAll(async () => {
  await server.close()
  await engine.close()
})

const apply = (name: string, contract: string | undefined, ...steps: object[]): Promise<unknown> =>
  engine.applyPipeline({ name, contract, steps: steps as never }, { deploy: true })
async function post(path: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${server.url}${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

describe('lookup', () => {
  test('an id alone is answered as the full row is', async () => {
    const full = await post('/predict/rows', { order_id: 17, size: 1, count: 2, price: 30.5 })
    const id = await post('/predict/ids', { order_id: 17 })
    expect(id).toEqual(full)
    expect(id).toMatchObject({ status: 200, body: { order_id: 17, answer: 31.5 } })
  })

  test('an id that is unknown is 404, with its row and key; the others of the engine are not touched', async () => {
    const { status, body } = await post('/predict/ids', [{ order_id: 17 }, { order_id: 99 }])
    expect(status).toBe(404)
    const row = 'Expected orders.csv to have a row for order_id 99 but there is none'
    expect(body).toEqual({
      error: `steps[0] (lookup) of pipeline ids: ${row} (row 1)`,
      code: 'ERR_ENTITY_NOT_FOUND',
      errors: [{ field: 'order_id[1]', code: 'ERR_ENTITY_NOT_FOUND', message: row }],
    })
  })

  test('tensors, timing and metrics', async () => {
    const inputs = { order_id: BigInt64Array.of(18n, 17n) }
    const { outputs, metadata } = await engine.infer('ids', { inputs, timing: true })
    expect([...(outputs['y']?.data as Float32Array)]).toEqual([NaN, 6, 5, 2, 3, 31.5])
    expect(metadata.timing?.stages).toEqual([{ step: 'steps[0]', type: 'lookup', runUs: expect.any(Number) as number }])
    const { pipelines, tables } = engine.metrics()
    const stages = pipelines.find(({ pipeline }) => pipeline === 'ids')?.stages
    expect(stages).toMatchObject([{ where: 'steps[0]', type: 'lookup', failures: { ERR_ENTITY_NOT_FOUND: 1 } }])
    expect(tables.tables).toMatchObject([{ table: 'orders.csv', rows: 2 }])
    const metrics = await (await fetch(`${server.url}/metrics`)).text()
    expect(metrics).toContain('penstock_lookup_table_rows{table="orders.csv"} 2')
    expect(metrics).toContain(
      'penstock_step_failures_total{pipeline="ids",step="steps[0]",type="lookup",code="ERR_ENTITY_NOT_FOUND"} 1',
    )
  })

  test('over the other protocols, the same answers and refusals', async () => {
    const client = await PenstockClient.connect(server.url)
    const ids = await client.open('ids')
    const { outputs, timing } = await ids.infer({ order_id: BigInt64Array.of(17n) }, { timing: true })
    expect([...(outputs['y']?.data as Float32Array)]).toEqual([2, 3, 31.5])
    expect(timing?.stages?.map(({ step, type }) => [step, type])).toEqual([['steps[0]', 'lookup']])
    await expect(ids.infer({ order_id: BigInt64Array.of(9n) })).rejects.toMatchObject({ code: 'ERR_ENTITY_NOT_FOUND' })
    await client.close()
    const tensor = (id: number) => ({ inputs: [{ name: 'order_id', datatype: 'INT64', shape: [1], data: [id] }] })
    const answer = await post('/v2/models/ids/infer', tensor(17))
    expect(answer).toMatchObject({ status: 200, body: { outputs: [{ name: 'y', data: [2, 3, 31.5] }] } })
    expect((await post('/v2/models/ids/infer', tensor(9))).status).toBe(404)
  })

  test('without a model its columns are the answer, flags and checks among them', async () => {
    const inputs = [{ name: 'order_id', dtype: 'int64' }]
    const step = { ...lookup, inputs, table: 'eu/orders.ndjson', onMissing: 'flag', flag: 'known' }
    await apply('facts', undefined, step, { type: 'check', name: 'unknown', require: 'out.known' })
    const { outputs, checkFailures } = await engine.infer('facts', { inputs: { order_id: [17n, 5n] } })
    expect(Object.keys(outputs)).toEqual(['order_id', 'size', 'count', 'price', 'known'])
    expect([...(outputs['price']?.data as Float32Array)]).toEqual([1, NaN])
    expect(checkFailures).toEqual([{ check: 'unknown', rows: [1] }])
  })

  test('as of the time of the request, from the timestamps of a Parquet file', async () => {
    const days = ['2026-01-01', '2026-03-01', '2026-02-01'].map((day) => new Date(day))
    const table = tableFromArrays({ shop: ['a', 'a', 'b'], since: days, rent: Float64Array.of(1, 2, 9) })
    writeFileSync(join(folder, 'rents.parquet'), await writeParquet(table))
    await engine.contracts.put({
      name: 'rents',
      fields: [
        { name: 'shop', dtype: 'string', role: 'entity' },
        { name: 'time', dtype: 'timestamp', role: 'timestamp' },
        { name: 'rent', dtype: 'float32', role: 'prediction' },
      ],
    })
    const columns = [{ name: 'rent', dtype: 'float32' }]
    const asOf = { column: 'since', at: 'time' }
    await apply('rents', 'rents', { type: 'lookup', table: 'rents.parquet', key: ['shop'], columns, asOf })
    const rows = [
      { shop: 'a', time: '2026-02-28T23:59:59Z' },
      { shop: 'a', time: '2026-03-01T00:00:00Z' },
    ]
    const { predictions } = await engine.predict('rents', rows)
    expect(predictions.map((row) => row?.['rent'])).toEqual([1, 2])
    const early = await refusal(engine.predict('rents', { shop: 'b', time: '2026-01-31T00:00:00Z' }))
    expect([early.code, early.message]).toEqual([
      'ERR_ENTITY_NOT_FOUND',
      expect.stringMatching(/rents\.parquet to have a row for shop "b" at time 1769817600000000/),
    ])
  })

  test.each([
    [
      'a table that is not there',
      { table: 'order.csv' },
      /There is no table order\.csv in .*Did you mean orders\.csv\?/,
    ],
    [
      'a path out of the folder',
      { table: '../secret.csv' },
      /steps\[0\]\.table to be a file of the folder of tables.*\.\.\/secret\.csv/,
    ],
    ['a link out of the folder', { table: 'link.csv' }, /Expected the table link\.csv to lie in the folder of tables/],
    ['a folder', { table: 'eu.csv/' }, /steps\[0\]\.table/],
    [
      'a column that is not there',
      { columns: [...lookup.columns, { name: 'sise', dtype: 'float32' }] },
      /have a column sise but there is none\. Did you mean size\?/,
    ],
    [
      'a key that callers do not send',
      { key: ['orderid'] },
      /steps\[0\]\.key\[0\] to be a column in front of the step.*Did you mean order_id\?/,
    ],
  ])('is not deployed: %s', async (_, changed, message) => {
    const { code, message: told } = await refusal(apply('bad', 'ids', { ...lookup, ...changed }, concat, model))
    expect([code, told]).toEqual(['ERR_PIPELINE_INVALID', expect.stringMatching(message)])
    expect(engine.metrics().tables.tables.map(({ table }) => table)).not.toContain('order.csv')
  })

  test('a changed file is taken as a whole, a broken one is not', async () => {
    const path = join(folder, 'orders.csv')
    const answer = async (): Promise<unknown> =>
      (await engine.predict('ids', { order_id: 17 })).predictions[0]?.['answer']
    writeFileSync(`${path}.new`, 'order_id,price,size,count\n17,99,1,2\n')
    renameSync(`${path}.new`, path)
    await until('the new table', () => engine.metrics().tables.tables.some(({ reloads }) => reloads === 1))
    expect(await answer()).toBe(100)
    writeFileSync(path, 'order_id,price\n17,1\n')
    await until('the broken table', () =>
      engine.metrics().tables.tables.some(({ failedReloads }) => failedReloads === 1),
    )
    expect(await answer()).toBe(100)
    expect(notices.map(({ level, message }) => `${level} ${message}`)).toEqual([
      'info Table orders.csv was read again: 1 rows',
      expect.stringMatching(/^error Table orders\.csv changed and could not be read.*column size/),
    ])
  })
})
