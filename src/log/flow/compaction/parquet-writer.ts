/**
 * Writes a Parquet file a row group at a time: zstd, so that memory follows the row group and not the file. Rows go by
 * Arrow IPC into the memory of parquet-wasm, where they are encoded; bytes come out as groups are full.
 *
 * A WebAssembly memory grows and never shrinks: it goes with the thread, which ends when it has been idle.
 */
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { ReadableStream } from 'node:stream/web'
import { type RecordBatch, Table, tableToIPC } from 'apache-arrow'
import parquet from 'parquet-wasm'
import { LOG_ROW_GROUP_ROWS_MAX } from '../../../base/limits/limits.js'

export class ParquetFileWriter {
  /** Bytes in the file so far; a row group counts when it is full. */
  sizeBytes = 0
  readonly #fd: number
  readonly #written: Promise<void>
  #controller: ReadableStreamDefaultController<unknown> | null = null
  #wanted: () => void = () => undefined
  #isWanted: Promise<void> = Promise.resolve()
  #failure: unknown = null

  /** @param path replaced when it is there. */
  constructor(path: string) {
    this.#fd = openSync(path, 'w')
    this.#isWanted = this.#nextWish()
    this.#written = this.#run().catch((error: unknown) => {
      this.#failure = error
      this.#wanted()
    })
  }

  /** Takes the rows; resolves when the encoder asks for more. */
  async write(batch: RecordBatch): Promise<void> {
    const bytes = tableToIPC(new Table(batch.schema, [batch]), 'stream')
    for (const piece of parquet.Table.fromIPCStream(bytes).recordBatches()) {
      await this.#isWanted
      if (this.#failure !== null) break
      this.#isWanted = this.#nextWish()
      this.#controller?.enqueue(piece)
    }
  }

  /** Writes the rest and the footer; durable when it resolves. */
  async finish(): Promise<void> {
    await this.#isWanted
    if (this.#failure === null) this.#controller?.close()
    await this.#written
    try {
      if (this.#failure === null) fsyncSync(this.#fd)
    } finally {
      closeSync(this.#fd)
    }
    if (this.#failure !== null) throw asError(this.#failure)
  }

  async #run(): Promise<void> {
    const input = new ReadableStream(
      {
        start: (controller) => void (this.#controller = controller),
        pull: () => this.#wanted(),
      },
      { highWaterMark: 0 },
    )
    const properties = new parquet.WriterPropertiesBuilder()
      .setCompression(parquet.Compression.ZSTD)
      .setMaxRowGroupSize(LOG_ROW_GROUP_ROWS_MAX)
      .build()
    const output = await parquet.transformParquetStream(input as never, properties)
    for await (const chunk of output as unknown as AsyncIterable<Uint8Array>) {
      let count = 0
      while (count < chunk.length) count += writeSync(this.#fd, chunk, count)
      this.sizeBytes += chunk.length
    }
  }

  #nextWish(): Promise<void> {
    return new Promise((resolve) => (this.#wanted = resolve))
  }
}

/** The library throws strings. */
function asError(failure: unknown): Error {
  return failure instanceof Error ? failure : new Error(`Parquet: ${String(failure)}`)
}
