/**
 * `penstock_rows(n)`: what a segment that is not Parquet yet is to DuckDB, a table function that reads the .arrows file.
 * DuckDB says which columns a query needs, and only these are made of the file's bytes: a count makes none but one.
 *
 *    a query's thread ── asks, one chunk of at most 2048 rows ──► this thread: next batches of the file ─ copy ─► chunk
 */
import type { DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api'
import duckdb from '@duckdb/node-bindings'
import type { Data, DataType, RecordBatch, Schema } from 'apache-arrow'
import { DuckDBTableFunction, INTEGER } from './duckdb.js'
import { duckType, fillVector } from './duckdb-vectors.js'

/** Rows that are read in the form in which the engine writes them. */
export interface RowsSource {
  readonly rows: number
  readonly schema: Schema
  batches(columns: ReadonlySet<string>): Iterator<RecordBatch>
}

/** How far one scan of a source is. */
interface Scan {
  readonly columns: readonly string[]
  readonly batches: Iterator<RecordBatch>
  batch: RecordBatch | null
  /** Rows of `batch` that are taken. */
  row: number
}

export const rowsFunction = 'penstock_rows'

/** @param sources by number; more may come until a query names them. */
export function registerRows(connection: DuckDBConnection, sources: readonly RowsSource[]): void {
  const chunkRows = duckdb.vector_size()
  connection.registerTableFunction(
    DuckDBTableFunction.create({
      name: rowsFunction,
      parameterTypes: [INTEGER],
      supportsProjectionPushdown: true,
      bindFunction: (bind) => {
        const source = sources[Number(bind.getParameter(0))]
        if (source === undefined) return bind.setError(`${rowsFunction} is for the views of the log alone`)
        for (const { name, type } of source.schema.fields) bind.addResultColumn(name, duckType(type as DataType))
        bind.setCardinality(source.rows, true)
        bind.setBindData(source)
      },
      initFunction: (init) => {
        const source = init.getBindData() as RowsSource
        const columns = init.getColumnIndexes().flatMap((index) => source.schema.fields[index]?.name ?? [])
        const scan: Scan = { columns, batches: source.batches(new Set(columns)), batch: null, row: 0 }
        init.setMaxThreads(1)
        init.setInitData(scan)
      },
      mainFunction: (info, chunk) => {
        try {
          fillChunk(chunk, info.getInitData() as Scan, chunkRows)
        } catch (error) {
          info.setError(String(error))
        }
      },
    }),
  )
}

function fillChunk(chunk: DuckDBDataChunk, scan: Scan, chunkRows: number): void {
  while (scan.batch === null || scan.row === scan.batch.numRows) {
    const next = scan.batches.next()
    if (next.done === true) {
      chunk.rowCount = 0
      return
    }
    scan.batch = next.value
    scan.row = 0
  }
  const { batch, row, columns } = scan
  const count = Math.min(chunkRows, batch.numRows - row)
  chunk.rowCount = count
  columns.forEach((name, index) => {
    const at = batch.schema.fields.findIndex((field) => field.name === name)
    const vector = duckdb.data_chunk_get_vector(chunk.chunk, index)
    fillVector(vector, batch.data.children[at] as Data, row, count)
  })
  scan.row += count
}
