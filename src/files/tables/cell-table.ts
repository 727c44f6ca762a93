/**
 * Rows of cells, CSV or JSON records, as columns: a column's dtype follows from its cells, all of which are read once
 * before the first part. As pandas tells it: integers are int64, other numbers float64, true and false bool, the rest
 * texts; a column without a value is float64. What says that there is no value in CSV does so in every column.
 */
import { createReadStream } from 'node:fs'
import { PenstockError } from '../../base/errors.js'
import { BODY_BYTES_MAX } from '../../base/limits/limits.js'
import { TRANSFORM_COLUMNS_MAX } from '../../base/limits/transform-limits.js'
import { isMissing, numberIn } from '../../formats/csv/cells.js'
import { csvRows } from '../../formats/csv/rows.js'
import type { Dtype } from '../../tensor/tensor.js'
import {
  type CellValue,
  columnOf,
  type ColumnType,
  type TransformColumn,
  type ColumnTable,
} from '../../transforms/draft/column.js'
import { jsonRecords } from '../json-chunks.js'

const partRows = 8192
const readBytes = 1024 * 1024

/** A row by the names of its columns; a name that is not there has no value. */
type Cells = ReadonlyMap<string, CellValue>

interface CellSource {
  /** Columns that are there without rows. */
  readonly names: readonly string[]
  readonly rows: () => AsyncIterable<Cells>
  /** What a cell of a file is as a value of a dtype. */
  readonly value: (cell: CellValue, dtype: Dtype) => CellValue
  readonly kind: (cell: CellValue) => CellKind
}

type CellKind = 'missing' | 'bool' | 'integer' | 'number' | 'text'

/** @param wanted names of columns; absent: all. */
export async function csvTable(path: string, wanted?: readonly string[]): Promise<ColumnTable> {
  const rows = (): AsyncGenerator<string[]> =>
    csvRows(createReadStream(path, { highWaterMark: readBytes }) as AsyncIterable<Buffer>, BODY_BYTES_MAX)
  let names: string[] | null = null
  for await (const header of rows()) {
    names = header
    break
  }
  if (names === null) throw tableError(path, 'a header, the names of its columns', 'nothing')
  const twice = names.find((name, i) => names.indexOf(name) < i)
  if (twice !== undefined) throw tableError(path, 'columns of different names', JSON.stringify(twice))
  const cells = async function* (): AsyncGenerator<Cells> {
    let row = 0
    for await (const texts of rows()) {
      if (++row === 1) continue
      if (texts.length !== names.length)
        throw tableError(path, `${names.length} cells in row ${row}, as the header has`, String(texts.length))
      yield new Map(names.map((name, i) => [name, texts[i] as string]))
    }
  }
  return cellTable({ names, rows: cells, kind: csvKind, value: csvValue }, wanted)
}

/** @param wanted names of columns; absent: all. */
export async function recordTable(path: string, wanted?: readonly string[]): Promise<ColumnTable> {
  const rows = async function* (): AsyncGenerator<Cells> {
    let row = 0
    const stream = createReadStream(path, { highWaterMark: readBytes }) as AsyncIterable<Buffer>
    for await (const record of jsonRecords(stream, BODY_BYTES_MAX)) {
      row++
      yield new Map(
        Object.entries(parseRecord(path, record, row)).map(([name, cell]) => [name, jsonCell(path, name, cell, row)]),
      )
    }
  }
  return cellTable({ names: [], rows, kind: jsonKind, value: jsonValue }, wanted)
}

