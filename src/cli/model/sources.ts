/** `penstock model sources`: the places that the server watches for models. */
import { Command } from 'commander'
import type { ModelSourceAnswer } from '../../protocol/answers/generated/answers.js'
import { serverOf, type ServerOptions, withServerOptions } from '../shared/server.js'
import { type Column, formatTable, formatTime } from '../shared/table.js'
import type { Terminal } from '../shared/terminal.js'

const EXAMPLES = `
Examples:
  $ penstock serve --watch-models /models --watch-interval 30s
  $ penstock model sources
  $ penstock model sources --json | jq '.sources[].problems'`

const COLUMNS: readonly Column[] = [
  { title: 'place', isKept: true },
  { title: 'models' },
  { title: 'added', align: 'right', isKept: true },
  { title: 'aliases moved', align: 'right', isKept: true },
  { title: 'looks', align: 'right', isKept: true },
  { title: 'last (utc)', isKept: true },
]

export function modelSourcesCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('sources'))
    .summary('list the places that are watched for models')
    .description('Lists the places that the server takes models from by itself, and what cannot be taken.')
    .addHelpText('after', EXAMPLES)
    .action(async (options: ServerOptions) => {
      const answer = await serverOf(options).listSources()
      terminal.print(
        options.json === true ? JSON.stringify(answer) : describeSources(answer.sources, terminal.printColumns),
      )
    })
}

/** @param width of the terminal; 0: lines of any length. */
export function describeSources(sources: readonly ModelSourceAnswer[], width = 0): string {
  if (sources.length === 0)
    return 'No place is watched. Start the server with `penstock serve --watch-models <folder>`.'
  const rows = sources.map((source) => [
    source.place,
    source.models.join(', ') || '-',
    String(source.added),
    String(source.moved),
    String(source.looks),
    source.last_look_at === null ? '-' : formatTime(source.last_look_at),
  ])
  const lines = sources.flatMap(({ place, error, problems, problem_count: count }) => [
    ...(error === null ? [] : [`${place} cannot be looked at: ${error}`]),
    ...problems.map((problem) => `${place}: ${problem}`),
    ...(count > problems.length ? [`${place}: and ${count - problems.length} more`] : []),
  ])
  return [formatTable(COLUMNS, rows, width), ...lines].join('\n')
}
