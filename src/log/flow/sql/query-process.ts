/**
 * The process of one query, as the flow thread that starts it sees it: watched while it answers, and ended whatever it
 * does. (DuckDB can be interrupted, but not inside every function; and its memory limit does not count everything.)
 *
 * Node and DuckDB take longer to start than most queries take to run. So from a server's start on, and from the first
 * query on elsewhere, one process is kept ready, at most one and not for ever; isolation stays: each process answers one
 * query and ends.
 *
 *    take: the spare, or a new one ─► answer ─► end ─► keepSpare: starts the next ─► (idle for a while) ─► end
 */
import { fork, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { PAGE_BYTES } from '../../../../bindings/generated/boundary.js'
import type { PenstockError } from '../../../base/errors.js'
import { LOG_SQL_PROCESS_BYTES, LOG_SQL_SPARE_MS } from '../../../base/limits/limits.js'
import { threadFile } from '../../../base/thread-file.js'
import type { FlowReply } from '../../flow-reply.js'
import { failedError, memoryError } from './sql-errors.js'
import type { SqlTask } from './sql.js'

const watchMs = 20
/** How long a killed process may take to be gone: the kernel takes its memory back first. */
const goneMsMax = 2000
/** The end of what it wrote on stderr. */
const lastWordsCharacters = 4096

export class QueryProcess {
  readonly #child: ChildProcess
  readonly #gone: Promise<void>
  #lastWords = ''
  /** Why it cannot answer any more. */
  #loss: PenstockError | null = null
  #onLoss: (loss: PenstockError) => void = () => undefined

  constructor() {
    this.#child = fork(threadFile(new URL('./sql-process.js', import.meta.url)), [], {
      serialization: 'advanced',
      // Its environment holds nothing that a query may need; heap snapshots and debuggers of the parent are not for it.
      env: { PATH: process.env['PATH'] ?? '', TZ: 'UTC' },
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-lastWordsCharacters)
    })
    this.#gone = new Promise((resolve) => {
      this.#child.once('exit', () => resolve())
      this.#child.once('error', (error) => {
        this.#lose(failedError(`could not be reached: ${error.message}`, error))
        resolve()
      })
    })
    // Not `exit`: what it wrote before may still be on its way.
    this.#child.once('close', (code, signal) => this.#lose(lossOf(code, signal, this.#lastWords)))
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  get isLost(): boolean {
    return this.#loss !== null || this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** @throws PenstockError ERR_QUERY_MEMORY when it grows too large; ERR_QUERY_FAILED when it ends; what the signal says. */
  answer(task: SqlTask, signal: AbortSignal | null): Promise<FlowReply> {
    const bytesMax = task.memoryBytesMax + LOG_SQL_PROCESS_BYTES
    return new Promise<FlowReply>((resolve, reject) => {
      const cancel = (): void => fail(signal?.reason as Error)
      const watch = setInterval(() => {
        if (residentBytes(this.pid) > bytesMax)
          fail(memoryError(`The query uses more than ${task.memoryBytesMax} bytes`))
      }, watchMs)
      const end = (): void => {
        clearInterval(watch)
        signal?.removeEventListener('abort', cancel)
      }
      const fail = (error: Error): void => {
        end()
        reject(error)
      }
      this.#onLoss = fail
      if (this.#loss !== null) return fail(this.#loss)
      if (signal?.aborted === true) return cancel()
      signal?.addEventListener('abort', cancel)
      this.#child.once('message', (reply: FlowReply) => {
        end()
        resolve(reply)
      })
      this.#child.send(task, (error) => {
        if (error !== null) fail(failedError(`could not be reached: ${error.message}`, error))
      })
    })
  }

  /** Resolves when the process is gone; after a while all the same, for a kernel may hold one that waits for a disk. */
  async end(): Promise<void> {
    this.#child.kill('SIGKILL')
    let limit: NodeJS.Timeout | undefined
    await Promise.race([this.#gone, new Promise((resolve) => (limit = setTimeout(resolve, goneMsMax)))])
    clearTimeout(limit)
  }

  /** It does not keep a thread alive. */
  unref(): void {
    this.#child.unref()
    this.#child.channel?.unref()
  }

  #lose(loss: PenstockError): void {
    this.#loss ??= loss
    this.#onLoss(this.#loss)
  }
}

let spare: QueryProcess | null = null
let spareLimit: NodeJS.Timeout | undefined

/** The spare, or a new one. */
export function takeProcess(): QueryProcess {
  const ready = spare
  spare = null
  clearTimeout(spareLimit)
  return ready === null || ready.isLost ? new QueryProcess() : ready
}

/** Starts the next query's process, where there is none, and ends it when no query has come for a while. */
export function keepSpare(): void {
  clearTimeout(spareLimit)
  if (spare === null || spare.isLost) {
    spare = new QueryProcess()
    spare.unref()
  }
  spareLimit = setTimeout(() => void endSpare(), LOG_SQL_SPARE_MS).unref()
}

export async function endSpare(): Promise<void> {
  const last = spare
  spare = null
  clearTimeout(spareLimit)
  await last?.end()
}

/** The error of a process that ended by itself. */
function lossOf(code: number | null, signal: NodeJS.Signals | null, lastWords: string): PenstockError {
  // V8's and the C++ library's words when their memory is not to be had.
  if (/heap out of memory|bad_alloc|Cannot allocate memory/i.test(lastWords))
    return memoryError('The query, or its result, needs more memory than its process can have')
  const end = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`
  const hint = signal === 'SIGKILL' ? ', as a machine that is out of memory does' : ''
  return failedError(
    `${end}${hint}`,
    new Error(`The process of a query ${end}: ${lastWords.trim() || 'without a word'}`),
  )
}

/** 0 where the system does not say. */
function residentBytes(pid: number | undefined): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES
  } catch {
    return 0
  }
}
