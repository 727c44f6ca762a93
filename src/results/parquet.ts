/**
 * Parquet, by parquet-wasm: off the request clock only, for compressing takes seconds. Nothing that answers requests
 * imports this file; the library is loaded at the first call.
 */
import { type RecordBatch, type Table, tableFromIPC, tableToIPC } from 'apache-arrow'
import { PenstockError } from '../base/errors.js'

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
    throw new PenstockError('ERR_BODY', `Expected a Parquet file but received ${bytes.length} bytes that are none`, {
      cause: error,
    })
  }
}

/** A batch of a Parquet file, and the share of its row groups that is read then. */
export interface ParquetBatch {
  readonly batch: RecordBatch
  readonly share: number
}

/** The batches of a file of any size: a row group is in memory at a time. @param file as fs.openAsBlob gives it. */
export async function* parquetBatches(file: Blob, batchRowsMax: number): AsyncGenerator<ParquetBatch> {
  const parquet = await import('parquet-wasm')
  const reader = await parquet.ParquetFile.fromFile(file)
  try {
    const groups = reader.metadata().numRowGroups()
    for (let group = 0; group < groups; group++) {
      const read = await reader.read({ rowGroups: [group], batchSize: batchRowsMax })
      for (const batch of tableFromIPC(read.intoIPCStream()).batches) yield { batch, share: (group + 1) / groups }
    }
  } finally {
    reader.free()
  }
}

/** The bytes of one file of many tables of one schema, as they come. */
export async function* parquetPieces(tables: AsyncIterable<Table>): AsyncGenerator<Uint8Array> {
  const parquet = await import('parquet-wasm')
  const batches = async function* (): AsyncGenerator<unknown> {
    for await (const table of tables) yield* parquet.Table.fromIPCStream(tableToIPC(table, 'stream')).recordBatches()
  }
  const properties = new parquet.WriterPropertiesBuilder().setCompression(parquet.Compression.ZSTD).build()
  const written = await parquet.transformParquetStream(ReadableStream.from(batches()), properties)
  yield* written as unknown as AsyncIterable<Uint8Array>
}
