/** `penstock dataset list`: the datasets of a server. */
import { Command } from 'commander'
import type { DatasetRecordAnswer } from '../../protocol/answers/generated/answers.js'
import { type ServerOptions, withServerOptions } from '../shared/server.js'
import { formatBytes, formatTable, formatTime } from '../shared/table.js'
import type { Terminal } from '../shared/terminal.js'
import { datasetCalls } from '../shared/datasets.js'

const EXAMPLES = `
Examples:
  $ penstock dataset list
  $ penstock dataset list --json | jq -r '.datasets[].name'`

const COLUMNS = [
  { title: 'dataset' },
  { title: 'split' },
  { title: 'rows', align: 'right' },
  { title: 'columns', align: 'right' },
  { title: 'size', align: 'right' },
  { title: 'format' },
  { title: 'sha256' },
  { title: 'created (utc)' },
] as const

export function datasetListCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('list'))
    .summary('list datasets')
    .description('Lists the datasets, a line a version.')
    .addHelpText('after', EXAMPLES)
    .action(async (options: ServerOptions) => {
      const answer = await (await datasetCalls(options)).listDatasets()
      terminal.print(options.json === true ? JSON.stringify(answer) : describeDatasets(answer.datasets))
    })
}

export function describeDatasets(datasets: readonly DatasetRecordAnswer[]): string {
  if (datasets.length === 0) return 'There are no datasets yet. Add one with `penstock dataset create <name> <file>`.'
  const rows = datasets.flatMap(({ name, versions }) =>
    versions.map((version) => [
      `${name}@${version.version}`,
      version.split ?? '-',
      String(version.rows),
      String(version.columns.length),
      formatBytes(version.size_bytes),
      version.format,
      version.sha256.slice(0, 12),
      formatTime(version.created_at),
    ]),
  )
  return formatTable(COLUMNS, rows)
}
