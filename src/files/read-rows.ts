/**
 * A file as rows of plain values, for what looks at rows one by one: JSON and NDJSON as they are written, integers beyond
 * 2^53 as bigints; Arrow and Parquet by their columns' types; CSV as texts, which only its reader can tell the types of.
 */
import { createReadStream } from 'node:fs'
import { DataType, type Schema, tableFromIPC } from 'apache-arrow'
import { BODY_BYTES_MAX, FRAME_BYTES_MAX } from '../base/limits/limits.js'
import { csvError, csvRows } from '../formats/csv/rows.js'
import { readJson } from '../formats/json/json-reader.js'
import { writeRecords } from '../formats/write-records.js'
import type { FileFormat } from './formats.js'
import { readChunks } from './read-chunks.js'

export interface RowBatch {
  readonly rows: readonly unknown[]
  /** Cells are texts as they were written. */
  readonly isText: boolean
  /** Dtypes that the file's columns have, where it says them; empty for JSON and CSV. */
  readonly dtypes: ReadonlyMap<string, string>
}

const ROWS_MAX = 10_000

/** @throws PenstockError ERR_BODY: the file is not of its format; ERR_STORAGE: it cannot be read. */
export async function* readRows(path: string, format: FileFormat): AsyncGenerator<RowBatch> {
  if (format === 'csv') {
    yield* csvBatches(path)
    return
  }
  const isTable = format !== 'json' && format !== 'ndjson'
  for await (const { body } of readChunks(path, format, { rowsMax: ROWS_MAX, bytesMax: BODY_BYTES_MAX })) {
    const bytes = Buffer.from(body)
    if (isTable) yield tableBatch(bytes)
    else yield { rows: readJson(bytes, 'integers') as unknown[], isText: false, dtypes: new Map() }
  }
}

function tableBatch(bytes: Uint8Array): RowBatch {
  const table = tableFromIPC(bytes)
  // A separator keeps dots in names; a row of one element is that element.
  const text = writeRecords(table, { separator: '.', hasLists: false })
  return { rows: readJson(Buffer.from(text), 'integers') as unknown[], isText: false, dtypes: dtypesOf(table.schema) }
}

function dtypesOf({ fields }: Schema): Map<string, string> {
  return new Map(
    fields.flatMap(({ name, type }) => {
      const dtype = dtypeOf(type as DataType)
      return dtype === null ? [] : [[name, dtype] as const]
    }),
  )
}

function dtypeOf(type: DataType): string | null {
  if (DataType.isFixedSizeList(type) || DataType.isList(type)) return dtypeOf(type.valueType as DataType)
  if (DataType.isInt(type)) return `${type.isSigned ? '' : 'u'}int${type.bitWidth}`
  if (DataType.isFloat(type)) return ['float16', 'float32', 'float64'][type.precision] ?? null
  if (DataType.isBool(type)) return 'bool'
  if (DataType.isTimestamp(type)) return type.timezone == null ? null : 'timestamp'
  if (DataType.isDate(type)) return 'date'
  return DataType.isUtf8(type) || DataType.isLargeUtf8(type) ? 'string' : null
}

async function* csvBatches(path: string): AsyncGenerator<RowBatch> {
  let header: string[] | null = null
  let rows: unknown[] = []
  let count = 0
  for await (const cells of csvRows(createReadStream(path) as AsyncIterable<Buffer>, FRAME_BYTES_MAX)) {
    if (header === null) {
      header = cells
      continue
    }
    if (cells.length !== header.length)
      throw csvError(
        `Expected row ${count} of ${path} to have ${header.length} cells, as its header has, but received ${cells.length}`,
      )
    const names = header
    rows.push(Object.fromEntries(cells.map((cell, column) => [names[column] as string, cell])))
    count++
    if (rows.length < ROWS_MAX) continue
    yield { rows, isText: true, dtypes: new Map() }
    rows = []
  }
  if (rows.length > 0) yield { rows, isText: true, dtypes: new Map() }
}
