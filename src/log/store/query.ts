/** Checks what callers ask of the log, once, before a thread is bothered with it. Pure. */
import {
  argumentError,
  expectArray,
  expectBoolean,
  expectInteger,
  expectNoOtherKeys,
  expectOneOf,
  expectRecord,
  expectString,
} from '../../base/expect.js'
import {
  LOG_EXPORT_FILE_BYTES_MIN,
  LOG_LIMIT_DEFAULT,
  LOG_SQL_CHARACTERS_MAX,
  LOG_SQL_MEMORY_BYTES,
  LOG_SQL_MEMORY_BYTES_MAX,
  LOG_SQL_MEMORY_BYTES_MIN,
  LOG_SQL_MS,
  LOG_SQL_MS_MAX,
  LOG_SQL_ROWS,
  LOG_SQL_ROWS_MAX,
} from '../../base/limits/limits.js'
import type { LogExport, LoggedSchema, LogQuery, LogSelection, LogSqlOptions } from '../../engine/api/logs.js'
import { orderOfCursor, type LogOrder } from '../cursor.js'
import { parseDataSize } from '../data-size.js'
import { expectReading } from '../sql-text.js'
import type { ExportTask } from '../flow/export-logs.js'
import type { PageTask } from '../flow/read-page.js'
import type { RowFilter } from '../flow/segment/scan.js'
import type { SqlTask } from '../flow/sql/sql.js'

const selectionKeys: readonly (keyof LogSelection)[] = [
  'start',
  'end',
  'order',
  'valid',
  'dataset',
  'datasetExclude',
  'limit',
]
const formats = ['records', 'arrow-file', 'arrow-stream'] as const
const separatorCharactersMax = 16

/** @throws PenstockError ERR_ARGUMENT naming the option. */
export function pageTask(directory: string, pipeline: string, query: LogQuery): PageTask {
  const record = expectRecord('the query', query)
  expectNoOtherKeys('the query', record, [...selectionKeys, 'datasetSeparator', 'cursor', 'format', 'follow'])
  const cursor = query.cursor === undefined ? null : expectString('cursor', query.cursor)
  const selection = selectionOf(query, cursor)
  if (query.follow === true && selection.order !== 'asc')
    throw argumentError('order', 'asc with follow', selection.order)
  return {
    directory,
    pipeline,
    ...selection,
    cursor,
    isFollowing: expectBoolean('follow', query.follow ?? false),
    separator: separatorOf(query.datasetSeparator, null),
    format: expectOneOf('format', query.format ?? 'records', formats),
  }
}

/** @throws PenstockError ERR_ARGUMENT naming the option. */
export function exportTask(logDirectory: string, pipeline: string, options: LogExport): ExportTask {
  const record = expectRecord('the options', options)
  const keys = [...selectionKeys, 'directory', 'filePrefix', 'dataSizeLimit', 'format', 'datasetSeparator']
  expectNoOtherKeys('the options', record, keys)
  const prefix = expectString('filePrefix', options.filePrefix ?? pipeline, 128)
  if (!/^[\w][\w. -]*$/.test(prefix))
    throw argumentError('filePrefix', 'letters, digits, ., -, _ and blanks, beginning with none of the marks', prefix)
  const sizeBytesMax = parseDataSize('dataSizeLimit', options.dataSizeLimit ?? '100MB')
  if (sizeBytesMax < LOG_EXPORT_FILE_BYTES_MIN)
    throw argumentError('dataSizeLimit', `at least ${LOG_EXPORT_FILE_BYTES_MIN} bytes`, options.dataSizeLimit)
  return {
    logDirectory,
    pipeline,
    ...selectionOf(options, null),
    directory: expectString('directory', options.directory ?? 'logs', 4096),
    prefix,
    sizeBytesMax,
    format: expectOneOf('format', options.format ?? 'json', ['json', 'arrow', 'parquet', 'csv']),
    separator: separatorOf(options.datasetSeparator, '.') ?? '.',
  }
}

/** @throws PenstockError ERR_ARGUMENT naming the option. */
export function sqlTask(
  directory: string,
  sql: string,
  options: LogSqlOptions,
  deployed: readonly LoggedSchema[] = [],
): SqlTask {
  const record = expectRecord('the options', options)
  expectNoOtherKeys('the options', record, ['timeoutMs', 'memoryBytesMax', 'rowsMax', 'format', 'signal'])
  expectReading(expectString('sql', sql, LOG_SQL_CHARACTERS_MAX))
  return {
    directory,
    sql,
    timeoutMs: expectInteger('timeoutMs', options.timeoutMs ?? LOG_SQL_MS, 1, LOG_SQL_MS_MAX),
    memoryBytesMax: expectInteger(
      'memoryBytesMax',
      options.memoryBytesMax ?? LOG_SQL_MEMORY_BYTES,
      LOG_SQL_MEMORY_BYTES_MIN,
      LOG_SQL_MEMORY_BYTES_MAX,
    ),
    rowsMax: expectInteger('rowsMax', options.rowsMax ?? LOG_SQL_ROWS, 1, LOG_SQL_ROWS_MAX),
    format: expectOneOf('format', options.format ?? 'records', formats),
    deployed,
  }
}

function selectionOf(
  selection: LogSelection,
  cursor: string | null,
): {
  filter: RowFilter
  order: LogOrder
  limit: number
  dataset: string[] | undefined
  datasetExclude: string[] | undefined
} {
  const { start, end, valid } = selection
  if ((start === undefined) !== (end === undefined)) {
    const [given, missing] = start === undefined ? ['end', 'start'] : ['start', 'end']
    throw argumentError('start and end', 'both there or both absent', `${given} alone`, `Give ${missing} as well`)
  }
  const startMs = start === undefined ? 0 : instantOf('start', start)
  const endMs = end === undefined ? Number.POSITIVE_INFINITY : instantOf('end', end)
  if (startMs > endMs) throw argumentError('start', 'before end', start)
  const natural = start === undefined ? 'desc' : 'asc'
  const order = selection.order ?? (cursor === null ? natural : orderOfCursor(cursor))
  return {
    filter: { startMs, endMs, valid: valid === undefined ? null : expectBoolean('valid', valid) },
    order: expectOneOf('order', order, ['asc', 'desc']),
    limit: expectInteger('limit', selection.limit ?? LOG_LIMIT_DEFAULT, 1, Number.MAX_SAFE_INTEGER),
    dataset: namesOf('dataset', selection.dataset),
    datasetExclude: namesOf('datasetExclude', selection.datasetExclude),
  }
}

const isoPattern = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?$/i

/** Without a zone: UTC, as everywhere in the log. */
function instantOf(name: string, value: unknown): number {
  const isText = typeof value === 'string' && isoPattern.test(value)
  const hasZone = isText && /Z$|[T ].*[+-]\d\d:?\d\d$/i.test(value)
  const ms =
    value instanceof Date
      ? value.getTime()
      : isText
        ? Date.parse(hasZone || value.length === 10 ? value : `${value}Z`)
        : NaN
  if (Number.isFinite(ms) && ms >= 0) return ms
  throw argumentError(name, 'a Date, or ISO 8601 such as 2026-01-31T12:00:00Z', value)
}

function namesOf(name: string, value: readonly string[] | undefined): string[] | undefined {
  return value === undefined
    ? undefined
    : expectArray(name, value, 4096).map((entry) => expectString(`each entry of ${name}`, entry, 1024))
}

function separatorOf(value: string | undefined, absent: string | null): string | null {
  return value === undefined ? absent : expectString('datasetSeparator', value, separatorCharactersMax)
}
