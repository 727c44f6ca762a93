/** `penstock pipeline list`: pipelines, which version serves, and their steps in a word each. */
import { Command } from 'commander'
import type { PipelineAnswer } from './answers.js'
import { isRecord } from './input-data.js'
import { ServerApi, type ServerOptions, withServerOptions } from './server-api.js'
import { formatTable, formatTime } from './table.js'
import type { Terminal } from './terminal.js'

const EXAMPLES = `
Examples:
  $ penstock pipeline list
  $ penstock pipeline list --json | jq '.pipelines[] | select(.deployed_version == null) | .name'`

const COLUMNS = [
  { title: 'pipeline' },
  { title: 'serves', align: 'right' },
  { title: 'newest', align: 'right' },
  { title: 'created (utc)' },
  { title: 'steps of the version that serves, or of the newest' },
] as const

export function pipelineListCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('list'))
    .summary('list pipelines')
    .description('Lists the pipelines, which version of each serves, and their steps.')
    .addHelpText('after', EXAMPLES)
    .action(async (options: ServerOptions) => {
      const answer = (await new ServerApi(options).call('GET', '/v1/pipelines')) as {
        pipelines: readonly PipelineAnswer[]
      }
      terminal.print(options.json === true ? JSON.stringify(answer) : describePipelines(answer.pipelines))
    })
}

export function describePipelines(pipelines: readonly PipelineAnswer[]): string {
  if (pipelines.length === 0)
    return 'There are no pipelines yet. Add one with `penstock pipeline apply <file.json> --deploy`.'
  const rows = pipelines.map(({ name, deployed_version: deployed, versions }) => {
    const newest = versions.at(-1)
    const shown = versions.find(({ version }) => version === deployed) ?? newest
    const steps = (shown?.steps ?? []).map(describeStep).join(' → ')
    return [name, String(deployed ?? '-'), String(newest?.version ?? '-'), formatTime(shown?.created_at ?? '-'), steps]
  })
  return formatTable(COLUMNS, rows)
}

/** Few words from whatever the server sent: it may know kinds of steps that this release does not. */
export function describeStep(step: unknown): string {
  if (!isRecord(step)) return '?'
  const { type, model, models, options, name, slice, index } = step
  if (typeof model === 'string') return model
  if (Array.isArray(models)) return `[${models.join(', ')}]`
  if (Array.isArray(options)) return `split(${options.map(describeOption).join(', ')})`
  if (isRecord(options))
    return `split(${[...Object.entries(options).map(describeKey), `else ${String(step['default'])}`].join(', ')})`
  return [type, name ?? slice ?? index]
    .filter((part) => part !== undefined)
    .map(String)
    .join(' ')
}

function describeOption(option: unknown): string {
  return isRecord(option) ? `${String(option['weight'])} ${String(option['model'])}` : '?'
}

function describeKey([value, model]: [string, unknown]): string {
  return `${value} ${String(model)}`
}
