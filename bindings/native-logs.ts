/**
 * What the addon exports of logs (native/log): made and closed with deployments, filled by workers, and by `appendLog` for
 * pipelines with strings.
 */
import type { ColumnKindCode, DurabilityCode } from './generated/boundary.js'
import type { LogHandle, PipelineHandle, PortHandle, SourceSpec } from './native-handles.js'

/** One column of a log, as native/log/log_rows.hpp fills it. */
export interface LogColumnSpec {
  kind: ColumnKindCode
  /** Elements per row; tensors, shapes and elapsed only. 0 for a tensor: a list of as many as the row has. */
  elements: number
  /** Only for tensors: rows of a model that was shed or failed are null. */
  isNullable: boolean
  /** An anomaly's check; a key's index in `keys`. */
  check: number
  /** Set for tensors and shapes. */
  source: SourceSpec | null
  dtype: number
}

export interface LogSpec {
  /** Directory of this deployment's segments; made when the first row comes. */
  directory: string
  /** The first message of each segment. */
  schema: Uint8Array
  /** Empty: of a string-path pipeline, whose rows come by appendLog. */
  columns: LogColumnSpec[]
  /** Names of the columns of keys in the meta of requests. */
  keys: string[]
  durability: DurabilityCode
  sampleRate: number
  seed: bigint
  /** New requests are refused while the log fails. */
  refusesWhileFailing: boolean
  segmentBytesMax: number
  segmentMsMax: number
}

/** Rows as one record batch message, and when the first and the last of them settled: milliseconds since 1970. */
export interface EncodedBatch {
  message: Uint8Array
  rows: number
  firstMs: number
  lastMs: number
}

export interface LogStats {
  rowCount: number
  /** Not written, or lost with a disk that failed. */
  droppedRowCount: number
  /** Texts of keys that were cut, or were no UTF-8. */
  changedKeyCount: number
  byteCount: number
  /** Logs of the pipeline that cannot be written now. */
  failingLogs: number
  /** errno of the last failure; 0: none yet. */
  lastFault: number
  /** A histogram: from the append of rows until they were on the disk. */
  commitNs: Float64Array
}

export interface NativeLogs {
  /** A log that counts with `pipeline`. It stays open until closeLog; nothing is on the disk before the first row. */
  createLog(runtime: number, pipeline: PipelineHandle, spec: LogSpec): LogHandle
  /**
   * Rows of the string path; copied. Of a committed log a `job` event of `port` with `tag` follows when they are on the disk,
   * or lost: its byte is a LogReply.
   */
  appendLog(log: LogHandle, port: PortHandle, tag: number, batch: EncodedBatch): void
  /** Whether the next request of the string path is to be logged by a sampled log. */
  drawLogSample(log: LogHandle): boolean
  /** errno while the log cannot be written, else 0. */
  logFault(log: LogHandle): number
  /** A `job` event follows when all rows that were completed before are in files, or dropped. */
  flushLog(log: LogHandle, port: PortHandle, tag: number): void
  /** The same, with the last segment sealed; later rows are dropped. */
  closeLog(log: LogHandle, port: PortHandle, tag: number): void
  /** Sums over all logs that the pipeline has had. */
  logStats(pipeline: PipelineHandle): LogStats
}
