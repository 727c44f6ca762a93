/**
 * A worker: a place, named by its index, that threads hold one after the other.
 *
 *     starting ─► ready ─┬─ lost ──────► starting again, after a pause that grows
 *                        ├─ set aside ─► starting again at once; the old thread ends with the run that holds it
 *                        └─ retired ───► gone (extra workers alone)
 *
 * Here is what one of them is and hears; what becomes of it is supervisor.ts'.
 */
import { addon } from '../../../bindings/native.js'
import type { Clock } from '../../base/clock.js'
import { WORKER_RESTART_DELAY_MS_MAX } from '../../base/limits/limits.js'
import type { LoadableModel, WorkerReady } from '../worker-messages.js'
import type { WorkerThreads } from './worker-threads.js'

/** `extra` joins while all others are inside long runs. */
export type WorkerRole = 'inference' | 'background' | 'extra'

export interface WorkerParts {
  readonly runtime: number
  readonly rowCheckEvery: number
  readonly clock: Clock
  readonly threads: WorkerThreads
}

/** How the thread that holds the place has ended. */
export interface ThreadEnd {
  /** undefined: by itself. */
  readonly cause: unknown
  /** It had taken work. */
  readonly wasReady: boolean
}

const RESTART_DELAY_MS_MIN = 20
const STEADY_US = 10_000_000 // a worker that served this long has earned an immediate restart

export class Worker {
  readonly index: number
  readonly role: WorkerRole
  readonly #parts: WorkerParts
  #isReady = false
  #isLeaving = false
  /** Its number; 0: none holds the place, or is heard any more. */
  #thread = 0
  #startedUs = 0
  #startedWith: ReadonlySet<number> = new Set()
  /** Starts since it last stayed up; doubles the delay of the next. */
  #restartsInARow = 0
  #ended: Promise<void> = Promise.resolve()

  constructor(index: number, role: WorkerRole, parts: WorkerParts) {
    this.index = index
    this.role = role
    this.#parts = parts
  }

  /** Its thread takes work. */
  get isReady(): boolean {
    return this.#isReady
  }

  /** Its thread has got the message to end, and no other will follow. */
  get isLeaving(): boolean {
    return this.#isLeaving
  }

  /** Keys of the models that the thread was started with. */
  get startedWith(): ReadonlySet<number> {
    return this.#startedWith
  }

  /** Resolves when the thread that holds the place now has ended, however. */
  get ended(): Promise<void> {
    return this.#ended
  }

  /** Another thread takes the place. @param onEnded not called when yet another has taken it, or the worker has gone. */
  start(models: readonly LoadableModel[], onEnded: (end: ThreadEnd) => void): void {
    const { runtime, rowCheckEvery, clock, threads } = this.#parts
    const thread = threads.takeNumber()
    const isForBackground = this.role === 'background'
    this.#isReady = false
    this.#thread = thread
    this.#startedWith = new Set(models.map(({ modelKey }) => modelKey))
    this.#startedUs = clock.monotonicUs()
    const end = (cause: unknown): void => {
      if (this.#thread !== thread) return
      const wasReady = this.#isReady
      this.#isReady = false
      onEnded({ cause, wasReady })
    }
    const task = { runtime, workerIndex: this.index, thread, isForBackground, models, rowCheckEvery }
    this.#ended = threads.run(task).then(() => end(undefined), end)
  }

  /** The thread takes work from now on. @returns false: it was set aside while it still loaded. */
  hearReady({ thread }: WorkerReady): boolean {
    if (this.#thread !== thread) return false
    this.#isReady = true
    return true
  }

  /** The thread ends with what it has in hand, if it takes work. */
  retire(): void {
    if (this.#isLeaving || !this.#isReady) return
    this.#isLeaving = true
    addon.retireWorker(this.#parts.runtime, this.index)
  }

  /** The place goes; a thread that still holds it ends unheard. */
  leave(): void {
    this.#isReady = false
    this.#thread = 0
  }

  /** The thread was lost. @returns milliseconds until the next is to start. */
  countLoss(): number {
    const hasStayedUp = this.#parts.clock.monotonicUs() - this.#startedUs > STEADY_US
    this.#restartsInARow = hasStayedUp ? 0 : this.#restartsInARow + 1
    return Math.min(WORKER_RESTART_DELAY_MS_MAX, RESTART_DELAY_MS_MIN * 2 ** Math.max(0, this.#restartsInARow - 1))
  }
}
