/**
 * `penstock logs`: shows, follows, exports and queries what was logged. The server does the work; warnings go to stderr,
 * word for word as its API gives them.
 */
import { Command, Option } from 'commander'
import { writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ControlCalls } from '../../client/control/calls.js'
import type { BytesAnswer } from '../../client/control/http.js'
import { durationArgument, integerArgument } from '../shared/arguments.js'
import { UsageError } from '../shared/failures.js'
import { cellsOf, keepDigits } from './logs-table.js'
import { withProgress } from '../shared/progress.js'
import { serverOf, type ServerOptions, withServerOptions } from '../shared/server.js'
import { formatBytes, formatTable } from '../shared/table.js'
import type { Terminal } from '../shared/terminal.js'

interface LogsOptions extends ServerOptions {
  readonly limit?: number
  readonly start?: string
  readonly end?: string
  readonly order?: string
  readonly valid?: true
  readonly invalid?: true
  readonly dataset?: string
  readonly datasetExclude?: string
  readonly separator: string
  readonly cursor?: string
  readonly follow?: true
  readonly arrow?: string
  readonly sql?: string
  readonly timeout?: number
  readonly rows?: number
  readonly export?: string | true
  readonly format?: string
  readonly prefix?: string
  readonly sizeLimit?: string
}

const EXAMPLES = `
Examples:
  $ penstock logs wine
  $ penstock logs wine --limit 1000 --invalid --json
  $ penstock logs wine --start 2026-01-31T00:00:00Z --end 2026-02-01T00:00:00Z --arrow january.arrow
  $ penstock logs wine --follow
  $ penstock logs wine --export january --format parquet --limit 1000000 --size-limit 100MB
  $ penstock logs --sql 'SELECT date_trunc('"'hour'"', time) AS hour, count(*) FROM wine GROUP BY 1 ORDER BY 1'

Newest first; with --start and --end by time. --json prints records, one array; --follow prints a record a line.
--export writes below the export directory of the server (<home>/exports).`

const FOLLOW_MS = 1000
/** What rows are followed until: nobody waits longer. */
const END_OF_TIME = '9999-12-31T00:00:00Z'
const ARROW_TYPE = 'application/vnd.apache.arrow.file'

export function logsCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('logs'))
    .summary('show, follow, export or query logged inferences')
    .description('Shows what was logged of a pipeline; exports it, or queries the logs of all pipelines by SQL.')
    .argument('[pipeline]', 'name of the pipeline; with --sql the query names it')
    .option('--limit <rows>', 'rows at most (default: 100)', integerArgument)
    .option('--start <time>', 'rows that arrived then or later, ISO 8601; with --end')
    .option('--end <time>', 'rows that arrived before; with --start')
    .addOption(new Option('--order <order>', 'by the order of logging').choices(['asc', 'desc']))
    .option('--valid', 'only rows on which no check failed')
    .option('--invalid', 'only rows on which a check failed')
    .option(
      '--dataset <columns>',
      'columns or groups, comma-separated: time,in,out,anomaly,metadata,out_<model>.<output> …',
    )
    .option('--dataset-exclude <columns>', 'columns or groups to leave out')
    .option('--separator <text>', 'between group and column', '.')
    .option('--cursor <cursor>', 'go on where a page ended')
    .option('--follow', 'print new rows as they come')
    .option('--arrow <file>', 'write an Arrow file instead')
    .option('--sql <query>', 'one SELECT over the logs; pipelines are tables')
    .option('--timeout <time>', 'of --sql (default: 30s)', durationArgument)
    .option('--rows <count>', 'rows of the result of --sql at most (default: 10000)', integerArgument)
    .option('--export [directory]', 'write files on the server, below its export directory')
    .addOption(
      new Option('--format <format>', 'of --export (default: json)').choices(['json', 'arrow', 'parquet', 'csv']),
    )
    .option('--prefix <name>', 'of the files of --export (default: the name of the pipeline)')
    .option('--size-limit <size>', 'of a file of --export, such as 10MiB (default: 100MB)')
    .addHelpText('after', EXAMPLES)
    .action((pipeline: string | undefined, options: LogsOptions) => logs(terminal, pipeline, options))
}

async function logs(terminal: Terminal, pipeline: string | undefined, options: LogsOptions): Promise<void> {
  if (options.valid === true && options.invalid === true)
    throw new UsageError('Expected --valid or --invalid, not both.')
  const modes = [options.sql, options.export, options.follow].filter((mode) => mode !== undefined)
  if (modes.length > 1) throw new UsageError('Expected one of --sql, --export and --follow.')
  const server = serverOf(options)
  if (options.sql !== undefined) return query(terminal, server, options.sql, options)
  if (pipeline === undefined) throw new UsageError('Expected the name of a pipeline, or --sql.')
  if (options.export !== undefined) return exportFiles(terminal, server, pipeline, options)
  if (options.follow === true) return follow(terminal, server, pipeline, options)
  return show(terminal, server, pipeline, options)
}

