/** `penstock pipeline status`: what a pipeline is doing now, and what it has done since it was deployed. */
import { Command } from 'commander'
import type { StatusAnswer } from './answers.js'
import { ServerApi, type ServerOptions, withServerOptions } from './server-api.js'
import { formatTable } from './table.js'
import type { Terminal } from './terminal.js'

const EXAMPLES = `
Examples:
  $ penstock pipeline status wine
  $ penstock pipeline status wine --json | jq .in_flight`

export function pipelineStatusCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('status'))
    .summary('show what a pipeline is doing')
    .description("Shows a pipeline's versions, its requests, its failures and the state of its models.")
    .argument('<pipeline>', 'name of the pipeline')
    .addHelpText('after', EXAMPLES)
    .action(async (pipeline: string, options: ServerOptions) => {
      const path = `/v1/pipelines/${encodeURIComponent(pipeline)}/status`
      const status = (await new ServerApi(options).call('GET', path)) as StatusAnswer
      terminal.print(options.json === true ? JSON.stringify(status) : describeStatus(status))
    })
}

export function describeStatus(status: StatusAnswer): string {
  const failures = Object.entries(status.failures).map(([code, count]) => `${code} ${count}`)
  const lines = [
    `${status.name} ${status.version === null ? 'is not deployed' : `serves version ${status.version}`} (of ${status.versions.join(', ')})`,
    `  requests  ${status.request_count}, ${status.in_flight} in flight`,
    `  rows      ${status.row_count}`,
    `  failures  ${failures.join(', ') || 'none'}`,
  ]
  if (status.models.length === 0) return lines.join('\n')
  const columns = [
    { title: 'model' },
    { title: 'version', align: 'right' },
    { title: 'waiting rows', align: 'right' },
    { title: 'ready' },
    { title: 'runs on' },
  ] as const
  const rows = status.models.map((model) => [
    model.name,
    String(model.version),
    String(model.pending_rows),
    model.ready ? 'yes' : 'no',
    model.provider ?? '-',
  ])
  return [...lines, '', formatTable(columns, rows)].join('\n')
}
