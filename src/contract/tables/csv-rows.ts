/**
 * CSV as values: a cell is what its field says (cells.ts), a list in brackets or a column for each of its
 * elements, `x[0]`, `x[1]` … in this order. Columns that are no field stay texts.
 */
import { csvError } from '../../formats/csv/rows.js'
import { valueOfCell } from './cells.js'
import type { ResolvedContract, ResolvedField } from '../resolve.js'
import { filledDims, nestList } from './nest-list.js'
import { type CellReader, RowTable, type TableBatch, tableBatch } from './row-table.js'

export interface CsvCells {
  readonly header: readonly string[]
  /** Each has as many cells as the header. */
  readonly rows: readonly (readonly string[])[]
  /** Bytes of the text that they are from. */
  readonly sizeBytes: number
}

/** @throws PenstockError ERR_BODY: two columns of one name. */
export function csvRows({ header, rows, sizeBytes }: CsvCells): RowTable {
  const seen = new Set<string>()
  const twice = header.find((name) => {
    const isSeen = seen.has(name)
    seen.add(name)
    return isSeen
  })
  if (twice !== undefined)
    throw csvError(`Expected columns with different names but received ${JSON.stringify(twice)} twice`)
  return new RowTable({
    rowCount: rows.length,
    elementCountOf: () => rows.length,
    textBytes: sizeBytes,
    batchesOf: (contract) => [batchOf(header, rows, contract)],
  })
}

/** A member of the rows: one cell, or those of a list. */
interface Member {
  readonly name: string
  readonly field: ResolvedField | undefined
  readonly cells: readonly number[]
  readonly isList: boolean
}

function batchOf(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  contract: ResolvedContract,
): TableBatch {
  const members = membersOf(header, new Map(contract.inputs.map((field) => [field.name, field])))
  return tableBatch(
    contract,
    rows.length,
    members.map((member) => ({ name: member.name, read: readerOf(member, rows) })),
  )
}

/** Columns by name; those of a list's elements stand together, the first of them is 0. */
function membersOf(header: readonly string[], fields: ReadonlyMap<string, ResolvedField>): Member[] {
  const titles = new Set(header)
  const members: (Member & { cells: number[] })[] = []
  header.forEach((title, cell) => {
    const [, base = '', index] = /^(.+)\[(\d+)\]$/.exec(title) ?? []
    const list = fields.has(title) ? undefined : fields.get(base)
    const last = members.at(-1)
    const isElement = list !== undefined && list.shape.length > 0
    if (isElement && last?.isList === true && last.name === base && Number(index) === last.cells.length)
      last.cells.push(cell)
    else if (isElement && Number(index) === 0 && !titles.has(base))
      members.push({ name: base, field: list, cells: [cell], isList: true })
    else members.push({ name: title, field: fields.get(title), cells: [cell], isList: false })
  })
  return members
}

function readerOf({ field, cells, isList }: Member, rows: readonly (readonly string[])[]): CellReader {
  const textIn = (row: number, cell: number): string => (rows[row] as readonly string[])[cell] as string
  const [cell] = cells as [number]
  if (field === undefined) return (row) => textIn(row, cell)
  if (!isList) return (row) => valueOfCell(field, textIn(row, cell))
  const element = { ...field, shape: [] }
  const dims = filledDims(field.shape, cells.length)
  return (row) =>
    nestList(
      cells.map((one) => valueOfCell(element, textIn(row, one))),
      dims,
    )
}
