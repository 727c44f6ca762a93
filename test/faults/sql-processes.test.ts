/**
 * What a query, or anybody, can do to the process in which DuckDB runs it: each is answered with a code of ours within
 * its time, the next query works, and no process is left. Against the built server, whose processes are identified by PID.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import { spawn } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { isAlive, processesOf, runningQueriesOf } from '../../src/log/testing/processes.js'
import { mainPath, serve, temporaryDirectory, waitFor, type Server } from '../support/cli-process.js'

/** Runs for hours. */
const endless = 'SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b'
const mib = 2 ** 20

const start = (args: readonly string[] = []): Promise<Server> =>
  serve(['--home', temporaryDirectory(), '--grpc-port', 'off', '--infer-workers', '1', ...args])
const processes = ({ child }: Server): number[] => processesOf(child.pid as number)
const runningQuery = (server: Server, known: readonly number[] = []): Promise<number> =>
  waitFor(() => runningQueriesOf(server.child.pid as number).find((pid) => !known.includes(pid)))

async function query(
  { url }: Server,
  sql: string,
  options: Record<string, number> = {},
): Promise<{ status: number; code: unknown; text: string }> {
  const response = await fetch(`${url}/v1/logs/query`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ sql, timeout_ms: 60_000, ...options }),
  })
  const text = await response.text()
  const { code } = JSON.parse(text) as { code?: string }
  return { status: response.status, code, text }
}

/** The next query works, and but for the process that waits for one none is left. */
async function expectWell(server: Server): Promise<void> {
  expect((await query(server, 'SELECT 6 * 7 AS n')).text).toContain('"records":[{"n":42}]')
  await expect.poll(() => processes(server).length, { timeout: 10_000 }).toBeLessThanOrEqual(1)
}

describe('the process of a query', () => {
  test(
    'whatever a query asks for ends within its time with a code, and the next one works',
    { timeout: 300_000 },
    async () => {
      const server = await start()
      const limits = { timeout_ms: 4000, memory_bytes_max: 64 * mib }
      const codes = ['ERR_DEADLINE_EXCEEDED', 'ERR_QUERY_MEMORY', 'ERR_QUERY_FAILED', 'ERR_ARGUMENT']
      const queries = [
        endless,
        'WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) SELECT count(*) FROM t',
        'SELECT count(*) FROM generate_series(1, 1000000000000) WHERE generate_series % 7 = 1',
        'SELECT list(range) FROM range(10000000000)',
        "SELECT repeat('x', 2000000000)",
        "SELECT repeat('x', 1000000) FROM range(100000)",
        'SELECT range(100000) FROM range(10000)',
        `SELECT ${'('.repeat(20_000)}1${')'.repeat(20_000)}`,
        `SELECT ${'1+'.repeat(30_000)}1`,
      ]
      for (const sql of queries) {
        const started = performance.now()
        const { code, status } = await query(server, sql, { ...limits, rows_max: 1_000_000 })
        expect(codes, sql.slice(0, 80)).toContain(code)
        expect(status).toBeGreaterThanOrEqual(400)
        expect(performance.now() - started, sql.slice(0, 80)).toBeLessThan(limits.timeout_ms + 4000)
      }
      await expectWell(server)
    },
  )

  test(
    'one that is ended by a signal fails with that reason, and its neighbour goes on',
    { timeout: 300_000 },
    async () => {
      const server = await start()
      for (const signal of ['SIGKILL', 'SIGSEGV', 'SIGABRT', 'SIGTERM'] as const) {
        const failed = query(server, endless)
        const first = await runningQuery(server)
        const neighbour = query(server, endless)
        const second = await runningQuery(server, [first])
        process.kill(first, signal)
        expect(await failed, signal).toMatchObject({ status: 500, code: 'ERR_QUERY_FAILED' })
        expect(isAlive(second)).toBe(true)
        process.kill(second, signal)
        expect(await neighbour, signal).toMatchObject({ status: 500, code: 'ERR_QUERY_FAILED' })
        await expectWell(server)
      }
    },
  )

  test('one that is stopped and answers nothing is ended with its time', async () => {
    const server = await start()
    const outcome = query(server, endless, { timeout_ms: 15_000 })
    const pid = await runningQuery(server)
    process.kill(pid, 'SIGSTOP')
    expect(await outcome).toMatchObject({ status: 504, code: 'ERR_DEADLINE_EXCEEDED' })
    await expect.poll(() => isAlive(pid)).toBe(false)
    await expectWell(server)
  })

  test('the one that waits for the next query may be killed: nobody sees it', async () => {
    const server = await start()
    expect(processes(server)).toEqual([])
    await expectWell(server)
    const spare = await waitFor(() => processes(server).find(isAlive))
    process.kill(spare, 'SIGKILL')
    await expect.poll(() => processes(server)).not.toContain(spare)
    await expectWell(server)
  })

  test('Ctrl+C at the command line, and a socket that is cut, end the query', async () => {
    const server = await start()
    const cli = spawn(process.execPath, [mainPath, 'logs', '--url', server.url, '--sql', endless, '--timeout', '10m'])
    const pid = await runningQuery(server)
    cli.kill('SIGINT')
    await once(cli, 'close')
    await expect.poll(() => isAlive(pid), { timeout: 5000 }).toBe(false)
    const { hostname, port } = new URL(server.url)
    const socket = connect(Number(port), hostname)
    const body = JSON.stringify({ sql: endless, timeout_ms: 600_000 })
    socket.write(
      `POST /v1/logs/query HTTP/1.1\r\nhost: ${hostname}:${port}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    )
    const cut = await runningQuery(server)
    socket.destroy()
    await expect.poll(() => isAlive(cut), { timeout: 5000 }).toBe(false)
    await expectWell(server)
  })

  test('SIGTERM with queries that run and wait: they are refused, the exit code is 0, no process is left', async () => {
    const server = await start(['--drain-limit', '6s'])
    const outcomes = Array.from({ length: 5 }, () => query(server, endless, { timeout_ms: 600_000 }))
    await runningQuery(server, [await runningQuery(server)])
    const pids = processes(server)
    const started = performance.now()
    server.child.kill('SIGTERM')
    for (const outcome of outcomes) expect(await outcome).toMatchObject({ status: 503, code: 'ERR_DRAINING' })
    expect(await server.ended).toBe(0)
    expect(performance.now() - started).toBeLessThan(6000)
    for (const pid of pids) await expect.poll(() => isAlive(pid), { timeout: 5000 }).toBe(false)
  })

  test('a server that is killed leaves no query behind', async () => {
    const server = await start()
    const outcome = query(server, endless, { timeout_ms: 600_000 }).catch(() => null)
    const pid = await runningQuery(server)
    server.child.kill('SIGKILL')
    expect(await outcome).toBeNull()
    await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false)
  })
})
