/**
 * The flow threads: two pools, started when something is to be done and ended when nothing has come for a while, so that
 * a server whose log nobody reads pays nothing for it.
 *
 *    readers   pages, exports, SQL: a person waits, but behind the requests
 *    keeper    repair and compaction, one at a time, behind everything
 */
import { availableParallelism } from 'node:os'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { Piscina } from 'piscina'
import { PenstockError } from '../base/errors.js'
import { LOG_TASKS_WAITING_MAX } from '../base/limits.js'
import { threadFile } from '../base/thread-file.js'
import type { FlowReply, FlowTask, FlowThreadData } from './flow-tasks.js'

const idleMs = 10_000
const readersMax = 2
const readerNiceness = 5
const keeperNiceness = 19

export class FlowPool {
  readonly #niceness: number
  readonly #threads: number
  #pool: Piscina | null = null
  #isClosed = false

  private constructor(niceness: number, threads: number) {
    this.#niceness = niceness
    this.#threads = threads
  }

  static readers(): FlowPool {
    return new FlowPool(readerNiceness, Math.min(readersMax, availableParallelism()))
  }

  static keeper(): FlowPool {
    return new FlowPool(keeperNiceness, 1)
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

  /** Ends the threads at once: they run no native code but WebAssembly, and what they leave is tidied up at the next open. */
  async close(): Promise<void> {
    this.#isClosed = true
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
    const data: FlowThreadData = { niceness: this.#niceness }
    return new Piscina({
      filename: threadFile(new URL('./flow/flow-worker.js', import.meta.url)),
      minThreads: 0,
      maxThreads: this.#threads,
      idleTimeout: idleMs,
      atomics: 'disabled',
      workerData: data,
    })
  }
}

/** A port on which a task tells how far it is. */
export function progressPort<T>(onProgress: (state: T) => void): MessagePort {
  const { port1, port2 } = new MessageChannel()
  port1.on('message', onProgress)
  port1.unref()
  return port2
}
