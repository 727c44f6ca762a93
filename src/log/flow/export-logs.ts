/**
 * Writes a stretch of the log to files. It goes through the log a chunk at a time, so that memory follows neither the
 * export nor the log; a new file begins where the columns change and where the size limit is reached.
 */
import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { LOG_PAGE_SCANNED_ROWS_MAX } from '../../base/limits/limits.js'
import type { LogExportFormat, LogExportProgress, LogExportResult } from '../../engine/api/logs.js'
import type { LogOrder } from '../cursor.js'
import { exportWarning } from '../warnings.js'
import { ExportFiles } from './export-files.js'
import { chosenColumns, tableOf } from './segment/rows-table.js'
import { LogScan, type RowFilter } from './segment/scan.js'

/** A LogExport that was checked. */
export interface ExportTask {
  readonly logDirectory: string
  readonly pipeline: string
  readonly filter: RowFilter
  readonly order: LogOrder
  readonly limit: number
  readonly dataset: readonly string[] | undefined
  readonly datasetExclude: readonly string[] | undefined
  readonly directory: string
  readonly prefix: string
  readonly sizeBytesMax: number
  readonly format: LogExportFormat
  readonly separator: string
}

/** Rows that are converted in one go: a few MiB of a row with a hundred numbers. */
const chunkRows = 4096

export async function exportLogs(
  task: ExportTask,
  onProgress: (progress: LogExportProgress) => void,
): Promise<LogExportResult> {
  const directory = resolve(task.directory)
  mkdirSync(directory, { recursive: true })
  const scan = await LogScan.open(task.logDirectory, task.pipeline, task.filter, task.order, null)
  const files = new ExportFiles({ ...task, directory })
  let rows = 0
  let schemaKey: string | null = null
  try {
    while (rows < task.limit) {
      const chunk = await scan.next(Math.min(chunkRows, task.limit - rows))
      if (chunk === null) break
      if (chunk.count === 0) continue
      if (schemaKey !== null && chunk.schemaKey !== schemaKey) await files.endFile()
      schemaKey = chunk.schemaKey
      const count = Math.min(chunk.count, chunkRows, task.limit - rows)
      const table = tableOf(chunk.schema, [chunk.rows(count)], chosenColumns(chunk.schema, task))
      chunk.consume(count)
      await files.write(table)
      rows += count
      onProgress(files.progress)
    }
    await files.endFile()
    const warnings = rows === task.limit && (await hasMore(scan)) ? [exportWarning] : []
    return { files: files.finished, rows, warnings }
  } finally {
    files.abandon()
    scan.close()
  }
}

/** Whether another row matches, as far as may be looked. */
async function hasMore(scan: LogScan): Promise<boolean> {
  const end = scan.scannedRows + LOG_PAGE_SCANNED_ROWS_MAX
  while (scan.scannedRows < end) {
    const chunk = await scan.next(1)
    if (chunk === null) return false
    if (chunk.count > 0) return true
  }
  return true
}
