/**
 * One place, looked at again and again until it is stopped. A look that fails is followed by longer and longer pauses; a
 * model that fails leaves the others alone. What is reported is what is new: a problem once, until it is gone.
 */
import { runAs, SERVER_ACTOR } from '../../base/actor.js'
import type { Clock } from '../../base/clock.js'
import { isPenstockError } from '../../base/errors.js'
import { WATCH_LOOK_MS_MAX, WATCH_PROBLEMS_MAX } from '../../base/limits/source-limits.js'
import { Mutex } from '../../base/mutex.js'
import type { RandomSource } from '../../base/random.js'
import type { ModelSourceStatus, Reconciliation } from '../../engine/api/api.js'
import { reasonOf, sourceError } from '../imports/failures.js'
import type { AppliedAliases } from './applied-aliases.js'
import { type ReconciledEngine, Reconciler } from './reconcile.js'
import { backoffMs, Retries } from './retries.js'
import type { ModelSource, SourceListing } from './source.js'

/** What is reported to the operator. */
export interface SourceNotice {
  readonly level: 'info' | 'warn'
  readonly message: string
  readonly cause?: unknown
}

export interface WatcherOptions {
  readonly source: ModelSource
  readonly engine: ReconciledEngine
  readonly applied: AppliedAliases
  readonly intervalMs: number
  readonly clock: Clock
  readonly random: RandomSource
  readonly onNotice: (notice: SourceNotice) => void
}

export class Watcher {
  readonly #options: WatcherOptions
  readonly #reconciler: Reconciler
  readonly #inTurn = new Mutex()
  readonly #stopping = new AbortController()
  #running: Promise<void> | null = null
  /** Sentences that were reported and still hold. */
  #reported = new Set<string>()
  /** Ones of reconciliations, by model, until the model is reconciled again. */
  readonly #unreconciled = new Map<string, readonly string[]>()
  #listing: SourceListing = { models: [], problems: [], unfinished: [] }
  #looks = 0
  #failedLooks = 0
  #failuresInARow = 0
  #added = 0
  #moved = 0
  #lastLookMs: number | null = null
  #error: string | null = null

