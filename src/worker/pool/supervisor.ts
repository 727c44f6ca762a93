/**
 * Sees to it that a pool has workers: starts them, starts lost ones again, ends runs that nobody waits for, moves workers out
 * of the way that are inside a run that does not end, and lets one more join while all others are inside long runs. What a worker goes through is
 * drawn in worker.ts, how runs are watched in run-monitor.ts.
 *
 * Threads beyond the pool's size, those that were set aside and extra workers, are bounded together: each holds sessions.
 * A thread that was set aside yields the cores to others from then on, which cannot be taken back: it ends, and is not used
 * again.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { addon } from '../../../bindings/native.js'
import type { RunInHand } from '../../../bindings/native.js'
import type { Clock } from '../../base/clock.js'
import { WORKER_CLOSE_MS_MAX } from '../../base/limits/limits.js'
import type { LoadableModel, WorkerObservation, WorkerReady } from '../worker-messages.js'
import type { JobTable } from './job-table.js'
import { OverdueCounters, stopNotice, type OverdueRuns } from './overdue-runs.js'
import type { PoolOptions } from './pool-options.js'
import { RunMonitor, type ModelOfRun } from './run-monitor.js'
import { Worker, type ThreadEnd, type WorkerParts, type WorkerRole } from './worker.js'
import { WorkerThreads, type ThreadCounts } from './worker-threads.js'

export interface SupervisorParts extends ThreadCounts {
  readonly runtime: number
  readonly rowCheckEvery: number
  /** Milliseconds; null: by what is known of each model. */
  readonly runLimitMs: number | null
  /** Milliseconds; null: no run that somebody waits for is ended. */
  readonly runStopMs: number | null
  readonly clock: Clock
  readonly jobs: JobTable
  readonly onNotice: PoolOptions['onNotice']
  readonly onObservation: (observation: WorkerObservation) => void
  /** What a worker of that role starts with. */
  readonly modelsOf: (role: WorkerRole) => readonly LoadableModel[]
  /** null: it is no run of a model. */
  readonly modelOf: (run: RunInHand) => ModelOfRun | null
}

export class Supervisor {
  readonly #parts: SupervisorParts
  readonly #threads: WorkerThreads
  readonly #workerParts: WorkerParts
  readonly #workers = new Map<number, Worker>()
  /** Threads that were set aside, until they end. */
  readonly #aside = new Set<Promise<void>>()
  readonly #readyWaiters = new Set<() => void>()
  readonly #monitor: RunMonitor
  readonly #overdue: OverdueCounters
  /** The run that was asked to end last. */
  #stopped = ''
  #stoppedRunCount = 0
  #restartCount = 0
  #isClosing = false

