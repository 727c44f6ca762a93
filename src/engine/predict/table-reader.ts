/** Rows of a table that is read already, checked by a contract: what rows-reader.ts is for bodies of JSON. */
import { checkRows } from '../../contract/check-row.js'
import type { ResolvedContract } from '../../contract/resolve.js'
import type { RowTable } from '../../contract/tables/row-table.js'
import type { RowsRead } from './rows-reader.js'

/**
 * Checks the rows of a table, of REQUEST_ROWS_MAX rows at most.
 * @param onHeld is told, before they are there, of bytes that it makes; throws to refuse.
 */
export function readTable(
  contract: ResolvedContract,
  table: RowTable,
  onHeld: ((bytes: number) => void) | undefined,
): RowsRead {
  onHeld?.(table.heldBytes(contract))
  return { ...checkRows(contract, table.rowsOf(contract)), isOne: false }
}