  constructor(options: WatcherOptions) {
    const { source, engine, applied, clock, random, intervalMs } = options
    this.#options = options
    const retries = new Retries({ clock, random, intervalMs })
    this.#reconciler = new Reconciler({ engine, place: source.place, applied, retries })
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Ends a look that is under way, and waits for its end. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('watching ends'))
    await this.#running
    await this.#inTurn.idle()
  }

  status(): ModelSourceStatus {
    const { source, intervalMs } = this.#options
    const problems = this.#problems()
    return {
      kind: source.kind,
      place: source.place,
      intervalMs,
      looks: this.#looks,
      failedLooks: this.#failedLooks,
      added: this.#added,
      moved: this.#moved,
      lastLookAt: this.#lastLookMs === null ? null : new Date(this.#lastLookMs).toISOString(),
      error: this.#error,
      models: this.#listing.models.map(({ name }) => name),
      problems: problems.slice(0, WATCH_PROBLEMS_MAX),
      problemCount: problems.length,
    }
  }

  /** The names of the models that the last look found. */
  get models(): readonly string[] {
    return this.#listing.models.map(({ name }) => name)
  }

  /** Looks now. @returns null: the place has no such model. @throws PenstockError ERR_SOURCE: it cannot be looked at. */
  reconcile(name: string): Promise<Reconciliation | null> {
    return this.#inTurn.run(() => this.#withSignal((signal) => this.#reconcile(name, signal)))
  }

  async #reconcile(name: string, signal: AbortSignal): Promise<Reconciliation | null> {
    await this.#list(signal)
    const unfinished = this.#listing.unfinished
      .filter((path) => path === `${name}.onnx` || path.startsWith(`${name}/`))
      .map((path) => `${path} is still changing: it is taken when it has stopped`)
    const model = this.#listing.models.find((candidate) => candidate.name === name)
    if (model !== undefined) {
      const done = await this.#reconciler.reconcile(model, true, signal)
      this.#count(done)
      return { ...done, problems: [...done.problems, ...unfinished] }
    }
    if (unfinished.length === 0) return null
    return { model: name, place: this.#options.source.place, added: [], moved: [], problems: unfinished }
  }

  async #run(): Promise<void> {
    const { intervalMs, random } = this.#options
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await this.#inTurn.run(() => runAs(SERVER_ACTOR, () => this.#withSignal((each) => this.#look(each))))
      if (signal.aborted) return
      const failures = this.#failuresInARow
      await sleep(failures === 0 ? intervalMs : backoffMs(intervalMs, failures, random), signal)
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    try {
      await this.#list(signal)
      for (const model of this.#listing.models) this.#count(await this.#reconciler.reconcile(model, false, signal))
      this.#reconciler.keep(this.#listing.models)
    } catch (error) {
      // Whoever stops it knows; a failed look has been reported.
      if (!this.#stopping.signal.aborted && this.#error === null) this.#fail(error)
    }
    this.#report()
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { source, clock } = this.#options
    this.#looks++
    this.#lastLookMs = clock.nowMs()
    try {
      this.#listing = await source.list(signal)
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#fail(error)
      throw error
    }
    if (this.#error !== null)
      this.#options.onNotice({ level: 'info', message: `${source.place} can be looked at again` })
    this.#error = null
    this.#failuresInARow = 0
    const names = new Set(this.models)
    for (const name of this.#unreconciled.keys()) if (!names.has(name)) this.#unreconciled.delete(name)
  }

  #fail(error: unknown): void {
    const message = reasonOf(error)
    this.#failedLooks++
    this.#failuresInARow++
    if (this.#error !== message)
      this.#options.onNotice({
        level: 'warn',
        message: `${this.#options.source.place} cannot be looked at; it is tried again: ${message}`,
        ...(isPenstockError(error) ? {} : { cause: error }),
      })
    this.#error = message
  }

  #count({ model, place, added, moved, problems }: Reconciliation): void {
    const { onNotice } = this.#options
    this.#added += added.length
    this.#moved += moved.length
    for (const { version, source } of added)
      onNotice({ level: 'info', message: `${model}@${version} was taken from ${source}` })
    for (const { alias, from, to } of moved)
      onNotice({
        level: 'info',
        message: `${model}@${alias} was moved from ${from === null ? 'nowhere' : `version ${from}`} to version ${to}, as ${place} has it`,
      })
    if (problems.length === 0) this.#unreconciled.delete(model)
    else this.#unreconciled.set(model, problems)
  }

  #problems(): string[] {
    return [...this.#listing.problems.map(({ message }) => message), ...[...this.#unreconciled.values()].flat()]
  }

  #report(): void {
    const { source, onNotice } = this.#options
    const now = this.#problems().slice(0, WATCH_PROBLEMS_MAX)
    for (const sentence of now)
      if (!this.#reported.has(sentence))
        onNotice({ level: 'warn', message: `${source.place} has something that cannot be taken: ${sentence}` })
    this.#reported = new Set(now)
  }

  /** One signal a look, which ends with the watching or when the look takes too long. */
  async #withSignal<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const ending = new AbortController()
    const stopping = this.#stopping.signal
    const stop = (): void => ending.abort(stopping.reason)
    const late = setTimeout(() => {
      ending.abort(sourceError(`the look took more than ${WATCH_LOOK_MS_MAX / 1000} s`))
    }, WATCH_LOOK_MS_MAX)
    if (stopping.aborted) stop()
    stopping.addEventListener('abort', stop)
    try {
      return await work(ending.signal)
    } finally {
      clearTimeout(late)
      stopping.removeEventListener('abort', stop)
    }
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    // Watching keeps no process alive.
    timer.unref()
    signal.addEventListener('abort', end)
  })
}