async function show(terminal: Terminal, server: ControlCalls, pipeline: string, options: LogsOptions): Promise<void> {
  const answer = await server.readLogs(pipeline, pageQuery(options), acceptOf(options))
  if (options.arrow !== undefined) writeFileSync(options.arrow, answer.bytes)
  else if (options.json === true) terminal.print(textOf(answer))
  else terminal.print(describeRecords(textOf(answer)))
  noteEnd(terminal, answer)
}

async function follow(terminal: Terminal, server: ControlCalls, pipeline: string, options: LogsOptions): Promise<void> {
  if (options.start !== undefined || options.end !== undefined || options.order === 'desc')
    throw new UsageError('Expected --follow without --start, --end and --order desc.')
  const begin = { ...options, order: 'asc', start: new Date().toISOString(), end: END_OF_TIME, limit: 1000 }
  for (let cursor: string | undefined; ;) {
    const page = pageQuery({ ...begin, ...(cursor === undefined ? {} : { cursor }) })
    page.set('follow', 'true')
    const answer = await server.readLogs(pipeline, page)
    for (const record of keepDigits(textOf(answer))) terminal.print(record)
    cursor = answer.headers.get('x-iteration-cursor') ?? cursor
    if (answer.headers.get('x-iteration-status') === 'All') await sleep(FOLLOW_MS)
  }
}

async function exportFiles(
  terminal: Terminal,
  server: ControlCalls,
  pipeline: string,
  options: LogsOptions,
): Promise<void> {
  const list = (text: string | undefined): string[] | undefined => text?.split(',').map((entry) => entry.trim())
  const body = {
    directory: options.export === true ? undefined : options.export,
    file_prefix: options.prefix,
    data_size_limit: options.sizeLimit,
    format: options.format,
    limit: options.limit,
    start: options.start,
    end: options.end,
    order: options.order,
    valid: validOf(options),
    dataset: list(options.dataset),
    dataset_exclude: list(options.datasetExclude),
    dataset_separator: options.separator,
  }
  const answer = await withProgress(
    terminal,
    () => 'exporting',
    () => server.exportLogs(pipeline, body),
  )
  if (options.json === true) terminal.print(JSON.stringify(answer))
  else if (answer.files.length === 0) terminal.print('Nothing is logged that fits; no file was written.')
  else {
    const columns = [{ title: 'file' }, { title: 'rows', align: 'right' }, { title: 'size', align: 'right' }] as const
    const rows = answer.files.map((file) => [file.path, String(file.rows), formatBytes(file.size_bytes)])
    terminal.print(formatTable(columns, rows))
  }
  answer.warnings.forEach((warning) => terminal.note(warning))
}

async function query(terminal: Terminal, server: ControlCalls, sql: string, options: LogsOptions): Promise<void> {
  const body = { sql, timeout_ms: options.timeout, rows_max: options.rows }
  const answer = await withProgress(
    terminal,
    () => 'querying',
    () => server.queryLogs(body, { accept: acceptOf(options) }),
  )
  if (options.arrow !== undefined) writeFileSync(options.arrow, answer.bytes)
  else if (options.json === true) terminal.print(textOf(answer))
  else terminal.print(describeRecords(recordsIn(textOf(answer))))
  const warnings = answer.headers.get('x-iteration-warning')
  if (warnings !== null) terminal.note(warnings)
}

/** Without parsing the whole: integers keep their digits. */
function recordsIn(text: string): string {
  return text.slice(text.indexOf('"records":') + '"records":'.length, text.lastIndexOf('}'))
}

export function describeRecords(text: string): string {
  const { titles, rows } = cellsOf(text)
  return rows.length === 0
    ? 'No rows.'
    : formatTable(
        titles.map((title) => ({ title })),
        rows,
      )
}

/** Why the page ended, and how to go on. */
function noteEnd(terminal: Terminal, { headers }: BytesAnswer): void {
  const warning = headers.get('x-iteration-warning')
  const cursor = headers.get('x-iteration-cursor')
  if (warning !== null) terminal.note(warning)
  if (cursor !== null) terminal.note(`Older or newer rows: --cursor ${cursor}`)
}

export function pageQuery(options: Partial<LogsOptions>): URLSearchParams {
  const query = new URLSearchParams()
  const put = (name: string, value: string | number | boolean | undefined): void => {
    if (value !== undefined) query.set(name, String(value))
  }
  put('limit', options.limit)
  put('start', options.start)
  put('end', options.end)
  put('order', options.order)
  put('valid', validOf(options))
  put('dataset', options.dataset)
  put('dataset_exclude', options.datasetExclude)
  put('dataset_separator', options.separator)
  put('cursor', options.cursor)
  return query
}

function validOf({ valid, invalid }: Partial<LogsOptions>): boolean | undefined {
  return valid === true ? true : invalid === true ? false : undefined
}

function acceptOf({ arrow }: LogsOptions): string | undefined {
  return arrow === undefined ? undefined : ARROW_TYPE
}

function textOf({ bytes }: BytesAnswer): string {
  return Buffer.from(bytes).toString('utf8').trimEnd()
}
