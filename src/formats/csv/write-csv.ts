/**
 * Flat tables as CSV (RFC 4180, lines end with a line feed, as pandas writes it). Numbers and bools stand bare, texts as
 * they are, rows of one element as that element, other lists as the JSON of the records form in quotes; no value is an
 * empty cell.
 */
import { type Data, DataType, type Field, type Table } from 'apache-arrow'
import { bareCellPrinter, singleCells, textReader, type CellPrinter } from '../cell-text.js'
import { flatName } from '../write-records.js'

export interface CsvOptions {
  /** Between group and field in the header. Default `.` */
  readonly separator?: string
  /** false: the rows only, to follow an earlier piece. */
  readonly hasHeader?: boolean
}

const pieceCharacters = 64 * 1024

export function* csvPieces(table: Table, { separator = '.', hasHeader = true }: CsvOptions = {}): Generator<string> {
  const { fields } = table.schema
  let piece = hasHeader ? `${fields.map(({ name }) => quoted(flatName(name, separator))).join(',')}\n` : ''
  for (const batch of table.batches) {
    const printers = fields.map((field, column) => csvCell(field, batch.data.children[column] as Data))
    for (let row = 0; row < batch.numRows; row++) {
      printers.forEach((print, column) => (piece += column === 0 ? print(row) : `,${print(row)}`))
      piece += '\n'
      if (piece.length < pieceCharacters) continue
      yield piece
      piece = ''
    }
  }
  if (piece !== '') yield piece
}

export function writeCsv(table: Table, options: CsvOptions = {}): string {
  return [...csvPieces(table, options)].join('')
}

/** A row of one element is that element. */
function csvCell(field: Field, data: Data): CellPrinter {
  const single = singleCells(field, data)
  if (single !== null && DataType.isUtf8(single.data.type)) {
    const read = textReader(single.data)
    return (row) => (data.getValid(row) ? quoted(read(single.indexOf(row))) : '')
  }
  const isText = DataType.isUtf8(data.type) || DataType.isLargeUtf8(data.type)
  const print = isText ? textReader(data) : bareCellPrinter(field, data)
  return (row) => (data.getValid(row) ? quoted(isText ? print(row) : bareText(print(row))) : '')
}

/** JSON's null is an empty cell, as a missing value is; a date or a decimal stands without JSON's quotes. */
function bareText(cell: string): string {
  if (cell === 'null') return ''
  return cell.startsWith('"') ? (JSON.parse(cell) as string) : cell
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
