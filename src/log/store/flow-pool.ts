/**
 * The flow threads: three pools, started when something is to be done and ended when nothing has come for a while, so
 * that a server whose log nobody reads pays nothing for it.
 *
 *    readers   pages, exports: a person waits, but behind the requests
 *    queries   SQL: one thread that waits for the processes of queries, and keeps one ready
 *    compactor repair and compaction, one at a time, behind everything
 */
import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { Piscina } from 'piscina'
import { PenstockError } from '../../base/errors.js'
import { LOG_SQL_RUNNING_MAX, LOG_SQL_SPARE_MS, LOG_TASKS_WAITING_MAX } from '../../base/limits/limits.js'
import { threadFile } from '../../base/thread-file.js'
import type { FlowReply } from '../flow-reply.js'
import type { FlowTask, FlowThreadData } from '../flow/flow-tasks.js'

const idleMs = 10_000
const readersMax = 2
const readerNiceness = 5
const compactorNiceness = 19
/** For a last task. */
const closeMsMax = 2000

interface FlowPoolOptions {
  readonly niceness: number
  readonly threads: number
  /** Tasks of one thread at once. */
  readonly tasks: number
  readonly idleMs: number
}

export class FlowPool {
  readonly #options: FlowPoolOptions
  #pool: Piscina | null = null
  #isClosed = false

  private constructor(options: FlowPoolOptions) {
    this.#options = options
  }

  static readers(): FlowPool {
    const threads = Math.min(readersMax, availableParallelism())
    return new FlowPool({ niceness: readerNiceness, threads, tasks: 1, idleMs })
  }

  static queries(): FlowPool {
    // It outlives the processes that it started: only the thread of a child knows when that has ended.
    const options = { tasks: LOG_SQL_RUNNING_MAX, idleMs: 2 * LOG_SQL_SPARE_MS }
    return new FlowPool({ niceness: readerNiceness, threads: 1, ...options })
  }

  static compactor(): FlowPool {
    return new FlowPool({ niceness: compactorNiceness, threads: 1, tasks: 1, idleMs })
  }

  /** @throws PenstockError of the task; ERR_QUEUE_FULL when too many wait; ERR_CLOSED. */
  async run(task: FlowTask, transfer: readonly MessagePort[] = []): Promise<unknown> {
    if (this.#isClosed) throw new PenstockError('ERR_CLOSED', 'The log is closed')
    const pool = (this.#pool ??= this.#start())
    if (pool.queueSize >= LOG_TASKS_WAITING_MAX) {
      throw new PenstockError('ERR_QUEUE_FULL', `Too many readers of the log are waiting. Try again later`)
    }
    const reply = await this.#answer(pool, task, transfer)
    if (reply.isDone) return reply.value
    const cause = Object.assign(new Error(reply.message), { stack: reply.stack })
    throw new PenstockError(reply.code, reply.code === 'ERR_INTERNAL' ? '' : reply.message, { cause })
  }

  /**
   * Ends the threads at once: they run no native code but WebAssembly, and what they leave is tidied up at the next open.
   * @param last is done before, if there are threads.
   */
  async close(last?: FlowTask): Promise<void> {
    this.#isClosed = true
    if (last !== undefined && this.#pool !== null && this.#pool.threads.length > 0)
      await Promise.race([this.#pool.run(last).catch(() => undefined), sleep(closeMsMax, undefined, { ref: false })])
    await this.#pool?.destroy()
  }

  async #answer(pool: Piscina, task: FlowTask, transfer: readonly MessagePort[]): Promise<FlowReply> {
    try {
      return (await pool.run(task, { transferList: [...transfer] })) as FlowReply
    } catch (cause) {
      if (this.#isClosed) throw new PenstockError('ERR_CLOSED', 'The log was closed', { cause })
      throw cause
    }
  }

  #start(): Piscina {
    const { niceness, threads, tasks, idleMs: idleTimeout } = this.#options
    const data: FlowThreadData = { niceness }
    return new Piscina({
      filename: threadFile(new URL('../flow/flow-worker.js', import.meta.url)),
      minThreads: 0,
      maxThreads: threads,
      concurrentTasksPerWorker: tasks,
      idleTimeout,
      atomics: 'disabled',
      workerData: data,
    })
  }
}

/** A port on which a task reports its progress. */
export function progressPort<T>(onProgress: (state: T) => void): MessagePort {
  const { port1, port2 } = new MessageChannel()
  port1.on('message', onProgress)
  port1.unref()
  return port2
}
