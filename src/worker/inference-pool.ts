/**
 * An engine's inference workers: m threads, each with one session per loaded model, fed by the addon's plane.
 *
 * The pool owns the plane, the addon's scheduler between queues and workers: any worker of it may take any of its
 * batches, so every worker has every model. Background workers, which come after the others by index, start with the
 * first model that is wanted in the background and have such models alone; they yield the cores to everybody, so nothing
 * waits for them: until one has a model, and when it is lost, the others run its batches.
 *
 * Jobs (load, unload, plain run) are posted to a named worker, never to "any", so that the pool knows whose loss costs
 * which job. When a worker is lost, its batch in hand fails with ERR_WORKER_LOST (the addon does that), its plain runs
 * fail here, and a new thread starts with what was loaded. Restarts back off.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Piscina } from 'piscina'
import { addon } from '../../bindings/native.js'
import type { PortHandle } from '../../bindings/native.js'
import type { Clock } from '../base/clock.js'
import { PenstockError } from '../base/errors.js'
import { INFER_WORKERS_MAX, WORKER_CLOSE_MS_MAX, WORKER_RESTART_DELAY_MS_MAX } from '../base/limits.js'
import type { ExecutionProvider } from '../base/providers.js'
import { releaseFreeMemorySoon } from './free-memory.js'
import type { PoolOptions } from './pool-options.js'
import { workerFile } from './worker-file.js'
import {
  decodeReply,
  encodeJob,
  inBackground,
  type LoadableModel,
  type PlainTensor,
  type WorkerJob,
  type WorkerObservation,
  type WorkerReady,
  type WorkerReply,
  type WorkerTask,
} from './worker-messages.js'

export type { PoolNotice, PoolOptions } from './pool-options.js'

interface PendingJob {
  readonly workerIndex: number
  readonly job: WorkerJob
  readonly resolve: (reply: WorkerReply) => void
  readonly reject: (error: PenstockError) => void
}

interface WorkerState {
  isReady: boolean
  /** Keys of the models that the running task was started with. */
  startedWith: ReadonlySet<number>
  /** Starts since it last stayed up; doubles the delay of the next. */
  restartsInARow: number
  task: Promise<void>
  pendingJobs: number
}

const RESTART_DELAY_MS_MIN = 20
const STEADY_US = 10_000_000 // a worker that served this long has earned an immediate restart
const JOBS_OF_PORT_MAX = 1024

export class InferencePool {
  /** Without the background workers. */
  readonly workerCount: number
  /** The addon's id of this pool's scheduler: queues and ports of the engine are made on it. */
  readonly plane: number
  /** Hears what workers saw of the models they run. */
  onObservation: (observation: WorkerObservation) => void = () => undefined
  readonly #rowCheckEvery: number
  readonly #threads: Piscina
  /** Apart: a thread that yields would yield for ever, as another worker too. null: there are none. */
  readonly #backgroundThreads: Piscina | null
  readonly #port: PortHandle
  readonly #workers: WorkerState[]
  readonly #models = new Map<number, LoadableModel>()
  /** Keys of those that background workers have, too. */
  readonly #backgroundKeys = new Set<number>()
  readonly #jobs = new Map<number, PendingJob>()
  readonly #clock: Clock
  readonly #onNotice: PoolOptions['onNotice']
  readonly #readyWaiters: (() => void)[] = []
  #nextTag = 1
  #restartCount = 0
  #hasBackground = false
  #isClosing = false

