/**
 * A table of a request as columns by name. What a cell says may depend on its field (a text of CSV, the bound of a float32),
 * so its values are read when the contract is at hand, one by one: nothing is made of a table but what is checked.
 */
import { PenstockError } from '../../base/errors.js'
import { CHECKED_BYTES_PER_ELEMENT, CONTRACT_FIELDS_MAX } from '../../base/limits/contract-limits.js'
import { FIELDS_MAX } from '../../base/limits/limits.js'
import type { ResolvedContract, ResolvedField } from '../resolve.js'

/** The value of a row's cell as JSON would have it, integers beyond 2^53 as bigints; null: missing. */
export type CellReader = (row: number) => unknown

/** A column in a batch. */
export interface TableColumn {
  readonly name: string
  readonly read: CellReader
  /** How a value is reported, where that is not the value itself. */
  readonly told?: (value: unknown) => unknown
}

/** Rows that lie together. */
export interface TableBatch {
  readonly rowCount: number
  /** By the contract's fields of rows; null: there is no such column. */
  readonly columns: readonly (TableColumn | null)[]
  /** Columns that are no field. */
  readonly extras: readonly TableColumn[]
}

export interface TableContent {
  readonly rowCount: number
  /** Elements of a column, with those inside its lists; 0 where there is no such column. */
  readonly elementCountOf: (name: string) => number
  /** Bytes of all texts. */
  readonly textBytes: number
  /** Makes the batches, in their order, one at least. The table's memory is lent until the last one is read. */
  readonly batchesOf: (contract: ResolvedContract) => Iterable<TableBatch>
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

  batchesOf(contract: ResolvedContract): Iterable<TableBatch> {
    return this.#content.batchesOf(contract)
  }
}

/** A missing value takes as many elements, unless its length is free. */
function fixedElements({ shape }: ResolvedField): number {
  return shape.includes(null) ? 1 : shape.reduce<number>((product, dim) => product * (dim ?? 1), 1)
}

/** Columns of one table, as of an Arrow body: inputs, and what is beside them. */
const columnsMax = FIELDS_MAX + CONTRACT_FIELDS_MAX

/**
 * The columns of a batch, parted into those of fields and the rest.
 * @throws PenstockError ERR_BODY: more than a table has.
 */
export function tableBatch(
  { inputs }: ResolvedContract,
  rowCount: number,
  columns: readonly TableColumn[],
): TableBatch {
  if (columns.length > columnsMax)
    throw new PenstockError(
      'ERR_BODY',
      `Expected a table of at most ${columnsMax} columns but received ${columns.length}. Leave out those that are no field`,
    )
  const byName = new Map(columns.map((column) => [column.name, column]))
  const names = new Set(inputs.map(({ name }) => name))
  return {
    rowCount,
    columns: inputs.map(({ name }) => byName.get(name) ?? null),
    extras: columns.filter(({ name }) => !names.has(name)),
  }
}
