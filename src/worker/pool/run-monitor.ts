/**
 * Looks at what the workers run, ten times a second, and says what is to be done about runs that do not end.
 *
 *     run ──nobody waits, grace──► or past what the operator allows: ended (stop), where it can be; the worker lives
 *      └───limit──► overdue: reported, its worker counts as stuck ──► set aside, another takes its place ──► it ends: told
 *     work waits, all workers inside long runs ──► one worker more, until no run has been long for a while
 *
 * A run's limit is what was asked for, else RUN_LIMIT_FACTOR times what the model is known to take and RUN_LIMIT_MS_MIN at
 * least. ONNX Runtime looks between the nodes of a graph whether it is to end: what cannot be ended, or somebody waits for,
 * is moved out of the way. A run is named by its worker and its start (RunInHand).
 */
import type { RunInHand, WorkersLook } from '../../../bindings/native.js'
import {
  CROWDED_MS,
  EXTRA_WORKER_IDLE_MS,
  HELD_BACK_LOOKS,
  JOB_PATIENCE_MS,
  RUN_LIMIT_FACTOR,
  RUN_LIMIT_MS_MIN,
  RUN_LOOK_MS,
  RUN_STOP_GRACE_MS,
  WORKERLESS_MS_MAX,
} from '../../base/limits/run-limits.js'

/** A run past its limit. */
export interface OverdueRun extends RunInHand {
  readonly limitMs: number
  readonly model: ModelOfRun
}

/** Whose run it is. */
export interface ModelOfRun {
  readonly modelKey: number
  readonly label: string
  /** Microseconds that such a run is known to take; 0: nobody knows. */
  readonly expectedUs: number
}

export interface RunMonitorParts {
  readonly look: () => WorkersLook
  readonly nowUs: () => number
  /** Fixed by the operator; null: by what is known of each model. */
  readonly runLimitMs: number | null
  /** After which a run is ended, whoever waits for it; null: never. */
  readonly runStopMs: number | null
  /** null: it is no run of a model, and may take what it takes. */
  readonly modelOf: (run: RunInHand) => ModelOfRun | null
  /** Workers that take batches when they are inside nothing. */
  readonly readyWorkers: () => readonly number[]
  readonly onOverdue: (run: OverdueRun) => void
  /** Once a look until it returns true: another worker has its place. */
  readonly setAside: (run: OverdueRun) => boolean
  readonly onEnded: (run: OverdueRun) => void
  /** Once a look until the run has ended. @param isUnheard nobody waits for it; false: it took too long. */
  readonly stop: (run: RunInHand, model: ModelOfRun, isUnheard: boolean) => void
  /** The worker is inside a run, and does not hear of its jobs for some time. */
  readonly onHeld: (worker: number) => void
  /** Work waits that no worker can take. @param isOneEnough it is long, and waits for the sake of others. */
  readonly onCrowded: (isOneEnough: boolean) => void
  /** No run has been long for some time. */
  readonly onQuiet: () => void
}

export class RunMonitor {
  readonly #parts: RunMonitorParts
  readonly #overdue = new Map<string, OverdueRun>()
  /** Since when nobody waits for them, microseconds. */
  readonly #unheardUs = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined
  #longUs: number
  /** In a row, at which long work waited while a worker was kept free for others. */
  #heldBackLooks = 0
  #availableUs: number

  constructor(parts: RunMonitorParts) {
    this.#parts = parts
    this.#longUs = this.#availableUs = parts.nowUs()
  }

