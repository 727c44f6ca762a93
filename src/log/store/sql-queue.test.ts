/** The queue of queries, with work that ends when the test says so. */
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { LogSqlResult } from '../../engine/api/logs.js'
import { sqlTask } from './query.js'
import { SqlQueue, type SqlQueueOptions } from './sql-queue.js'

const result: LogSqlResult = { body: new Uint8Array(), rows: 0, columns: [], warnings: [] }
const mib = 2 ** 20

/** What runs, by its SQL: `finish` ends it well; when it is aborted it goes on until `release`. */
function queueOf(parts: Partial<SqlQueueOptions> = {}) {
  const running = new Map<string, { finish(): void; release(): void; signal: AbortSignal }>()
  const queue = new SqlQueue({
    runningMax: 2,
    waitingMax: 2,
    memoryBytesMax: 1024 * mib,
    work: ({ sql }, signal) =>
      new Promise((resolve, reject) => {
        const end = (settle: () => void) => (): void => {
          running.delete(sql)
          settle()
        }
        running.set(sql, {
          finish: end(() => resolve(result)),
          release: end(() => reject(signal.reason as Error)),
          signal,
        })
      }),
    ...parts,
  })
  const run = (
    name: string,
    { timeoutMs = 10_000, memoryBytesMax = 16 * mib, signal = undefined as AbortSignal | undefined } = {},
  ) => {
    const sql = `SELECT '${name}'`
    const outcome = queue.run(sqlTask('/log', sql, { timeoutMs, memoryBytesMax }), signal).then(
      () => 'done',
      (error: { code: string }) => error.code,
    )
    return { outcome, control: () => running.get(sql) }
  }
  const names = (): string[] => [...running.keys()].map((sql) => sql.slice(8, -1))
  return { queue, run, names }
}
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('the queue of queries', () => {
  it('runs so many, lets so many wait in order, and refuses the next', async () => {
    const { queue, run, names } = queueOf()
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => run(name))
    await turn()
    expect(names()).toEqual(['a', 'b'])
    expect(queue.counts).toEqual({ running: 2, waiting: 2 })
    expect(await run('e').outcome).toBe('ERR_QUEUE_FULL')
    b?.control()?.finish()
    expect(await b?.outcome).toBe('done')
    await turn()
    expect(names()).toEqual(['a', 'c'])
    const e = run('e')
    for (const query of [a, c]) query?.control()?.finish()
    await turn()
    expect(names()).toEqual(['d', 'e'])
    for (const query of [d, e]) query?.control()?.finish()
    for (const query of [a, c, d, e]) expect(await query?.outcome).toBe('done')
    expect(queue.counts).toEqual({ running: 0, waiting: 0 })
  })

  it('counts the time of waiting, and of running', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const { queue, run, names } = queueOf({ runningMax: 1 })
    const long = run('long', { timeoutMs: 1000 })
    const short = run('short', { timeoutMs: 300 })
    const next = run('next', { timeoutMs: 5000 })
    vi.advanceTimersByTime(300)
    expect(await short.outcome).toBe('ERR_DEADLINE_EXCEEDED')
    expect(names()).toEqual(['long'])
    vi.advanceTimersByTime(700)
    expect(await long.outcome).toBe('ERR_DEADLINE_EXCEEDED')
    // Its process is not gone yet: the place is not free.
    expect(names()).toEqual(['long'])
    expect(queue.counts).toEqual({ running: 1, waiting: 1 })
    long.control()?.release()
    await turn()
    expect(names()).toEqual(['next'])
    next.control()?.finish()
    expect(await next.outcome).toBe('done')
  })

  it('a caller who hangs up leaves at once, waiting or running, and the next one takes the place', async () => {
    const { run, names } = queueOf({ runningMax: 1 })
    const [running, waiting] = [new AbortController(), new AbortController()]
    const a = run('a', { signal: running.signal })
    const b = run('b', { signal: waiting.signal })
    const c = run('c')
    await turn()
    waiting.abort()
    expect(await b.outcome).toBe('ERR_ABORTED')
    running.abort()
    expect(await a.outcome).toBe('ERR_ABORTED')
    expect(a.control()?.signal.aborted).toBe(true)
    a.control()?.release()
    await turn()
    expect(names()).toEqual(['c'])
    c.control()?.finish()
    expect(await c.outcome).toBe('done')
    expect(await run('d', { signal: running.signal }).outcome).toBe('ERR_ABORTED')
    expect(names()).toEqual([])
  })

  it('runs together what fits into the memory for queries, and a large one alone', async () => {
    const { run, names } = queueOf({ runningMax: 4, memoryBytesMax: 100 * mib, waitingMax: 9 })
    const a = run('a', { memoryBytesMax: 60 * mib })
    const large = run('large', { memoryBytesMax: 200 * mib })
    const b = run('b', { memoryBytesMax: 16 * mib })
    await turn()
    // It would fit, but the large one came first.
    expect(names()).toEqual(['a'])
    a.control()?.finish()
    await turn()
    expect(names()).toEqual(['large'])
    large.control()?.finish()
    await turn()
    expect(names()).toEqual(['b'])
    b.control()?.finish()
    for (const query of [a, large, b]) expect(await query.outcome).toBe('done')
  })

  it('drains: what waits is refused at once, what runs is ended after a while, what comes never begins', async () => {
    const { queue, run } = queueOf({ runningMax: 1 })
    const a = run('a')
    const b = run('b')
    await turn()
    const drained = queue.drain(50)
    expect(await b.outcome).toBe('ERR_DRAINING')
    expect(await run('c').outcome).toBe('ERR_DRAINING')
    expect(a.control()?.signal.aborted).toBe(false)
    expect(await a.outcome).toBe('ERR_DRAINING')
    a.control()?.release()
    await drained
    await queue.close(1000)
    expect(await run('d').outcome).toBe('ERR_CLOSED')
  })

  it('closes although what runs does not end', async () => {
    const { queue, run } = queueOf({ runningMax: 1 })
    const [a, b] = [run('a'), run('b')]
    await turn()
    await queue.close(20)
    expect([await a.outcome, await b.outcome]).toEqual(['ERR_CLOSED', 'ERR_CLOSED'])
  })
})