  constructor(parts: SupervisorParts) {
    this.#parts = parts
    const { runtime, rowCheckEvery, clock, workerCount, backgroundWorkerCount } = parts
    this.#threads = new WorkerThreads(parts, (message) => {
      if ('observed' in message) parts.onObservation(message)
      else this.#onReady(message)
    })
    this.#workerParts = { runtime, rowCheckEvery, clock, threads: this.#threads }
    for (let index = 0; index < workerCount + backgroundWorkerCount; index++)
      this.#addWorker(index, index < workerCount ? 'inference' : 'background')
    this.#overdue = new OverdueCounters(parts.onNotice)
    this.#monitor = new RunMonitor({
      look: () => addon.lookAtWorkers(runtime),
      nowUs: () => addon.nowUs(),
      runLimitMs: parts.runLimitMs,
      runStopMs: parts.runStopMs,
      modelOf: parts.modelOf,
      readyWorkers: () => this.foreground.filter(({ isReady }) => isReady).map(({ index }) => index),
      onOverdue: (run) => this.#overdue.begin(run),
      setAside: (run) => this.#setAside(run),
      onEnded: (run) => this.#overdue.end(run),
      stop: (run, model, isUnheard) => this.#stop(run, model, isUnheard),
      onHeld: (worker) => parts.jobs.defer(worker),
      onCrowded: (isOneEnough) => this.#onCrowded(isOneEnough),
      onQuiet: () => this.#retireExtras(),
    })
  }

  get hasBackground(): boolean {
    return this.#threads.hasBackground
  }

  get restartCount(): number {
    return this.#restartCount
  }

  /** All but the background workers. */
  get foreground(): readonly Worker[] {
    return [...this.#workers.values()].filter(({ role }) => role !== 'background')
  }

  get background(): readonly Worker[] {
    return this.#of('background')
  }

  get extras(): readonly Worker[] {
    return this.#of('extra')
  }

  /** Workers of the pool's size that take work. */
  get readyCount(): number {
    return this.#of('inference').filter(({ isReady }) => isReady).length
  }

  /** Runs that were ended. */
  get stoppedRunCount(): number {
    return this.#stoppedRunCount
  }

  /** Workers inside a run past its limit. */
  get stuckCount(): number {
    return this.#monitor.overdue.length
  }

  /** False: for WORKERLESS_MS_MAX no worker could take work. */
  get isAvailable(): boolean {
    return this.#monitor.isAvailable
  }

  /** null: there is no such worker any more. */
  isReady(worker: number): boolean | null {
    return this.#workers.get(worker)?.isReady ?? null
  }

  /** What is counted of the model's runs past their limit, now and from now on. */
  overdueRunsOf(modelKey: number): Readonly<OverdueRuns> {
    return this.#overdue.of(modelKey)
  }

  /** The model is unloaded: what is counted from now on is another's. */
  forgetModel(modelKey: number): void {
    this.#overdue.forget(modelKey)
  }

  /** Starts the pool; rejects with what ended a thread before it took work. */
  async start(): Promise<void> {
    const failed = new Promise<never>((_, reject) => {
      for (const worker of this.#of('inference')) this.#start(worker, reject)
    })
    await Promise.race([this.#whenReady(() => this.readyCount === this.#parts.workerCount), failed])
    this.#monitor.start()
  }

  startBackground(): void {
    for (const worker of this.background) this.#start(worker)
  }

  /** One worker more, with all models. @returns it when it takes work; null: there are too many, or it did not start. */
  async addExtra(): Promise<Worker | null> {
    if (this.#isClosing || this.#substitutes >= this.#parts.substitutesMax) return null
    const { workerCount, backgroundWorkerCount } = this.#parts
    let index = workerCount + backgroundWorkerCount
    while (this.#workers.has(index)) index++
    const worker = this.#addWorker(index, 'extra')
    const failed = new Promise<null>((resolve) => this.#start(worker, () => resolve(null)))
    return Promise.race([this.#whenReady(() => worker.isReady).then(() => worker), failed])
  }

  /** After the runtime has been closed: resolves when all threads have ended, or WORKER_CLOSE_MS_MAX has passed. */
  async close(): Promise<void> {
    this.#isClosing = true
    this.#monitor.stop()
    // A run that does not end keeps its thread; closing goes on without it.
    const isEnded = await Promise.race([
      this.#endThreads().then(() => true),
      sleep(WORKER_CLOSE_MS_MAX, false, { ref: false }),
    ])
    if (!isEnded)
      this.#parts.onNotice({
        level: 'warn',
        message: `Inference workers still run after ${WORKER_CLOSE_MS_MAX} ms; they end with their run`,
      })
  }

  async #endThreads(): Promise<void> {
    await Promise.allSettled([...this.#aside, ...[...this.#workers.values()].map(({ ended }) => ended)])
    await this.#threads.destroy()
  }

  get #substitutes(): number {
    return this.#aside.size + this.extras.length
  }

  #of(role: WorkerRole): readonly Worker[] {
    return [...this.#workers.values()].filter((worker) => worker.role === role)
  }

  #addWorker(index: number, role: WorkerRole): Worker {
    const worker = new Worker(index, role, this.#workerParts)
    this.#workers.set(index, worker)
    return worker
  }

  #remove(worker: Worker): void {
    worker.leave()
    this.#workers.delete(worker.index)
    this.#parts.jobs.forget(worker.index)
  }

  #start(worker: Worker, onFirstFailure?: (cause: unknown) => void): void {
    worker.start(this.#parts.modelsOf(worker.role), (end) => this.#onEnded(worker, end, onFirstFailure))
  }

  /** What has been asked to end, and does not, is asked again and told once. */
  #stop(run: RunInHand, model: ModelOfRun, isUnheard: boolean): void {
    if (!addon.stopRun(this.#parts.runtime, run.worker, run.startNs)) return
    const key = `${run.worker} ${run.startNs}`
    if (this.#stopped === key) return
    this.#stopped = key
    this.#stoppedRunCount++
    this.#parts.onNotice(stopNotice(run, model, isUnheard))
  }

  /** Another thread takes the place of the one that is inside the run. False: that run has ended, or there are too many. */
  #setAside({ worker: index, startNs }: RunInHand): boolean {
    const worker = this.#workers.get(index)
    if (worker === undefined || this.#isClosing || this.#substitutes >= this.#parts.substitutesMax) return false
    if (!addon.setWorkerAside(this.#parts.runtime, index, startNs)) return false
    const { ended } = worker
    this.#aside.add(ended)
    void ended.finally(() => this.#aside.delete(ended))
    if (worker.isLeaving) this.#remove(worker)
    else this.#start(worker)
    return true
  }

  /** Not before those that are starting have come. */
  #onCrowded(isOneEnough: boolean): void {
    const { foreground, extras } = this
    if (foreground.some(({ isReady }) => !isReady) || (isOneEnough && extras.length > 0)) return
    void this.addExtra()
  }

  #retireExtras(): void {
    for (const worker of this.extras) worker.retire()
  }

  #onReady(message: WorkerReady): void {
    const worker = this.#workers.get(message.readyWorker)
    if (worker?.hearReady(message) !== true) return
    for (const { label, reason } of message.unloaded) {
      this.#parts.onNotice({
        level: 'error',
        message: `Inference worker ${worker.index} could not load ${label} again: ${reason}`,
      })
    }
    this.#parts.jobs.resume(worker.index, worker.startedWith)
    for (const wake of [...this.#readyWaiters]) wake()
  }

  #onEnded(worker: Worker, { cause, wasReady }: ThreadEnd, onFirstFailure?: (cause: unknown) => void): void {
    if (this.#isClosing) return
    if (worker.isLeaving) return this.#remove(worker)
    if (!wasReady && onFirstFailure !== undefined) {
      if (worker.role === 'extra') this.#remove(worker)
      return onFirstFailure(cause)
    }
    this.#restartCount++
    const delayMs = worker.countLoss()
    this.#parts.onNotice({
      level: 'error',
      message: `Inference worker ${worker.index} was lost; it restarts in ${delayMs} ms`,
      cause,
    })
    setTimeout(() => {
      if (!this.#isClosing) this.#start(worker)
    }, delayMs)
  }

  #whenReady(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        if (!holds()) return
        this.#readyWaiters.delete(wake)
        resolve()
      }
      this.#readyWaiters.add(wake)
      wake()
    })
  }
}
