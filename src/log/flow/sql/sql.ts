/**
 * One SELECT over the log by DuckDB, in a process of its own (sql-process.ts): a database in memory, which is open before
 * the query comes, with a view for each pipeline that the query names, over its Parquet files and the segments that are
 * not Parquet yet.
 *
 * What a query can reach, in the order in which doors are closed:
 * 1. Only files under the log's directory; no network, no extensions, no other databases.
 * 2. The configuration is locked.
 * 3. One statement, of a kind that reads (sql-text.ts looks at its first word before). COPY could write where reading is
 *    allowed.
 * 4. Time and memory have limits. DuckDB's own memory limit does not count what strings take while a function makes them:
 *    the process that waits for this one looks at its size and ends it.
 */
import type {
  DuckDBConnection,
  DuckDBDataChunk,
  DuckDBInstance as Database,
  DuckDBPreparedStatement,
} from '@duckdb/node-api'
import { PenstockError } from '../../../base/errors.js'
import { LOG_SQL_RESULT_BYTES_MAX } from '../../../base/limits/limits.js'
import { closest } from '../../../base/suggest.js'
import type { LogFormat, LoggedSchema, LogSqlResult } from '../../../engine/api/logs.js'
import { writeArrow } from '../../../formats/arrow/write-arrow.js'
import { writeRecords } from '../../../formats/write-records.js'
import { isAbsent, listPipelines } from '../../segments/segment-list.js'
import { quoteNames } from '../../sql-text.js'
import type { ArrowsSegment } from '../segment/arrows-segment.js'
import { DuckDBInstance, StatementType } from './duckdb.js'
import { registerRows, type RowsSource } from './rows-function.js'
import { failedError, memoryError } from './sql-errors.js'
import { tableOfChunks } from './sql-table.js'
import { createView, identifier, literal } from './sql-view.js'

/** A query that was checked, but for its SQL. */
export interface SqlTask {
  readonly directory: string
  readonly sql: string
  readonly timeoutMs: number
  readonly memoryBytesMax: number
  readonly rowsMax: number
  readonly format: LogFormat
  /** What is deployed and logged, with or without rows. */
  readonly deployed: readonly LoggedSchema[]
}

const threads = 2
/** Retention may remove a file between the listing and the query. */
const attemptsMax = 3
/** Names of pipelines that a message shows. */
const namesMax = 20

/** What reaches nothing yet: the limits and the doors of a query are its own. */
export function openDatabase(): Promise<Database> {
  return DuckDBInstance.create(':memory:', {
    threads: String(threads),
    // Nothing is spilled: a query that does not fit is refused.
    temp_directory: '',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_community_extensions: 'false',
  })
}

/**
 * @param database by openDatabase, used and closed here.
 * @throws PenstockError ERR_ARGUMENT with DuckDB's reason; ERR_QUERY_MEMORY; ERR_QUERY_FAILED.
 */
export async function runSql(task: SqlTask, database = openDatabase()): Promise<LogSqlResult> {
  for (let attempt = 1; ; attempt++) {
    const segments: ArrowsSegment[] = []
    try {
      return await queryOnce(attempt === 1 ? await database : await openDatabase(), task, segments)
    } catch (error) {
      const isRemoved = isAbsent(error) || /No files found|No such file/i.test(String(error))
      if (!isRemoved || attempt === attemptsMax) throw duckError(error)
    } finally {
      for (const segment of segments) segment.close()
    }
  }
}

async function queryOnce(instance: Database, task: SqlTask, segments: ArrowsSegment[]): Promise<LogSqlResult> {
  const { directory, deployed } = task
  try {
    const connection = await instance.connect()
    await connection.run(`SET memory_limit = '${Math.floor(task.memoryBytesMax / 1024)}KiB'`)
    await connection.run(`SET allowed_directories = [${literal(`${directory}/`)}]`)
    await connection.run('SET enable_external_access = false')
    const sources: RowsSource[] = []
    registerRows(connection, sources)
    const pipelines = [...new Set([...(await listPipelines(directory)), ...deployed.map(({ pipeline }) => pipeline)])]
    // DuckDB compares names in lower case. (It can list the tables of a query, but not before they are there.)
    const sql = task.sql.toLowerCase()
    for (const name of pipelines.filter((pipeline) => sql.includes(pipeline.toLowerCase()))) {
      const schemas = deployed.filter(({ pipeline }) => pipeline === name).map(({ schema }) => schema)
      await createView({ connection, directory, sources, segments }, name, schemas)
    }
    await connection.run('SET lock_configuration = true')
    return await run(connection, task, pipelines).catch((error: unknown) => {
      throw adviseOn(error, pipelines)
    })
  } finally {
    instance.closeSync()
  }
}

