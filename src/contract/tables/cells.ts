/** Texts of a table's cells as the values of a contract's fields: CSV says nothing of types, so the field does. */
import { isMissing, numberIn } from '../../formats/csv/cells.js'
import { isOwnMember, withValueAt } from '../member-tree.js'
import { isWideInteger, type ResolvedContract, type ResolvedField } from '../resolve.js'

/** A row of texts as checkRows takes it. A cell that is no value of its field's kind stays a text, and breaks its rule. */
export function rowOfCells(
  contract: ResolvedContract,
  cells: Readonly<Record<string, string>>,
): Readonly<Record<string, unknown>> {
  const fields = new Map(contract.inputs.map((field) => [field.name, field]))
  const members = Object.entries(cells).map(([name, cell]) => {
    const field = fields.get(name)
    return [name, field === undefined ? cell : valueOfCell(field, cell)] as const
  })
  return rowOfColumns(contract, Object.fromEntries(members))
}

/** A table's row, which has each field by its name, with fields inside objects where checkRows looks for them. */
export function rowOfColumns(
  contract: ResolvedContract,
  row: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  if (contract.tree === null) return row
  const nested = contract.inputs.filter((field) => !isOwnMember(field) && Object.hasOwn(row, field.name))
  const names = new Set(nested.map(({ name }) => name))
  const own = Object.fromEntries(Object.entries(row).filter(([name]) => !names.has(name)))
  return nested.reduce<Readonly<Record<string, unknown>>>(
    (made, { name, path }) => withValueAt(made, path, row[name]),
    own,
  )
}

/** The value of one cell; a text where it is none of the field's kind. */
export function valueOfCell(field: ResolvedField, cell: string): unknown {
  const { kind, shape, dtype } = field
  if (shape.length > 0) return listOfCell(cell)
  // An empty text is a value where texts are never missing.
  if (kind === 'string') return cell === '' && (field.isNullable || field.impute !== undefined) ? null : cell
  if (isMissing(cell)) return null
  const text = cell.trim()
  if (kind === 'integer' || kind === 'float') {
    if (isWideInteger(dtype) && /^[+-]?\d{16,20}$/.test(text)) return BigInt(text)
    return numberIn(text) ?? cell
  }
  if (kind !== 'bool') return text
  return /^(true|false)$/i.test(text) ? text.toLowerCase() === 'true' : cell
}

function listOfCell(cell: string): unknown {
  if (isMissing(cell)) return null
  try {
    return JSON.parse(cell) as unknown
  } catch {
    return cell
  }
}

/** A column of texts as what all of them are: numbers, true and false, or texts. */
export function valuesOfCells(cells: readonly string[]): unknown[] {
  const present = cells.filter((cell) => !isMissing(cell))
  const isNumeric = present.every((cell) => Number.isFinite(numberIn(cell)))
  const isBool = present.every((cell) => /^(true|false)$/i.test(cell.trim()))
  return cells.map((cell) => {
    if (isMissing(cell)) return null
    if (isNumeric) return numberIn(cell)
    return isBool ? cell.trim().toLowerCase() === 'true' : cell
  })
}
