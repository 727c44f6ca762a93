/** SQL over the log: in a process of its own, as the flow threads run it, and here where only its words matter. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tableFromIPC } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { LogSqlOptions } from '../../../engine/api/logs.js'
import { sqlTask } from '../../store/query.js'
import { processesOf } from '../../testing/processes.js'
import { SegmentWriter } from '../../testing/segments.js'
import { compactSegment } from '../compaction/compact.js'
import { endSpare } from './query-process.js'
import { runSqlApart } from './run-sql.js'
import { runSql } from './sql.js'

let directory: string
let outside: string
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'penstock-sql-'))
  outside = mkdtempSync(join(tmpdir(), 'penstock-outside-'))
  writeFileSync(join(outside, 'secret.csv'), 'a\n1\n')
  await compactSegment(new SegmentWriter(directory, 'house-1', 1, 0).append({ first: 0, count: 5000 }).seal())
  new SegmentWriter(directory, 'house-1', 2, 0).append({ first: 5000, count: 100, width: 3 }).seal()
  new SegmentWriter(directory, 'house-1', 2, 1).append({ first: 5100, count: 50, width: 3, hasText: true })
  new SegmentWriter(directory, 'other', 1, 0).append({ first: 0, count: 7 })
})
afterAll(async () => {
  await endSpare()
  for (const path of [directory, outside]) rmSync(path, { recursive: true, force: true })
})

const query = async (sql: string, options: LogSqlOptions = {}) => runSql(sqlTask(directory, sql, options))
const queryApart = async (sql: string, options: LogSqlOptions = {}) =>
  runSqlApart(sqlTask(directory, sql, options), null)
const records = async (sql: string): Promise<unknown> => JSON.parse(Buffer.from((await query(sql)).body).toString())
const reasonOf = async (sql: string, options?: LogSqlOptions): Promise<{ code: string; message: string }> =>
  (options === undefined ? query(sql) : queryApart(sql, options)).then(
    () => ({ code: 'done', message: '' }),
    (error: { code: string; message: string }) => error,
  )

describe('SQL over the log', () => {
  it('counts all rows once, whatever form their segments have', async () => {
    expect(
      await records('SELECT count(*) AS n, count(DISTINCT "in.x"[1]) AS d, max("in.x"[1]) AS m FROM "house-1"'),
    ).toEqual([{ n: 5150, d: 5150, m: 5149 }])
    expect(readdirSync(directory).sort()).toEqual(['house-1', 'other'])
  })

  it('runs in a process of its own: the same answer, or the same refusal', async () => {
    const sql = 'SELECT count(*) AS n, max("in.x"[1]) AS m FROM "house-1"'
    const [here, apart] = await Promise.all([query(sql), queryApart(sql)])
    expect({ ...apart, body: Buffer.from(apart.body).toString() }).toEqual({
      ...here,
      body: Buffer.from(here.body).toString(),
    })
    expect(await reasonOf('SELECT * FROM nope', {})).toMatchObject({
      code: 'ERR_ARGUMENT',
      message: expect.stringContaining('nope'),
    })
  })

  it('unites versions by column, derives check_failures, and joins pipelines', async () => {
    expect(
      await records(
        'SELECT "metadata.pipeline_version" AS v, count("in.text") AS texts, max(len("out.y")) AS width FROM "house-1" GROUP BY v ORDER BY v',
      ),
    ).toEqual([
      { v: 1, texts: 0, width: 1 },
      { v: 2, texts: 50, width: 3 },
    ])
    expect(
      await records(`SELECT check_failures, "metadata.route", "metadata.request_id" FROM other ORDER BY time LIMIT 2`),
    ).toEqual([
      { check_failures: ['high'], 'metadata.route': 'a', 'metadata.request_id': '0000abcd-0' },
      { check_failures: [], 'metadata.route': 'b', 'metadata.request_id': '0000abcd-0' },
    ])
    expect(await records('SELECT count(*) AS n FROM OTHER o JOIN "house-1" h ON o.time = h.time')).toEqual([{ n: 7 }])
  })

  it('integers keep their digits, as JSON and as Arrow; results say their types', async () => {
    const sql =
      'SELECT 9007199254740993 AS big, 18446744073709551615::UBIGINT AS u, sum(time::BIGINT * 0 + 1)::HUGEINT AS s, NULL::FLOAT AS f, 1.5 AS d FROM (SELECT epoch_ms(time) AS time FROM other)'
    const result = await query(sql)
    expect(Buffer.from(result.body).toString()).toBe(
      '[{"big":9007199254740993,"u":18446744073709551615,"s":7,"f":null,"d":1.5}]',
    )
    expect(result.columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'big BIGINT',
      'u UBIGINT',
      's HUGEINT',
      'f FLOAT',
      'd DECIMAL(2,1)',
    ])
    const table = tableFromIPC((await query('SELECT * FROM other ORDER BY time', { format: 'arrow-file' })).body)
    expect(table.numRows).toBe(7)
    expect(table.schema.fields.slice(0, 6).map((field) => `${field.name} ${field.type}`)).toEqual([
      'time Timestamp<MICROSECOND>',
      'in.x List<Float32>',
      'out._model_split List<Utf8>',
      'out.y List<Float32>',
      'anomaly.count Uint32',
      'anomaly.high Bool',
    ])
  })

  it('timestamps are milliseconds in JSON, under any name, and have their microseconds in Arrow', async () => {
    const sql = `SELECT time, max(time) OVER () AS latest, epoch_ms(time) AS ms, [time] AS listed, NULL::TIMESTAMP AS none,
      TIMESTAMPTZ '1970-01-01 00:00:00.002999+00' AS zoned, TIMESTAMP '1969-12-31 23:59:59.9995' AS before,
      TIMESTAMP_S '1970-01-02' AS day FROM other ORDER BY time DESC LIMIT 1`
    const [row] = (await records(sql)) as [Record<string, unknown>]
    expect(row).toEqual({
      time: row['ms'],
      latest: row['ms'],
      ms: expect.any(Number),
      listed: [row['ms']],
      none: null,
      zoned: 2,
      before: -1,
      day: 86_400_000,
    })
    const table = tableFromIPC((await query(sql, { format: 'arrow-file' })).body)
    expect(String(table.schema.fields[1]?.type)).toBe('Timestamp<MICROSECOND>')
  })

  it('cuts long results off, and says so', async () => {
    const result = await query('SELECT time FROM "house-1"', { rowsMax: 10 })
    expect(result.rows).toBe(10)
    expect(result.warnings).toEqual([
      'Warning: The result has more than 10 rows. Please add LIMIT, or ask for more rows.',
    ])
    expect((await query('SELECT 1 WHERE false')).rows).toBe(0)
  })

  it.each([
    ['COPY', `COPY (SELECT 1) TO '%LOG%/x.csv'`],
    ['ATTACH', `ATTACH '%LOG%/x.db'`],
    ['INSTALL', 'INSTALL httpfs'],
    ['LOAD', 'LOAD httpfs'],
    ['PRAGMA', 'PRAGMA database_list'],
    ['SET', 'SET threads = 4'],
    ['CREATE', 'CREATE TABLE t AS SELECT 1'],
    ['INSERT', 'INSERT INTO other SELECT * FROM other'],
    ['CALL', 'CALL duckdb_settings()'],
    ['EXPLAIN', 'EXPLAIN SELECT 1'],
    ['two statements', 'SELECT 1; SELECT 2'],
    ['a second one that writes', `SELECT 1; COPY (SELECT 1) TO '%LOG%/x.csv'`],
    ['a hidden one', `/* SELECT */ -- SELECT\n COPY (SELECT 1) TO '%LOG%/x.csv'`],
    ['WITH that writes', 'WITH a AS (SELECT 1) INSERT INTO other SELECT * FROM a'],
    ['nothing', ''],
    ['a comment', '-- nothing'],
    ['a parameter', 'SELECT ?'],
    ['another file', `SELECT * FROM read_csv('%OUT%/secret.csv')`],
    ['another file by its name', `SELECT * FROM '%OUT%/secret.csv'`],
    ['another file as text', `SELECT * FROM read_text('%OUT%/secret.csv')`],
    ['another folder', `SELECT * FROM glob('%OUT%/*')`],
    ['a way out of the folder', `SELECT * FROM read_text('%LOG%/../%NAME%/secret.csv')`],
    ['the network', `SELECT * FROM read_csv('http://127.0.0.1:9/x.csv')`],
    ['a table that is not there', 'SELECT * FROM nope'],
    ['a slip', 'SELEC 1'],
    ['an error of its own', `SELECT error('mine')`],
  ])('refuses %s', async (_name, sql) => {
    const name = outside.slice(outside.lastIndexOf('/') + 1)
    const text = sql.replaceAll('%LOG%', directory).replaceAll('%OUT%', outside).replaceAll('%NAME%', name)
    const { code, message } = await reasonOf(text)
    expect(code, message).toBe('ERR_ARGUMENT')
    expect(message).not.toBe('')
    expect(readdirSync(directory).sort()).toEqual(['house-1', 'other'])
  })

  it('takes names with hyphens without quotes, where SQL alone would not', async () => {
    const unquoted = `SELECT house-1."metadata.pipeline_version" AS v, count(*) AS n FROM house-1 JOIN other ON true WHERE 'house-1' <> '' GROUP BY v ORDER BY v`
    expect(await records(unquoted)).toEqual([
      { v: 1, n: 35000 },
      { v: 2, n: 1050 },
    ])
    expect(await records('FROM HOUSE-1 SELECT count(*) AS n')).toEqual([{ n: 5150 }])
    // A difference stays one.
    expect(await records('SELECT house-1 AS d FROM (SELECT 3 AS house) WHERE house-1 > 0')).toEqual([{ d: 2 }])
    expect((await reasonOf('SELECT * FROM hous-1')).message).toContain('FROM "my-pipeline"')
  })

  it("a slip is reported in the parser's words, with its place", async () => {
    for (const options of [undefined, {}])
      expect(await reasonOf('SELECT time\nFROM other WHER x', options)).toMatchObject({
        code: 'ERR_ARGUMENT',
        message:
          'DuckDB refuses the query. Parser Error: syntax error at or near "x"\n\nLINE 2: FROM other WHER x\n                        ^',
      })
  })

  it('a name that is none is answered with the nearest, or with those that there are', async () => {
    expect((await reasonOf('SELECT * FROM "house-2"')).message).toContain('Did you mean "house-1"?')
    expect((await reasonOf('SELECT * FROM penstock')).message).toContain('The log has "house-1", "other"')
    expect((await reasonOf('FROM penstock_rows(7)')).message).toContain('views of the log alone')
  })

  it('what is deployed and has no rows is an empty table with its columns', async () => {
    const { columns } = await query('SELECT * FROM other')
    const path = join(directory, 'other', '1', '0000000000.arrows')
    const bytes = readFileSync(path)
    const schema = bytes.subarray(0, 8 + bytes.readInt32LE(4))
    const result = await runSql(sqlTask(directory, 'SELECT * FROM fresh', {}, [{ pipeline: 'fresh', schema }]))
    expect(result.rows).toBe(0)
    expect(result.columns).toEqual(columns)
    const sql = 'SELECT count(*) AS n, max("out.y"[1]) AS m FROM fresh'
    const counted = await runSqlApart(sqlTask(directory, sql, {}, [{ pipeline: 'fresh', schema }]), null)
    expect(Buffer.from(counted.body).toString()).toBe('[{"n":0,"m":null}]')
  })

  it('ends a query of which nobody wants the answer any more, whatever DuckDB does', async () => {
    const sql = 'SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b'
    const ending = new AbortController()
    setTimeout(() => ending.abort(new Error('enough')), 500)
    const started = performance.now()
    await expect(runSqlApart(sqlTask(directory, sql, {}), ending.signal)).rejects.toThrow('enough')
    expect(performance.now() - started).toBeLessThan(5000)
  })

  it('each query has a process of its own, and at most one waits for the next', { timeout: 60_000 }, async () => {
    // A process that was killed is gone when the kernel comes to it.
    const inTime = { timeout: 15_000 }
    // The test before may have begun one after its own end.
    const left = async () => {
      await endSpare()
      return processesOf(process.pid)
    }
    await expect.poll(left, inTime).toEqual([])
    await queryApart('SELECT 1')
    await expect.poll(() => processesOf(process.pid), inTime).toHaveLength(1)
    const [spare] = processesOf(process.pid)
    await queryApart('SELECT 2')
    await expect.poll(() => processesOf(process.pid), inTime).not.toContain(spare)
    await expect.poll(() => processesOf(process.pid), inTime).toHaveLength(1)
    await endSpare()
    expect(processesOf(process.pid)).toEqual([])
  })

  it.each([
    ['that DuckDB counts', 'SELECT list(range) FROM range(100000000)'],
    ['that DuckDB does not count', `SELECT repeat('x', 2000000000)`],
  ])('ends a query that takes memory %s', { timeout: 30_000 }, async (_name, sql) => {
    expect(await reasonOf(sql, { memoryBytesMax: 64 * 2 ** 20 })).toMatchObject({ code: 'ERR_QUERY_MEMORY' })
  })
})
