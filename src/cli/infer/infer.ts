/**
 * `penstock infer`: sends one request to a deployed pipeline and prints the answer.
 * JSON passes through as text, in both directions, so that 64-bit integers keep all their digits.
 */
import { Command, Option } from 'commander'
import { fileFormats, outputFormats } from '../../files/formats.js'
import { durationArgument, integerArgument, listArgument } from '../shared/arguments.js'
import { UsageError } from '../shared/failures.js'
import type { FileOptions } from './infer-file.js'
import { isRecord, parseJson, readInputText, readRequestData } from '../shared/input-data.js'
import { serverOf, type ServerOptions, withServerOptions } from '../shared/server.js'
import { type Column, formatTable } from '../shared/table.js'
import type { Terminal } from '../shared/terminal.js'

interface InferOptions extends ServerOptions {
  readonly data?: string
  readonly meta?: string
  readonly deadline?: number
  readonly format: 'json' | 'table'
  readonly file?: string
  readonly fileFormat?: string
  readonly output?: string
  readonly outputFormat?: string
  readonly dataset?: readonly string[]
  readonly datasetExclude?: readonly string[]
  readonly datasetSeparator?: string
  readonly rowsPerRequest?: number
  readonly parallel?: number
}

const EXAMPLES = `
Examples:
  $ penstock infer wine --data '{"features":[[7.4,0.7,0,1.9,0.076,11,34,0.9978,3.51,0.56,9.4,0]]}'
  $ penstock infer wine --data @rows.json --format table
  $ penstock infer wine-by-colour --data @rows.json --meta '{"colour":"red"}'
  $ cat rows.json | penstock infer wine
  $ penstock infer wine --data @rows.json --dataset out,anomaly
  $ penstock infer wine --file rows.parquet --output answers.csv
  $ penstock infer wine --file rows.csv --dataset out,metadata.elapsed > answers.ndjson

Data are columns, {"<input>": rows}, or records, [{"<input>": row}, …]. Routing keys of records are columns of them.`

export function inferCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('infer'))
    .summary('send one request to a pipeline')
    .description('Sends one inference request to a deployed pipeline and prints the answer.')
    .argument('<pipeline>', 'name of the pipeline')
    .option('--data <json>', 'the inputs: JSON, @file, or - for stdin (default: stdin, unless it is a keyboard)')
    .option('--meta <json>', 'routing keys: JSON, or @file')
    .option('--deadline <time>', 'give up after this time, for example 50ms', durationArgument)
    .option('--file <path>', 'all rows of a .json, .ndjson, .csv, .arrow, .parquet or .npy file, of any size')
    .option('--output <path>', 'with --file: where the answers go, by its ending (default: a record a line on stdout)')
    .addOption(new Option('--file-format <format>', 'of --file, if its ending does not tell').choices(fileFormats))
    .addOption(
      new Option('--output-format <format>', 'of --output, if its ending does not tell').choices(outputFormats),
    )
    .option('--dataset <columns>', 'columns or groups to answer with, such as time,out,anomaly.count', listArgument)
    .option('--dataset-exclude <columns>', 'columns or groups to leave out', listArgument)
    .option('--dataset-separator <text>', 'without --file: flatten the answer, in<text>x instead of nested')
    .option('--rows-per-request <count>', 'with --file: rows of one request (default: 16384)', integerArgument)
    .option('--parallel <count>', 'with --file: requests at a time (default: 4)', integerArgument)
    .addOption(new Option('--format <format>', 'how to print the answer').choices(['json', 'table']).default('json'))
    .addHelpText('after', EXAMPLES)
    .action(async (pipeline: string, options: InferOptions) => {
      const { file } = options
      if (file !== undefined) {
        const { inferFileCommand } = await import('./infer-file.js')
        return inferFileCommand(terminal, pipeline, fileOptions(options, file))
      }
      expectNoFileOptions(options)
      const body = requestText(terminal, options)
      const answer = await serverOf(options).infer(pipeline, body, queryOf(options))
      const isTable = options.format === 'table' && options.json !== true
      terminal.print(isTable ? describeAnswer(answer) : answer.trimEnd())
    })
}

function fileOptions(options: InferOptions, file: string): FileOptions {
  const isMixed = options.data !== undefined || options.meta !== undefined || options.datasetSeparator !== undefined
  if (isMixed)
    throw new UsageError(
      'Expected --file without --data, --meta and --dataset-separator: routing keys are columns of the file.',
    )
  return { ...options, file }
}

