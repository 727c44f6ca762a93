/**
 * A segment as a Parquet file: the footer says where its row groups are, and of these only the bytes of the wanted columns
 * are read and decoded. The file is held open, so that it can be read when retention has removed its name.
 */
import { closeSync, fstatSync, openSync } from 'node:fs'
import { type RecordBatch, type Schema, tableFromIPC } from 'apache-arrow'
import parquet from 'parquet-wasm'
import type { LogOrder } from '../../cursor.js'
import { readRange } from './ipc-messages.js'
import type { RawChunk, SegmentReader } from './segment-reader.js'

interface RowGroup {
  readonly firstRow: number
  readonly rows: number
}

export class ParquetSegment implements SegmentReader {
  readonly rows: number
  readonly schema: Schema
  readonly #fd: number
  readonly #file: parquet.ParquetFile
  readonly #groups: readonly RowGroup[]

  private constructor(fd: number, file: parquet.ParquetFile) {
    this.#fd = fd
    this.#file = file
    const groups: RowGroup[] = []
    const metadata = file.metadata()
    let firstRow = 0
    for (let index = 0; index < metadata.numRowGroups(); index++) {
      const rows = metadata.rowGroup(index).numRows()
      groups.push({ firstRow, rows })
      firstRow += rows
    }
    metadata.free()
    this.#groups = groups
    this.rows = firstRow
    this.schema = tableFromIPC(file.schema().intoIPCStream()).schema
  }

  static async open(path: string): Promise<ParquetSegment> {
    const fd = openSync(path, 'r')
    try {
      const { size } = fstatSync(fd)
      return new ParquetSegment(fd, await parquet.ParquetFile.fromFile(new FileRange(fd, 0, size) as unknown as Blob))
    } catch (error) {
      closeSync(fd)
      if (error instanceof Error) throw error
      throw new Error(`${path} cannot be read: ${String(error)}`)
    }
  }

  async chunkAt(row: number, order: LogOrder, rowsMax: number, columns?: readonly string[]): Promise<RawChunk> {
    const wanted = order === 'asc' ? row : row - 1
    const index = this.#groups.findIndex((group) => wanted < group.firstRow + group.rows)
    const { firstRow: groupStart, rows: groupRows } = this.#groups[index] as RowGroup
    const groupEnd = groupStart + groupRows
    const start = order === 'asc' ? row : Math.max(groupStart, row - rowsMax)
    const end = order === 'asc' ? Math.min(groupEnd, row + rowsMax) : row
    const batch = await this.#read(index, start - groupStart, end - start, columns)
    return { firstRow: start, batch }
  }

  normalise(batch: RecordBatch): RecordBatch {
    return batch
  }

  close(): void {
    this.#file.free()
    closeSync(this.#fd)
  }

  async #read(group: number, offset: number, limit: number, columns?: readonly string[]): Promise<RecordBatch> {
    const table = await this.#file.read({
      rowGroups: [group],
      offset,
      limit,
      batchSize: limit,
      ...(columns === undefined ? {} : { columns: [...columns] }),
    })
    const { batches } = tableFromIPC(table.intoIPCStream())
    const [batch] = batches
    if (batch === undefined || batches.length > 1 || batch.numRows !== limit)
      throw new Error(`Expected ${limit} rows in one batch of a row group but received ${batches.length} batches`)
    return batch
  }
}

/** What parquet-wasm uses of a Blob, over an open file. (Node's own opens the path anew for each read.) */
class FileRange {
  readonly #fd: number
  readonly #start: number
  readonly #end: number

  constructor(fd: number, start: number, end: number) {
    this.#fd = fd
    this.#start = start
    this.#end = end
  }

  get size(): number {
    return this.#end - this.#start
  }

  slice(start: number, end: number): FileRange {
    return new FileRange(this.#fd, this.#start + start, Math.min(this.#end, this.#start + end))
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return new Uint8Array(readRange(this.#fd, this.#start, this.size)).buffer
  }
}
