/**
 * `engine.readLogs`, `exportLogs` and `queryLogs` of a server. Bodies come as they are, so that Arrow stays Arrow and
 * integers beyond 2^53 keep their digits; what the engine reports beside them comes in headers.
 */
import type {
  LogExport,
  LogFormat,
  LogPage,
  LogPageStatus,
  LogQuery,
  LogSqlOptions,
  LogSqlResult,
} from '../../engine/api/logs.js'
import type { ControlCalls } from './calls.js'

/** A page without the number of its rows, which is in its body. */
export type RemoteLogPage = Omit<LogPage, 'rows'>
/** The result in its form: records as JSON of `{"columns", "warnings", "records"}`, or Arrow. */
export type RemoteSqlResult = Pick<LogSqlResult, 'body' | 'warnings'>

const accepts: Readonly<Record<LogFormat, string>> = {
  records: 'application/json',
  'arrow-file': 'application/vnd.apache.arrow.file',
  'arrow-stream': 'application/vnd.apache.arrow.stream',
}

export async function readLogs(calls: ControlCalls, pipeline: string, query: LogQuery): Promise<RemoteLogPage> {
  const { bytes, headers } = await calls.readLogs(pipeline, pageQuery(query), accepts[query.format ?? 'records'])
  return {
    body: bytes,
    status: (headers.get('x-iteration-status') ?? 'All') as LogPageStatus,
    cursor: headers.get('x-iteration-cursor'),
    warnings: warningsOf(headers),
  }
}

/** The body of an export. Files are written by the server, below its own export directory. */
export function exportRequest(options: LogExport): object {
  const { filePrefix, dataSizeLimit, datasetExclude, datasetSeparator, start, end, ...others } = options
  return {
    ...others,
    start: timeText(start),
    end: timeText(end),
    file_prefix: filePrefix,
    data_size_limit: dataSizeLimit,
    dataset_exclude: datasetExclude,
    dataset_separator: datasetSeparator,
  }
}

export async function queryLogs(calls: ControlCalls, sql: string, options: LogSqlOptions): Promise<RemoteSqlResult> {
  const { timeoutMs, memoryBytesMax, rowsMax, format = 'records', signal } = options
  const json = { sql, timeout_ms: timeoutMs, memory_bytes_max: memoryBytesMax, rows_max: rowsMax }
  const { bytes, headers } = await calls.queryLogs(json, { accept: accepts[format], signal })
  return { body: bytes, warnings: warningsOf(headers) }
}

/** A page's query as its address has it. */
function pageQuery({
  dataset,
  datasetExclude,
  datasetSeparator,
  start,
  end,
  format: _format,
  ...others
}: LogQuery): URLSearchParams {
  const query = new URLSearchParams()
  const all = { ...others, start: timeText(start), end: timeText(end), dataset_separator: datasetSeparator }
  for (const [name, value] of Object.entries(all)) if (value !== undefined) query.set(name, String(value))
  for (const column of dataset ?? []) query.append('dataset[]', column)
  for (const column of datasetExclude ?? []) query.append('dataset_exclude[]', column)
  return query
}

function timeText(time: Date | string | undefined): string | undefined {
  return time instanceof Date ? time.toISOString() : time
}

/** Several headers of one name come joined; these are the words that warnings begin with. */
function warningsOf(headers: Headers): string[] {
  const joined = headers.get('x-iteration-warning')
  return joined === null ? [] : joined.split(/, (?=Warning: |Pipeline log )/)
}
