/**
 * SQL over one log, as its store has it: what is asked is checked, waits for its turn (sql-queue.ts), and runs on the
 * thread of queries (flow-pool.ts), which starts a process for it.
 */
import { totalmem } from 'node:os'
import { MessageChannel } from 'node:worker_threads'
import { LOG_SQL_DRAIN_MS, LOG_SQL_RUNNING_MAX, LOG_SQL_WAITING_MAX } from '../../base/limits/limits.js'
import type { EngineLogHooks, LogSqlOptions, LogSqlResult } from '../../engine/api/logs.js'
import type { SqlTask } from '../flow/sql/sql.js'
import { FlowPool } from './flow-pool.js'
import { sqlTask } from './query.js'
import { SqlQueue, unlessAborted } from './sql-queue.js'

/** The share of the machine's memory for all queries that run. */
const memoryShare = 0.5
/** For the processes of queries to be gone when the log closes. */
const closeMsMax = 2000

export class LogQueries {
  readonly #path: string
  readonly #hooks: () => EngineLogHooks | null
  readonly #pool = FlowPool.queries()
  readonly #queue = new SqlQueue({
    runningMax: LOG_SQL_RUNNING_MAX,
    memoryBytesMax: totalmem() * memoryShare,
    waitingMax: LOG_SQL_WAITING_MAX,
    work: (task, signal) => this.#work(task, signal),
  })

  /** @param hooks of the engine that uses the log, once there is one. */
  constructor(path: string, hooks: () => EngineLogHooks | null) {
    this.#path = path
    this.#hooks = hooks
  }

  get isRunning(): boolean {
    return this.#queue.counts.running > 0
  }

  /** @throws PenstockError as EngineLog.query. */
  async run(sql: string, options: LogSqlOptions): Promise<LogSqlResult> {
    return this.#queue.run(sqlTask(this.#path, sql, options), options.signal)
  }

  /** Starts the process of the first query now, so that its caller does not wait for Node and DuckDB to start. */
  async prepare(): Promise<void> {
    await this.#pool.run({ kind: 'sql-ready' })
  }

  drain(limitMs: number): Promise<void> {
    return this.#queue.drain(Math.min(LOG_SQL_DRAIN_MS, limitMs / 2))
  }

  async close(): Promise<void> {
    await this.#queue.close(closeMsMax)
    await this.#pool.close({ kind: 'sql-end' })
  }

  async #work(task: SqlTask, signal: AbortSignal): Promise<LogSqlResult> {
    const hooks = this.#hooks()
    if (hooks !== null) await unlessAborted(hooks.flush(), signal)
    signal.throwIfAborted()
    const { port1, port2: cancel } = new MessageChannel()
    const end = (): void => port1.postMessage('end')
    signal.addEventListener('abort', end)
    try {
      const deployed = hooks?.schemas() ?? []
      return (await this.#pool.run({ kind: 'sql', task: { ...task, deployed }, cancel }, [cancel])) as LogSqlResult
    } finally {
      signal.removeEventListener('abort', end)
      port1.close()
    }
  }
}
