/**
 * The log on disk, as the engine sees it: where it writes, and what reads it again. All work is done on flow threads
 * (flow-pool.ts); this file checks what is asked, and decides when there is something to tidy up.
 *
 *    open ─► leftovers of killed processes are noted ─► start ─► every few seconds, one thing at a time:
 *            repair leftovers · make Parquet of what is sealed · remove what is too old or too much
 *
 * Whatever a pass meets that it cannot do (a full disk, a file that somebody removed) is reported once and tried again
 * in the next: the log's upkeep must not end a server.
 */
import { mkdir, readdir, rm, unlink, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { systemClock, type Clock } from '../../base/clock.js'
import { LOG_SQL_MS_MAX, LOG_UPKEEP_MS } from '../../base/limits/limits.js'
import type {
  EngineLog,
  EngineLogHooks,
  LogExport,
  LogExportProgress,
  LogExportResult,
  LogPage,
  LogQuery,
  LogSqlOptions,
  LogSqlResult,
} from '../../engine/api/logs.js'
import { FlowPool, progressPort } from './flow-pool.js'
import { LogQueries } from './log-queries.js'
import { exportTask, pageTask } from './query.js'
import { expiredSegments, type SizedSegment } from '../segments/retention.js'
import { isAbsent, listPipelines, listSegments, listVersions, sizeOf, type Segment } from '../segments/segment-list.js'
import { parseRetiredName, parseSegmentName, retiredName } from '../segments/segment-name.js'
import { storageFailure } from '../storage-failure.js'

export interface LogStoreOptions {
  readonly clock?: Clock | undefined
  /** Milliseconds between looks at the folders, 10..3600000; absent: 5000. */
  readonly upkeepMs?: number | undefined
  /** Called once per failure, until something succeeds again. */
  readonly onError?: ((error: unknown) => void) | undefined
}

/** Ends the names of what is not whole yet; as compact.ts has it. */
const temporarySuffix = '.tmp'
/** Begins the names of folders that queries of earlier versions needed while they ran. */
const scratchPrefix = '.query-'

export class LogStore implements EngineLog {
  /** Absolute. */
  readonly path: string
  readonly #clock: Clock
  readonly #upkeepMs: number
  readonly #onError: (error: unknown) => void
  readonly #readers = FlowPool.readers()
  readonly #compactor = FlowPool.compactor()
  readonly #queries: LogQueries
  /** Live segments that were there at the start: nobody writes them any more. */
  readonly #leftovers: Segment[]
  /** Sealed segments that have not the rows that their names say. */
  readonly #damaged = new Set<string>()
  #hooks: EngineLogHooks | null = null
  #timer: NodeJS.Timeout | undefined
  #upkeep: Promise<void> = Promise.resolve()
  #retiredMs: number
  #isFailing = false
  #isClosed = false

  private constructor(path: string, leftovers: Segment[], options: LogStoreOptions) {
    this.path = path
    this.#queries = new LogQueries(path, () => this.#hooks)
    this.#leftovers = leftovers
    this.#clock = options.clock ?? systemClock
    this.#retiredMs = this.#clock.nowMs()
    this.#upkeepMs = options.upkeepMs ?? LOG_UPKEEP_MS
    this.#onError = options.onError ?? (() => undefined)
  }

  /**
   * Opens the log under `directory`, which is made when absent. Open it before the engine that writes it: every segment
   * that is unfinished now is taken for a killed process's.
   * @throws PenstockError ERR_STORAGE
   */
  static async open(directory: string, options: LogStoreOptions = {}): Promise<LogStore> {
    const path = resolve(directory)
    try {
      await mkdir(path, { recursive: true })
      await removeTemporaries(path)
      const leftovers: Segment[] = []
      for (const pipeline of await listPipelines(path))
        leftovers.push(...(await listSegments(path, pipeline)).filter(({ form }) => form === 'live'))
      return new LogStore(path, leftovers, options)
    } catch (error) {
      throw storageFailure(error)
    }
  }

  start(hooks: EngineLogHooks): void {
    if (this.#hooks !== null) throw new Error('Expected one engine a log')
    this.#hooks = hooks
    this.#schedule(0)
  }

  async read(pipeline: string, query: LogQuery): Promise<LogPage> {
    return (await this.#readers.run({ kind: 'page', task: pageTask(this.path, pipeline, query) })) as LogPage
  }

  async export(
    pipeline: string,
    options: LogExport,
    onProgress?: (progress: LogExportProgress) => void,
  ): Promise<LogExportResult> {
    const task = exportTask(this.path, pipeline, options)
    const progress = onProgress === undefined ? null : progressPort(onProgress)
    const transfer = progress === null ? [] : [progress]
    return (await this.#readers.run({ kind: 'export', task, progress }, transfer)) as LogExportResult
  }

  async query(sql: string, options: LogSqlOptions = {}): Promise<LogSqlResult> {
    return this.#queries.run(sql, options)
  }

  /**
   * Starts what the first query would wait for half a second for, for a server that expects one. Ten minutes without a
   * query end it.
   * @throws PenstockError ERR_CLOSED
   */
  prepareQueries(): Promise<void> {
    return this.#queries.prepare()
  }

  drain(limitMs: number): Promise<void> {
    return this.#queries.drain(limitMs)
  }

  /** One pass of upkeep now, after the one that runs; resolves when it is done. */
  async tidy(): Promise<void> {
    this.#upkeep = this.#upkeep.then(() => this.#pass())
    await this.#upkeep
  }

  /** Ends what runs: its callers get ERR_CLOSED. Safe to call twice. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await Promise.all([this.#readers.close(), this.#queries.close(), this.#compactor.close()])
    await this.#upkeep
  }

  #schedule(delayMs: number): void {
    if (this.#isClosed) return
    this.#timer = setTimeout(() => void this.tidy().finally(() => this.#schedule(this.#upkeepMs)), delayMs).unref()
  }

  async #pass(): Promise<void> {
    let error: unknown = null
    const attempt = async (work: () => Promise<void>): Promise<void> => {
      if (this.#isClosed) return
      try {
        await work()
      } catch (failure) {
        if (!isAbsent(failure)) error ??= failure
      }
    }
    await attempt(() => this.#repairLeftovers())
    // The files of a query stay while it runs; of queries without end no longer than the longest: the disk is bounded,
    // too.
    const nowMs = this.#clock.nowMs()
    const retires = !this.#queries.isRunning || nowMs - this.#retiredMs > LOG_SQL_MS_MAX
    if (retires) this.#retiredMs = nowMs
    for (const pipeline of await listPipelines(this.path).catch(() => [])) {
      await attempt(() => this.#compact(pipeline))
      if (retires) await attempt(() => this.#retire(pipeline))
    }
    if (error !== null && !this.#isFailing && !this.#isClosed) this.#onError(error)
    this.#isFailing = error !== null
  }

  async #repairLeftovers(): Promise<void> {
    for (;;) {
      const segment = this.#leftovers[0]
      if (segment === undefined || this.#isClosed) return
      await this.#compactor.run({ kind: 'repair', path: segment.path, seq: segment.seq })
      this.#leftovers.shift()
    }
  }

  async #compact(pipeline: string): Promise<void> {
    for (const version of await listVersions(join(this.path, pipeline))) {
      const folder = join(this.path, pipeline, String(version))
      for (const file of (await readdir(folder)).sort()) {
        if (this.#isClosed) return
        const path = join(folder, file)
        if (parseSegmentName(file)?.form !== 'sealed' || this.#damaged.has(path)) continue
        if (await this.#compactor.run({ kind: 'compact', path })) continue
        this.#damaged.add(path)
        this.#onError(
          new Error(`${path} is damaged: it has not the rows that its name says. It is read as far as it goes`),
        )
      }
    }
  }

  async #retire(pipeline: string): Promise<void> {
    const retention = this.#hooks?.retentionOf(pipeline) ?? {}
    const segments: SizedSegment[] = []
    for (const segment of await listSegments(this.path, pipeline)) {
      const sizeBytes = await sizeOf(segment.path)
      if (sizeBytes !== null) segments.push({ segment, sizeBytes })
    }
    for (const segment of expiredSegments(segments, retention, this.#clock.nowMs())) await removeSegment(segment)
  }
}

/** The marker comes first: a number that was used must never look free. */
async function removeSegment({ path, seq }: Segment): Promise<void> {
  const folder = dirname(path)
  const markers = (await readdir(folder)).flatMap((file) => {
    const retired = parseRetiredName(file)
    return retired === null ? [] : [retired]
  })
  if (markers.every((retired) => retired < seq)) await writeFile(join(folder, retiredName(seq)), '')
  await unlink(path)
  for (const retired of markers) if (retired < seq) await rm(join(folder, retiredName(retired)), { force: true })
}

async function removeTemporaries(directory: string): Promise<void> {
  for (const name of await readdir(directory))
    if (name.startsWith(scratchPrefix)) await rm(join(directory, name), { recursive: true, force: true })
  for (const pipeline of await listPipelines(directory)) {
    for (const version of await listVersions(join(directory, pipeline))) {
      const folder = join(directory, pipeline, String(version))
      for (const name of await readdir(folder))
        if (name.endsWith(temporarySuffix)) await rm(join(folder, name), { force: true })
    }
  }
}
