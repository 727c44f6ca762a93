/**
 * The engine's calls that read its log: they see to it that what has settled is in files, then leave it to the log.
 */
import { PenstockError } from '../base/errors.js'
import type { EngineApi } from './api.js'
import type { EngineLog, EngineLogHooks } from './log-api.js'

export type LogCalls = Pick<EngineApi, 'readLogs' | 'exportLogs' | 'queryLogs'>

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
    schemas: () => rowLogs?.schemas() ?? [],
    retentionOf: (pipeline) =>
      engine
        .listPipelines()
        .find(({ name }) => name === pipeline)
        ?.versions.at(-1)?.definition.log?.retention,
  })
  const flushed = async (pipeline?: string): Promise<EngineLog> => {
    if (reader === null)
      throw new PenstockError('ERR_CONFLICT', 'This engine has no log to read. Open it with a LogStore as its log')
    // The rows of a removed pipeline stay readable by SQL until they are too old.
    if (pipeline !== undefined) engine.getPipeline(pipeline)
    await engine.flushLogs(pipeline)
    return reader
  }
  return {
    readLogs: async (pipeline, query = {}) => (await flushed(pipeline)).read(pipeline, query),
    exportLogs: async (pipeline, options = {}, onProgress) =>
      (await flushed(pipeline)).export(pipeline, options, onProgress),
    queryLogs: async (sql, options = {}) => (await flushed()).query(sql, options),
  }
}
