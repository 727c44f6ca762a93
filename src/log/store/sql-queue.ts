/**
 * The queries of one log on their way to a process each: so many run, by number and by the memory that they may use, so
 * many wait, and the next is refused. A query's time counts from the call, waiting included. Whatever ends a query early
 * (its time, its caller, the end of the log) is reported to the caller at once; its place is free when its process is
 * gone.
 *
 *    run ─► waiting (FIFO) ─► running ─► work(task, signal) ─► answer
 *              └──────────┬──────┘
 *                      signal: too late · aborted · draining · closed
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { onAbort } from '../../base/abort.js'
import { PenstockError } from '../../base/errors.js'
import type { CancelSignal } from '../../engine/api/api.js'
import type { LogSqlResult } from '../../engine/api/logs.js'
import type { SqlTask } from '../flow/sql/sql.js'

export interface SqlQueueOptions {
  /** Queries that run at once. */
  readonly runningMax: number
  /** Bytes that those may use together; a single one may use more. */
  readonly memoryBytesMax: number
  /** Queries that wait. */
  readonly waitingMax: number
  /** Settles when nothing is left of the query, which is soon after its signal aborts. */
  work(task: SqlTask, signal: AbortSignal): Promise<LogSqlResult>
}

interface Waiter {
  readonly bytes: number
  start(): void
}

export class SqlQueue {
  readonly #options: SqlQueueOptions
  /** What ends each query that waits or runs, and when nothing of it is left. */
  readonly #open = new Map<AbortController, Promise<unknown>>()
  readonly #waiting: Waiter[] = []
  #running = 0
  #runningBytes = 0
  /** Why no query is taken any more. */
  #refusal: (() => PenstockError) | null = null

  constructor(options: SqlQueueOptions) {
    this.#options = options
  }

  get counts(): { readonly running: number; readonly waiting: number } {
    return { running: this.#running, waiting: this.#waiting.length }
  }

  /**
   * @throws PenstockError those of `work`; ERR_QUEUE_FULL; ERR_DEADLINE_EXCEEDED; ERR_ABORTED; ERR_DRAINING; ERR_CLOSED.
   */
  async run(task: SqlTask, signal?: CancelSignal): Promise<LogSqlResult> {
    if (this.#refusal !== null) throw this.#refusal()
    if (signal?.aborted === true) throw abortedError(signal)
    const { waitingMax } = this.#options
    if (!this.#canStart(task.memoryBytesMax) && this.#waiting.length >= waitingMax)
      throw new PenstockError(
        'ERR_QUEUE_FULL',
        `${this.#running} queries run and ${waitingMax} wait, which is all that may. Try again later`,
      )
    const ending = new AbortController()
    const late = setTimeout(() => ending.abort(deadlineError(task.timeoutMs)), task.timeoutMs)
    const detach = signal === undefined ? null : onAbort(signal, () => ending.abort(abortedError(signal)))
    const done = this.#perform(task, ending.signal)
    this.#open.set(
      ending,
      done.catch(() => undefined).finally(() => this.#open.delete(ending)),
    )
    try {
      return await unlessAborted(done, ending.signal)
    } finally {
      clearTimeout(late)
      detach?.()
    }
  }

  /** Takes no more queries, ends those that wait, and after `graceMs` those that run. Resolves when nothing is left of them. */
  async drain(graceMs: number): Promise<void> {
    this.#refusal ??= drainingError
    await this.#end(drainingError, graceMs)
  }

  /** Ends all queries now. Resolves when nothing is left of them, or after `limitMs`. */
  async close(limitMs: number): Promise<void> {
    this.#refusal = closedError
    await Promise.race([this.#end(closedError, 0), sleep(limitMs, undefined, { ref: false })])
  }

  async #end(reason: () => PenstockError, graceMs: number): Promise<void> {
    const all = [...this.#open]
    // Those that run are the oldest.
    for (const [ending] of all.slice(this.#running)) ending.abort(reason())
    const late = setTimeout(() => all.forEach(([ending]) => ending.abort(reason())), graceMs)
    await Promise.all(all.map(([, done]) => done))
    clearTimeout(late)
  }

  async #perform(task: SqlTask, signal: AbortSignal): Promise<LogSqlResult> {
    const { memoryBytesMax: bytes } = task
    await this.#place(bytes, signal)
    try {
      return await this.#options.work(task, signal)
    } finally {
      this.#running--
      this.#runningBytes -= bytes
      this.#startWaiting()
    }
  }

  /** Resolves when the query may run, having counted it. */
  #place(bytes: number, signal: AbortSignal): Promise<void> {
    if (this.#canStart(bytes)) {
      this.#count(bytes)
      return Promise.resolve()
    }
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
        reject(signal.reason as PenstockError)
        this.#startWaiting()
      }
      const waiter: Waiter = {
        bytes,
        start: () => {
          signal.removeEventListener('abort', leave)
          resolve()
        },
      }
      signal.addEventListener('abort', leave)
      this.#waiting.push(waiter)
    })
  }

  /** In the order in which they came: a large one is not passed by for ever. */
  #startWaiting(): void {
    for (;;) {
      const [first] = this.#waiting
      if (first === undefined || !this.#hasRoom(first.bytes)) return
      this.#waiting.shift()
      this.#count(first.bytes)
      first.start()
    }
  }

  #canStart(bytes: number): boolean {
    return this.#waiting.length === 0 && this.#hasRoom(bytes)
  }

  #hasRoom(bytes: number): boolean {
    const { runningMax, memoryBytesMax } = this.#options
    return this.#running === 0 || (this.#running < runningMax && this.#runningBytes + bytes <= memoryBytesMax)
  }

  #count(bytes: number): void {
    this.#running++
    this.#runningBytes += bytes
  }
}

/** What `done` gives, unless the signal aborts before: then its reason is thrown. */
export function unlessAborted<T>(done: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(signal.reason as Error)
    if (signal.aborted) leave()
    signal.addEventListener('abort', leave)
    done.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
  })
}

function deadlineError(timeoutMs: number): PenstockError {
  return new PenstockError(
    'ERR_DEADLINE_EXCEEDED',
    `The query took longer than ${timeoutMs} ms, waiting included. Narrow it, or allow it more time`,
  )
}

function abortedError(signal: CancelSignal): PenstockError {
  return new PenstockError('ERR_ABORTED', 'The caller cancelled the query', { cause: signal.reason })
}

function drainingError(): PenstockError {
  return new PenstockError('ERR_DRAINING', 'The server is shutting down: it answers no queries of the log')
}

function closedError(): PenstockError {
  return new PenstockError('ERR_CLOSED', 'The log is closed')
}
