/**
 * Which models the workers have loaded: all that are served, where there is room for them; else those that are asked most, and the
 * others load when a request wants them. Beside them the versions that served before, ready to serve again, while they may.
 *
 *              served, loaded ──── room is wanted, nobody asks it ────► served, not loaded
 *               │  ▲  ▲ └──────────── a request waits in its queue ◄──────────┘
 *     replaced  │  │  └ loaded on demand: one at a time, however many requests wait
 *               ▼  │
 *             warm (no plan uses it) ── limit of bytes or time, room is wanted ──► unloaded
 *
 * A model that is not loaded keeps its queue, which is held: the addon admits requests as ever, over every transport and within their
 * deadlines, lets none of them run, and says once that the queue is wanted. Before a model is unloaded its queue is held, which fails
 * while rows of it wait or run; so no request is lost, and none meets a worker without its model.
 *
 * Bytes are counted, not measured: what the C library holds of a session nobody can tell apart from the rest of the process.
 * Rejected: plans without a queue and requests kept in JavaScript, a second way for each transport. Thread: the engine's.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { PortEvent, PortEventSlot } from '../../../bindings/generated/boundary.js'
import { addon } from '../../../bindings/native.js'
import type { PortHandle, QueueHandle } from '../../../bindings/native.js'
import { PenstockError } from '../../base/errors.js'
import { MODEL_ROOM_BUSY_MS, MODEL_ROOM_TRIAL_MS, MODEL_ROOM_WAIT_MS_MAX } from '../../base/limits/model-limits.js'
import { Mutex } from '../../base/mutex.js'
import type { EngineNotice, ResidencyLimits } from '../api/options.js'
import { EvictionPolicy, type Use } from './policy.js'

/** What is kept of a model version for as long as it has a queue. */
export interface Resident {
  readonly modelKey: number
  readonly label: string
  /** The model, without the version. */
  readonly name: string
  /** null: its runs are jobs of JavaScript. */
  readonly queue: QueueHandle | null
  /** What it counts for while it is loaded. */
  readonly memoryBytes: number
  /** Plans that use it; 0: it is warm. */
  readonly references: number
  isLoaded: boolean
  /** Times that the workers have loaded it. */
  loads: number
  /** Runs of a model without a queue. */
  readonly jobs: { count: number; lastUs: number; inHand: number }
}

export interface ResidencyDependencies<R extends Resident> {
  readonly runtime: number
  readonly limits: ResidencyLimits
  readonly residents: () => Iterable<R>
  /** Loads it into the workers. */
  readonly load: (resident: R) => Promise<void>
  /** The workers let go of it; it may be loaded again. */
  readonly unload: (resident: R) => Promise<void>
  /** The same, and its queue is closed. */
  readonly drop: (resident: R) => Promise<void>
  readonly onNotice: (notice: EngineNotice) => void
}

export interface ResidencyMetrics {
  /** null: no limit. */
  readonly limitBytes: number | null
  readonly loadedBytes: number
  readonly warmBytes: number
  readonly warmLimitBytes: number
  /** Seconds that a version which served before stays loaded. */
  readonly warmSeconds: number
  readonly loadedModels: number
  readonly warmModels: number
  /** Served, and not loaded now. */
  readonly unloadedModels: number
  readonly loads: number
  /** room: for another · warm: a version that no longer served, for its limits. */
  readonly evictions: Readonly<Record<'room' | 'warm', number>>
}

export class Residency<R extends Resident> {
  readonly #dependencies: ResidencyDependencies<R>
  readonly #policy = new EvictionPolicy<number>()
  readonly #port: PortHandle
  /** Room is made, and models are loaded, one at a time. */
  readonly #turn = new Mutex()
  readonly #wanted = new Map<number, Promise<void>>()
  /** By model key: when it became warm. */
  readonly #warmSinceUs = new Map<number, number>()
  readonly #evictions = { room: 0, warm: 0 }
  /** What is being loaded counts for so much. */
  #reservedBytes = 0
  #loads = 0
  #timer: NodeJS.Timeout | null = null
  #isClosed = false

