/**
 * Rows of a table that is read already, checked by a contract: what rows-reader.ts is for bodies of JSON. A large table is
 * checked in parts, with others answered in between.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { PenstockError } from '../../base/errors.js'
import type { ResolvedContract } from '../../contract/resolve.js'
import { checkTable } from '../../contract/tables/check-table.js'
import type { RowTable } from '../../contract/tables/row-table.js'
import type { PredictOptions } from '../api/api.js'
import type { RowsRead } from './rows-reader.js'

/**
 * Checks the rows of a table, of REQUEST_ROWS_MAX rows at most.
 * @throws PenstockError ERR_ABORTED: nobody waits any more; what `onHeld` throws.
 */
export async function readTable(
  contract: ResolvedContract,
  table: RowTable,
  { onHeld, signal }: Pick<PredictOptions, 'onHeld' | 'signal'>,
): Promise<RowsRead> {
  onHeld?.(table.heldBytes(contract))
  const check = checkTable(contract, table)
  for (;;) {
    const step = check.next()
    if (step.done === true) return { ...step.value, isOne: false }
    await nextTurn()
    if (signal?.aborted === true) throw new PenstockError('ERR_ABORTED')
  }
}