async function cellTable({ names, rows, kind, value }: CellSource, wanted?: readonly string[]): Promise<ColumnTable> {
  const seen = new Map(names.map((name) => [name, new Kinds()]))
  let count = 0
  for await (const cells of rows()) {
    for (const [name, cell] of cells) {
      const kinds = seen.get(name) ?? new Kinds()
      seen.set(name, kinds)
      kinds.add(kind(cell))
    }
    count++
    if (seen.size > TRANSFORM_COLUMNS_MAX)
      throw tableError('the table', `at most ${TRANSFORM_COLUMNS_MAX} columns`, 'more')
  }
  const columns = [...seen].map(([name, kinds]): ColumnType => {
    const dtype = kinds.dtype
    const isNullable = dtype !== 'float64' && kinds.values < count
    return { name, dtype, isNullable, shape: [] }
  })
  const made = wanted === undefined ? columns : columns.filter(({ name }) => wanted.includes(name))
  const known = { columns: made, names: columns.map(({ name }) => name) }
  const partOf = (part: readonly Cells[]): Record<string, TransformColumn> =>
    Object.fromEntries(
      made.map(({ name, dtype }) => [
        name,
        columnOf(
          dtype,
          part.map((cells) => value(cells.get(name) ?? null, dtype)),
        ),
      ]),
    )
  const parts = async function* (): AsyncGenerator<Record<string, TransformColumn>> {
    let part: Cells[] = []
    let isBegun = false
    for await (const cells of rows()) {
      part.push(cells)
      if (part.length < partRows) continue
      yield partOf(part)
      isBegun = true
      part = []
    }
    // A table without rows has its columns.
    if (part.length > 0 || !isBegun) yield partOf(part)
  }
  return { ...known, parts }
}

/** What cells a column has. */
class Kinds {
  values = 0
  readonly #kinds = new Set<CellKind>()

  add(kind: CellKind): void {
    if (kind === 'missing') return
    this.values++
    this.#kinds.add(kind)
  }

  get dtype(): Dtype {
    if (this.#kinds.has('text') || (this.#kinds.has('bool') && this.#kinds.size > 1)) return 'string'
    if (this.#kinds.has('bool')) return 'bool'
    return this.#kinds.size === 1 && this.#kinds.has('integer') ? 'int64' : 'float64'
  }
}

const integerPattern = /^\s*[+-]?\d{1,19}\s*$/
const boolPattern = /^\s*(true|false)\s*$/i
const int64Max = 2n ** 63n - 1n

function csvKind(cell: CellValue): CellKind {
  const text = cell as string
  if (isMissing(text)) return 'missing'
  if (integerPattern.test(text) && isInt64(text)) return 'integer'
  if (numberIn(text) !== undefined) return 'number'
  return boolPattern.test(text) ? 'bool' : 'text'
}

function isInt64(text: string): boolean {
  const value = BigInt(text.trim().replace(/^\+/, ''))
  return value <= int64Max && value >= -int64Max - 1n
}

function csvValue(cell: CellValue, dtype: Dtype): CellValue {
  if (cell === null || isMissing(cell as string)) return null
  const text = cell as string
  if (dtype === 'string') return text
  if (dtype === 'bool') return text.trim().toLowerCase() === 'true'
  return dtype === 'int64' ? BigInt(text.trim().replace(/^\+/, '')) : (numberIn(text) as number)
}

function jsonKind(cell: CellValue): CellKind {
  if (cell === null) return 'missing'
  if (typeof cell === 'number') return Number.isSafeInteger(cell) ? 'integer' : 'number'
  return typeof cell === 'boolean' ? 'bool' : 'text'
}

function jsonValue(cell: CellValue, dtype: Dtype): CellValue {
  if (cell === null) return null
  if (dtype === 'string') return String(cell)
  return dtype === 'int64' ? BigInt(cell) : cell
}

function parseRecord(path: string, bytes: Buffer, row: number): Record<string, unknown> {
  try {
    return JSON.parse(bytes.toString('utf8')) as Record<string, unknown>
  } catch (cause) {
    throw new PenstockError('ERR_BODY', `Expected record ${row} of ${path} to be JSON: ${(cause as Error).message}`, {
      cause,
    })
  }
}

function jsonCell(path: string, name: string, cell: unknown, row: number): CellValue {
  if (cell === null || typeof cell === 'number' || typeof cell === 'string' || typeof cell === 'boolean') return cell
  const rule = `${JSON.stringify(name)} of record ${row} to be a number, a text, true, false or null`
  throw tableError(path, rule, Array.isArray(cell) ? 'an array. Tensors come in Arrow or Parquet' : 'an object')
}

function tableError(path: string, rule: string, received: string): PenstockError {
  return new PenstockError('ERR_BODY', `Expected ${path} to have ${rule} but received ${received}`)
}