  private constructor(options: PoolOptions) {
    this.workerCount = options.workerCount
    this.#clock = options.clock
    this.#onNotice = options.onNotice
    this.#rowCheckEvery = options.rowCheckEvery ?? 0
    this.plane = addon.createPlane(options.isMeasuring, options.watchUs, options.budgetBytes)
    this.#port = addon.openPort(this.plane, () => this.#drainJobs(), JOBS_OF_PORT_MAX)
    const { backgroundWorkerCount = 0 } = options
    this.#threads = this.#makeThreads(options.workerCount, options.workerCount)
    this.#backgroundThreads = backgroundWorkerCount > 0 ? this.#makeThreads(0, backgroundWorkerCount) : null
    this.#workers = Array.from({ length: options.workerCount + backgroundWorkerCount }, () => ({
      isReady: false,
      startedWith: new Set<number>(),
      restartsInARow: 0,
      task: Promise.resolve(),
      pendingJobs: 0,
    }))
  }

  /** Starts the workers and waits until all take work. @throws ERR_WORKER_LOST when they do not start. */
  static async open(options: PoolOptions): Promise<InferencePool> {
    if (options.workerCount < 1 || options.workerCount > INFER_WORKERS_MAX) {
      throw new PenstockError(
        'ERR_ARGUMENT',
        `Expected inferWorkers to be an integer in 1..${INFER_WORKERS_MAX} but received ${options.workerCount}`,
      )
    }
    const pool = new InferencePool(options)
    const failed = new Promise<never>((_, reject) => {
      for (let index = 0; index < pool.workerCount; index++) pool.#start(index, reject)
    })
    await Promise.race([pool.#allReady(), failed]).catch(async (cause: unknown) => {
      await pool.close()
      throw new PenstockError('ERR_WORKER_LOST', `An inference worker did not start: ${String(cause)}`, { cause })
    })
    return pool
  }

  /** Without the background workers. */
  get readyCount(): number {
    return this.#foreground.filter(({ isReady }) => isReady).length
  }

  get restartCount(): number {
    return this.#restartCount
  }

  /**
   * Loads the model in every worker. When one refuses, it is unloaded from the others again.
   * @returns what runs it: the first of its providers that every worker could use.
   * @throws ERR_MODEL_INVALID with ONNX Runtime's reason; ERR_PROVIDER with the way out.
   */
  async load(model: LoadableModel): Promise<ExecutionProvider> {
    this.#models.set(model.modelKey, model)
    const replies = await Promise.all(
      this.#foreground.map((_worker, index) => this.#post(index, { kind: 'load', model })),
    )
    const refusal = replies.find((reply) => !reply.isDone)
    if (refusal === undefined || refusal.isDone) {
      const { executionProviders } = model.settings
      const used = new Set(replies.map((reply) => (reply.isDone ? reply.provider : undefined)))
      return executionProviders.findLast((provider) => used.has(provider)) ?? 'cpu'
    }
    await this.unload(model.modelKey)
    if (refusal.isProvider === true)
      throw new PenstockError('ERR_PROVIDER', `Model ${model.label} cannot run here. ${refusal.text}`)
    throw new PenstockError('ERR_MODEL_INVALID', `ONNX Runtime cannot load ${model.label}: ${refusal.text}`)
  }

  /**
   * Gives a loaded model other settings, one worker after the other, so that the others go on serving it meanwhile. A
   * worker that refuses keeps what it has.
   * @throws ERR_MODEL_INVALID with ONNX Runtime's reason.
   */
  async replace(model: LoadableModel): Promise<void> {
    if (!this.#models.has(model.modelKey)) return
    this.#models.set(model.modelKey, model)
    for (let index = 0; index < this.workerCount && this.#models.get(model.modelKey) === model; index++) {
      const reply = await this.#post(index, { kind: 'replace', model })
      if (!reply.isDone)
        throw new PenstockError('ERR_MODEL_INVALID', `ONNX Runtime cannot load ${model.label} again: ${reply.text}`)
    }
  }

  /** Call it when no batch of the model can come any more. */
  async unload(modelKey: number): Promise<void> {
    if (!this.#models.delete(modelKey) || this.#isClosing) return
    const job: WorkerJob = { kind: 'unload', modelKey }
    if (this.#backgroundKeys.delete(modelKey)) void this.#postToBackground(job)
    await Promise.all(this.#foreground.map((_worker, index) => this.#post(index, job)))
  }

  /**
   * Loads a model that the workers have into the background workers as well, and starts these when they are not. May take
   * long on a busy machine.
   * @returns whether all have it, and there is one.
   */
  async loadInBackground(modelKey: number): Promise<boolean> {
    const model = this.#models.get(modelKey)
    if (model === undefined || this.#isClosing || this.#backgroundThreads === null) return false
    if (!this.#hasBackground)
      for (let index = this.workerCount; index < this.#workers.length; index++) this.#start(index)
    this.#hasBackground = true
    this.#backgroundKeys.add(modelKey)
    const isLoaded = await this.#postToBackground({ kind: 'load', model: inBackground(model) })
    if (!isLoaded && this.#backgroundKeys.has(modelKey) && !this.#isClosing)
      this.#onNotice({
        level: 'warn',
        message: `A background worker could not load ${model.label}; the inference workers run it`,
      })
    return isLoaded
  }

  /**
   * Runs one model on tensors of JavaScript, in the worker with the fewest jobs.
   * @returns the model's outputs in its order, and what the run took.
   * @throws ERR_RUN_FAILED with ONNX Runtime's reason; ERR_WORKER_LOST.
   */
  async run(
    modelKey: number,
    inputs: readonly PlainTensor[],
  ): Promise<{ outputs: readonly PlainTensor[]; runUs: number }> {
    let index = 0
    this.#foreground.forEach((worker, candidate) => {
      if (worker.pendingJobs < (this.#workers[index] as WorkerState).pendingJobs) index = candidate
    })
    const reply = await this.#post(index, { kind: 'run', modelKey, inputs })
    if (!reply.isDone)
      throw new PenstockError('ERR_RUN_FAILED', `ONNX Runtime could not run the request: ${reply.text}`)
    return reply
  }

  /** Wakes and ends every worker; unanswered jobs are refused. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosing) return
    this.#isClosing = true
    for (const job of this.#jobs.values()) job.reject(new PenstockError('ERR_CLOSED', 'The engine is closed'))
    this.#jobs.clear()
    addon.closePlane(this.plane)
    const ended = Promise.allSettled(this.#workers.map((worker) => worker.task))
      .then(() => this.#threads.destroy())
      .then(() => this.#backgroundThreads?.destroy())
    // Never terminate a thread inside a run: ONNX Runtime's binding then aborts the process. A run that does not end
    // keeps its thread; closing goes on without it.
    const isEnded = await Promise.race([ended.then(() => true), sleep(WORKER_CLOSE_MS_MAX, false, { ref: false })])
    if (!isEnded)
      this.#onNotice({
        level: 'warn',
        message: `Inference workers still run after ${WORKER_CLOSE_MS_MAX} ms; they end with their run`,
      })
    addon.closePort(this.#port)
  }

  #makeThreads(minThreads: number, maxThreads: number): Piscina {
    const threads = new Piscina({
      filename: workerFile('inference-worker'),
      minThreads,
      maxThreads,
      // A worker that waits for its next task in Atomics.wait could not be stopped.
      atomics: 'disabled',
    })
    threads.on('message', (message: WorkerReady | WorkerObservation) => {
      if ('observed' in message) this.onObservation(message)
      else this.#onReady(message)
    })
    return threads
  }

  #start(index: number, onFirstFailure?: (cause: unknown) => void): void {
    const worker = this.#workers[index] as WorkerState
    const isForBackground = index >= this.workerCount
    const models = isForBackground
      ? [...this.#backgroundKeys].map((modelKey) => inBackground(this.#models.get(modelKey) as LoadableModel))
      : [...this.#models.values()]
    worker.startedWith = new Set(models.map(({ modelKey }) => modelKey))
    const startedUs = this.#clock.monotonicUs()
    const rowCheckEvery = this.#rowCheckEvery
    const task: WorkerTask = { plane: this.plane, workerIndex: index, isForBackground, models, rowCheckEvery }
    const threads = isForBackground ? (this.#backgroundThreads as Piscina) : this.#threads
    worker.task = threads.run(task).then(
      () => this.#onEnded(index, startedUs, undefined, onFirstFailure),
      (cause: unknown) => this.#onEnded(index, startedUs, cause, onFirstFailure),
    )
  }

  #onReady(message: WorkerReady): void {
    const worker = this.#workers[message.readyWorker]
    if (worker === undefined) return
    worker.isReady = true
    for (const { label, reason } of message.unloaded) {
      this.#onNotice({
        level: 'error',
        message: `Inference worker ${message.readyWorker} could not load ${label} again: ${reason}`,
      })
    }
    this.#resumeJobs(message.readyWorker)
    if (this.readyCount === this.workerCount) for (const wake of this.#readyWaiters.splice(0)) wake()
  }

  /** Control jobs of the lost worker: done when the new task brought their models, else posted again (they are idempotent). */
  #resumeJobs(index: number): void {
    const worker = this.#workers[index] as WorkerState
    for (const [tag, pending] of [...this.#jobs]) {
      if (pending.workerIndex !== index) continue
      const { job } = pending
      const isDone =
        (job.kind === 'load' && worker.startedWith.has(job.model.modelKey)) ||
        (job.kind === 'unload' && !worker.startedWith.has(job.modelKey))
      if (isDone) this.#settle(tag, { isDone: true, outputs: [], runUs: 0 })
      else this.#send(index, tag, job)
    }
  }

  #onEnded(index: number, startedUs: number, cause: unknown, onFirstFailure?: (cause: unknown) => void): void {
    const worker = this.#workers[index] as WorkerState
    const wasReady = worker.isReady
    worker.isReady = false
    if (this.#isClosing) return
    if (!wasReady && onFirstFailure !== undefined) return onFirstFailure(cause)
    this.#restartCount++
    this.#failRuns(index, cause)
    worker.restartsInARow = this.#clock.monotonicUs() - startedUs > STEADY_US ? 0 : worker.restartsInARow + 1
    const delayMs = Math.min(
      WORKER_RESTART_DELAY_MS_MAX,
      RESTART_DELAY_MS_MIN * 2 ** Math.max(0, worker.restartsInARow - 1),
    )
    this.#onNotice({
      level: 'error',
      message: `Inference worker ${index} was lost; it restarts in ${delayMs} ms`,
      cause,
    })
    setTimeout(() => {
      if (!this.#isClosing) this.#start(index)
    }, delayMs)
  }

  #failRuns(index: number, cause: unknown): void {
    for (const [tag, pending] of [...this.#jobs]) {
      if (pending.workerIndex !== index || pending.job.kind !== 'run') continue
      this.#forget(tag, pending)
      pending.reject(
        new PenstockError('ERR_WORKER_LOST', 'The inference worker ended while the request was running', { cause }),
      )
    }
  }

  #allReady(): Promise<void> {
    if (this.readyCount === this.workerCount) return Promise.resolve()
    return new Promise((resolve) => {
      this.#readyWaiters.push(resolve)
    })
  }

  get #foreground(): readonly WorkerState[] {
    return this.#workers.slice(0, this.workerCount)
  }

  /** Whether every background worker has done it. */
  async #postToBackground(job: WorkerJob): Promise<boolean> {
    const indexes = [...this.#workers.keys()].slice(this.workerCount)
    const replies = await Promise.allSettled(indexes.map((index) => this.#post(index, job)))
    return replies.every((reply) => reply.status === 'fulfilled' && reply.value.isDone)
  }

  #post(workerIndex: number, job: WorkerJob): Promise<WorkerReply> {
    if (this.#isClosing) return Promise.reject(new PenstockError('ERR_CLOSED', 'The engine is closed'))
    const tag = this.#nextTag++
    const worker = this.#workers[workerIndex] as WorkerState
    return new Promise((resolve, reject) => {
      worker.pendingJobs++
      this.#jobs.set(tag, { workerIndex, job, resolve, reject })
      // Otherwise it is posted when the worker is ready.
      if (worker.isReady) this.#send(workerIndex, tag, job)
    })
  }

  #send(workerIndex: number, tag: number, job: WorkerJob): void {
    try {
      addon.postJob(this.#port, workerIndex, tag, encodeJob(job))
    } catch (error) {
      // The worker has ended and the news is on its way: the job is posted again, or failed, when it arrives.
      if ((error as { code?: unknown }).code !== 'ERR_HANDLE') throw error
    }
  }

  #settle(tag: number, reply: WorkerReply): void {
    const pending = this.#jobs.get(tag)
    if (pending === undefined) return
    this.#forget(tag, pending)
    if (pending.job.kind !== 'run') releaseFreeMemorySoon()
    pending.resolve(reply)
  }

  #forget(tag: number, pending: PendingJob): void {
    this.#jobs.delete(tag)
    ;(this.#workers[pending.workerIndex] as WorkerState).pendingJobs--
  }

  #drainJobs(): void {
    if (this.#isClosing) return
    for (let count = addon.drain(this.#port); count > 0; count = addon.drain(this.#port)) {
      const events = addon.events(this.#port)
      for (let event = 0; event < count; event++) {
        const tag = events[event * 4 + 1] as number
        this.#settle(tag, decodeReply(addon.readJob(this.#port, events[event * 4 + 2] as number)))
      }
    }
  }
}