/** The one statement of the query. Names with hyphens are quoted where it could not be read without. */
async function statementOf(
  connection: DuckDBConnection,
  sql: string,
  pipelines: readonly string[],
): Promise<DuckDBPreparedStatement> {
  const extracted = await connection.extractStatements(sql).catch(async (error: unknown) => {
    const quoted = quoteNames(sql, pipelines)
    const again = quoted === sql ? null : await connection.extractStatements(quoted).catch(() => null)
    if (again === null) throw error
    return again
  })
  if (extracted.count !== 1)
    throw refused(`Expected one statement but received ${extracted.count}. Send them one by one`)
  return extracted.prepare(0)
}

async function run(connection: DuckDBConnection, task: SqlTask, pipelines: readonly string[]): Promise<LogSqlResult> {
  const statement = await statementOf(connection, task.sql, pipelines)
  if (statement.statementType !== StatementType.SELECT)
    throw refused(`Expected a SELECT but received ${StatementType[statement.statementType]}. The log is read-only`)
  if (statement.parameterCount > 0) throw refused('Expected a query without parameters. Write the values into it')
  const result = await statement.stream()
  const chunks: DuckDBDataChunk[] = []
  const warnings: string[] = []
  for (let rows = 0; ;) {
    const chunk = await result.fetchChunk()
    if (chunk === null || chunk.rowCount === 0) break
    const rest = task.rowsMax - rows
    if (chunk.rowCount > rest) {
      warnings.push(`Warning: The result has more than ${task.rowsMax} rows. Please add LIMIT, or ask for more rows.`)
      if (rest > 0) chunks.push(chunk)
      break
    }
    chunks.push(chunk)
    rows += chunk.rowCount
  }
  const names = result.columnNames()
  const types = result.columnTypes()
  const whole = tableOfChunks(chunks, names, types, task.format === 'records')
  const table = whole.numRows > task.rowsMax ? whole.slice(0, task.rowsMax) : whole
  const body =
    task.format === 'records'
      ? Buffer.from(writeRecords(table, { separator: '.' }))
      : writeArrow(table, task.format === 'arrow-file' ? 'file' : 'stream')
  if (body.length > LOG_SQL_RESULT_BYTES_MAX)
    throw memoryError(`The result has ${body.length} bytes, more than the ${LOG_SQL_RESULT_BYTES_MAX} of an answer`)
  const columns = table.schema.fields.map(({ name }, index) => ({ name, type: String(types[index]) }))
  return { body, rows: table.numRows, columns, warnings }
}

function refused(sentence: string): PenstockError {
  return new PenstockError('ERR_ARGUMENT', sentence)
}

/** DuckDB's errors are about the query, unless they say otherwise. */
function duckError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof PenstockError || 'syscall' in error) return error
  // JavaScript's error for an array or a text longer than any can be.
  if (error instanceof RangeError) return memoryError(`The result is too large (${error.message})`, error)
  const [sentence = ''] = error.message.replace(/^Failed to extract statements: /, '').split('\n\nPossible solutions')
  if (/^Out of Memory Error/.test(sentence))
    return memoryError(`The query needs more memory than it may use (${sentence.split('\n')[0]})`)
  // Its own mistakes, after which it is of no use.
  if (/^(INTERNAL|FATAL) Error: /.test(sentence)) return failedError(`ran into a fault of DuckDB (${sentence})`, error)
  if (/^(\w+ )+Error: |^Error in native callback|Invalid Error/.test(sentence))
    return refused(`DuckDB refuses the query. ${sentence}`)
  return error
}

/** What DuckDB cannot know of: how pipelines are named, and which there are. */
function adviseOn(error: unknown, pipelines: readonly string[]): unknown {
  if (!(error instanceof Error)) return error
  if (/syntax error at or near "-"/.test(error.message))
    error.message += '\nPut a name with a hyphen into double quotes: FROM "my-pipeline"'
  const [, missing] = /Table with name (\S+) does not exist!/.exec(error.message) ?? []
  if (missing === undefined) return error
  // Its own suggestion may be a table of its own.
  error.message = error.message.replace(/Did you mean "[^"]*"\?/, () => adviceOnName(missing, pipelines))
  return error
}

function adviceOnName(missing: string, pipelines: readonly string[]): string {
  const near = closest(missing.replaceAll('"', ''), pipelines)
  if (near !== null) return `Did you mean "${near}"?`
  return pipelines.length === 0
    ? 'Nothing is logged yet'
    : `The log has ${pipelines.slice(0, namesMax).map(identifier).join(', ')}${pipelines.length > namesMax ? ', …' : ''}`
}
