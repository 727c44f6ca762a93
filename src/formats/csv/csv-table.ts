/**
 * CSV as Arrow tables that say the same: inputs in their dtypes, the rest as texts. So a CSV file is sent as Arrow, and
 * there is one way from a table to tensors.
 */
import { Field, Float64, makeData, type Table } from 'apache-arrow'
import { type Column, tableOf, tensorColumn, utf8Data } from '../arrow/column-types.js'
import { CsvReader, type CsvSignature, type CsvTable, type ExtraColumn } from './read-csv.js'
import { csvError, csvRows, csvRowsOf } from './rows.js'

export interface CsvSizes {
  readonly rowsMax: number
  /** Characters of the cells of a table; a single row may have more. */
  readonly bytesMax: number
}

/** The tables of a file, in its order; of a file without rows one table without rows. @throws as CsvReader. */
export async function* csvTables(
  chunks: AsyncIterable<Uint8Array>,
  signature: CsvSignature,
  { rowsMax, bytesMax }: CsvSizes,
): AsyncGenerator<Table> {
  let reader: CsvReader | null = null
  let [rows, bytes, firstRow]: [string[][], number, number] = [[], 0, 2]
  const take = (from: CsvReader): Table => {
    const table = arrowTable(from.read(rows, firstRow))
    firstRow += rows.length
    rows = []
    bytes = 0
    return table
  }
  for await (const cells of csvRows(chunks, bytesMax)) {
    if (reader === null) {
      reader = new CsvReader(cells, signature)
      continue
    }
    const size = cells.reduce((sum, cell) => sum + cell.length + 1, 0)
    if (rows.length > 0 && (rows.length >= rowsMax || bytes + size > bytesMax)) yield take(reader)
    rows.push(cells)
    bytes += size
  }
  if (reader === null) throw noCsvHeader()
  if (rows.length > 0 || firstRow === 2) yield take(reader)
}

/** The table of a body. @throws as CsvReader. */
export function csvTable(bytes: Uint8Array, signature: CsvSignature): Table {
  const [header, ...rows] = csvRowsOf(bytes)
  if (header === undefined) throw noCsvHeader()
  return arrowTable(new CsvReader(header, signature).read(rows, 2))
}

export function noCsvHeader(): Error {
  return csvError('Expected CSV with a header, the names of its columns, but received nothing')
}

function arrowTable({ inputs, extras }: CsvTable): Table {
  const columns = inputs.map(({ name, tensor }) => tensorColumn(name, tensor))
  return tableOf([...columns, ...extras.map(extraColumn)])
}

function extraColumn(extra: ExtraColumn): Column {
  if (extra.kind === 'text') {
    const data = utf8Data(extra.values)
    return { field: new Field(extra.name, data.type, true), data }
  }
  const { values } = extra
  const type = new Float64()
  const data = makeData({ type, length: values.length, nullCount: 0, data: values })
  return { field: new Field(extra.name, type, true), data }
}