  start(): void {
    this.#timer = setInterval(() => this.look(), RUN_LOOK_MS).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Past their limits now, set aside or not. */
  get overdue(): readonly OverdueRun[] {
    return [...this.#overdue.values()]
  }

  /** False: for WORKERLESS_MS_MAX every worker has been stuck, or gone. */
  get isAvailable(): boolean {
    this.#noteAvailable(this.#parts.look())
    return this.#parts.nowUs() - this.#availableUs <= WORKERLESS_MS_MAX * 1000
  }

  look(): void {
    const { nowUs, setAside, onEnded, onHeld, onQuiet } = this.#parts
    const seen = this.#parts.look()
    this.#noteAvailable(seen)
    const inHand = new Map(seen.runs.map((run) => [keyOf(run), run]))
    for (const [key, run] of this.#overdue) {
      if (inHand.has(key)) continue
      this.#overdue.delete(key)
      onEnded(run)
    }
    for (const key of this.#unheardUs.keys()) if (!inHand.has(key)) this.#unheardUs.delete(key)
    for (const [key, run] of inHand) {
      this.#stopWhereWanted(key, run)
      const overdue = this.#noteOverdue(key, run)
      if (overdue !== null && !run.isAside && setAside(overdue)) continue
      const isHeld = !run.isAside && run.elapsedUs > JOB_PATIENCE_MS * 1000
      // One that loads for long does what was asked: its callers wait for exactly that.
      if (isHeld && this.#parts.modelOf(run) !== null) onHeld(run.worker)
    }
    this.#relieve(seen)
    if (seen.runs.length > 0) this.#longUs = nowUs()
    else if (nowUs() - this.#longUs > EXTRA_WORKER_IDLE_MS * 1000) onQuiet()
  }

  #stopWhereWanted(key: string, run: RunInHand): void {
    const { nowUs, modelOf, runStopMs, stop } = this.#parts
    const model = modelOf(run)
    if (model === null) return
    if (!run.isUnheard) this.#unheardUs.delete(key)
    else if (!this.#unheardUs.has(key)) this.#unheardUs.set(key, nowUs())
    const sinceUs = this.#unheardUs.get(key)
    const isUnheard = sinceUs !== undefined && nowUs() - sinceUs >= RUN_STOP_GRACE_MS * 1000
    if (isUnheard || (runStopMs !== null && run.elapsedUs > runStopMs * 1000)) stop(run, model, isUnheard)
  }

  /** The run with its limit, when it is past it; reported once. */
  #noteOverdue(key: string, run: RunInHand): OverdueRun | null {
    const known = this.#overdue.get(key)
    if (known !== undefined) return this.#keep(key, { ...known, ...run })
    const model = this.#parts.modelOf(run)
    const limitMs = this.#limitMs(model)
    if (model === null || run.elapsedUs <= limitMs * 1000) return null
    const overdue = this.#keep(key, { ...run, model, limitMs })
    this.#parts.onOverdue(overdue)
    return overdue
  }

  #keep(key: string, run: OverdueRun): OverdueRun {
    this.#overdue.set(key, run)
    return run
  }

  #relieve({ runs, heldBackUs, waitingUs, withoutFreeUs }: WorkersLook): void {
    this.#heldBackLooks = heldBackUs > 0 ? this.#heldBackLooks + 1 : 0
    // Workers that load or unload come back soon, and another would first have to load as much.
    const inTheWay = runs.filter(({ isAside }) => !isAside)
    if (inTheWay.length > 0 && inTheWay.every((run) => this.#parts.modelOf(run) === null)) return
    const crowdedUs = CROWDED_MS * 1000
    if (waitingUs > crowdedUs && withoutFreeUs > crowdedUs) this.#parts.onCrowded(false)
    // Long work that always waits while a worker is kept free, each of it shortly, lacks that worker as much.
    else if (heldBackUs > crowdedUs || this.#heldBackLooks >= HELD_BACK_LOOKS) this.#parts.onCrowded(true)
  }

  #limitMs(model: ModelOfRun | null): number {
    if (model === null) return Infinity
    return this.#parts.runLimitMs ?? Math.max(RUN_LIMIT_MS_MIN, (RUN_LIMIT_FACTOR * model.expectedUs) / 1000)
  }

  /** A worker inside a run that may still end in time comes back; one inside a job for that long may not. */
  #noteAvailable({ runs }: WorkersLook): void {
    const gone = new Set<number>()
    for (const run of runs) {
      const model = this.#parts.modelOf(run)
      const limitMs = model === null ? RUN_LIMIT_MS_MIN : this.#limitMs(model)
      if (!run.isAside && run.elapsedUs > limitMs * 1000) gone.add(run.worker)
    }
    if (this.#parts.readyWorkers().some((worker) => !gone.has(worker))) this.#availableUs = this.#parts.nowUs()
  }
}

const keyOf = ({ worker, startNs }: RunInHand): string => `${worker} ${startNs}`
