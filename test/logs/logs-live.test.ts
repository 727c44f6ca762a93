/** From a request to its row: what a running server logs is read, queried, exported and kept over a restart. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tableFromIPC } from 'apache-arrow'
import { Engine, LogStore, PenstockServer, type LogQuery } from 'penstock'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { call, modelBytes } from '../support/served.js'

const vectors = fileURLToPath(new URL('../../../shared/vectors/logs-export/', import.meta.url))
const isPresent = existsSync(vectors)

const zeros = [0, 0, 0]

let directory: string
let store: LogStore
let engine: Engine
let server: PenstockServer
async function open(): Promise<void> {
  store = await LogStore.open(join(directory, 'log'))
  engine = await Engine.open({ inferWorkers: 1, calibration: 'off', log: store, partition: 'here' })
  server = await PenstockServer.start({ engine, port: 0, exportPath: join(directory, 'exports') })
}
async function close(): Promise<void> {
  await server.close()
  await engine.close()
  await store.close()
}
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'penstock-live-'))
  await open()
  await engine.addModel('add', modelBytes('add-one'))
  await engine.addModel('one', modelBytes('constant-v1'))
  await engine.addModel('two', modelBytes('constant-v2'))
  await engine.addModel('text', modelBytes('upper-string'))
})
afterAll(async () => {
  await close()
  rmSync(directory, { recursive: true, force: true })
})

async function records(pipeline: string, query: LogQuery = {}): Promise<Record<string, unknown>[]> {
  const page = await engine.readLogs(pipeline, { datasetSeparator: '.', ...query })
  return JSON.parse(Buffer.from(page.body).toString()) as Record<string, unknown>[]
}
async function infer(pipeline: string, inputs: Record<string, unknown>, meta?: Record<string, unknown>) {
  const body = meta === undefined ? { inputs } : { inputs, meta }
  const answer = await call(server.url, 'POST', `/v1/pipelines/${pipeline}/infer`, body)
  expect(answer.text.startsWith('{"error"'), answer.text).toBe(false)
  return answer
}

describe('the log of a running server', () => {
  test('a row for each row of each request, the moment it is asked for, with checks and metadata', async () => {
    const steps = [
      { type: 'model', model: 'add' },
      { type: 'check', name: 'high', flag: 'out.y[0] > 10' },
    ] as const
    await engine.applyPipeline({ name: 'checked', steps }, { deploy: true })
    const answer = await infer('checked', { x: [1, 20, 3].map((x) => [x, 0, 0]) })
    expect(await records('checked')).toEqual(
      [[3], [20], [1]].map(([x = 0]) => ({
        time: expect.any(Number),
        'in.x': [x, 0, 0],
        'out.y': [x + 1, 1, 1],
        'anomaly.count': x === 20 ? 1 : 0,
        'anomaly.high': x === 20,
      })),
    )
    const [row] = await records('checked', { valid: false, dataset: ['check_failures', 'metadata'] })
    const { metadata } = answer.json as { metadata: Record<string, unknown> }
    expect(row).toMatchObject({
      check_failures: ['high'],
      'metadata.request_id': metadata['request_id'],
      'metadata.last_model': metadata['last_model'],
      'metadata.pipeline_version': 1,
      'metadata.pipeline': 'checked',
      'metadata.partition': 'here',
      'metadata.dropped': [],
      'metadata.route': null,
    })
    expect(row?.['metadata.elapsed']).toHaveLength(2)
  })

  test('splits and shadows: which model answered, and what the others said', async () => {
    const options = [
      { weight: 1, model: 'one' },
      { weight: 1, model: 'two' },
    ]
    await engine.applyPipeline(
      { name: 'split', steps: [{ type: 'random-split', options, hashKey: 'u' }] },
      { deploy: true },
    )
    await infer('split', { x: [zeros, zeros] }, { u: [0.2, 0.7] })
    const split = await records('split', { order: 'asc', dataset: ['out', 'metadata.route'] })
    expect(
      split.map((row) => [row['metadata.route'], JSON.parse((row['out._model_split'] as string[])[0] as string)]),
    ).toEqual([
      ['one', { name: 'one', version: 1, sha: engine.getModel('one').versions[0]?.sha256 }],
      ['two', { name: 'two', version: 1, sha: engine.getModel('two').versions[0]?.sha256 }],
    ])
    const steps = [
      { type: 'multi-model', models: ['one', 'two'] },
      { type: 'audit', slice: '1:' },
      { type: 'select', index: 0 },
    ] as const
    await engine.applyPipeline({ name: 'shadowed', steps }, { deploy: true })
    await infer('shadowed', { x: [zeros] })
    await expect.poll(() => records('shadowed')).toHaveLength(1)
    const [row] = await records('shadowed')
    expect(Object.keys(row ?? {})).toEqual(['time', 'in.x', 'out.y', 'anomaly.count', 'out_two.y'])
  })

  test('SQL: a pipeline without a request is an empty table with its columns', async () => {
    await engine.applyPipeline({ name: 'un-asked', steps: [{ type: 'model', model: 'one' }] }, { deploy: true })
    const answer = await engine.queryLogs('SELECT * FROM un-asked')
    expect(answer.rows).toBe(0)
    expect(answer.columns.map(({ name }) => name)).toEqual(expect.arrayContaining(['time', 'in.x', 'out.y']))
    await infer('un-asked', { x: [zeros, zeros] })
    const counted = await engine.queryLogs('SELECT count(*) AS n FROM un-asked')
    expect(Buffer.from(counted.body).toString()).toBe('[{"n":2}]')
  })

  test('texts, over the string path', async () => {
    await engine.applyPipeline({ name: 'text', steps: [{ type: 'model', model: 'text' }] }, { deploy: true })
    await infer('text', { label: ['a', 'b"'] })
    const rows = await records('text', { order: 'asc' })
    expect(rows.map((row) => [row['in.label'], row['out.upper']])).toEqual([
      ['a', 'A'],
      ['b"', 'B"'],
    ])
  })

  test('a redeployed pipeline reads as one log; a restart and Parquet change nothing', async () => {
    await engine.applyPipeline({ name: 'kept', steps: [{ type: 'model', model: 'one' }] }, { deploy: true })
    await infer('kept', { x: [[1, 0, 0]] })
    await engine.applyPipeline({ name: 'kept', steps: [{ type: 'model', model: 'two' }] }, { deploy: true })
    await infer('kept', { x: [[2, 0, 0]] })
    const before = await records('kept', { dataset: ['time', 'in', 'out', 'metadata'] })
    expect(before.map((row) => (row['in.x'] as number[])[0])).toEqual([2, 1])
    await close()
    await open()
    // Models and pipelines live in memory here: a definition of the same name finds the log again.
    await engine.addModel('one', modelBytes('constant-v1'))
    await engine.applyPipeline({ name: 'kept', steps: [{ type: 'model', model: 'one' }] })
    await store.tidy()
    const files = ['1', '2'].flatMap((version) => readdirSync(join(directory, 'log', 'kept', version)))
    expect(files.map((file) => file.split('.').at(-1))).toEqual(['parquet', 'parquet'])
    expect(await records('kept', { dataset: ['time', 'in', 'out', 'metadata'] })).toEqual(before)
    const sql = await engine.queryLogs(
      'SELECT count(*) AS n FROM kept JOIN checked USING ("metadata.pipeline_version")',
    )
    expect(Buffer.from(sql.body).toString()).toBe('[{"n":3}]')
  })

  test('an engine without a store has nothing to read', async () => {
    const other = await Engine.open({ inferWorkers: 1, calibration: 'off' })
    try {
      await expect(other.queryLogs('SELECT 1')).rejects.toMatchObject({ code: 'ERR_CONFLICT' })
    } finally {
      await other.close()
    }
  })
})

describe.skipIf(!isPresent)(`vectors logs-export${isPresent ? '' : ' (skipped: not on this machine)'}`, () => {
  interface Row {
    readonly 'in.tensor': number[]
    readonly 'out.variable': number[]
    readonly 'anomaly.count': number
  }
  const linesOf = (path: string): Row[] =>
    readFileSync(path, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Row)
  const expectLike = (rows: readonly Row[], recorded: readonly Row[]): void => {
    expect(rows).toHaveLength(recorded.length)
    rows.forEach((row, index) => {
      const wanted = recorded[index] as Row
      expect(Object.keys(row)).toEqual(Object.keys(wanted))
      expect(row['anomaly.count']).toBe(wanted['anomaly.count'])
      expect(row['in.tensor'].map(Math.fround)).toEqual(wanted['in.tensor'].map(Math.fround))
      const [value = 0, expected = 0] = [row['out.variable'][0], wanted['out.variable'][0]]
      expect(Math.abs(value - expected) / expected).toBeLessThan(5e-7)
    })
  }

  test('rows, order, columns and types of both files', async () => {
    await engine.addModel('houses', readFileSync(`${vectors}model.onnx`))
    await engine.applyPipeline(
      { name: 'logpipeline', steps: [{ type: 'model', model: 'houses', tensorFields: ['tensor'] }] },
      { deploy: true },
    )
    const recorded = linesOf(`${vectors}logpipeline-test-1.json`)
    await infer('logpipeline', { tensor: recorded.map((row) => row['in.tensor']).reverse() })
    const shown = await call(server.url, 'GET', '/v1/pipelines/logpipeline/logs?dataset_separator=.')
    expectLike(shown.json as unknown as Row[], recorded)
    const exportAs = async (format: string): Promise<string> => {
      const body = { directory: 'v', file_prefix: 'logpipeline-test', format }
      const answer = await call(server.url, 'POST', '/v1/pipelines/logpipeline/logs/export', body)
      const { files } = answer.json as { files: { path: string; rows: number }[] }
      expect(files).toMatchObject([
        { path: join(directory, 'exports', 'v', `logpipeline-test-1.${format}`), rows: 100 },
      ])
      return files[0]?.path ?? ''
    }
    expectLike(linesOf(await exportAs('json')), recorded)
    const [ours, theirs] = [
      readFileSync(await exportAs('arrow')),
      readFileSync(`${vectors}logpipeline-test-1.arrow`),
    ].map((bytes) => tableFromIPC(bytes))
    const typesOf = (table: typeof ours): string[] =>
      table?.schema.fields.map(({ name, type, nullable }) => `${name}: ${type}${nullable ? '' : ' not null'}`) ?? []
    expect(typesOf(ours)).toEqual(typesOf(theirs))
    expect(ours?.numRows).toBe(theirs?.numRows)
    expect(
      ours?.schema.fields.map((field) => (field.type as { children?: { name: string }[] }).children?.[0]?.name),
    ).toEqual(
      theirs?.schema.fields.map((field) => (field.type as { children?: { name: string }[] }).children?.[0]?.name),
    )
  })
})
