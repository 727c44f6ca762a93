/**
 * The view of one pipeline: the rows of all its versions, columns by name, a column that a version lacks is NULL there.
 * Time is UTC. Of pipelines whose names differ only in case the first has the view: DuckDB does not distinguish them.
 * Parquet files are read by DuckDB itself; what is not Parquet yet, by rows-function.ts.
 */
import type { DuckDBConnection } from '@duckdb/node-api'
import { RecordBatchReader } from 'apache-arrow'
import { orderColumns } from '../../../formats/dataset.js'
import { isAbsent, listSegments } from '../../segments/segment-list.js'
import { ArrowsSegment } from '../segment/arrows-segment.js'
import { headerOf, normalisedSchema } from '../segment/normalise.js'
import { rowsFunction, type RowsSource } from './rows-function.js'

const relistingsMax = 20
/** Each of these is a bool. */
const isFlag = (column: string): boolean => column.startsWith('anomaly.') && column !== 'anomaly.count'

export interface ViewContext {
  readonly connection: DuckDBConnection
  readonly directory: string
  /** What rows-function.ts reads; views add theirs. */
  readonly sources: RowsSource[]
  /** Closed by whoever made the list. */
  readonly segments: ArrowsSegment[]
}

/** @param schemas of the pipeline's deployed versions, as their segments begin: columns that have no rows yet. */
export async function createView(
  context: ViewContext,
  pipeline: string,
  schemas: readonly Uint8Array[],
): Promise<void> {
  const { connection } = context
  const tables = await tablesOf(context, pipeline)
  for (const schema of schemas) tables.push(rowsOf(context, emptySource(schema)))
  if (tables.length === 0) return
  const source = `(${tables.map((table) => `SELECT * FROM ${table}`).join(' UNION ALL BY NAME ')})`
  const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${source}`)
  const columns = orderColumns(described.getRowsJS().map(([name]) => name as string))
  const failures = columns
    .filter(isFlag)
    .map((column) => `CASE WHEN ${identifier(column)} THEN ${literal(column.slice('anomaly.'.length))} END`)
  const at = columns.findIndex((column) => column.startsWith('out_') || column.startsWith('metadata.'))
  const selected = columns.map(identifier)
  const list =
    failures.length === 0 ? 'CAST([] AS VARCHAR[])' : `[name FOR name IN [${failures.join(', ')}] IF name IS NOT NULL]`
  selected.splice(at < 0 ? selected.length : at, 0, `${list} AS check_failures`)
  await connection.run(
    `CREATE VIEW IF NOT EXISTS ${identifier(pipeline)} AS SELECT ${selected.join(', ')} FROM ${source}`,
  )
}

/** Tables that hold every row that is logged now, once. */
async function tablesOf(context: ViewContext, pipeline: string): Promise<string[]> {
  const parquet = new Map<string, string>()
  const written = new Map<string, ArrowsSegment | null>()
  for (let relistings = 0; ; relistings++) {
    try {
      for (const { version, seq, form, path } of await listSegments(context.directory, pipeline)) {
        const key = `${version}/${seq}`
        if (parquet.has(key) || written.has(key)) continue
        if (form === 'parquet') parquet.set(key, path)
        else written.set(key, openedBy(context, path))
      }
      break
    } catch (error) {
      // Compacted or removed meanwhile: list again.
      if (!isAbsent(error) || relistings === relistingsMax) throw error
    }
  }
  const files = [...parquet.values()].map(literal)
  const tables = files.length === 0 ? [] : [`read_parquet([${files.join(', ')}], union_by_name = true)`]
  for (const segment of written.values()) if (segment !== null) tables.push(rowsOf(context, segment))
  return tables
}

/** It is held open: it stays readable when it is compacted meanwhile. */
function openedBy({ segments }: ViewContext, path: string): ArrowsSegment | null {
  const segment = ArrowsSegment.open(path)
  if (segment !== null) segments.push(segment)
  return segment
}

function rowsOf({ sources }: ViewContext, source: RowsSource): string {
  sources.push(source)
  return `${rowsFunction}(${sources.length - 1})`
}

function emptySource(message: Uint8Array): RowsSource {
  const raw = RecordBatchReader.from(message).open().schema
  const header = headerOf(raw)
  if (header === null) throw new Error('Expected the schema of a segment')
  return { rows: 0, schema: normalisedSchema(raw, header), batches: () => [].values() }
}

export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