function expectNoFileOptions({ output, fileFormat, outputFormat, rowsPerRequest, parallel }: InferOptions): void {
  if ([output, fileFormat, outputFormat, rowsPerRequest, parallel].every((value) => value === undefined)) return
  throw new UsageError(
    'Expected --output, --file-format, --output-format, --rows-per-request and --parallel with --file only.',
  )
}

function queryOf({ dataset = [], datasetExclude = [], datasetSeparator }: InferOptions): URLSearchParams {
  const query = new URLSearchParams()
  for (const entry of dataset) query.append('dataset[]', entry)
  for (const entry of datasetExclude) query.append('dataset.exclude[]', entry)
  if (datasetSeparator !== undefined) query.set('dataset_separator', datasetSeparator)
  return query
}

function requestText(terminal: Terminal, options: InferOptions): string {
  const data = readRequestData(terminal, options.data, 'Pass --data \'{"<input>": rows}\' or --file rows.csv')
  const meta = options.meta === undefined ? undefined : readInputText(terminal, '--meta', options.meta).trim()
  return joinRequest(data, meta, options.deadline)
}

/** Puts routing keys and deadline beside the inputs, without touching the text of either. */
export function joinRequest(data: string, meta: string | undefined, deadlineMs: number | undefined): string {
  const parsed = parseJson('--data', data)
  const added: string[] = []
  if (meta !== undefined) {
    if (!isRecord(parseJson('--meta', meta)))
      throw new UsageError('Expected --meta to be an object such as {"session":"abc"}.')
    added.push(`"meta":${meta}`)
  }
  if (deadlineMs !== undefined) added.push(`"deadlineMs":${deadlineMs}`)
  if (added.length === 0) return data
  if (!isRecord(parsed)) {
    throw new UsageError(
      'Expected --data to be an object of columns beside --meta or --deadline. Put the routing keys into the records instead.',
    )
  }
  const isWrapped = isRecord(parsed['inputs'])
  if (!isWrapped) return `{"inputs":${data},${added.join(',')}}`
  for (const key of ['meta', 'deadlineMs']) {
    const isTwice = key in parsed && added.some((text) => text.startsWith(`"${key}"`))
    if (isTwice) throw new UsageError(`The data already have "${key}". Remove it there, or leave the option away.`)
  }
  return `${data.slice(0, -1)},${added.join(',')}}`
}

/** A row of the answer a line. Answers that are no columns are printed as they are. */
export function describeAnswer(text: string): string {
  const answer = parseKeepingDigits(text)
  const outputs = isRecord(answer) ? answer['outputs'] : undefined
  if (!isRecord(answer) || !isRecord(outputs)) return text.trimEnd()
  const route = isRecord(answer['metadata']) ? answer['metadata']['route'] : undefined
  const failuresOfRow = (row: number) => failedChecks(answer['check_failures'], row).join(', ') || '-'
  const names = Object.keys(outputs)
  const rowCount = Math.max(0, ...names.map((name) => (Array.isArray(outputs[name]) ? outputs[name].length : 1)))
  const columns: Column[] = [
    { title: 'row', align: 'right' },
    ...names.map((title) => ({ title })),
    { title: 'failed checks' },
  ]
  if (Array.isArray(route)) columns.push({ title: 'answered by' })
  const rows = Array.from({ length: rowCount }, (_, row) => [
    String(row),
    ...names.map((name) => cellOf(outputs[name], row)),
    failuresOfRow(row),
    Array.isArray(route) ? String(route[row]) : '',
  ])
  return formatTable(columns, rows)
}

function failedChecks(failures: unknown, row: number): string[] {
  if (!Array.isArray(failures)) return []
  const isOfRow = (entry: unknown) => isRecord(entry) && Array.isArray(entry['rows']) && entry['rows'].includes(row)
  return failures.filter(isOfRow).map((entry: unknown) => (isRecord(entry) ? String(entry['check']) : ''))
}

function cellOf(column: unknown, row: number): string {
  const value: unknown = Array.isArray(column) ? column[row] : column
  const isSingle = Array.isArray(value) && value.length === 1
  const shown: unknown = isSingle ? value[0] : value
  return typeof shown === 'string' ? shown : (JSON.stringify(shown) ?? '-')
}

/** JSON.parse with integers of 16 digits and more as texts, since a number would round them. */
function parseKeepingDigits(text: string): unknown {
  const quoted = text.replace(/"(?:[^"\\]|\\.)*"|-?\b\d{16,}\b(?![.eE])/g, (token) =>
    token.startsWith('"') ? token : `"${token}"`,
  )
  return parseJson('the answer', quoted)
}
