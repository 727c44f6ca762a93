/**
 * The threads of one script step, and the runs that wait for them, first come, first served:
 *
 *     waiting ──► running ──► answered
 *                    ├──────► its time is over: the thread is ended, another takes its place
 *                    └──────► its memory is over, or it ended the thread itself: the same
 *
 * A run takes down its own request and nothing else; what waits behind it is run by the next thread. piscina has the threads;
 * the queue is here, because a run's time counts from when a thread has begun it. A caller who hangs up is answered at
 * once, and the run ends by its own time: to end a thread for each of them would let callers make the server start threads.
 */
import { Piscina } from 'piscina'
import { isPenstockError, PenstockError } from '../base/errors.js'
import { onAbort } from '../base/abort.js'
import { SCRIPT_LOOK_MS, SCRIPT_RUNS_WAITING_MAX, SCRIPT_START_MS_MAX } from '../base/limits/script-limits.js'
import { threadFile } from '../base/thread-file.js'
import type { TransformColumn } from '../transforms/draft/column.js'
import { isScriptLine } from './messages.js'
import type { ScriptLine, ScriptModule, ScriptReply, ScriptTask, ScriptThreadData } from './messages.js'

export interface ScriptPoolOptions {
  readonly module: ScriptModule
  /** Milliseconds of one run. */
  readonly timeoutMs: number
  /** MiB of JavaScript heap of one thread. What arrays of numbers hold lies outside of it. */
  readonly memoryMib: number
  readonly threads: number
  /** What the script writes. */
  readonly onLine: (line: ScriptLine) => void
}

export interface ScriptCall {
  readonly columns: readonly TransformColumn[]
  readonly rows: number
  readonly requestId: string
  readonly signal?: AbortSignal | undefined
}

interface Run {
  readonly call: ScriptTask['call']
  readonly resolve: (reply: Extract<ScriptReply, { isDone: true }>) => void
  readonly reject: (error: PenstockError) => void
}

export class ScriptPool {
  readonly #options: ScriptPoolOptions
  readonly #data: ScriptThreadData
  readonly #pool: Piscina
  readonly #waiting: Run[] = []
  #running = 0
  #isClosed = false

