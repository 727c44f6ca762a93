/**
 * Parquet, by parquet-wasm: off the request clock only, for compressing takes seconds. Nothing that answers requests
 * imports this file; the library is loaded at the first call.
 */
import { type Table, tableFromIPC, tableToIPC } from 'apache-arrow'
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
