/**
 * The engine's calls that read its log: they flush what is completed into files, then leave the reading to the log.
 */
import { PenstockError } from '../../base/errors.js'
import type { EngineApi } from '../api/api.js'
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
} from '../api/logs.js'

export class LogReading {
  readonly #engine: Pick<EngineApi, 'listPipelines' | 'getPipeline' | 'flushLogs'>
  readonly #reader: EngineLog | null

  /**
   * @param engine whose log it is; its pipelines say how long rows are kept.
   * @param log absent, or only a directory: there is nothing that reads.
   * @param rowLogs the logs that the engine writes.
   */
  constructor(
    engine: Pick<EngineApi, 'listPipelines' | 'getPipeline' | 'flushLogs'>,
    log: EngineLog | Pick<EngineLog, 'path'> | undefined,
    rowLogs: Pick<EngineLogHooks, 'schemas'> | null,
  ) {
    this.#engine = engine
    this.#reader = log !== undefined && 'read' in log ? log : null
    this.#reader?.start({
      flush: () => engine.flushLogs(),
      schemas: () => rowLogs?.schemas() ?? [],
      retentionOf: (pipeline) =>
        engine
          .listPipelines()
          .find(({ name }) => name === pipeline)
          ?.versions.at(-1)?.definition.log?.retention,
    })
  }

  async read(pipeline: string, query: LogQuery): Promise<LogPage> {
    return (await this.#flushed(pipeline)).read(pipeline, query)
  }

  async export(
    pipeline: string,
    options: LogExport,
    onProgress?: (progress: LogExportProgress) => void,
  ): Promise<LogExportResult> {
    return (await this.#flushed(pipeline)).export(pipeline, options, onProgress)
  }

  /** The rows of a removed pipeline stay readable by SQL until they are too old. */
  async query(sql: string, options: LogSqlOptions): Promise<LogSqlResult> {
    return this.#expectReader().query(sql, options)
  }

  /** Ends the queries within the limit of a drain. */
  async drain(limitMs: number): Promise<void> {
    await this.#reader?.drain(limitMs)
  }

  async #flushed(pipeline: string): Promise<EngineLog> {
    const reader = this.#expectReader()
    this.#engine.getPipeline(pipeline)
    await this.#engine.flushLogs(pipeline)
    return reader
  }

  #expectReader(): EngineLog {
    if (this.#reader !== null) return this.#reader
    throw new PenstockError('ERR_CONFLICT', 'This engine has no log to read. Open it with a LogStore as its log')
  }
}
