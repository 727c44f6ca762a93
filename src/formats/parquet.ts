/**
 * Parquet, by parquet-wasm: mostly off the request clock, for compressing takes seconds. Of what answers requests only
 * Parquet bodies and answers import this file, when the first comes; the library is loaded at the first call.
 */
import { type Table, tableFromIPC, tableToIPC } from 'apache-arrow'
import { isPenstockError, PenstockError } from '../base/errors.js'
import { ARROW_FILE_DECODED_BYTES_MAX } from '../base/limits/limits.js'
import { Allowance } from './ipc/columns.js'
import { type ArrowBody, readArrow } from './ipc/read-arrow.js'
import type { TablePart } from './ipc/read-file.js'

const rowGroupRowsMax = 65_536

/** @returns the bytes of a Parquet file, zstd-compressed, with the schema's metadata (tensor_type) kept. */
export async function writeParquet(table: Table): Promise<Uint8Array> {
  const parquet = await import('parquet-wasm')
  const properties = new parquet.WriterPropertiesBuilder()
    .setCompression(parquet.Compression.ZSTD)
    .setMaxRowGroupSize(rowGroupRowsMax)
    .build()
  return parquet.writeParquet(parquet.Table.fromIPCStream(tableToIPC(table, 'stream')), properties)
}

/** @throws PenstockError ERR_BODY when the bytes are no Parquet file. */
export async function readParquet(bytes: Uint8Array): Promise<Table> {
  const parquet = await import('parquet-wasm')
  try {
    return tableFromIPC(parquet.readParquet(bytes).intoIPCStream())
  } catch (error) {
    throw notParquet(bytes, error)
  }
}

/**
 * A whole Parquet file as the bytes of an Arrow stream, for a body of a request.
 * @param bytesMax of the file unpacked, as its own metadata say: what they hide is refused when the stream is read.
 * @param onSpend hears of those bytes before they are there; what it throws refuses the file.
 * @throws PenstockError ERR_BODY, ERR_TOO_MANY_ROWS.
 */
export async function parquetToArrow(
  bytes: Uint8Array,
  rowsMax: number,
  bytesMax: number,
  onSpend?: (bytes: number) => void,
): Promise<Uint8Array> {
  const parquet = await import('parquet-wasm')
  const reading = parquet.ParquetFile.fromFile(new Blob([bytes]))
  const file = await reading.catch((error: unknown) => {
    throw notParquet(bytes, error)
  })
  try {
    const metadata = file.metadata()
    const rows = metadata.fileMetadata().numRows()
    if (rows > rowsMax)
      throw new PenstockError(
        'ERR_TOO_MANY_ROWS',
        `Expected at most ${rowsMax} rows but received ${rows}. Send them in several requests`,
      )
    const unpacked = metadata.rowGroups().reduce((sum, group) => sum + group.totalByteSize(), 0)
    if (unpacked > bytesMax)
      throw new PenstockError(
        'ERR_BODY',
        `Expected a Parquet body of at most ${bytesMax} bytes when it is unpacked but received ${unpacked}. Send it in several requests`,
      )
    onSpend?.(unpacked)
    return parquet.readParquet(bytes).intoIPCStream()
  } catch (error) {
    throw isPenstockError(error) ? error : notParquet(bytes, error)
  } finally {
    file.free()
  }
}

function notParquet(bytes: Uint8Array, cause: unknown): PenstockError {
  return new PenstockError('ERR_BODY', `Expected a Parquet file but received ${bytes.length} bytes that are none`, {
    cause,
  })
}

/** The parts of a file of any size: a row group is in memory at a time. @param file as fs.openAsBlob gives it. */
export async function* parquetParts(file: Blob, batchRowsMax: number): AsyncGenerator<TablePart> {
  const parquet = await import('parquet-wasm')
  const reader = await parquet.ParquetFile.fromFile(file)
  const partsOf = (ipc: Uint8Array): ArrowBody => readArrow(ipc, Infinity, new Allowance(ARROW_FILE_DECODED_BYTES_MAX))
  try {
    yield { ...partsOf(reader.schema().intoIPCStream()), share: 0 }
    const groups = reader.metadata().numRowGroups()
    for (let group = 0; group < groups; group++) {
      const read = await reader.read({ rowGroups: [group], batchSize: batchRowsMax })
      const { fields, batches, allowance } = partsOf(read.intoIPCStream())
      for (const batch of batches) yield { fields, batches: [batch], allowance, share: (group + 1) / groups }
    }
  } finally {
    reader.free()
  }
}

/**
 * The bytes of one file of many tables of one schema, as they come; of tables without rows a file without rows.
 * @throws what `tables` throws.
 */
export async function* parquetPieces(tables: AsyncIterable<Table>): AsyncGenerator<Uint8Array> {
  const parquet = await import('parquet-wasm')
  const source = tables[Symbol.asyncIterator]()
  let [next, empty] = [await source.next(), null as Table | null]
  // The writer learns the schema from the first batch, so one with rows must come first.
  for (; next.done !== true && next.value.numRows === 0; next = await source.next()) empty ??= next.value
  if (next.done === true) {
    if (empty !== null) yield await writeParquet(empty)
    return
  }
  const failure: { error?: unknown } = {}
  const batches = async function* (): AsyncGenerator<unknown> {
    // The writer would answer what its source throws with words of its own.
    try {
      for (; next.done !== true; next = await source.next())
        yield* parquet.Table.fromIPCStream(tableToIPC(next.value, 'stream')).recordBatches()
    } catch (error) {
      failure.error = error
    }
  }
  const properties = new parquet.WriterPropertiesBuilder().setCompression(parquet.Compression.ZSTD).build()
  const written = await parquet.transformParquetStream(ReadableStream.from(batches()), properties)
  yield* written as unknown as AsyncIterable<Uint8Array>
  if ('error' in failure) throw failure.error
}
