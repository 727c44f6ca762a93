/**
 * The threads on which models are measured: started when the first trial needs them, ended when none has come for a
 * while, so that a start-up with nine models pays once for loading ONNX Runtime.
 *
 * A trial runs the model in several threads at once: all open their sessions and warm up first, then the bench starts
 * them together. Callers measure one model at a time. A thread is never terminated, because ONNX Runtime's binding
 * aborts the process when its thread is torn down inside a call: the bench asks it to end, and leaves one that does not
 * answer behind.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { PenstockError } from '../../base/errors.js'
import { CALIBRATION_ANSWER_MS_MAX, WORKER_CLOSE_MS_MAX } from '../../base/limits/limits.js'
import { threadFile } from '../../base/thread-file.js'
import type { CalibrationReply, CalibrationRequest, MeasuredModel, MeasuredRun } from './calibration-messages.js'
import { releaseFreeMemorySoon } from '../free-memory.js'

export interface TrialTimes {
  /** Rows a second of all threads together. */
  readonly rowsPerS: number
  /** Median microseconds of one run, of the slowest thread. */
  readonly runUs: number
  /** Share of the time that the thread which had to wait longest was without a core. */
  readonly waitedShare: number
}

const IDLE_MS = 2_000

export class CalibrationBench {
  #threads: CalibrationThread[] = []
  #model: MeasuredModel | null = null
  #idle: NodeJS.Timeout | undefined

  /** Names the model of the trials to come and forgets the one before. */
  async begin(model: MeasuredModel): Promise<void> {
    clearTimeout(this.#idle)
    this.#model = model
    this.#leaveLostBehind()
    await Promise.all(this.#threads.map((thread) => thread.begin(model)))
  }

  /**
   * Runs the model in `instances` threads side by side, each again and again for `sliceUs`.
   * @throws PenstockError ERR_RUN_FAILED with ONNX Runtime's reason; ERR_WORKER_LOST.
   */
  async measure(instances: number, run: MeasuredRun, sliceUs: number): Promise<TrialTimes> {
    const model = this.#model
    if (model === null) throw new Error('Expected begin before measure')
    while (this.#threads.length < instances) {
      const thread = new CalibrationThread()
      this.#threads.push(thread)
      await thread.begin(model)
    }
    const chosen = this.#threads.slice(0, instances)
    await Promise.all(chosen.map((thread) => thread.warm(run)))
    const times = await Promise.all(chosen.map((thread) => thread.ask({ kind: 'slice', run, sliceUs })))
    return {
      rowsPerS: times.reduce((sum, { meanUs }) => sum + (run.rows * 1e6) / meanUs, 0),
      runUs: Math.max(...times.map(({ medianUs }) => medianUs)),
      waitedShare: Math.max(...times.map(({ waitedShare }) => waitedShare)),
    }
  }

  /** One that is still inside the run of another model ends with it; nobody waits for that. */
  #leaveLostBehind(): void {
    for (const thread of this.#threads) if (thread.isLost) void thread.end()
    this.#threads = this.#threads.filter(({ isLost }) => !isLost)
  }

  /** The sessions of the model go; the threads stay for a moment. */
  async finish(): Promise<void> {
    if (this.#model === null) return
    const none = { label: '', path: null, bytes: null, preparedPath: null, trees: null, inputs: [] }
    this.#model = null
    this.#leaveLostBehind()
    await Promise.allSettled(this.#threads.map((thread) => thread.begin(none)))
    releaseFreeMemorySoon()
    clearTimeout(this.#idle)
    this.#idle = setTimeout(() => void this.close(), IDLE_MS).unref()
  }

  /** Asks the threads to end, after what they are running; returns when they have, or will not in time. */
  async close(): Promise<void> {
    clearTimeout(this.#idle)
    const threads = this.#threads
    this.#threads = []
    this.#model = null
    await Promise.all(threads.map((thread) => thread.end()))
    if (threads.length > 0) releaseFreeMemorySoon()
  }
}

type Done = Extract<CalibrationReply, { kind: 'done' }>

/** One thread, one question at a time. */
class CalibrationThread {
  readonly #worker = new Worker(threadFile(new URL('./calibration-worker.js', import.meta.url)))
  readonly #warmed = new Set<string>()
  #complete: ((reply: CalibrationReply | Error) => void) | null = null
  /** It has not answered, or has ended. */
  isLost = false

  constructor() {
    // What is measured must not keep a program alive that is done with its engine.
    this.#worker.unref()
    this.#worker.on('message', (reply: CalibrationReply) => this.#complete?.(reply))
    this.#worker.on('error', (error) => this.#complete?.(error))
    this.#worker.on('exit', (code) => this.#complete?.(new Error(`the thread ended with ${code}`)))
  }

  async begin(model: MeasuredModel): Promise<void> {
    this.#warmed.clear()
    await this.ask({ kind: 'begin', model })
  }

  async warm(run: MeasuredRun): Promise<void> {
    const key = JSON.stringify(run)
    if (this.#warmed.has(key)) return
    await this.ask({ kind: 'warm', run })
    this.#warmed.add(key)
  }

  async ask(request: CalibrationRequest): Promise<Done> {
    const reply = await new Promise<CalibrationReply | Error>((resolve) => {
      const late = setTimeout(
        () => resolve(new Error(`no answer within ${CALIBRATION_ANSWER_MS_MAX} ms`)),
        CALIBRATION_ANSWER_MS_MAX,
      ).unref()
      this.#complete = (answer) => {
        clearTimeout(late)
        this.#complete = null
        resolve(answer)
      }
      this.#worker.postMessage(request)
    })
    if (reply instanceof Error) this.isLost = true
    if (reply instanceof Error)
      throw new PenstockError('ERR_WORKER_LOST', `A calibration thread was lost: ${reply.message}`, { cause: reply })
    if (reply.kind === 'refused')
      throw new PenstockError('ERR_RUN_FAILED', `ONNX Runtime could not run the calibration: ${reply.reason}`)
    return reply
  }

  async end(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.#worker.once('exit', () => resolve()))
    this.#worker.ref()
    this.#worker.postMessage({ kind: 'end' } satisfies CalibrationRequest)
    await Promise.race([ended, sleep(WORKER_CLOSE_MS_MAX, undefined, { ref: false })])
  }
}
