/**
 * A table of a request as rows by the names of its columns. What a cell says may depend on its field (a text of CSV, a
 * number of a float32 column), so the rows are made when the contract is at hand: of a large table no more than one row
 * exists as an object.
 */
import { CHECKED_BYTES_PER_ELEMENT } from '../../base/limits/contract-limits.js'
import type { ResolvedContract, ResolvedField } from '../resolve.js'

/** A row as checkRows takes it. It has no prototype, so that a column may have any name. */
export type TableRow = Readonly<Record<string, unknown>>

export interface TableContent {
  readonly rowCount: number
  /** Elements of a column, with those inside its lists; 0 where there is no such column. */
  readonly elementCountOf: (name: string) => number
  /** Bytes of all texts. */
  readonly textBytes: number
  /** Makes the rows, in their order. The table's memory is lent until the last one. */
  readonly rowsOf: (contract: ResolvedContract) => Iterable<TableRow>
}

/** A class, so that a row with members of the same names is no table. */
export class RowTable {
  readonly #content: TableContent

  constructor(content: TableContent) {
    this.#content = content
  }

  /** Bytes that its values take while they are checked, those of absent columns too. */
  heldBytes({ inputs }: ResolvedContract): number {
    const { elementCountOf, rowCount, textBytes } = this.#content
    const elements = inputs.reduce(
      (sum, field) => sum + Math.max(elementCountOf(field.name), rowCount * fixedElements(field)),
      0,
    )
    return elements * CHECKED_BYTES_PER_ELEMENT + textBytes
  }

  rowsOf(contract: ResolvedContract): Iterable<TableRow> {
    return this.#content.rowsOf(contract)
  }
}

/** A missing value takes as many elements, unless its length is free. */
function fixedElements({ shape }: ResolvedField): number {
  return shape.includes(null) ? 1 : shape.reduce<number>((product, dim) => product * (dim ?? 1), 1)
}

/** A row of the cells of one record, in the order of `names`. */
export function rowOf(names: readonly string[], cell: (column: number) => unknown): TableRow {
  const row = Object.create(null) as Record<string, unknown>
  for (let column = 0; column < names.length; column++) row[names[column] as string] = cell(column)
  return row
}