  constructor(options: ScriptPoolOptions) {
    this.#options = options
    this.#data = { module: options.module, javascript: null }
    this.#pool = new Piscina({
      filename: threadFile(new URL('./thread.js', import.meta.url)),
      minThreads: 1,
      maxThreads: options.threads,
      idleTimeout: SCRIPT_START_MS_MAX,
      // A thread that waits in Atomics would leave a script's timers and sockets standing between two runs.
      atomics: 'disabled',
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: options.memoryMib },
      workerData: this.#data,
    })
    // A thread that ends between two runs is replaced; the next run does not care.
    this.#pool.on('error', (error: Error) => this.#note(error))
    this.#pool.on('message', (message: unknown) => {
      if (isScriptLine(message)) options.onLine(message.scriptLine)
    })
  }

  /** Loads the module, so that a broken one is known now. @throws PenstockError ERR_PIPELINE_INVALID. */
  async load(): Promise<void> {
    try {
      this.#data.javascript = (await this.#enqueue(null)).javascript
    } catch (error) {
      if (!isPenstockError(error) || error.code === 'ERR_PIPELINE_INVALID' || error.code === 'ERR_CLOSED') throw error
      throw new PenstockError('ERR_PIPELINE_INVALID', `Expected ${this.#name} to load, but ${error.message}`, {
        cause: error,
      })
    }
  }

  /**
   * @param call with columns in the order of the module's inputs, which are moved to the thread: the pool's from now on.
   * @returns in the order of the module's outputs.
   * @throws PenstockError ERR_SCRIPT_FAILED, ERR_SCRIPT_TIMEOUT, ERR_QUEUE_FULL, ERR_ABORTED, ERR_CLOSED.
   */
  async run({ signal, ...call }: ScriptCall): Promise<readonly TransformColumn[]> {
    return (await this.#enqueue(call, signal)).columns
  }

  /** Ends the threads, whatever they do. What still runs or waits fails with ERR_CLOSED. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const run of this.#waiting.splice(0)) run.reject(this.#closed())
    await this.#pool.destroy()
  }

  get waiting(): number {
    return this.#waiting.length
  }

  #enqueue(call: ScriptTask['call'], signal?: AbortSignal): Promise<Extract<ScriptReply, { isDone: true }>> {
    if (this.#isClosed) return Promise.reject(this.#closed())
    if (signal?.aborted === true) return Promise.reject(reasonOf(signal))
    if (this.#waiting.length >= SCRIPT_RUNS_WAITING_MAX) {
      const text = `${SCRIPT_RUNS_WAITING_MAX} runs of ${this.#name} are waiting for a thread. Try again later, or give its step more threads`
      return Promise.reject(new PenstockError('ERR_QUEUE_FULL', text))
    }
    return new Promise((resolve, reject) => {
      const run: Run = { call, resolve, reject }
      if (signal !== undefined) {
        const offAbort = onAbort(signal, () => {
          const index = this.#waiting.indexOf(run)
          if (index >= 0) this.#waiting.splice(index, 1)
          reject(reasonOf(signal))
        })
        const off =
          <T>(then: (value: T) => void) =>
          (value: T): void => {
            offAbort()
            then(value)
          }
        Object.assign(run, { resolve: off(resolve), reject: off(reject) })
      }
      this.#waiting.push(run)
      this.#next()
    })
  }

  #next(): void {
    while (this.#running < this.#options.threads) {
      const run = this.#waiting.shift()
      if (run === undefined) return
      this.#running++
      void this.#start(run).finally(() => {
        this.#running--
        this.#next()
      })
    }
  }

  async #start({ call, resolve, reject }: Run): Promise<void> {
    const started = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
    const ending = new AbortController()
    const limitMs = call === null ? SCRIPT_START_MS_MAX : this.#options.timeoutMs
    const timer = new RunTimer(started, limitMs, () => ending.abort())
    const task: ScriptTask = { started, call }
    try {
      const transferList = call === null ? [] : buffersOf(call.columns)
      const reply = (await this.#pool.run(task, { transferList, signal: ending.signal })) as ScriptReply
      if (reply.isDone) return resolve(reply)
      const cause = Object.assign(new Error(reply.message), { stack: reply.stack })
      reject(new PenstockError(reply.code, reply.message, { cause }))
    } catch (error) {
      reject(this.#failure(error, ending.signal.aborted, limitMs))
    } finally {
      timer.stop()
    }
  }

  #failure(cause: unknown, isOverTime: boolean, limitMs: number): PenstockError {
    if (this.#isClosed) return this.#closed()
    if (isOverTime) {
      const text = `${this.#name} took longer than ${limitMs} ms and was ended. Raise timeoutMs of its step, or send fewer rows`
      return new PenstockError('ERR_SCRIPT_TIMEOUT', text)
    }
    const code = cause instanceof Error && 'code' in cause ? cause.code : ''
    if (code === 'ERR_WORKER_OUT_OF_MEMORY') {
      const text = `${this.#name} needed more than its ${this.#options.memoryMib} MiB of memory and was ended. Raise memoryMib of its step, or send fewer rows`
      return new PenstockError('ERR_SCRIPT_FAILED', text, { cause })
    }
    const message = cause instanceof Error ? cause.message : String(cause)
    return new PenstockError('ERR_SCRIPT_FAILED', `${this.#name} ended its thread: ${message}`, { cause })
  }

  #note(error: Error): void {
    this.#options.onLine({ level: 'error', text: `Between two runs: ${error.message}`, requestId: '' })
  }

  /** Whoever calls the pool says of which step. */
  get #name(): string {
    return this.#options.module.file
  }

  #closed(): PenstockError {
    return new PenstockError('ERR_CLOSED', `The pipeline ${this.#options.module.pipeline} of the script is closed`)
  }
}

/** Counts a run's time from when its thread has begun it: one that has to start first takes none of it. */
class RunTimer {
  #timer: NodeJS.Timeout
  #lookedMs = 0

  constructor(
    private readonly started: Int32Array,
    private readonly limitMs: number,
    private readonly onOver: () => void,
  ) {
    this.#timer = setTimeout(() => this.#look(), SCRIPT_LOOK_MS)
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #look(): void {
    this.#lookedMs += SCRIPT_LOOK_MS
    const hasBegun = Atomics.load(this.started, 0) === 1
    if (!hasBegun && this.#lookedMs >= SCRIPT_START_MS_MAX) return this.onOver()
    this.#timer = hasBegun
      ? setTimeout(this.onOver, Math.max(0, this.limitMs - SCRIPT_LOOK_MS))
      : setTimeout(() => this.#look(), SCRIPT_LOOK_MS)
  }
}

function buffersOf(columns: readonly TransformColumn[]): ArrayBuffer[] {
  const parts = columns.flatMap(({ data, offsets, validity }) => [data, offsets, validity])
  return [...new Set(parts.flatMap((part) => (part === null ? [] : [part.buffer as ArrayBuffer])))]
}

function reasonOf(signal: AbortSignal): PenstockError {
  return isPenstockError(signal.reason) ? signal.reason : new PenstockError('ERR_ABORTED')
}
