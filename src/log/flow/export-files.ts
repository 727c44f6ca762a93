/**
 * The files of one export, `<prefix>-<n>.<format>`, one after the other. A table that does not fit into the rest of a file
 * is halved until it does, so that a file ends within a row of its limit; a row that is larger than the limit gets a file
 * of its own. Each file appears under its name when it is whole.
 */
import { closeSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { RecordBatchFileWriter, Table, type RecordBatch } from 'apache-arrow'
import type { LogExportFormat, LogExportProgress, LogExportResult } from '../../engine/api/logs.js'
import { flattenTable } from '../../formats/arrow/nesting.js'
import { writeCsv } from '../../formats/csv/write-csv.js'
import { writeRecords } from '../../formats/write-records.js'
import { ParquetFileWriter } from './compaction/parquet-writer.js'
import { batchBytes, takeRows } from './segment/take.js'

export interface ExportFilesOptions {
  readonly directory: string
  readonly prefix: string
  readonly format: LogExportFormat
  readonly sizeBytesMax: number
  readonly separator: string
}

/** A file that is being written. */
interface OpenFile {
  readonly sizeBytes: number
  /** What the table would add to it, in a form that `append` takes. */
  prepare(table: Table): { readonly sizeBytes: number; append(): Promise<void> }
  finish(): Promise<void>
}

const partSuffix = '.part'

export class ExportFiles {
  readonly finished: LogExportResult['files'][number][] = []
  readonly #options: ExportFilesOptions
  #file: OpenFile | null = null
  #rows = 0
  #finishedRows = 0
  #finishedBytes = 0

  constructor(options: ExportFilesOptions) {
    this.#options = options
  }

  get progress(): LogExportProgress {
    return {
      rows: this.#finishedRows + this.#rows,
      files: this.finished.length + (this.#file === null ? 0 : 1),
      sizeBytes: this.#finishedBytes + (this.#file?.sizeBytes ?? 0),
    }
  }

  async write(table: Table): Promise<void> {
    const file = (this.#file ??= openFile(this.#partPath, this.#options))
    const prepared = file.prepare(table)
    if (
      file.sizeBytes + prepared.sizeBytes <= this.#options.sizeBytesMax ||
      (table.numRows === 1 && this.#rows === 0)
    ) {
      await prepared.append()
      this.#rows += table.numRows
      return
    }
    if (table.numRows === 1) {
      await this.endFile()
      return this.write(table)
    }
    const half = table.numRows >> 1
    await this.write(partOf(table, 0, half))
    await this.write(partOf(table, half, table.numRows))
  }

  /** The next table goes to a file of its own. */
  async endFile(): Promise<void> {
    if (this.#file === null) return
    const part = this.#partPath
    const path = part.slice(0, -partSuffix.length)
    await this.#file.finish()
    this.#file = null
    renameSync(part, path)
    const { size: sizeBytes } = statSync(path)
    this.finished.push({ path, rows: this.#rows, sizeBytes })
    this.#finishedRows += this.#rows
    this.#finishedBytes += sizeBytes
    this.#rows = 0
  }

  /** Removes a file that did not get whole; does nothing after endFile. */
  abandon(): void {
    if (this.#file !== null) rmSync(this.#partPath, { force: true })
  }

  get #partPath(): string {
    const { directory, prefix, format } = this.#options
    return join(directory, `${prefix}-${this.finished.length + 1}.${format}${partSuffix}`)
  }
}

/** @param table of one batch. */
function partOf(table: Table, start: number, end: number): Table {
  const rows = Int32Array.from({ length: end - start }, (_, index) => start + index)
  return new Table(table.schema, [takeRows(table.batches[0] as RecordBatch, rows)])
}

function openFile(path: string, { format, separator }: ExportFilesOptions): OpenFile {
  if (format === 'arrow') return new ArrowFile(path, separator)
  if (format === 'parquet') return new ParquetFile(path, separator)
  const isCsv = format === 'csv'
  return new TextFile(path, (table, isFirst) =>
    isCsv ? writeCsv(table, { separator, hasHeader: isFirst }) : writeRecords(table, { separator, isLines: true }),
  )
}

class TextFile implements OpenFile {
  sizeBytes = 0
  readonly #fd: number
  readonly #print: (table: Table, isFirst: boolean) => string

  constructor(path: string, print: (table: Table, isFirst: boolean) => string) {
    this.#fd = openSync(path, 'w')
    this.#print = print
  }

  prepare(table: Table): { sizeBytes: number; append(): Promise<void> } {
    const bytes = Buffer.from(this.#print(table, this.sizeBytes === 0))
    const append = async (): Promise<void> => {
      writeAll(this.#fd, bytes)
      this.sizeBytes += bytes.length
    }
    return { sizeBytes: bytes.length, append }
  }

  async finish(): Promise<void> {
    closeSync(this.#fd)
  }
}

/** What a record batch takes beside its buffers: its message, and its place in the footer. */
const batchOverheadBytes = 1024

class ArrowFile implements OpenFile {
  sizeBytes = 0
  readonly #fd: number
  readonly #separator: string
  readonly #writer = new RecordBatchFileWriter()
  readonly #written: Promise<void>

  constructor(path: string, separator: string) {
    this.#fd = openSync(path, 'w')
    this.#separator = separator
    this.#written = this.#copy()
    this.#written.catch(() => undefined)
  }

  prepare(table: Table): { sizeBytes: number; append(): Promise<void> } {
    const { batches } = flattenTable(table, this.#separator)
    const sizeBytes = batches.reduce((sum, batch) => sum + batchBytes(batch) + batchOverheadBytes, 0)
    const append = async (): Promise<void> => {
      for (const batch of batches) this.#writer.write(batch)
      this.sizeBytes += sizeBytes
    }
    return { sizeBytes, append }
  }

  async finish(): Promise<void> {
    this.#writer.finish()
    try {
      await this.#written
    } finally {
      closeSync(this.#fd)
    }
  }

  async #copy(): Promise<void> {
    for await (const chunk of this.#writer) writeAll(this.#fd, chunk as Uint8Array)
  }
}

/** Its limit is that of the rows before compression: how well they compress is known when the file is written. */
class ParquetFile implements OpenFile {
  sizeBytes = 0
  readonly #writer: ParquetFileWriter
  readonly #separator: string

  constructor(path: string, separator: string) {
    this.#writer = new ParquetFileWriter(path)
    this.#separator = separator
  }

  prepare(table: Table): { sizeBytes: number; append(): Promise<void> } {
    const { batches } = flattenTable(table, this.#separator)
    const sizeBytes = batches.reduce((sum: number, batch: RecordBatch) => sum + batchBytes(batch), 0)
    const append = async (): Promise<void> => {
      for (const batch of batches) await this.#writer.write(batch)
      this.sizeBytes += sizeBytes
    }
    return { sizeBytes, append }
  }

  async finish(): Promise<void> {
    await this.#writer.finish()
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  let count = 0
  while (count < bytes.length) count += writeSync(fd, bytes, count)
}
