/**
 * The engine's calls that read its log: they see to it that what has settled is in files, then leave it to the log.
 */
import { PenstockError } from '../../base/errors.js'
import type { EngineApi } from '../api/api.js'
import type { EngineLog, EngineLogHooks } from '../api/logs.js'

export interface LogCalls extends Pick<EngineApi, 'readLogs' | 'exportLogs' | 'queryLogs'> {
  /** Ends the queries within the limit of a drain. */
  drainLogs(limitMs: number): Promise<void>
}

/**
 * @param engine whose log it is; its pipelines say how long rows are kept.
 * @param log absent, or a directory alone: there is nothing that reads.
 * @param rowLogs of what is deployed and logged.
 */
export function logReading(
  engine: Pick<EngineApi, 'listPipelines' | 'getPipeline' | 'flushLogs'>,
  log: EngineLog | Pick<EngineLog, 'path'> | undefined,
  rowLogs: Pick<EngineLogHooks, 'schemas'> | null,
): LogCalls {
  const reader = log !== undefined && 'read' in log ? log : null
  reader?.start({
    flush: () => engine.flushLogs(),
    schemas: () => rowLogs?.schemas() ?? [],
    retentionOf: (pipeline) =>
      engine
        .listPipelines()
        .find(({ name }) => name === pipeline)
        ?.versions.at(-1)?.definition.log?.retention,
  })
  const expectReader = (): EngineLog => {
    if (reader !== null) return reader
    throw new PenstockError('ERR_CONFLICT', 'This engine has no log to read. Open it with a LogStore as its log')
  }
  const flushed = async (pipeline: string): Promise<EngineLog> => {
    const readable = expectReader()
    engine.getPipeline(pipeline)
    await engine.flushLogs(pipeline)
    return readable
  }
  return {
    readLogs: async (pipeline, query = {}) => (await flushed(pipeline)).read(pipeline, query),
    exportLogs: async (pipeline, options = {}, onProgress) =>
      (await flushed(pipeline)).export(pipeline, options, onProgress),
    // The rows of a removed pipeline stay readable by SQL until they are too old.
    queryLogs: async (sql, options = {}) => expectReader().query(sql, options),
    drainLogs: async (limitMs) => reader?.drain(limitMs),
  }
}
