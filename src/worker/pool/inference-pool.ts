/**
 * An engine's inference workers: m threads that share one session per loaded model, fed by the addon's runtime.
 *
 *     InferencePool   the runtime, and which models the workers have
 *      ├─ SharedSessions  what they run, made on threads of their own (../sessions/); null: each worker makes its own
 *      ├─ Worker      one of them: a place that threads hold one after the other, whether it takes work (worker.ts)
 *      ├─ JobTable    what was asked of workers and is unanswered (job-table.ts)
 *      └─ Supervisor  lost and stuck workers, substitutes, overdue runs (supervisor.ts)
 *
 * The runtime is the addon's scheduler between queues and workers: any worker of it may take any of its batches, so every
 * worker has every model. Background workers, which come after the others by index, start with the first model that is
 * wanted in the background and have such models alone; they yield the cores to everybody, so nothing waits for them: until
 * one has a model, and when it is lost, the others run its batches.
 *
 * When a worker is lost, its batch in hand fails with ERR_WORKER_LOST (the addon does that), and a new thread starts with
 * what was loaded. When a worker is inside a run that does not end, it is set aside: its run is answered when it ends, while
 * another thread has its place. Where all workers are inside long runs, one more joins them for a while.
 */
import { addon } from '../../../bindings/native.js'
import type { PortHandle, RunInHand } from '../../../bindings/native.js'
import { PenstockError } from '../../base/errors.js'
import { INFER_WORKERS_MAX } from '../../base/limits/limits.js'
import { SUBSTITUTE_WORKERS } from '../../base/limits/run-limits.js'
import type { ExecutionProvider } from '../../base/providers.js'
import { ProviderRefused } from '../sessions/cuda.js'
import { openOnnxRuntime } from '../sessions/onnx-runtime.js'
import type { RunWay } from '../sessions/run-ways.js'
import { runtimeReason } from '../sessions/runtime-reason.js'
import { SharedSessions } from '../sessions/shared-sessions.js'
import { releaseFreeMemorySoon } from '../free-memory.js'
import {
  inBackground,
  type LoadableModel,
  type JobTensor,
  type WorkerObservation,
  type WorkerReply,
} from '../worker-messages.js'
import { JobTable, type ControlJob } from './job-table.js'
import type { OverdueRuns } from './overdue-runs.js'
import type { PoolOptions } from './pool-options.js'
import type { ModelOfRun } from './run-monitor.js'
import { RunTimes } from './run-times.js'
import { Supervisor } from './supervisor.js'
import type { WorkerRole } from './worker.js'

export type { PoolOptions } from './pool-options.js'

const JOBS_OF_PORT_MAX = 1024

export class InferencePool {
  /** Without the background workers and substitutes. */
  readonly workerCount: number
  /** How runs reach ONNX Runtime. */
  readonly runs: RunWay
  /** The addon's id of this pool's scheduler: queues and ports of the engine are made on it. */
  readonly runtime: number
  /** Hears what workers saw of the models they run. */
  onObservation: (observation: WorkerObservation) => void = () => undefined
  readonly #port: PortHandle
  readonly #jobs: JobTable
  readonly #supervisor: Supervisor
  readonly #models = new Map<number, LoadableModel>()
  readonly #runTimes = new RunTimes()
  /** As background workers have them, too. */
  readonly #backgroundModels = new Map<number, LoadableModel>()
  readonly #shared: SharedSessions | null
  readonly #onNotice: PoolOptions['onNotice']
  #hasBackground = false
  #isClosing = false

