/**
 * A file as a sequence of infer bodies, read as it is sent: no more of it is in memory than a few bodies. Records stay
 * records; Arrow, Parquet and CSV, which is read by the pipeline's signature, become Arrow streams of a batch each;
 * .npy arrays are cut between their rows.
 */
import { createReadStream, openAsBlob } from 'node:fs'
import { stat } from 'node:fs/promises'
import { type RecordBatch, Table, tableToIPC } from 'apache-arrow'
import { isPenstockError, PenstockError } from '../base/errors.js'
import { arrowExtras } from '../formats/arrow/arrow-extras.js'
import { tableOf } from '../formats/arrow/column-types.js'
import { csvTables } from '../formats/csv/csv-table.js'
import type { CsvSignature } from '../formats/csv/read-csv.js'
import { arrowFileParts, type TablePart } from '../formats/ipc/read-file.js'
import { parquetParts } from '../formats/parquet.js'
import type { Chunk, ChunkSizes } from './chunk.js'
import type { FileFormat } from './formats.js'
import { jsonRecords } from './json-chunks.js'
import { npyChunks } from './npy-chunks.js'

const recordsType = 'application/json; format=pandas-records'
const arrowType = 'application/vnd.apache.arrow.stream'
const readBytes = 1024 * 1024

/** @throws PenstockError ERR_BODY: the file is not of its format; ERR_STORAGE: it cannot be read. */
export async function* readChunks(
  path: string,
  format: FileFormat,
  sizes: ChunkSizes,
  signature: CsvSignature | null = null,
): AsyncGenerator<Chunk> {
  try {
    if (format === 'arrow' || format === 'arrows') yield* tableChunks(arrowFileParts(path), sizes, await bytesOf(path))
    else if (format === 'parquet')
      yield* tableChunks(parquetParts(await openAsBlob(path), sizes.rowsMax), sizes, await bytesOf(path))
    else if (format === 'npy') yield* npyChunks(path, sizes)
    else if (format === 'csv' && signature !== null) yield* csvChunks(path, sizes, signature)
    else yield* recordChunks(path, sizes)
  } catch (error) {
    if (isPenstockError(error)) throw error
    const reason = error instanceof Error ? error.message : String(error)
    const isOfDisk = error instanceof Error && 'syscall' in error
    if (isOfDisk) throw new PenstockError('ERR_STORAGE', `Cannot read ${path}: ${reason}`, { cause: error })
    throw new PenstockError(
      'ERR_BODY',
      `Expected ${path} to be a whole ${format} file that can be read here but received: ${reason}`,
      { cause: error },
    )
  }
}

async function bytesOf(path: string): Promise<number> {
  return (await stat(path)).size
}

async function* recordChunks(path: string, { rowsMax, bytesMax }: ChunkSizes): AsyncGenerator<Chunk> {
  const stream = createReadStream(path, { highWaterMark: readBytes })
  const chunks = stream as AsyncIterable<Buffer>
  const records = jsonRecords(chunks, bytesMax)
  let texts: Buffer[] = []
  let bytes = 0
  let isBegun = false
  const take = (): Chunk => {
    const separated = texts.flatMap((text, index) => (index === 0 ? [text] : [Buffer.from(','), text]))
    const chunk = {
      rows: texts.length,
      contentType: recordsType,
      body: Buffer.concat([Buffer.from('['), ...separated, Buffer.from(']')]),
      bytesRead: stream.bytesRead,
    }
    texts = []
    bytes = 0
    isBegun = true
    return chunk
  }
  for await (const record of records) {
    if (texts.length > 0 && (texts.length >= rowsMax || bytes + record.length > bytesMax)) yield take()
    texts.push(record)
    bytes += record.length + 1
  }
  // A file without records gives one body without: its columns are answered.
  if (texts.length > 0 || !isBegun) yield take()
}

async function* csvChunks(path: string, sizes: ChunkSizes, signature: CsvSignature): AsyncGenerator<Chunk> {
  const stream = createReadStream(path, { highWaterMark: readBytes })
  for await (const table of csvTables(stream as AsyncIterable<Buffer>, signature, sizes))
    yield {
      rows: table.numRows,
      contentType: arrowType,
      body: tableToIPC(table, 'stream'),
      bytesRead: stream.bytesRead,
    }
}

/** A table without rows gives one body without rows: its columns are answered. */
async function* tableChunks(
  parts: AsyncIterable<TablePart>,
  sizes: ChunkSizes,
  fileBytes: number,
): AsyncGenerator<Chunk> {
  let schema: TablePart | null = null
  let rows = 0
  for await (const part of parts) {
    schema ??= part
    for (const chunk of batchChunks(batchOf(part), sizes, Math.round(fileBytes * part.share))) {
      rows += chunk.rows
      yield chunk
    }
  }
  if (rows === 0 && schema !== null) yield chunkOf(batchOf(schema), fileBytes)
}

/** All columns of a part, as they are; one batch, or none. */
function batchOf(part: TablePart): RecordBatch {
  const columns = arrowExtras(part, [...part.fields.keys()])
  return tableOf(columns).batches[0] as RecordBatch
}

function* batchChunks(batch: RecordBatch, { rowsMax, bytesMax }: ChunkSizes, bytesRead: number): Generator<Chunk> {
  const rowBytes = Math.max(1, batch.data.byteLength / Math.max(1, batch.numRows))
  const rows = Math.max(1, Math.min(rowsMax, Math.floor(bytesMax / rowBytes)))
  for (let start = 0; start < batch.numRows; start += rows)
    yield chunkOf(batch.slice(start, Math.min(start + rows, batch.numRows)), bytesRead)
}

function chunkOf(batch: RecordBatch, bytesRead: number): Chunk {
  return { rows: batch.numRows, contentType: arrowType, body: tableToIPC(new Table([batch]), 'stream'), bytesRead }
}
