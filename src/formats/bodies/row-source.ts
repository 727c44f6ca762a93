/**
 * The forms in which rows come, one by one: an array of records, a record a line, a single record, and pandas' split
 * form. Each calls a visitor per cell and per row, so that what the cells become is written once (rows.ts), and can be
 * called again from the start for what the first reading did not fit.
 */
import { PenstockError } from '../../base/errors.js'
import { REQUEST_ROWS_MAX } from '../../base/limits/limits.js'
import type { JsonReader, JsonValue, Mark } from '../json/json-reader.js'
import { firstKeyOfNext } from '../json/peek.js'
import { example, type Signature } from './signature.js'

export interface RowVisitor {
  readonly beginRow: () => void
  /** The reader is at the value of `key`; it must be read. */
  readonly cell: (key: string) => void
  /** @param echo the row as a JSON object, made when it is asked for. */
  readonly endRow: (echo: () => string) => void
}

export interface RowSource {
  readonly reader: JsonReader
  /** The columns of the first row in their order; null when it has `name`, which is looked at first, or there is no row. */
  readonly firstColumns: (name: string) => readonly string[] | null
  /** Reads all rows from the start, with as many calls of endRow. */
  readonly readAll: (visitor: RowVisitor) => void
}

/** What the rows have beside their inputs. */
export interface RowFacts {
  rows: number
  readonly echoes: string[]
  /** By the keys that the pipeline routes on: the values of the rows that have them. */
  readonly routing: ReadonlyMap<string, JsonValue[]>
}

/** @throws ERR_TOO_MANY_ROWS when `rows` is the index of a row beyond the limit. */
export function expectRoom(rows: number, { rowsMax, isNonBatching }: Signature): void {
  // Records of a model without a row axis are stacked to one tensor of one run.
  const recordsMax = isNonBatching ? REQUEST_ROWS_MAX : rowsMax
  if (rows < recordsMax) return
  throw new PenstockError(
    'ERR_TOO_MANY_ROWS',
    `Expected at most ${recordsMax} records but received more. Send them in several requests`,
  )
}

/** A table without rows is one like any other; a tensor without a row axis is one record. */
export function expectRows({ rows }: RowFacts, signature: Signature): void {
  if (rows > 0 || !signature.isNonBatching) return
  throw new PenstockError('ERR_SHAPE', `Expected one record but received []. Send ${example(signature)}`)
}

/** `[{…},{…}]` @param isBody nothing may follow it. */
export function arrayOfRecords(reader: JsonReader, isBody: boolean): RowSource {
  const start = reader.mark()
  return {
    reader,
    firstColumns: (name) => {
      reader.reset(start)
      return reader.enterArray() ? columnsOfRecord(reader, name) : null
    },
    readAll: (visitor) => {
      reader.reset(start)
      reader.readArray((row) => readRecord(reader, row, visitor))
      if (isBody) reader.expectEnd()
    },
  }
}

/** A record a line, as NDJSON has them; any white space parts them. */
export function linesOfRecords(reader: JsonReader): RowSource {
  return bareRecords(reader, (visitor) => {
    for (let row = 0; reader.peek() !== -1; row++) readRecord(reader, row, visitor)
  })
}

/** `{…}` */
export function singleRecord(reader: JsonReader): RowSource {
  return bareRecords(reader, (visitor) => readRecord(reader, 0, visitor))
}

/** Records without an array around them: the first begins where the reader stands. */
function bareRecords(reader: JsonReader, readAll: RowSource['readAll']): RowSource {
  const start = reader.mark()
  return {
    reader,
    firstColumns: (name) => {
      reader.reset(start)
      return columnsOfRecord(reader, name)
    },
    readAll: (visitor) => {
      reader.reset(start)
      readAll(visitor)
    },
  }
}

/** `{"columns":["a","b"],"index":[…],"data":[[1,2],[3,4]]}`, the members in any order. */
export function splitRows(reader: JsonReader): RowSource {
  let columns: readonly string[] | null = null
  const marks = new Map<string, Mark>()
  reader.readObject((key) => {
    if (key === 'columns') columns = columnNames(reader)
    else {
      if (key === 'data') marks.set(key, reader.mark())
      else if (key !== 'index') throw splitError(`but received also the member ${JSON.stringify(key)}`)
      reader.skipValue()
    }
  })
  const end = reader.mark()
  const data = marks.get('data')
  if (columns === null || data === undefined) throw splitError('but received no "columns" or no "data"')
  return { reader, ...rowsOfSplit(reader, columns, data, end) }
}

function rowsOfSplit(reader: JsonReader, columns: readonly string[], data: Mark, end: Mark): Omit<RowSource, 'reader'> {
  const heads = columns.map((name) => `${JSON.stringify(name)}:`)
  const readRow = (row: number, visitor: RowVisitor): void => {
    const cells: [number, number][] = []
    if (!reader.isAtArray) throw reader.unexpected(`row ${row} of "data" to be an array of cells`)
    visitor.beginRow()
    const count = reader.readArray((cell) => {
      const name = columns[cell]
      if (name === undefined) return reader.skipValue()
      reader.peek()
      const { position } = reader
      visitor.cell(name)
      cells.push([position, reader.position])
    })
    if (count !== columns.length)
      throw splitError(`and a cell for each of the ${columns.length} columns in each row, but row ${row} has ${count}`)
    visitor.endRow(() => `{${cells.map(([from, to], cell) => heads[cell] + reader.slice(from, to)).join(',')}}`)
  }
  return {
    firstColumns: (name) => (columns.includes(name) ? null : columns),
    readAll: (visitor) => {
      reader.reset(data)
      if (!reader.isAtArray) throw reader.unexpected('"data" to be an array of rows')
      reader.readArray((row) => readRow(row, visitor))
      reader.reset(end)
    },
  }
}

function columnNames(reader: JsonReader): string[] {
  const names: string[] = []
  reader.readArray(() => {
    const value = reader.readValue()
    if (typeof value !== 'string' && typeof value !== 'number')
      throw splitError('whose "columns" are names, but received others. Flatten the columns of several levels first')
    const name = String(value)
    if (names.includes(name)) throw splitError(`whose "columns" differ, but received ${JSON.stringify(name)} twice`)
    names.push(name)
  })
  return names
}

function splitError(received: string): PenstockError {
  return new PenstockError('ERR_BODY', `Expected pandas' split form, {"columns":[…],"data":[[…],…]}, ${received}`)
}

function readRecord(reader: JsonReader, row: number, visitor: RowVisitor): void {
  if (!reader.isAtObject) throw reader.unexpected(`record ${row} to be an object`)
  visitor.beginRow()
  const { position } = reader
  reader.readObject(visitor.cell)
  visitor.endRow(() => reader.slice(position, reader.position))
}

function columnsOfRecord(reader: JsonReader, name: string): readonly string[] | null {
  // Nearly all records begin with the input: then the rest need not be read twice.
  if (!reader.isAtObject || firstKeyOfNext(reader) === name) return null
  const names: string[] = []
  reader.readObject((key) => {
    names.push(key)
    reader.skipValue()
  })
  return names.includes(name) ? null : names
}