  private constructor(options: PoolOptions, runs: RunWay) {
    this.workerCount = options.workerCount
    this.runs = runs
    this.#shared = runs === 'native' ? new SharedSessions() : null
    this.#onNotice = options.onNotice
    this.runtime = addon.createRuntime(options.isMeasuring, options.watchUs, options.budgetBytes)
    this.#port = addon.openPort(this.runtime, () => this.#jobs.drain(), JOBS_OF_PORT_MAX)
    this.#jobs = new JobTable({
      port: this.#port,
      isReady: (worker) => this.#supervisor.isReady(worker),
      onLateRefusal: (worker, job, reason) => this.#onLateRefusal(worker, job, reason),
    })
    this.#supervisor = new Supervisor({
      runtime: this.runtime,
      workerCount: options.workerCount,
      backgroundWorkerCount: options.backgroundWorkerCount ?? 0,
      substitutesMax: options.substituteWorkers ?? SUBSTITUTE_WORKERS,
      rowCheckEvery: options.rowCheckEvery ?? 0,
      runLimitMs: options.runLimitMs ?? null,
      runStopMs: options.runStopMs ?? null,
      clock: options.clock,
      jobs: this.#jobs,
      onNotice: options.onNotice,
      onObservation: (observation) => this.onObservation(observation),
      modelsOf: (role) => this.#modelsOf(role),
      modelOf: (run) => this.#modelOf(run),
    })
  }

  /** Starts the workers and waits until all take work. @throws ERR_WORKER_LOST when they do not start. */
  static async open(options: PoolOptions): Promise<InferencePool> {
    if (options.workerCount < 1 || options.workerCount > INFER_WORKERS_MAX) {
      throw new PenstockError(
        'ERR_ARGUMENT',
        `Expected inferWorkers to be an integer in 1..${INFER_WORKERS_MAX} but received ${options.workerCount}`,
      )
    }
    const pool = new InferencePool(options, await runsOf(options))
    await pool.#supervisor.start().catch(async (cause: unknown) => {
      await pool.close()
      throw new PenstockError('ERR_WORKER_LOST', `An inference worker did not start: ${String(cause)}`, { cause })
    })
    return pool
  }

  /** Workers that take work, 0..`workerCount`. */
  get readyCount(): number {
    return this.#supervisor.readyCount
  }

  /** False: for WORKERLESS_MS_MAX no worker could take work. */
  get isAvailable(): boolean {
    return this.#supervisor.isAvailable
  }

  get restartCount(): number {
    return this.#supervisor.restartCount
  }

  /** Workers inside a run past its limit. */
  get stuckCount(): number {
    return this.#supervisor.stuckCount
  }

  /** Workers that have joined because all others were inside long runs. */
  get extraCount(): number {
    return this.#supervisor.extras.length
  }

  get stoppedRunCount(): number {
    return this.#supervisor.stoppedRunCount
  }

  /** What is counted of the model's runs past their limit, now and from now on. */
  overdueRunsOf(modelKey: number): Readonly<OverdueRuns> {
    return this.#supervisor.overdueRunsOf(modelKey)
  }

  /** Sessions that a model with these threads is loaded in. */
  sessionsOf({
    intraOpThreads,
    instances = 1,
  }: {
    readonly intraOpThreads: number
    readonly instances?: number
  }): number {
    if (this.#shared === null) return this.workerCount
    return intraOpThreads > 1 ? Math.min(instances, this.workerCount) : 1
  }

  /**
   * Loads the model in every worker: in one first, so that the others go on serving, and one refusal is enough. A worker
   * inside a long run does it afterwards. Shared sessions are opened before any worker hears of them.
   * @returns what runs it: the first of its providers that every worker could use.
   * @throws ERR_MODEL_INVALID with ONNX Runtime's reason; ERR_PROVIDER with the way out.
   */
  async load(given: LoadableModel): Promise<ExecutionProvider> {
    const model = await this.#open(given)
    this.#models.set(model.modelKey, model)
    const job: ControlJob = { kind: 'load', model: forWorkers(model) }
    const { reply: first, asked } = await this.#postToOne(job)
    const others = this.#supervisor.foreground.filter(({ index }) => !asked.has(index))
    const later = first.isDone ? await Promise.all(others.map(({ index }) => this.#jobs.post(index, job))) : []
    const replies = [first, ...later].filter((reply) => reply !== null)
    const refusal = replies.find((reply) => !reply.isDone)
    if (refusal === undefined || refusal.isDone) {
      const { executionProviders } = model.settings
      const used = new Set(replies.map((reply) => (reply.isDone ? reply.provider : undefined)))
      return executionProviders.findLast((provider) => used.has(provider)) ?? 'cpu'
    }
    await this.unload(model.modelKey)
    throw refusalOf(model, refusal.text, refusal.isProvider === true)
  }

  /**
   * Gives a loaded model other settings, one worker after the other, so that the others go on serving it meanwhile. A
   * worker that refuses keeps what it has.
   * @throws ERR_MODEL_INVALID with ONNX Runtime's reason.
   */
  async replace(given: LoadableModel): Promise<void> {
    if (!this.#models.has(given.modelKey)) return
    const model = await this.#open(given)
    if (!this.#models.has(given.modelKey)) return this.#shared?.keepOnly(given.modelKey, [])
    this.#models.set(model.modelKey, model)
    for (const { index } of this.#supervisor.foreground) {
      if (this.#models.get(model.modelKey) !== model) return
      const reply = await this.#jobs.post(index, { kind: 'replace', model: forWorkers(model) })
      if (reply?.isDone === false)
        throw new PenstockError('ERR_MODEL_INVALID', `ONNX Runtime cannot load ${model.label} again: ${reply.text}`)
    }
    this.#closeUnused(model.modelKey)
  }

  /**
   * Call it when no batch of the model can come until it is loaded again.
   * @param isForGood false: it will be, and what is counted and known of its runs stays.
   */
  async unload(modelKey: number, isForGood = true): Promise<void> {
    if (isForGood) {
      this.#supervisor.forgetModel(modelKey)
      this.#runTimes.forget(modelKey)
    }
    if (!this.#models.delete(modelKey) || this.#isClosing) return
    const job: ControlJob = { kind: 'unload', modelKey }
    if (this.#backgroundModels.delete(modelKey)) void this.#postToBackground(job)
    await Promise.all(this.#supervisor.foreground.map(({ index }) => this.#jobs.post(index, job)))
    this.#closeUnused(modelKey)
  }

  /**
   * Loads a model that the workers have into the background workers as well, and starts these when they are not. May take
   * long on a busy machine.
   * @returns whether all have it, and there is one.
   */
  async loadInBackground(modelKey: number): Promise<boolean> {
    const model = this.#models.get(modelKey)
    if (model === undefined || this.#isClosing || !this.#supervisor.hasBackground) return false
    if (!this.#hasBackground) this.#supervisor.startBackground()
    this.#hasBackground = true
    const opened = await this.#open(inBackground(model)).catch(() => null)
    // Unloaded meanwhile.
    if (!this.#models.has(modelKey) || this.#isClosing) {
      this.#closeUnused(modelKey)
      return false
    }
    if (opened !== null) this.#backgroundModels.set(modelKey, opened)
    const isLoaded = opened !== null && (await this.#postToBackground({ kind: 'load', model: forWorkers(opened) }))
    if (!isLoaded && this.#models.has(modelKey) && !this.#isClosing)
      this.#onNotice({
        level: 'warn',
        message: `A background worker could not load ${model.label}; the inference workers run it`,
      })
    return isLoaded
  }

  /**
   * Runs one model on tensors of JavaScript, in the worker that is free first.
   * @returns the model's outputs in its order, and what the run took.
   * @throws ERR_RUN_FAILED with ONNX Runtime's reason; ERR_WORKER_LOST.
   */
  async run(modelKey: number, inputs: readonly JobTensor[]): Promise<{ outputs: readonly JobTensor[]; runUs: number }> {
    const reply = await this.#jobs.run(modelKey, inputs, this.#runTimes.mayBeLong(modelKey))
    if (!reply.isDone)
      throw new PenstockError('ERR_RUN_FAILED', `ONNX Runtime could not run the request: ${reply.text}`)
    if (this.#models.has(modelKey)) this.#runTimes.note(modelKey, reply.runUs)
    return reply
  }

  /** Wakes and ends every worker; unanswered jobs are refused. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosing) return
    this.#isClosing = true
    this.#jobs.close()
    addon.closeRuntime(this.runtime)
    await this.#supervisor.close()
    this.#shared?.close()
    addon.closePort(this.#port)
  }

  /** @returns the model with what the workers adopt, where they share sessions. @throws as `load`. */
  async #open(model: LoadableModel): Promise<LoadableModel> {
    if (this.#shared === null) return model
    try {
      return await this.#shared.open(model)
    } catch (error) {
      this.#closeUnused(model.modelKey)
      throw refusalOf(model, runtimeReason(error), error instanceof ProviderRefused)
    } finally {
      releaseFreeMemorySoon()
    }
  }

  #closeUnused(modelKey: number): void {
    const forms = [this.#models.get(modelKey), this.#backgroundModels.get(modelKey)]
    this.#shared?.keepOnly(
      modelKey,
      forms.filter((form) => form !== undefined),
    )
  }

  /** In the first worker that answers; when all are inside long runs, in one that joins them. */
  async #postToOne(job: ControlJob): Promise<{ reply: WorkerReply; asked: ReadonlySet<number> }> {
    const asked = new Set<number>()
    for (const { index } of [...this.#supervisor.foreground]) {
      asked.add(index)
      const reply = await this.#jobs.post(index, job)
      if (reply !== null) return { reply, asked }
    }
    const extra = await this.#supervisor.addExtra()
    const index = extra?.index ?? 0
    const reply = (await this.#jobs.post(index, job, false)) as WorkerReply
    return { reply, asked: asked.add(index) }
  }

  /** Whether every background worker has done it. */
  async #postToBackground(job: ControlJob): Promise<boolean> {
    const posted = this.#supervisor.background.map(({ index }) => this.#jobs.post(index, job, false))
    const replies = await Promise.allSettled(posted)
    return replies.every((reply) => reply.status === 'fulfilled' && reply.value?.isDone === true)
  }

  #modelsOf(role: WorkerRole): readonly LoadableModel[] {
    const models = role === 'background' ? this.#backgroundModels : this.#models
    return [...models.values()].map(forWorkers)
  }

  #modelOf(run: RunInHand): ModelOfRun | null {
    const modelKey = run.modelKey ?? this.#jobs.modelOf(run.tag)
    if (modelKey === null) return null
    const label = this.#models.get(modelKey)?.label ?? 'that was unloaded'
    return { modelKey, label, expectedUs: Math.max(run.expectedUs, this.#runTimes.expectedUs(modelKey)) }
  }

  #onLateRefusal(worker: number, job: ControlJob, reason: string): void {
    if (job.kind === 'unload') return
    const message = `Inference worker ${worker} could not load ${job.model.label}: ${reason}`
    this.#onNotice({ level: 'error', message })
  }
}

/** `native` only where the library can be called; else says why not, unless the other way was asked for. */
async function runsOf({ runs = 'native', onNotice }: PoolOptions): Promise<RunWay> {
  if (runs !== 'native') return runs
  const reason = await openOnnxRuntime()
  if (reason === '') return 'native'
  onNotice({
    level: 'warn',
    message: `Models run through onnxruntime-node, each worker with sessions of its own: ONNX Runtime's library cannot be called directly, ${reason}`,
  })
  return 'onnxruntime-node'
}

/** Who adopts a session needs no file. */
function forWorkers(model: LoadableModel): LoadableModel {
  return model.shared === null ? model : { ...model, bytes: null }
}

function refusalOf({ label }: LoadableModel, text: string, isProvider: boolean): PenstockError {
  return isProvider
    ? new PenstockError('ERR_PROVIDER', `Model ${label} cannot run here. ${text}`)
    : new PenstockError('ERR_MODEL_INVALID', `ONNX Runtime cannot load ${label}: ${text}`)
}
