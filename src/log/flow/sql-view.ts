/**
 * The view of one pipeline: the rows of all its versions, columns by name, a column that a version lacks is NULL there.
 * Time is UTC. Of pipelines whose names differ in case alone the first has the view: DuckDB does not tell them apart. What is not Parquet yet is written as such first, into the query's own folder.
 */
import { join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { orderColumns } from '../../results/dataset.js'
import { isAbsent, listSegments, type Segment } from '../segment-list.js'
import { writeParquetOf } from './compact.js'

const relistingsMax = 20
/** Each of these is a bool. */
const isFlag = (column: string): boolean => column.startsWith('anomaly.') && column !== 'anomaly.count'

export async function createView(
  connection: DuckDBConnection,
  directory: string,
  pipeline: string,
  scratch: string,
): Promise<void> {
  const paths = await parquetPaths(directory, pipeline, scratch)
  if (paths.length === 0) return
  const source = `read_parquet([${paths.map(literal).join(', ')}], union_by_name = true)`
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

/** Parquet files that hold every row that is logged now, once. */
async function parquetPaths(directory: string, pipeline: string, scratch: string): Promise<string[]> {
  const byKey = new Map<string, string>()
  for (let relistings = 0; ; relistings++) {
    try {
      for (const segment of await listSegments(directory, pipeline)) {
        const key = `${segment.version}/${segment.seq}`
        if (byKey.has(key)) continue
        const path = await parquetPath(segment, join(scratch, `${pipeline}-${segment.version}-${segment.seq}.parquet`))
        if (path !== null) byKey.set(key, path)
      }
      return [...byKey.values()]
    } catch (error) {
      // Compacted or removed meanwhile: list again.
      if (!isAbsent(error) || relistings === relistingsMax) throw error
    }
  }
}

async function parquetPath(segment: Segment, temporary: string): Promise<string | null> {
  if (segment.form === 'parquet') return segment.path
  return (await writeParquetOf(segment.path, temporary)) === 0 ? null : temporary
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
