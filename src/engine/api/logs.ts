/**
 * Reading the log: what callers ask, what they get, and the interface that src/log implements for the engine. Types only.
 *
 * Rows are shown in the order in which they were logged, newest first, as `wallaroo.pipeline` does; with both dates they
 * come oldest first. A page ends where the schema changes, so that every page is one table.
 */
import type { LogRetention } from '../../pipeline/definition.js'
import type { LogColumn, LogExportResult } from './generated/records.js'
import type { CancelSignal } from './inference.js'

export type { LogExportResult, LogRetention }

/** Which rows, and which columns of them. */
export interface LogSelection {
  /** Only rows of requests that arrived at `start` or later and before `end`: a Date, or ISO 8601. Both or none. */
  readonly start?: Date | string | undefined
  readonly end?: Date | string | undefined
  /** Absent: `asc` with both dates, else `desc`. */
  readonly order?: 'asc' | 'desc' | undefined
  /** true: only rows on which no check failed; false: only the others. */
  readonly valid?: boolean | undefined
  /** Columns or groups (`time`, `in`, `out`, `anomaly`, `out_<model>.<field>`, `metadata` …); absent: `["*"]`. */
  readonly dataset?: readonly string[] | undefined
  readonly datasetExclude?: readonly string[] | undefined
  /** Rows, 1 or more; absent: 100. */
  readonly limit?: number | undefined
}

export type LogFormat = 'records' | 'arrow-file' | 'arrow-stream'

export interface LogQuery extends LogSelection {
  /** Records with flat keys, joined by this; absent: nested records. */
  readonly datasetSeparator?: string | undefined
  /** The cursor that the page before returned: this page begins after it. */
  readonly cursor?: string | undefined
  /** true: a page at the end of the log has a cursor as well, to go on with rows that come later; with order asc. */
  readonly follow?: boolean | undefined
  /** Absent: records. */
  readonly format?: LogFormat | undefined
}

/** Why a page ends: there are no more rows, or they have other columns, or there would be too many rows or bytes. */
export type LogPageStatus = 'All' | 'SchemaChange' | 'RecordLimited' | 'ByteLimited'

export interface LogPage {
  /** A JSON array of records, or Arrow. */
  readonly body: Uint8Array
  readonly rows: number
  readonly status: LogPageStatus
  /** Where to go on; null with `All`, unless the query follows. */
  readonly cursor: string | null
  readonly warnings: readonly string[]
}

export type LogExportFormat = 'json' | 'arrow' | 'parquet' | 'csv'

export interface LogExport extends LogSelection {
  /** Absent: `logs`. Made when it is not there. */
  readonly directory?: string | undefined
  /** Files are `<filePrefix>-<n>.<format>`; absent: the pipeline's name. */
  readonly filePrefix?: string | undefined
  /** Size of one file at most, such as `100MB`, `10 MiB` or `1GiB`; absent: `100MB`. */
  readonly dataSizeLimit?: string | undefined
  /** Absent: json, one record a line, with flat keys. */
  readonly format?: LogExportFormat | undefined
  /** Joins the parts of keys in json and csv; absent: `.`. */
  readonly datasetSeparator?: string | undefined
}

export interface LogExportProgress {
  readonly rows: number
  readonly files: number
  readonly sizeBytes: number
}

export interface LogSqlOptions {
  /** Milliseconds from the call on, waiting for other queries included, 1..600000; absent: 30000. */
  readonly timeoutMs?: number | undefined
  /** Bytes that the query may use, 16 MiB..16 GiB; absent: 512 MiB. */
  readonly memoryBytesMax?: number | undefined
  /** Rows of the result, 1..1000000; absent: 10000. The rest is cut off, with a warning. */
  readonly rowsMax?: number | undefined
  /** Absent: records. */
  readonly format?: LogFormat | undefined
  /** Ends the query with ERR_ABORTED. */
  readonly signal?: CancelSignal | undefined
}

export interface LogSqlResult {
  /** A JSON array of records, or Arrow. 64-bit integers keep all their digits in both. */
  readonly body: Uint8Array
  readonly rows: number
  readonly columns: readonly LogColumn[]
  readonly warnings: readonly string[]
}

/** A deployed version that is logged, and the schema message with which each of its segments begins. */
export interface LoggedSchema {
  readonly pipeline: string
  readonly schema: Uint8Array
}

/** What the log asks of the engine that uses it. */
export interface EngineLogHooks {
  /** Resolves when what was completed before is in files. */
  flush(): Promise<void>
  /** Returns the schemas of what is deployed now: tables that may have no rows yet. */
  schemas(): readonly LoggedSchema[]
  /** As the newest definition of the pipeline has it; undefined: it has none, or is gone. */
  retentionOf(pipeline: string): LogRetention | undefined
}

/** Where an engine logs to, and what reads it again. The caller opens it before the engine and closes it after. */
export interface EngineLog {
  /** The directory, absolute. */
  readonly path: string
  /** Begins the work in the background: Parquet files are made of what was logged, and what is old is removed. */
  start(hooks: EngineLogHooks): void
  /** Rows that are in files: flush first. @throws PenstockError ERR_ARGUMENT, ERR_STORAGE. */
  read(pipeline: string, query: LogQuery): Promise<LogPage>
  /** @throws PenstockError ERR_ARGUMENT, ERR_STORAGE. */
  export(
    pipeline: string,
    options: LogExport,
    onProgress?: (progress: LogExportProgress) => void,
  ): Promise<LogExportResult>
  /**
   * Flushes, and asks.
   * @throws PenstockError ERR_ARGUMENT for what is no single SELECT or is wrong in it; ERR_QUEUE_FULL;
   *   ERR_DEADLINE_EXCEEDED; ERR_ABORTED; ERR_QUERY_MEMORY; ERR_QUERY_FAILED; ERR_DRAINING; ERR_STORAGE.
   */
  query(sql: string, options?: LogSqlOptions): Promise<LogSqlResult>
  /** Takes no more queries, and ends those that there are so that a drain of `limitMs` is kept. Resolves when none is left. */
  drain(limitMs: number): Promise<void>
}
