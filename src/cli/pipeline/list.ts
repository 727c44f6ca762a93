/** `penstock pipeline list`: pipelines, which version serves, and their steps in a word each. */
import { Command } from 'commander'
import type { PipelineAnswer } from '../../protocol/answers/generated/answers.js'
import { isRecord } from '../shared/input-data.js'
import { serverOf, type ServerOptions, withServerOptions } from '../shared/server.js'
import { formatTable, formatTime } from '../shared/table.js'
import type { Terminal } from '../shared/terminal.js'

interface ListOptions extends ServerOptions {
  readonly search?: string
}

const EXAMPLES = `
Examples:
  $ penstock pipeline list
  $ penstock pipeline list --search fraud          names and tags with "fraud" in them
  $ penstock pipeline list --json | jq '.pipelines[] | select(.deployed_version == null) | .name'`

const COLUMNS = [
  { title: 'pipeline' },
  { title: 'serves', align: 'right' },
  { title: 'newest', align: 'right' },
  { title: 'created (utc)' },
  { title: 'updated (utc)' },
  { title: 'tags' },
  { title: 'steps of the version that serves, or of the newest' },
] as const

export function pipelineListCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('list'))
    .summary('list pipelines')
    .description('Lists the pipelines, which version of each serves, their tags and their steps.')
    .option('--search <text>', 'only those whose name or one of whose tags contains this text')
    .addHelpText('after', EXAMPLES)
    .action(async (options: ListOptions) => {
      const answer = await serverOf(options).listPipelines(options.search)
      terminal.print(
        options.json === true ? JSON.stringify(answer) : describePipelines(answer.pipelines, options.search),
      )
    })
}

export function describePipelines(pipelines: readonly PipelineAnswer[], search?: string): string {
  if (pipelines.length === 0 && search !== undefined)
    return `No pipeline has ${JSON.stringify(search)} in its name or tags.`
  if (pipelines.length === 0)
    return 'There are no pipelines yet. Add one with `penstock pipeline apply <file.json> --deploy`.'
  const rows = pipelines.map((pipeline) => {
    const { name, deployed_version: deployed, versions } = pipeline
    const newest = versions.at(-1)
    const shown = versions.find(({ version }) => version === deployed) ?? newest
    const steps = (shown?.steps ?? []).map(describeStep).join(' → ')
    return [
      name,
      String(deployed ?? '-'),
      String(newest?.version ?? '-'),
      formatTime(pipeline.created_at ?? versions[0]?.created_at ?? '-'),
      formatTime(pipeline.updated_at ?? '-'),
      (pipeline.tags ?? []).join(', ') || '-',
      steps,
    ]
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
