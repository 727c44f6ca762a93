/** The log over HTTP and from the command line, against a server whose log was written beforehand. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tableFromIPC } from 'apache-arrow'
import { Engine, LogStore, PenstockServer } from 'penstock'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { epochMs, SegmentWriter } from '../../src/log/testing/segments.js'
import { penstock } from '../support/cli-process.js'
import { call, modelBytes } from '../support/served.js'

let directory: string
let store: LogStore
let engine: Engine
let server: PenstockServer
let withoutExports: PenstockServer | null = null
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'penstock-logs-'))
  const log = join(directory, 'log')
  new SegmentWriter(log, 'add', 7, 0).append({ first: 0, count: 1200 }).seal()
  new SegmentWriter(log, 'add', 8, 0).append({ first: 1200, count: 20, width: 2 }).seal()
  store = await LogStore.open(log, { clock: { nowMs: () => epochMs + 10_000, monotonicUs: () => 0 } })
  engine = await Engine.open({ inferWorkers: 1, calibration: 'off', log: store })
  await engine.addModel('add', modelBytes('add-one'))
  await engine.applyPipeline({ name: 'add', steps: [{ type: 'model', model: 'add' }] }, { deploy: true })
  await engine.applyPipeline({ name: 'silent', steps: [{ type: 'model', model: 'add' }] })
  server = await PenstockServer.start({ engine, port: 0, partition: 'test', exportPath: join(directory, 'exports') })
})
afterAll(async () => {
  await withoutExports?.close()
  await server.close()
  await engine.close()
  await store.close()
  rmSync(directory, { recursive: true, force: true })
})

const logs = (query: string, headers: Record<string, string> = {}) =>
  call(server.url, 'GET', `/v1/pipelines/add/logs${query}`, undefined, headers)
const iso = (row: number): string => encodeURIComponent(new Date(epochMs + row).toISOString())
type Row = { in: { x: number[] } }

describe('the log over HTTP', () => {
  test('nested records, newest first, with status, cursor and warning in headers', async () => {
    const first = await logs('?limit=25')
    expect(first.headers.get('x-iteration-status')).toBe('SchemaChange')
    expect(first.headers.get('x-iteration-warning')).toMatch(
      /^Pipeline log schema has changed over the logs requested 20 newest/,
    )
    const rows = first.json as unknown as Row[]
    expect(rows.map((row) => row.in.x[0])).toEqual(Array.from({ length: 20 }, (_, index) => 1219 - index))
    expect(Object.keys(rows[0] ?? {})).toEqual(['time', 'in', 'out', 'anomaly'])
    const second = await logs(`?limit=1000&cursor=${first.headers.get('x-iteration-cursor')}`)
    expect(second.headers.get('x-iteration-status')).toBe('RecordLimited')
    const third = await logs(`?limit=1000&cursor=${second.headers.get('x-iteration-cursor')}`)
    expect((third.json as unknown as Row[]).map((row) => row.in.x[0])).toEqual(
      Array.from({ length: 200 }, (_, index) => 199 - index),
    )
    expect(third.headers.get('x-iteration-status')).toBe('All')
    expect(third.headers.get('x-iteration-cursor')).toBeNull()
  })

  test('Arrow by accept; dates, checks and columns by query', async () => {
    const query = `?start=${iso(95)}&end=${iso(106)}&valid=false&dataset=in.x,metadata.request_id&dataset_separator=.`
    const file = await logs(query, { accept: 'application/vnd.apache.arrow.file' })
    expect(file.headers.get('content-type')).toBe('application/vnd.apache.arrow.file')
    const table = tableFromIPC(file.bytes)
    expect(table.schema.fields.map(({ name }) => name)).toEqual(['in.x', 'metadata.request_id'])
    expect(table.numRows).toBe(1)
    const records = await logs(query)
    expect(records.text).toBe('[{"in.x":[100,100.5],"metadata.request_id":"0000abcd-p"}]')
  })

  test('follows: the end of the log has a cursor', async () => {
    const page = await logs(`?start=${iso(1210)}&end=9999-12-31T00:00:00Z&follow=true`)
    expect((page.json as unknown as Row[]).map((row) => row.in.x[0])).toEqual(
      Array.from({ length: 10 }, (_, i) => 1210 + i),
    )
    const end = await logs(`?limit=5&follow=true&cursor=${page.headers.get('x-iteration-cursor')}`)
    expect([end.text, end.headers.get('x-iteration-status')]).toEqual(['[]', 'All'])
    expect(end.headers.get('x-iteration-cursor')).not.toBeNull()
  })

  test.each([
    ['GET', '/v1/pipelines/nope/logs', undefined, 404, 'ERR_PIPELINE_NOT_FOUND'],
    ['GET', '/v1/pipelines/add/logs?limit=0', undefined, 400, 'ERR_ARGUMENT'],
    ['GET', '/v1/pipelines/add/logs?limit=many', undefined, 400, 'ERR_ARGUMENT'],
    ['GET', '/v1/pipelines/add/logs?start=2026-01-01', undefined, 400, 'ERR_ARGUMENT'],
    ['GET', '/v1/pipelines/add/logs?cursor=AAAA', undefined, 400, 'ERR_ARGUMENT'],
    ['GET', '/v1/pipelines/add/logs?dataset=*,metadata', undefined, 400, 'ERR_ARGUMENT'],
    ['GET', '/v1/pipelines/add/logs?page=2', undefined, 400, 'ERR_ARGUMENT'],
    ['POST', '/v1/pipelines/add/logs/export', { directory: '../up' }, 400, 'ERR_ARGUMENT'],
    ['POST', '/v1/pipelines/add/logs/export', { directory: '/tmp' }, 400, 'ERR_ARGUMENT'],
    ['POST', '/v1/pipelines/add/logs/export', { directory: 'a/../..' }, 400, 'ERR_ARGUMENT'],
    ['POST', '/v1/pipelines/add/logs/export', { file_prefix: '../up' }, 400, 'ERR_ARGUMENT'],
    ['POST', '/v1/pipelines/add/logs/export', { data_size_limit: 'much' }, 400, 'ERR_ARGUMENT'],
    ['POST', '/v1/pipelines/add/logs/export', { path: 'x' }, 400, 'ERR_ARGUMENT'],
    ['POST', '/v1/logs/query', { sql: 'DROP TABLE add' }, 400, 'ERR_ARGUMENT'],
    ['POST', '/v1/logs/query', {}, 400, 'ERR_ARGUMENT'],
    [
      'POST',
      '/v1/logs/query',
      { sql: 'SELECT count(*) FROM range(100000000000)', timeout_ms: 300 },
      504,
      'ERR_DEADLINE_EXCEEDED',
    ],
  ])('%s %s %j is refused with %d', async (method, path, body, status, code) => {
    const answer = await call(server.url, method, path, body)
    expect([answer.status, answer.json['code']]).toEqual([status, code])
  })

  test('exports below its own directory', async () => {
    const body = { directory: 'a/b', file_prefix: 'x', format: 'csv', limit: 2000, data_size_limit: '1MiB' }
    const answer = await call(server.url, 'POST', '/v1/pipelines/add/logs/export', body)
    const folder = join(directory, 'exports', 'a', 'b')
    expect(answer.json).toMatchObject({ rows: 1220, warnings: [] })
    expect(readdirSync(folder).sort()).toEqual(['x-1.csv', 'x-2.csv'])
    expect((await call(server.url, 'POST', '/v1/pipelines/silent/logs/export')).json).toEqual({
      files: [],
      rows: 0,
      warnings: [],
    })
  })

  test('a server without export directory refuses exports', async () => {
    // Closed with the first: a server that closes drains its engine, and that the queries of its log.
    withoutExports = await PenstockServer.start({ engine, port: 0 })
    const answer = await call(withoutExports.url, 'POST', '/v1/pipelines/add/logs/export', {})
    expect(answer.json['code']).toBe('ERR_CONFLICT')
  })

  test('SQL: records with types, or Arrow', async () => {
    const sql = 'SELECT count(*) AS n, 9007199254740993 AS big FROM add'
    const answer = await call(server.url, 'POST', '/v1/logs/query', { sql })
    expect(answer.text).toBe(
      '{"columns":[{"name":"n","type":"BIGINT"},{"name":"big","type":"BIGINT"}],"warnings":[],"records":[{"n":1220,"big":9007199254740993}]}\n',
    )
    const headers = { accept: 'application/vnd.apache.arrow.stream' }
    const arrow = await call(
      server.url,
      'POST',
      '/v1/logs/query',
      { sql: 'SELECT time FROM add', rows_max: 3 },
      headers,
    )
    expect(tableFromIPC(arrow.bytes).numRows).toBe(3)
    expect(arrow.headers.get('x-iteration-warning')).toMatch(/more than 3 rows/)
  })
})

describe('penstock logs', () => {
  const run = (...parameters: string[]) => penstock(['logs', ...parameters, '--url', server.url])

  test('shows a table, and warnings on stderr', async () => {
    const { code, stdout, stderr } = await run('add', '--limit', '3')
    expect(code).toBe(0)
    expect(stdout.split('\n')[0]).toMatch(/^TIME +IN\.X +OUT\._MODEL_SPLIT +OUT\.Y +ANOMALY\.COUNT +ANOMALY\.HIGH$/)
    expect(stdout.split('\n')[1]).toMatch(/^2023-11-14T22:13:21\.219Z +\[1219,1219\.5\]/)
    expect(stderr).toContain(
      'Warning: There are more logs available. Please set a larger limit, or export them to files.',
    )
    expect(stderr).toMatch(/--cursor [\w-]+/)
  })

  test('records, Arrow files, SQL and exports', async () => {
    const json = await run('add', '--limit', '2', '--invalid', '--dataset', 'out.y', '--json')
    expect(JSON.parse(json.stdout)).toEqual([{ 'out.y': [2420, 2421] }, { 'out.y': [2400, 2401] }])
    const file = join(directory, 'rows.arrow')
    expect((await run('add', '--limit', '5', '--arrow', file)).code).toBe(0)
    expect(tableFromIPC(readFileSync(file)).numRows).toBe(5)
    const sql = await run('--sql', 'SELECT count(*) AS n FROM add')
    expect(sql.stdout.trimEnd().split('\n')).toEqual(['N', '1220'])
    const exported = await run('add', '--export', 'cli', '--format', 'parquet', '--limit', '10', '--json')
    expect(JSON.parse(exported.stdout)).toMatchObject({ rows: 10 })
    expect(exported.stderr).toContain(
      'Warning: There are more logs available. Please set a larger limit to export more data.',
    )
    expect(readdirSync(join(directory, 'exports', 'cli'))).toEqual(['add-1.parquet'])
  })

  test.each([
    [1, ['nope']],
    [1, ['--sql', 'DROP TABLE x']],
    [2, []],
    [2, ['add', '--valid', '--invalid']],
    [2, ['add', '--sql', 'SELECT 1', '--export']],
    [2, ['add', '--limit', 'x']],
  ])('exits with %d after %j', async (code, parameters) => {
    const ended = await run(...parameters)
    expect(ended.code, ended.stderr).toBe(code)
    expect(ended.stderr).not.toBe('')
  })
})
