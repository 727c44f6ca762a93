/** Rows of some columns as the bodies that scoring servers read. */
import type { TransformColumn } from '../../transforms/draft/column.js'
import { rowPrinter, type Columns, type RowRange } from '../columns/write-columns.js'
import type { SentColumn } from './kind.js'

/** `{"columns":[…],"data":[[…],…]}` */
export function splitTable(sent: readonly SentColumn[], columns: Columns, range: RowRange): string {
  return `{"columns":${JSON.stringify(sent.map(({ as }) => as))},"data":${rowLists(sent, columns, range)}}`
}

/** `[[…],…]`: a list a row. */
export function rowLists(sent: readonly SentColumn[], columns: Columns, range: RowRange): string {
  const printers = sent.map(({ name }) => rowPrinter(columns[name] as TransformColumn))
  return `[${rowsOf(range, (row) => `[${printers.map((print) => print(row)).join(',')}]`).join(',')}]`
}

/** Lines of cells without a header, as SageMaker's own containers read them; a missing value is an empty cell. */
export function csvLines(sent: readonly SentColumn[], columns: Columns, range: RowRange): string {
  const printers = sent.map(({ name }) => rowPrinter(columns[name] as TransformColumn))
  return rowsOf(range, (row) => printers.map((print) => csvCells(print(row))).join(',')).join('\n')
}

/** A value of JSON as a cell, a list as several. */
function csvCells(json: string): string {
  if (json === 'null') return ''
  // Numbers stay the digits that they are: JSON.parse would round those of 64 bits.
  if (!json.includes('"')) return json.replaceAll(/[[\]]|null/g, '')
  const value = JSON.parse(json) as unknown
  const cells = (Array.isArray(value) ? value.flat(Infinity) : [value]) as (string | null)[]
  return cells.map((cell) => csvCell(cell ?? '')).join(',')
}

function csvCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function rowsOf({ start, count }: RowRange, print: (row: number) => string): string[] {
  return Array.from({ length: count }, (_, i) => print(start + i))
}
