/**
 * `engine.readLogs`, `exportLogs` and `queryLogs` of a server. Bodies come as they are, so that Arrow stays Arrow and
 * integers beyond 2^53 keep their digits; what the engine tells beside them comes in headers.
 */
import type {
  LogExport,
  LogExportResult,
  LogFormat,
  LogPage,
  LogPageStatus,
  LogQuery,
  LogSqlOptions,
  LogSqlResult,
} from '../../engine/api/logs.js'
import { pipelinePath } from './paths.js'
import type { HttpCaller } from './http.js'

/** A page without the number of its rows, which is in its body. */
export type RemoteLogPage = Omit<LogPage, 'rows'>
/** The result in its form: records as JSON of `{"columns", "warnings", "records"}`, or Arrow. */
export type RemoteSqlResult = Pick<LogSqlResult, 'body' | 'warnings'>

const accepts: Readonly<Record<LogFormat, string>> = {
  records: 'application/json',
  'arrow-file': 'application/vnd.apache.arrow.file',
  'arrow-stream': 'application/vnd.apache.arrow.stream',
}

export async function readLogs(http: HttpCaller, pipeline: string, query: LogQuery): Promise<RemoteLogPage> {
  const path = `${pipelinePath(pipeline)}/logs${queryText(query)}`
  const { bytes, headers } = await http.callForBytes('GET', path, { accept: accepts[query.format ?? 'records'] })
  return {
    body: bytes,
    status: (headers.get('x-iteration-status') ?? 'All') as LogPageStatus,
    cursor: headers.get('x-iteration-cursor'),
    warnings: warningsOf(headers),
  }
}

/** Files are written by the server, below its own export directory. */
export async function exportLogs(http: HttpCaller, pipeline: string, options: LogExport): Promise<LogExportResult> {
  const { filePrefix, dataSizeLimit, datasetExclude, datasetSeparator, start, end, ...others } = options
  const json = {
    ...others,
    start: timeText(start),
    end: timeText(end),
    file_prefix: filePrefix,
    data_size_limit: dataSizeLimit,
    dataset_exclude: datasetExclude,
    dataset_separator: datasetSeparator,
  }
  const answer = (await http.call('POST', `${pipelinePath(pipeline)}/logs/export`, { json })) as {
    files: readonly { path: string; rows: number; size_bytes: number }[]
    rows: number
    warnings: readonly string[]
  }
  const files = answer.files.map(({ path, rows, size_bytes: sizeBytes }) => ({ path, rows, sizeBytes }))
  return { files, rows: answer.rows, warnings: answer.warnings }
}

export async function queryLogs(http: HttpCaller, sql: string, options: LogSqlOptions): Promise<RemoteSqlResult> {
  const { timeoutMs, memoryBytesMax, rowsMax, format = 'records', signal } = options
  const json = { sql, timeout_ms: timeoutMs, memory_bytes_max: memoryBytesMax, rows_max: rowsMax }
  const { bytes, headers } = await http.callForBytes('POST', '/v1/logs/query', {
    accept: accepts[format],
    json,
    signal,
  })
  return { body: bytes, warnings: warningsOf(headers) }
}

function queryText({
  dataset,
  datasetExclude,
  datasetSeparator,
  start,
  end,
  format: _format,
  ...others
}: LogQuery): string {
  const query = new URLSearchParams()
  const all = { ...others, start: timeText(start), end: timeText(end), dataset_separator: datasetSeparator }
  for (const [name, value] of Object.entries(all)) if (value !== undefined) query.set(name, String(value))
  for (const column of dataset ?? []) query.append('dataset[]', column)
  for (const column of datasetExclude ?? []) query.append('dataset_exclude[]', column)
  return query.size === 0 ? '' : `?${query.toString()}`
}

function timeText(time: Date | string | undefined): string | undefined {
  return time instanceof Date ? time.toISOString() : time
}

/** Several headers of one name come joined; these are the words that warnings begin with. */
function warningsOf(headers: Headers): string[] {
  const joined = headers.get('x-iteration-warning')
  return joined === null ? [] : joined.split(/, (?=Warning: |Pipeline log )/)
}
