/**
 * One page of the log. It ends with the limit, with what may be shown at once, or where the columns change; its cursor
 * says exactly where. Few matches over many rows cost time, so a page gives up after a while, too: with fewer rows than
 * asked for and a cursor.
 */
import { Field, type RecordBatch, Schema, Table, TimestampMillisecond } from 'apache-arrow'
import { LOG_PAGE_BYTES_MAX, LOG_PAGE_ROWS_MAX, LOG_PAGE_SCANNED_ROWS_MAX } from '../../base/limits/limits.js'
import type { LogFormat, LogPage, LogPageStatus } from '../../engine/api/logs.js'
import { flattenTable } from '../../formats/arrow/nesting.js'
import { writeArrow } from '../../formats/arrow/write-arrow.js'
import { writeRecords } from '../../formats/write-records.js'
import { decodeCursor, encodeCursor, type LogOrder } from '../cursor.js'
import { pageWarnings } from '../warnings.js'
import { chosenColumns, tableOf } from './segment/rows-table.js'
import { LogScan, timesOf, type Chunk, type RowFilter } from './segment/scan.js'
import { batchBytes } from './segment/take.js'

/** A LogQuery that was checked. */
export interface PageTask {
  readonly directory: string
  readonly pipeline: string
  readonly filter: RowFilter
  readonly order: LogOrder
  readonly limit: number
  readonly cursor: string | null
  readonly isFollowing: boolean
  readonly dataset: readonly string[] | undefined
  readonly datasetExclude: readonly string[] | undefined
  readonly separator: string | null
  readonly format: LogFormat
}

/** Bytes of JSON per byte of Arrow, about: a float32 of 4 bytes prints in some 11. */
const jsonFactor = 3

export async function readPage(task: PageTask): Promise<LogPage> {
  const position = task.cursor === null ? null : decodeCursor(task.cursor, task.order)
  const scan = await LogScan.open(task.directory, task.pipeline, task.filter, task.order, position)
  try {
    const { batches, schema, status } = await collect(scan, task)
    const rows = batches.reduce((sum, batch) => sum + batch.numRows, 0)
    const newestMs = newestOf(batches)
    return {
      body: bodyOf(batches, schema, task),
      rows,
      status,
      cursor: status === 'All' && !task.isFollowing ? null : encodeCursor(scan.position),
      warnings: pageWarnings({ status, rows, limit: task.limit, order: task.order, newestMs }),
    }
  } finally {
    scan.close()
  }
}

interface Collected {
  readonly batches: RecordBatch[]
  readonly schema: Schema | null
  readonly status: LogPageStatus
}

async function collect(scan: LogScan, task: PageTask): Promise<Collected> {
  const rowsMax = Math.min(task.limit, LOG_PAGE_ROWS_MAX)
  const bytesMax = task.format === 'records' ? LOG_PAGE_BYTES_MAX / jsonFactor : LOG_PAGE_BYTES_MAX
  const batches: RecordBatch[] = []
  let first: Chunk | null = null
  let rows = 0
  let bytes = 0
  const end = (status: LogPageStatus): Collected => ({ batches, schema: first?.schema ?? null, status })
  for (;;) {
    // One row more than is wanted shows whether there are more.
    const chunk = await scan.next(rowsMax - rows + 1)
    if (chunk === null) return end('All')
    if (chunk.count === 0) {
      if (scan.scannedRows > LOG_PAGE_SCANNED_ROWS_MAX) return end('RecordLimited')
      continue
    }
    if (rows === rowsMax) return end('RecordLimited')
    if (first !== null && chunk.schemaKey !== first.schemaKey) return end('SchemaChange')
    first ??= chunk
    const batch = fitting(chunk, Math.min(chunk.count, rowsMax - rows), bytesMax - bytes, rows === 0)
    if (batch === null) return end('ByteLimited')
    chunk.consume(batch.numRows)
    batches.push(batch)
    rows += batch.numRows
    bytes += batchBytes(batch)
    if (bytes >= bytesMax) {
      const isMore = rows < rowsMax && (await scan.next(1)) !== null
      if (isMore) return end('ByteLimited')
    }
  }
}

/** As many of the first `count` rows as fit, by the size of the average row; null: none does. */
function fitting(chunk: Chunk, count: number, bytesMax: number, isFirst: boolean): RecordBatch | null {
  const batch = chunk.rows(count)
  const bytes = batchBytes(batch)
  if (bytes <= bytesMax) return batch
  const fits = Math.floor((count * Math.max(0, bytesMax)) / bytes)
  if (fits === 0 && !isFirst) return null
  return chunk.rows(Math.max(1, fits))
}

function bodyOf(batches: RecordBatch[], schema: Schema | null, task: PageTask): Uint8Array {
  const isJson = task.format === 'records'
  if (schema === null) return isJson ? Buffer.from('[]') : writeArrow(emptyTable(), arrowForm(task.format))
  const names = chosenColumns(schema, task)
  const table = tableOf(schema, batches, names)
  if (isJson) return Buffer.from(writeRecords(table, { separator: task.separator }))
  return writeArrow(flattenTable(table, task.separator ?? '.'), arrowForm(task.format))
}

function arrowForm(format: LogFormat): 'file' | 'stream' {
  return format === 'arrow-stream' ? 'stream' : 'file'
}

function newestOf(batches: readonly RecordBatch[]): number | null {
  let newest: number | null = null
  for (const batch of batches) {
    for (const time of timesOf(batch)) newest = Math.max(newest ?? 0, Number(time))
  }
  return newest
}

/** Nobody knows the columns of a log without rows, but for the one that all have. */
function emptyTable(): Table {
  return new Table(new Schema([new Field('time', new TimestampMillisecond(), false)]))
}
