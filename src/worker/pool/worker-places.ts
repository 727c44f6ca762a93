/**
 * The threads of a pool. A worker is a place that threads hold one after the other:
 *
 *     start ─► ready ─┬─ lost ──────► start again, after a pause that grows
 *                     ├─ set aside ─► start again at once; the old thread ends with the run that holds it
 *                     └─ retired ───► the place goes (extra workers alone)
 *
 * Threads beyond the pool's size, those that were set aside and extra workers, are bounded together: each holds sessions.
 * A thread that was set aside yields the cores to others from then on, which cannot be taken back: it ends, and is not used
 * again. No thread is ever terminated inside a run: ONNX Runtime's binding then aborts the process.
 */
import { Piscina } from 'piscina'
import { addon } from '../../../bindings/native.js'
import type { RunInHand } from '../../../bindings/native.js'
import type { Clock } from '../../base/clock.js'
import { WORKER_RESTART_DELAY_MS_MAX } from '../../base/limits/limits.js'
import { threadFile } from '../../base/thread-file.js'
import type { PoolOptions } from './pool-options.js'
import type { LoadableModel, WorkerObservation, WorkerReady, WorkerTask } from '../worker-messages.js'

/** `extra` joins while all others are inside long runs. */
export type WorkerRole = 'inference' | 'background' | 'extra'

export interface Place {
  readonly index: number
  readonly role: WorkerRole
  isReady: boolean
  /** Its thread has got the message to end, and no other will follow. */
  isLeaving: boolean
  /** Another number for each thread. */
  thread: number
  /** Keys of the models that the thread was started with. */
  startedWith: ReadonlySet<number>
  /** Starts since it last stayed up; doubles the delay of the next. */
  restartsInARow: number
  task: Promise<void>
}

export interface WorkerPlacesParts {
  readonly runtime: number
  readonly workerCount: number
  readonly backgroundWorkerCount: number
  /** Threads beyond these at most. */
  readonly substitutesMax: number
  readonly rowCheckEvery: number
  readonly clock: Clock
  readonly onNotice: PoolOptions['onNotice']
  /** What a thread in such a place starts with. */
  readonly modelsOf: (role: WorkerRole) => readonly LoadableModel[]
  readonly onReady: (place: Place) => void
  /** The place has gone for good. */
  readonly onGone: (place: Place) => void
  readonly onObservation: (observation: WorkerObservation) => void
}

const RESTART_DELAY_MS_MIN = 20
const STEADY_US = 10_000_000 // a worker that served this long has earned an immediate restart

export class WorkerPlaces {
  readonly #parts: WorkerPlacesParts
  readonly #threads: Piscina
  /** Apart: a thread that yields would yield for ever, as another worker too. null: there are none. */
  readonly #backgroundThreads: Piscina | null
  readonly #places = new Map<number, Place>()
  /** Threads that were set aside, until they end. */
  readonly #aside = new Set<Promise<void>>()
  readonly #readyWaiters = new Set<() => void>()
  #restartCount = 0
  #nextThread = 1
  #isClosing = false

  constructor(parts: WorkerPlacesParts) {
    this.#parts = parts
    const { workerCount, backgroundWorkerCount, substitutesMax } = parts
    this.#threads = this.#makeThreads(workerCount, workerCount + substitutesMax)
    this.#backgroundThreads =
      backgroundWorkerCount > 0 ? this.#makeThreads(0, backgroundWorkerCount + substitutesMax) : null
    for (let index = 0; index < workerCount + backgroundWorkerCount; index++)
      this.#addPlace(index, index < workerCount ? 'inference' : 'background')
  }

  get hasBackground(): boolean {
    return this.#backgroundThreads !== null
  }

  get restartCount(): number {
    return this.#restartCount
  }

