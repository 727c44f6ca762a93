/**
 * A file as a sequence of infer bodies, read as it is sent: no more of it is in memory than a few bodies. Records and CSV
 * become records, Arrow and Parquet become Arrow streams of a batch each.
 */
import { createReadStream, openAsBlob } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { type RecordBatch, RecordBatchReader, Table, tableToIPC } from 'apache-arrow'
import { isPenstockError, PenstockError } from '../base/errors.js'
import { parquetBatches } from '../results/parquet.js'
import { csvRecords } from './csv-records.js'
import type { FileFormat } from './formats.js'
import { jsonRecords } from './json-chunks.js'

export interface Chunk {
  readonly rows: number
  readonly contentType: string
  readonly body: Uint8Array
  /** Of the file, after this chunk; as far as it is known. */
  readonly bytesRead: number
}

export interface ChunkSizes {
  readonly rowsMax: number
  /** Of a body; a single row may have more. */
  readonly bytesMax: number
}

const recordsType = 'application/json; format=pandas-records'
const arrowType = 'application/vnd.apache.arrow.stream'
const readBytes = 1024 * 1024

/** @throws PenstockError ERR_BODY: the file is not of its format; ERR_STORAGE: it cannot be read. */
export async function* readChunks(path: string, format: FileFormat, sizes: ChunkSizes): AsyncGenerator<Chunk> {
  try {
    if (format === 'arrow' || format === 'arrows') yield* arrowChunks(path, sizes)
    else if (format === 'parquet') yield* parquetChunks(path, sizes)
    else yield* recordChunks(path, format, sizes)
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

async function* recordChunks(
  path: string,
  format: FileFormat,
  { rowsMax, bytesMax }: ChunkSizes,
): AsyncGenerator<Chunk> {
  const stream = createReadStream(path, { highWaterMark: readBytes })
  const chunks = stream as AsyncIterable<Buffer>
  const records = format === 'csv' ? csvRecords(chunks, bytesMax) : jsonRecords(chunks, bytesMax)
  let texts: Buffer[] = []
  let bytes = 0
  const take = (): Chunk => {
    const separated = texts.flatMap((text, index) => [Buffer.from(index === 0 ? '[' : ','), text])
    const chunk = {
      rows: texts.length,
      contentType: recordsType,
      body: Buffer.concat([...separated, Buffer.from(']')]),
      bytesRead: stream.bytesRead,
    }
    texts = []
    bytes = 0
    return chunk
  }
  for await (const record of records) {
    if (texts.length > 0 && (texts.length >= rowsMax || bytes + record.length > bytesMax)) yield take()
    texts.push(record)
    bytes += record.length + 1
  }
  if (texts.length > 0) yield take()
}

/** Through the file's own handle: an Arrow file is read block by block, wherever its footer is. */
async function* arrowChunks(path: string, sizes: ChunkSizes): AsyncGenerator<Chunk> {
  const { size } = await stat(path)
  const file = await open(path, 'r')
  try {
    const reader = await RecordBatchReader.from(file)
    let rows = 0
    for await (const batch of reader as AsyncIterable<RecordBatch>) {
      rows += batch.numRows
      yield* batchChunks(batch, sizes, size)
    }
    // A file that is no Arrow has a reader that ends at once.
    if (rows === 0 && reader.schema === undefined)
      throw new PenstockError('ERR_BODY', `Expected ${path} to be Arrow but it has no schema`)
  } finally {
    await file.close().catch(() => undefined)
  }
}

async function* parquetChunks(path: string, sizes: ChunkSizes): AsyncGenerator<Chunk> {
  const file = await openAsBlob(path)
  for await (const { batch, share } of parquetBatches(file, sizes.rowsMax))
    yield* batchChunks(batch, sizes, Math.round(file.size * share))
}

function* batchChunks(batch: RecordBatch, { rowsMax, bytesMax }: ChunkSizes, bytesRead: number): Generator<Chunk> {
  const rowBytes = Math.max(1, batch.data.byteLength / Math.max(1, batch.numRows))
  const rows = Math.max(1, Math.min(rowsMax, Math.floor(bytesMax / rowBytes)))
  for (let start = 0; start < batch.numRows; start += rows) {
    const part = batch.slice(start, Math.min(start + rows, batch.numRows))
    yield { rows: part.numRows, contentType: arrowType, body: tableToIPC(new Table([part]), 'stream'), bytesRead }
  }
}
