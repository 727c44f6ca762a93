/** Tables in files as typed columns, part by part and as often as it takes: what transforms read. */
import { openAsBlob } from 'node:fs'
import { isPenstockError, PenstockError } from '../../base/errors.js'
import { argumentError } from '../../base/expect.js'
import { arrowFileParts } from '../../formats/ipc/read-file.js'
import { parquetParts } from '../../formats/parquet.js'
import type { ColumnTable } from '../../transforms/draft/column.js'
import type { FileFormat } from '../formats.js'

const partRows = 8192

/**
 * @param names the columns that are wanted; absent: all.
 * @param path a CSV, JSON, NDJSON, Arrow or Parquet file.
 * @throws PenstockError ERR_ARGUMENT: a format without columns; ERR_BODY: the file is not of its format; ERR_DTYPE: a
 * column of a type that no transform takes; ERR_STORAGE.
 */
export async function openTable(path: string, format: FileFormat, names?: readonly string[]): Promise<ColumnTable> {
  try {
    return readingFrom(path, await open(path, format, names))
  } catch (error) {
    throw told(path, error)
  }
}

async function open(path: string, format: FileFormat, names?: readonly string[]): Promise<ColumnTable> {
  if (format === 'npy')
    throw argumentError('the table', 'a file with named columns: CSV, JSON, NDJSON, Arrow or Parquet', path)
  if (format === 'csv' || format === 'json' || format === 'ndjson') {
    const { csvTable, recordTable } = await import('./cell-table.js')
    return format === 'csv' ? csvTable(path, names) : recordTable(path, names)
  }
  const { arrowTable } = await import('./arrow-table.js')
  if (format === 'parquet') {
    const file = await openAsBlob(path)
    return arrowTable(() => parquetParts(file, partRows), names)
  }
  return arrowTable(() => arrowFileParts(path), names)
}

/** Failures of later passes, in the same words. */
function readingFrom(path: string, table: ColumnTable): ColumnTable {
  return {
    ...table,
    parts: async function* () {
      try {
        yield* table.parts()
      } catch (error) {
        throw told(path, error)
      }
    },
  }
}

function told(path: string, error: unknown): unknown {
  if (isPenstockError(error)) return error
  const reason = error instanceof Error ? error.message : String(error)
  const isOfDisk = error instanceof Error && 'syscall' in error
  if (isOfDisk) return new PenstockError('ERR_STORAGE', `Cannot read ${path}: ${reason}`, { cause: error })
  return new PenstockError(
    'ERR_BODY',
    `Expected ${path} to be a whole file that can be read here but received: ${reason}`,
    { cause: error },
  )
}