  /** All but the background workers. */
  get foreground(): readonly Place[] {
    return [...this.#places.values()].filter(({ role }) => role !== 'background')
  }

  get background(): readonly Place[] {
    return this.#of('background')
  }

  get extras(): readonly Place[] {
    return this.#of('extra')
  }

  /** Places of the pool's size whose thread takes work. */
  get readyCount(): number {
    return this.#of('inference').filter(({ isReady }) => isReady).length
  }

  /** null: there is no such worker any more. */
  isReady(worker: number): boolean | null {
    return this.#places.get(worker)?.isReady ?? null
  }

  /** Starts the pool; rejects with what ended a thread before it took work. */
  async startAll(): Promise<void> {
    const failed = new Promise<never>((_, reject) => {
      for (const place of this.#of('inference')) this.#start(place, reject)
    })
    await Promise.race([this.#whenReady(() => this.readyCount === this.#parts.workerCount), failed])
  }

  startBackground(): void {
    for (const place of this.background) this.#start(place)
  }

  /** Another thread takes the place of the one that is inside the run. False: that run has ended, or there are too many. */
  setAside({ worker, startNs }: RunInHand): boolean {
    const place = this.#places.get(worker)
    if (place === undefined || this.#isClosing || this.#substitutes >= this.#parts.substitutesMax) return false
    if (!addon.setWorkerAside(this.#parts.runtime, worker, startNs)) return false
    const { task } = place
    this.#aside.add(task)
    void task.finally(() => this.#aside.delete(task))
    if (place.isLeaving) this.#remove(place)
    else this.#start(place)
    return true
  }

  /** One worker more, with all models. @returns it when it takes work; null: there are too many, or it did not start. */
  async addExtra(): Promise<Place | null> {
    if (this.#isClosing || this.#substitutes >= this.#parts.substitutesMax) return null
    const { workerCount, backgroundWorkerCount } = this.#parts
    let index = workerCount + backgroundWorkerCount
    while (this.#places.has(index)) index++
    const place = this.#addPlace(index, 'extra')
    const failed = new Promise<null>((resolve) => this.#start(place, () => resolve(null)))
    return Promise.race([this.#whenReady(() => place.isReady).then(() => place), failed])
  }

  /** The extra workers end with what they have in hand. */
  retireExtras(): void {
    for (const place of this.extras) {
      if (place.isLeaving || !place.isReady) continue
      place.isLeaving = true
      addon.retireWorker(this.#parts.runtime, place.index)
    }
  }

  /** After the runtime has been closed: resolves when all threads have ended. */
  async close(): Promise<void> {
    this.#isClosing = true
    await Promise.allSettled([...this.#aside, ...[...this.#places.values()].map(({ task }) => task)])
    await this.#threads.destroy()
    await this.#backgroundThreads?.destroy()
  }

  get #substitutes(): number {
    return this.#aside.size + this.extras.length
  }

  #of(role: WorkerRole): readonly Place[] {
    return [...this.#places.values()].filter((place) => place.role === role)
  }

  #addPlace(index: number, role: WorkerRole): Place {
    const place: Place = {
      index,
      role,
      isReady: false,
      isLeaving: false,
      thread: 0,
      startedWith: new Set(),
      restartsInARow: 0,
      task: Promise.resolve(),
    }
    this.#places.set(index, place)
    return place
  }

  #remove(place: Place): void {
    place.isReady = false
    this.#places.delete(place.index)
    this.#parts.onGone(place)
  }

  #makeThreads(minThreads: number, maxThreads: number): Piscina {
    const threads = new Piscina({
      filename: threadFile(new URL('../inference/inference-worker.js', import.meta.url)),
      minThreads,
      maxThreads,
      // A worker that waits for its next task in Atomics.wait could not be stopped.
      atomics: 'disabled',
    })
    threads.on('message', (message: WorkerReady | WorkerObservation) => {
      if ('observed' in message) this.#parts.onObservation(message)
      else this.#onReady(message)
    })
    return threads
  }

  #start(place: Place, onFirstFailure?: (cause: unknown) => void): void {
    const { runtime, rowCheckEvery, clock, modelsOf } = this.#parts
    const { index, role } = place
    const models = modelsOf(role)
    const thread = this.#nextThread++
    place.isReady = false
    place.thread = thread
    place.startedWith = new Set(models.map(({ modelKey }) => modelKey))
    const startedUs = clock.monotonicUs()
    const isForBackground = role === 'background'
    const task: WorkerTask = { runtime, workerIndex: index, thread, isForBackground, models, rowCheckEvery }
    const threads = isForBackground ? (this.#backgroundThreads as Piscina) : this.#threads
    const onEnded = (cause: unknown): void => {
      if (place.thread === thread) this.#onEnded(place, startedUs, cause, onFirstFailure)
    }
    place.task = threads.run(task).then(() => onEnded(undefined), onEnded)
  }

  #onReady({ readyWorker, thread, unloaded }: WorkerReady): void {
    const place = this.#places.get(readyWorker)
    // A thread that was set aside while it still loaded.
    if (place?.thread !== thread) return
    place.isReady = true
    for (const { label, reason } of unloaded) {
      this.#parts.onNotice({
        level: 'error',
        message: `Inference worker ${readyWorker} could not load ${label} again: ${reason}`,
      })
    }
    this.#parts.onReady(place)
    for (const wake of [...this.#readyWaiters]) wake()
  }

  #onEnded(place: Place, startedUs: number, cause: unknown, onFirstFailure?: (cause: unknown) => void): void {
    const wasReady = place.isReady
    place.isReady = false
    if (this.#isClosing) return
    if (place.isLeaving) return this.#remove(place)
    if (!wasReady && onFirstFailure !== undefined) {
      if (place.role === 'extra') this.#remove(place)
      return onFirstFailure(cause)
    }
    this.#restartCount++
    place.restartsInARow = this.#parts.clock.monotonicUs() - startedUs > STEADY_US ? 0 : place.restartsInARow + 1
    const delayMs = Math.min(
      WORKER_RESTART_DELAY_MS_MAX,
      RESTART_DELAY_MS_MIN * 2 ** Math.max(0, place.restartsInARow - 1),
    )
    this.#parts.onNotice({
      level: 'error',
      message: `Inference worker ${place.index} was lost; it restarts in ${delayMs} ms`,
      cause,
    })
    setTimeout(() => {
      if (!this.#isClosing) this.#start(place)
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