  constructor(dependencies: ResidencyDependencies<R>) {
    this.#dependencies = dependencies
    this.#port = addon.openPort(dependencies.runtime, () => this.#drain(), 1)
  }

  /**
   * Loads a model that has no queue yet, once there is room for it.
   * @param load makes the resident, loaded.
   * @throws PenstockError ERR_MODEL_MEMORY: it does not fit, whatever goes; what `load` throws.
   */
  admit(label: string, name: string, bytes: number, load: () => Promise<R>): Promise<R> {
    return this.#turn.run(async () => {
      // What it replaces goes first: at no time are there three versions of a model that is promoted again and again.
      await this.letGo(name, null)
      const isOnTrial = await this.#makeRoom(label, bytes)
      this.#reservedBytes += bytes
      try {
        const resident = await load()
        this.#noteLoaded(resident, isOnTrial)
        return resident
      } finally {
        this.#reservedBytes -= bytes
      }
    })
  }

  /** Resolves when the workers have it. @throws PenstockError as `admit`. */
  want(resident: R): Promise<void> {
    if (resident.isLoaded) return Promise.resolve()
    const known = this.#wanted.get(resident.modelKey)
    if (known !== undefined) return known
    const wanted = this.#turn.run(() => this.#bring(resident)).finally(() => this.#wanted.delete(resident.modelKey))
    this.#wanted.set(resident.modelKey, wanted)
    return wanted
  }

  /** Runs a job of a model without a queue, which is loaded before and stays until it has ended. */
  async whileLoaded<T>(resident: R, run: () => Promise<T>): Promise<T> {
    const { jobs } = resident
    jobs.count++
    jobs.lastUs = addon.nowUs()
    jobs.inHand++
    try {
      if (!resident.isLoaded) await this.want(resident)
      return await run()
    } finally {
      jobs.inHand--
    }
  }

  /** No plan uses it any more: it stays loaded while the limits allow, the last one of its model. @returns false: it is to go. */
  async keepWarm(resident: R): Promise<boolean> {
    const { warmBytes, warmSeconds } = this.#dependencies.limits
    if (this.#isClosed || warmSeconds === 0 || !resident.isLoaded || resident.memoryBytes > warmBytes) return false
    this.#warmSinceUs.set(resident.modelKey, addon.nowUs())
    await this.#limitWarm()
    return true
  }

  /** It serves again, or is gone. */
  forget({ modelKey }: Resident, isGone: boolean): void {
    this.#warmSinceUs.delete(modelKey)
    if (isGone) this.#policy.forget(modelKey)
  }

  /** Unloads what is warm of a model. @param version its label; null: every version. */
  async letGo(name: string, version: string | null): Promise<void> {
    for (const resident of this.#warm())
      if (resident.name === name && (version === null || resident.label === version)) await this.#drop(resident)
  }

  /**
   * Unloads what nobody asks, the least asked first, until so many bytes are free or nothing is left that could go.
   * @returns the bytes that were freed.
   */
  free(bytes: number): Promise<number> {
    return this.#turn.run(async () => {
      const before = this.loadedBytes
      while (before - this.loadedBytes < bytes && (await this.#evictOne(0))) continue
      return before - this.loadedBytes
    })
  }

  get loadedBytes(): number {
    let bytes = this.#reservedBytes
    for (const { isLoaded, memoryBytes } of this.#dependencies.residents()) if (isLoaded) bytes += memoryBytes
    return bytes
  }

  metrics(): ResidencyMetrics {
    const { modelMemoryBytes, warmBytes: warmLimitBytes, warmSeconds } = this.#dependencies.limits
    const residents = [...this.#dependencies.residents()]
    const warm = this.#warm()
    const served = residents.filter(({ references }) => references > 0)
    return {
      limitBytes: modelMemoryBytes,
      loadedBytes: this.loadedBytes,
      warmBytes: warm.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
      warmLimitBytes,
      warmSeconds,
      loadedModels: residents.filter(({ isLoaded }) => isLoaded).length,
      warmModels: warm.length,
      unloadedModels: served.filter(({ isLoaded }) => !isLoaded).length,
      loads: this.#loads,
      evictions: { ...this.#evictions },
    }
  }

  /** The workers are gone. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    addon.closePort(this.#port)
  }

  #warm(): R[] {
    return [...this.#dependencies.residents()].filter(({ modelKey }) => this.#warmSinceUs.has(modelKey))
  }

  #drain(): void {
    for (let count = addon.drain(this.#port); count > 0 && !this.#isClosed; count = addon.drain(this.#port)) {
      const events = addon.events(this.#port)
      for (let at = 0; at < count * PortEventSlot.length; at += PortEventSlot.length) {
        if (events[at + PortEventSlot.kind] !== PortEvent.job) continue
        const key = events[at + PortEventSlot.a]
        const resident = [...this.#dependencies.residents()].find(({ modelKey }) => modelKey === key)
        // Its failure is reported, and its requests get it.
        if (resident !== undefined) this.want(resident).catch(() => undefined)
      }
    }
  }

  async #bring(resident: R): Promise<void> {
    if (resident.isLoaded || resident.references === 0) return
    const { label, queue, memoryBytes } = resident
    try {
      const isOnTrial = await this.#makeRoom(label, memoryBytes)
      this.#reservedBytes += memoryBytes
      try {
        await this.#dependencies.load(resident)
      } finally {
        this.#reservedBytes -= memoryBytes
      }
      resident.isLoaded = true
      this.#noteLoaded(resident, isOnTrial)
      if (queue !== null) addon.releaseQueue(queue)
    } catch (cause) {
      if (this.#isClosed) throw cause
      const reason = cause instanceof Error ? cause.message : String(cause)
      const message = `Model ${label} could not be loaded for the requests that wait for it, which fail: ${reason}`
      this.#dependencies.onNotice({ level: 'error', message, cause })
      if (queue !== null) void this.#failWaiting(resident, queue)
      throw cause
    }
  }

  /** The workers fail what waits, for they do not have the model; later requests have it loaded again. */
  async #failWaiting(resident: R, queue: QueueHandle): Promise<void> {
    addon.releaseQueue(queue)
    do await sleep(MODEL_ROOM_TRIAL_MS, undefined, { ref: false })
    while (!this.#isClosed && resident.references > 0 && !addon.holdQueue(queue, this.#port, resident.modelKey, false))
  }

  #noteLoaded(resident: R, isOnTrial: boolean): void {
    resident.loads++
    this.#loads++
    this.#policy.loaded(resident.modelKey, isOnTrial)
  }

  /** @returns whether another had to go. @throws PenstockError ERR_MODEL_MEMORY. */
  async #makeRoom(label: string, bytes: number): Promise<boolean> {
    const { modelMemoryBytes: limit } = this.#dependencies.limits
    if (limit === null) return false
    if (bytes > limit)
      throw new PenstockError(
        'ERR_MODEL_MEMORY',
        `Expected the model ${label} to fit into the memory for models, ${limit} bytes, but it counts for ${bytes}. Start the server with a larger --model-memory-bytes`,
      )
    const startUs = addon.nowUs()
    let hasEvicted = false
    for (let pauseMs = 1; this.loadedBytes + bytes > limit;) {
      if (this.#isClosed) throw new PenstockError('ERR_CLOSED', 'The engine is closed')
      const waitedMs = (addon.nowUs() - startUs) / 1000
      if (await this.#evictOne(waitedMs)) {
        hasEvicted = true
        continue
      }
      if (waitedMs > MODEL_ROOM_WAIT_MS_MAX)
        throw new PenstockError(
          'ERR_MODEL_MEMORY',
          `Expected a model to be unloaded for ${label} within ${MODEL_ROOM_WAIT_MS_MAX / 1000} s, but all that are loaded are in use. Start the server with a larger --model-memory-bytes`,
        )
      await sleep(pauseMs, undefined, { ref: false })
      pauseMs = Math.min(2 * pauseMs, 16)
    }
    return hasEvicted
  }

  /** @param waitedMs for room, which decides who may be asked to go. @returns false: nobody can go now. */
  async #evictOne(waitedMs: number): Promise<boolean> {
    const [oldest] = this.#warm()
    if (oldest !== undefined) {
      await this.#drop(oldest)
      return true
    }
    const residents = [...this.#dependencies.residents()]
    const loaded = new Map(
      residents.filter(({ isLoaded }) => isLoaded).map((resident) => [resident.modelKey, resident]),
    )
    this.#policy.note(
      residents.map((resident) => [resident.modelKey, useOf(resident)] as const),
      loaded.size,
    )
    let isTrialBusy = false
    for (const key of this.#policy.order([...loaded.keys()])) {
      const isOnTrial = this.#policy.isOnTrial(key)
      // Newcomers make way for newcomers: one that is about to be done is worth a short wait.
      if (!isOnTrial && isTrialBusy && waitedMs < MODEL_ROOM_TRIAL_MS) return false
      const resident = loaded.get(key) as R
      if (this.#tryHold(resident, waitedMs > MODEL_ROOM_BUSY_MS)) {
        resident.isLoaded = false
        this.#evictions.room++
        await this.#dependencies.unload(resident)
        return true
      }
      isTrialBusy ||= isOnTrial
    }
    return false
  }

  #tryHold({ queue, modelKey, jobs }: R, mayWait: boolean): boolean {
    return queue === null ? jobs.inHand === 0 : addon.holdQueue(queue, this.#port, modelKey, mayWait)
  }

  async #drop(resident: R): Promise<void> {
    // At once: whoever asks meanwhile is not to take it.
    this.#warmSinceUs.delete(resident.modelKey)
    this.#evictions.warm++
    await this.#dependencies.drop(resident)
  }

  /** The last version of each model, within the limits, the youngest first. */
  async #limitWarm(): Promise<void> {
    const { warmBytes, warmSeconds } = this.#dependencies.limits
    const sinceUs = (resident: R): number => this.#warmSinceUs.get(resident.modelKey) ?? 0
    const youngest = this.#warm().sort((a, b) => sinceUs(b) - sinceUs(a))
    const endUs = addon.nowUs() - warmSeconds * 1e6
    const names = new Set<string>()
    let bytes = 0
    for (const resident of youngest) {
      const isKept = !names.has(resident.name) && bytes + resident.memoryBytes <= warmBytes && sinceUs(resident) > endUs
      if (!isKept) {
        await this.#drop(resident)
        continue
      }
      names.add(resident.name)
      bytes += resident.memoryBytes
    }
    this.#schedule()
  }

  /** Looks again when the oldest has been warm for long enough. */
  #schedule(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    const firstUs = Math.min(...this.#warmSinceUs.values())
    if (firstUs === Infinity || this.#isClosed) return
    const { warmSeconds } = this.#dependencies.limits
    const waitMs = Math.max(1, firstUs / 1000 + warmSeconds * 1000 - addon.nowUs() / 1000 + 1)
    this.#timer = setTimeout(() => {
      this.#limitWarm().catch((cause: unknown) => {
        if (this.#isClosed) return
        this.#dependencies.onNotice({
          level: 'error',
          message: 'A version that served before could not be unloaded',
          cause,
        })
      })
    }, waitMs).unref()
  }
}

function useOf({ queue, jobs }: Resident): Use {
  if (queue === null) return jobs
  const { batches, lastUs } = addon.queueUse(queue)
  return { count: batches, lastUs }
}
