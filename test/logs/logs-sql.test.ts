/**
 * SQL over the log as its callers see it: the bounded queue, time that counts from the call, callers who hang up, and the
 * end of a server. What it does to the processes of queries is in test/faults/sql-processes.test.ts.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Engine, LogStore, PenstockControl, PenstockServer } from 'penstock'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { LOG_SQL_RUNNING_MAX, LOG_SQL_WAITING_MAX } from '../../src/base/limits/limits.js'
import { processesOf, runningQueriesOf } from '../../src/log/testing/processes.js'
import { call, modelBytes } from '../support/served.js'

let directory: string
let store: LogStore
let engine: Engine
let server: PenstockServer
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'penstock-sql-'))
  store = await LogStore.open(join(directory, 'log'))
  engine = await Engine.open({ inferWorkers: 1, calibration: 'off', log: store })
  await engine.addModel('add', modelBytes('add-one'))
  await engine.applyPipeline({ name: 'add', steps: [{ type: 'model', model: 'add' }] }, { deploy: true })
  server = await PenstockServer.start({ engine, port: 0, drainLimitMs: 4000 })
})
afterAll(async () => {
  await server.close()
  await engine.close()
  await store.close()
  rmSync(directory, { recursive: true, force: true })
  expect(processesOf(process.pid)).toEqual([])
})
/** One process may wait for the next query. */
afterEach(() => expect.poll(() => processesOf(process.pid).length, { timeout: 10_000 }).toBeLessThanOrEqual(1))

/** Runs for hours. */
const endless = 'SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b'
const queryOf = (sql: string, timeoutMs: number) =>
  call(server.url, 'POST', '/v1/logs/query', { sql, timeout_ms: timeoutMs })
const codeOf = (outcome: Promise<unknown>): Promise<unknown> =>
  outcome.then(
    () => 'done',
    (error: { code?: string; name: string }) => (error.name === 'AbortError' ? error.name : error.code),
  )
/** Resolves once so many queries run. */
const running = (count: number) =>
  expect.poll(() => runningQueriesOf(process.pid), { timeout: 20_000 }).toHaveLength(count)

describe('SQL over the log', () => {
  test('beyond those that run and wait, a query is refused with 429; the time of those that wait counts', async () => {
    const most = LOG_SQL_RUNNING_MAX + LOG_SQL_WAITING_MAX
    const answers = Array.from({ length: most + 3 }, () => queryOf(endless, 3000))
    const started = performance.now()
    const all = await Promise.all(answers)
    // Two at a time, each for its 3 s, would take half a minute.
    expect(performance.now() - started).toBeLessThan(12_000)
    const refused = all.filter(({ status }) => status === 429)
    expect(refused).toHaveLength(3)
    for (const { json, headers } of refused) {
      expect(json['code']).toBe('ERR_QUEUE_FULL')
      expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
    }
    for (const { status, json } of all.filter((answer) => !refused.includes(answer)))
      expect([status, json['code']]).toEqual([504, 'ERR_DEADLINE_EXCEEDED'])
    expect((await queryOf('SELECT count(*) AS n FROM add', 25_000)).json['records']).toEqual([{ n: 0 }])
  })

  test('a caller who hangs up ends his query: over HTTP, by a signal here, and by one of the client', async () => {
    const ways: readonly ((signal: AbortSignal) => Promise<unknown>)[] = [
      (signal) =>
        fetch(`${server.url}/v1/logs/query`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ sql: endless, timeout_ms: 600_000 }),
          signal,
        }),
      (signal) => engine.queryLogs(endless, { timeoutMs: 600_000, signal }),
      (signal) => new PenstockControl(server.url).queryLogs(endless, { timeoutMs: 600_000, signal }),
    ]
    for (const [index, way] of ways.entries()) {
      const ending = new AbortController()
      const outcome = codeOf(way(ending.signal))
      await running(1)
      const [pid] = runningQueriesOf(process.pid)
      ending.abort()
      expect(await outcome).toBe(index === 0 ? 'AbortError' : 'ERR_ABORTED')
      await expect.poll(() => processesOf(process.pid), { timeout: 5000 }).not.toContain(pid)
    }
  })

  test('a query that never gets its turn is ended all the same when its caller hangs up', async () => {
    const ending = new AbortController()
    const outcomes = Array.from({ length: LOG_SQL_RUNNING_MAX + 2 }, () =>
      codeOf(engine.queryLogs(endless, { timeoutMs: 600_000, signal: ending.signal })),
    )
    await running(LOG_SQL_RUNNING_MAX)
    ending.abort()
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['ERR_ABORTED']))
    expect((await queryOf('SELECT count(*) AS n FROM add', 25_000)).json['records']).toEqual([{ n: 0 }])
  })

  test('rows that were logged a moment ago are there', async () => {
    await engine.infer('add', {
      inputs: {
        x: [
          [1, 0, 0],
          [2, 0, 0],
        ],
      },
    })
    const result = await engine.queryLogs('SELECT count(*) AS n FROM add')
    expect(Buffer.from(result.body).toString()).toBe('[{"n":2}]')
  })

  test('a server that drains ends its queries with a code, within its limit', async () => {
    const outcomes = Array.from({ length: LOG_SQL_RUNNING_MAX + 1 }, () => queryOf(endless, 600_000))
    await running(LOG_SQL_RUNNING_MAX)
    const started = performance.now()
    expect(await server.drain()).toBe(true)
    expect(performance.now() - started).toBeLessThan(4000)
    for (const { status, json } of await Promise.all(outcomes))
      expect([status, json['code']]).toEqual([503, 'ERR_DRAINING'])
    expect(await codeOf(engine.queryLogs('SELECT 1'))).toBe('ERR_DRAINING')
  })
})
