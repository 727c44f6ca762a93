/**
 * The answers of a file, written as they come to a temporary file beside the target, which takes its name when all is
 * written and synced: whatever happens, there is the old file or the whole new one.
 */
import { randomBytes } from 'node:crypto'
import { open, rename, unlink, type FileHandle } from 'node:fs/promises'
import { type RecordBatch, RecordBatchFileWriter, RecordBatchStreamWriter, type Table } from 'apache-arrow'
import { PenstockError } from '../base/errors.js'
import { parquetPieces } from '../formats/parquet.js'
import { csvPieces } from '../formats/csv/write-csv.js'
import { recordPieces } from '../formats/write-records.js'
import type { OutputFormat } from './formats.js'

type Pieces = AsyncGenerator<Uint8Array | string>

/**
 * Writes `tables`, which have one schema, to `path`.
 * @throws PenstockError ERR_STORAGE; what `tables` throws. The target is as it was before then.
 */
export async function writeOutput(path: string, format: OutputFormat, tables: AsyncIterable<Table>): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  let file: FileHandle | null = null
  try {
    file = await storing(path, open(temporary, 'wx'))
    for await (const piece of outputPieces(format, tables)) {
      await storing(path, file.writeFile(piece))
    }
    await storing(path, file.sync())
    await file.close()
    await storing(path, rename(temporary, path))
  } catch (error) {
    await file?.close().catch(() => undefined)
    if (file !== null) await unlink(temporary).catch(() => undefined)
    throw error
  }
}

/** The bytes of the file, piece by piece. */
function outputPieces(format: OutputFormat, tables: AsyncIterable<Table>): Pieces {
  if (format === 'csv') return csvOf(tables)
  if (format === 'json') return jsonOf(tables)
  if (format === 'ndjson') return linesOf(tables)
  if (format === 'parquet') return parquetPieces(tables)
  return arrowOf(format, tables)
}

async function* csvOf(tables: AsyncIterable<Table>): Pieces {
  let hasHeader = true
  for await (const table of tables) {
    yield* csvPieces(table, { hasHeader })
    hasHeader = false
  }
}

async function* linesOf(tables: AsyncIterable<Table>): Pieces {
  for await (const table of tables) yield* recordPieces(table, { separator: '.', isLines: true })
}

/** One array with a record a line: a line feed in a text is escaped, so those between records are the only ones. */
async function* jsonOf(tables: AsyncIterable<Table>): Pieces {
  let head = '[\n'
  for await (const lines of linesOf(tables)) {
    if (lines === '') continue
    yield head + (lines as string).trimEnd().replaceAll('\n', ',\n')
    head = ',\n'
  }
  yield head === '[\n' ? '[]\n' : '\n]\n'
}

async function* arrowOf(format: 'arrow' | 'arrows', tables: AsyncIterable<Table>): Pieces {
  const failure: { error?: unknown } = {}
  const batches = async function* (): AsyncGenerator<RecordBatch> {
    // The writer would swallow what its source throws.
    try {
      for await (const table of tables) yield* table.batches
    } catch (error) {
      failure.error = error
    }
  }
  const source: AsyncIterable<RecordBatch> = batches()
  const writer =
    format === 'arrow' ? await RecordBatchFileWriter.writeAll(source) : await RecordBatchStreamWriter.writeAll(source)
  yield* writer as unknown as AsyncIterable<Uint8Array>
  if ('error' in failure) throw failure.error
}

/** A failing disk by its code. */
async function storing<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new PenstockError('ERR_STORAGE', `Cannot write ${path}: ${reason}`, { cause: error })
  }
}
