/**
 * Bodies of predictions that are tables, Arrow, CSV and Parquet, with a column a field: read by the readers of the infer
 * endpoint, within the same gate and the same limits. Their readers are loaded by the first body that needs one.
 */
import { ARROW_DECODED_BYTES_MAX, REQUEST_ROWS_MAX } from '../../../../base/limits/limits.js'
import type { RowTable } from '../../../../contract/tables/row-table.js'
import type { CancelSignal } from '../../../../engine/api/api.js'
import { readFileBody } from '../../../file-gate.js'

export type TableKind = 'arrow' | 'csv' | 'parquet'

export interface TableBodyCall {
  readonly kind: TableKind
  /** Lent until the rows of the table are read. */
  readonly body: Buffer
  readonly signal: CancelSignal | undefined
  /** Hears of what it unpacks to, before it is there; what it throws refuses the body. */
  readonly onHeld: (bytes: number) => void
}

export interface TableBody {
  readonly table: RowTable
  /** What was made to be read; the table is of it. null: it is of the body, or of copies. */
  readonly made: Uint8Array | null
}

/** @throws PenstockError ERR_BODY, ERR_DTYPE, ERR_TOO_MANY_ROWS; ERR_QUEUE_FULL, ERR_ABORTED. */
export function readTableBody({ kind, body, signal, onHeld }: TableBodyCall): Promise<TableBody> {
  return readFileBody(kind, body, signal, async () => {
    if (kind === 'csv') return { table: await csvTable(body, onHeld), made: null }
    if (kind === 'arrow') return { table: await arrowTable(body, onHeld), made: null }
    const { parquetToArrow } = await import('../../../../formats/parquet.js')
    const made = await parquetToArrow(body, REQUEST_ROWS_MAX, ARROW_DECODED_BYTES_MAX, onHeld)
    return { table: await arrowTable(made, onHeld), made }
  })
}

async function csvTable(body: Buffer, onHeld: (bytes: number) => void): Promise<RowTable> {
  const [{ readCsvBody }, { csvRows }] = await Promise.all([
    import('../../../../formats/bodies/file-bodies.js'),
    import('../../../../contract/tables/csv-rows.js'),
  ])
  return csvRows(await readCsvBody(body, REQUEST_ROWS_MAX, onHeld))
}

async function arrowTable(bytes: Uint8Array, onHeld: (bytes: number) => void): Promise<RowTable> {
  const [{ readArrow }, { Allowance }, { arrowRows }] = await Promise.all([
    import('../../../../formats/ipc/read-arrow.js'),
    import('../../../../formats/ipc/columns.js'),
    import('../../../../contract/tables/arrow-rows.js'),
  ])
  return arrowRows(readArrow(bytes, REQUEST_ROWS_MAX, new Allowance(ARROW_DECODED_BYTES_MAX, onHeld)))
}
