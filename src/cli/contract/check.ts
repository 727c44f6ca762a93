/** `penstock contract check`: the rows of a file against a contract, with a report of every problem. */
import { Command } from 'commander'
import { countArgument } from '../shared/arguments.js'
import { MissedError } from '../shared/failures.js'
import { type ServerOptions, withServerOptions } from '../shared/server.js'
import { formatTable } from '../shared/table.js'
import type { Terminal } from '../shared/terminal.js'
import type { FileCheck } from './rows.js'
import { SOURCE_ARGUMENT, sourcedContract } from './source.js'

interface CheckOptions extends ServerOptions {
  readonly format?: string
  readonly problems: number
}

const EXAMPLES = `
Examples:
  $ penstock contract check wine.json wines.parquet
  $ penstock contract check wine@2 new.csv --problems 100 --json

Exit code 1: a row would be refused. Rows that are clamped, imputed, flagged or dropped are reported and pass.`

const PROBLEMS_SHOWN = 20

export function contractCheckCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('check'))
    .summary('check rows against a contract')
    .description('Checks every row of a file, all of them as one request, and reports what breaks which rule.')
    .argument('<contract>', SOURCE_ARGUMENT)
    .argument('<file>', 'rows: JSON, NDJSON, CSV, Arrow or Parquet')
    .option('--format <format>', "the file's format, where its name does not say it")
    .option('--problems <count>', 'problems that are listed one by one', countArgument, PROBLEMS_SHOWN)
    .addHelpText('after', EXAMPLES)
    .action(async (source: string, file: string, options: CheckOptions) => {
      const { reference, contract } = await sourcedContract(source, options)
      const { checkFile } = await import('./rows.js')
      const check = await checkFile(contract, file, options.format, options.problems)
      terminal.print(options.json === true ? JSON.stringify(check, exactJson) : describeCheck(reference, check))
      if (check.refused > 0) throw new MissedError(`${check.refused} of ${check.rows} rows would be refused`)
    })
}

/** Integers beyond 2^53 as texts of their digits. */
function exactJson(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}

export function describeCheck(reference: string, check: FileCheck): string {
  const { rows, refused, dropped, counts, problems, problemCount, extra } = check
  const lines = [`${rows} rows against ${reference}: ${refused} refused, ${dropped} dropped, ${problemCount} problems`]
  if (extra.length > 0) lines.push(`members that are no field, and are passed over: ${extra.join(', ')}`)
  if (problemCount === 0) return lines.join('\n')
  const table = counts.map(({ field, rule, action, count }) => [field || '-', rule, action, String(count)])
  const columns = [
    { title: 'field' },
    { title: 'rule' },
    { title: 'then' },
    { title: 'count', align: 'right' },
  ] as const
  const more = problemCount - problems.length
  return [
    ...lines,
    '',
    formatTable(columns, table),
    ...(problems.length === 0 ? [] : ['', ...problems.map(({ path, message }) => `${path}  ${message}`)]),
    ...(more > 0 && problems.length > 0 ? [`… and ${more} more; see --problems`] : []),
  ].join('\n')
}
