/**
 * Flat tables as JSON: pandas-records (one object per row), the same one a line (NDJSON), or columns. Nested, `in.x`
 * stands as `{"in":{"x":…}}`; flattened, as `{"in.x":…}` with the separator of the caller's choice.
 *
 * Text comes in pieces of some 64 KiB, so that a table of any size goes to a file or socket: one string has an end.
 */
import type { Data, Table } from 'apache-arrow'
import { bareCellPrinter, cellPrinter, type CellPrinter } from './cell-text.js'
import { groupOf } from './dataset.js'

export interface RecordsOptions {
  /** null: nested. Default nested. */
  readonly separator?: string | null
  /** One record a line instead of an array. */
  readonly isLines?: boolean
  /** false: a row of one element, of a tensor [n, 1], is that element. Default true: a list of one, as in columns. */
  readonly hasLists?: boolean
  /** By column: prints its cells instead, for what a caller wrote and is to read again as he wrote it. */
  readonly printers?: ReadonlyMap<string, CellPrinter>
}

const pieceCharacters = 64 * 1024

/** `[{…},{…}]`, or a line each. */
export function* recordPieces(table: Table, options: RecordsOptions = {}): Generator<string> {
  const isLines = options.isLines === true
  let piece = isLines ? '' : '['
  let isFirst = true
  let rowStart = 0
  for (const batch of table.batches) {
    const writers = recordWriters(table, batch.data.children, rowStart, options)
    for (let row = 0; row < batch.numRows; row++) {
      if (!isFirst && !isLines) piece += ','
      isFirst = false
      for (const { head, print } of writers) piece += head + print(row)
      piece += writers.tail
      if (isLines) piece += '\n'
      if (piece.length < pieceCharacters) continue
      yield piece
      piece = ''
    }
    rowStart += batch.numRows
  }
  yield isLines ? piece : `${piece}]`
}

export function writeRecords(table: Table, options: RecordsOptions = {}): string {
  return [...recordPieces(table, options)].join('')
}

/** `{"in":{"x":[…]},…}` or `{"in.x":[…],…}`: each column an array over the rows. */
export function* columnPieces(table: Table, options: RecordsOptions = {}): Generator<string> {
  const names = table.schema.fields.map((field) => field.name)
  const { heads, tail } = headsOf(names, options.separator ?? null)
  let piece = ''
  for (let column = 0; column < names.length; column++) {
    piece += `${heads[column]}[`
    let rowStart = 0
    for (const batch of table.batches) {
      const print = printerOf(table, column, batch.data.children[column] as Data, rowStart, options)
      for (let row = 0; row < batch.numRows; row++) {
        piece += rowStart + row === 0 ? print(row) : `,${print(row)}`
        if (piece.length < pieceCharacters) continue
        yield piece
        piece = ''
      }
      rowStart += batch.numRows
    }
    piece += ']'
  }
  yield piece + tail
}

export function writeColumns(table: Table, options: RecordsOptions = {}): string {
  return [...columnPieces(table, options)].join('')
}

type Writers = { readonly head: string; readonly print: CellPrinter }[] & { tail: string }

function recordWriters(table: Table, children: readonly Data[], rowStart: number, options: RecordsOptions): Writers {
  const names = table.schema.fields.map((field) => field.name)
  const { heads, tail } = headsOf(names, options.separator ?? null)
  const writers = names.map((_, column) => ({
    head: heads[column] as string,
    print: printerOf(table, column, children[column] as Data, rowStart, options),
  }))
  return Object.assign(writers, { tail })
}

function printerOf(table: Table, column: number, data: Data, rowStart: number, options: RecordsOptions): CellPrinter {
  const field = table.schema.fields[column] as (typeof table.schema.fields)[number]
  const given = options.printers?.get(field.name)
  if (given !== undefined) return (row) => given(rowStart + row)
  return options.hasLists === false ? bareCellPrinter(field, data) : cellPrinter(field, data)
}

/** What stands before the value of each column, and after the last. Columns of a group stand together. */
function headsOf(names: readonly string[], separator: string | null): { heads: string[]; tail: string } {
  if (separator !== null) {
    const heads = names.map((name, index) => `${index === 0 ? '{' : ','}${JSON.stringify(flatName(name, separator))}:`)
    return { heads, tail: '}' }
  }
  let open = ''
  const heads = names.map((name, index) => {
    const group = groupOf(name)
    const inside = group === name ? null : name.slice(group.length + 1)
    const closing = open !== '' && open !== group ? '}' : ''
    const comma = index === 0 ? '{' : ','
    if (inside === null) {
      open = ''
      return `${closing}${comma}${JSON.stringify(name)}:`
    }
    const isOpen = open === group
    open = group
    return isOpen
      ? `,${JSON.stringify(inside)}:`
      : `${closing}${comma}${JSON.stringify(group)}:{${JSON.stringify(inside)}:`
  })
  return { heads, tail: open === '' ? '}' : '}}' }
}

/** `in.x` with another separator. */
export function flatName(name: string, separator: string): string {
  const group = groupOf(name)
  return group === name ? name : `${group}${separator}${name.slice(group.length + 1)}`
}
