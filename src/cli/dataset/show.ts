/** `penstock dataset show`: a version of a dataset, its columns and its first rows. */
import { Command } from 'commander'
import type { NamedDatasetVersionAnswer } from '../../protocol/answers/generated/answers.js'
import { integerArgument } from '../shared/arguments.js'
import { type ServerOptions, withServerOptions } from '../shared/server.js'
import { formatBytes, formatTable, formatTime } from '../shared/table.js'
import type { Terminal } from '../shared/terminal.js'
import { datasetCalls, referenceOf, versionOf } from '../shared/datasets.js'

interface ShowOptions extends ServerOptions {
  readonly rows: number
}

const EXAMPLES = `
Examples:
  $ penstock dataset show wine
  $ penstock dataset show wine@1 --rows 20`

export function datasetShowCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('show'))
    .summary('show a dataset')
    .description('Shows a version of a dataset: where it comes from, its columns and its first rows.')
    .argument('<dataset>', 'name, name@version or name@latest')
    .option('--rows <count>', 'how many rows, up to 100', integerArgument, 5)
    .addHelpText('after', EXAMPLES)
    .action(async (source: string, options: ShowOptions) => {
      const calls = await datasetCalls(options)
      const version = await versionOf(calls, referenceOf(source))
      const { rows } = await calls.datasetRows(version.name, version.version, options.rows)
      terminal.print(
        options.json === true
          ? JSON.stringify({ ...version, first_rows: rows })
          : `${describeVersion(version)}\n\n${formatRows(version, rows)}`,
      )
    })
}

export function describeVersion(version: NamedDatasetVersionAnswer): string {
  const { name, split, rows, columns, size_bytes: size, format, sha256, created_at: createdAt } = version
  return [
    `${name}@${version.version}  ${rows} rows, ${columns.length} columns, ${formatBytes(size)} of ${format}`,
    ...(split === undefined ? [] : [`  split    ${split}`]),
    `  sha256   ${sha256}`,
    `  created  ${formatTime(createdAt)} UTC`,
    `  columns  ${columns.map((column) => `${column.name} ${typeOf(column)}`).join(', ')}`,
  ].join('\n')
}

function typeOf({ dtype, nullable, shape }: NamedDatasetVersionAnswer['columns'][number]): string {
  return `${dtype}${nullable === true ? '?' : ''}${shape.length === 0 ? '' : `[${shape.join(',')}]`}`
}

function formatRows({ columns }: NamedDatasetVersionAnswer, rows: readonly object[]): string {
  if (rows.length === 0) return 'It has no rows.'
  const cells = rows.map((row) =>
    columns.map(({ name }) => {
      const cell = (row as Readonly<Record<string, unknown>>)[name]
      return typeof cell === 'string' ? cell : JSON.stringify(cell)
    }),
  )
  return formatTable(
    columns.map(({ name }) => ({ title: name })),
    cells,
  )
}
