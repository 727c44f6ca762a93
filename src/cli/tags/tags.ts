/** `penstock tags`: every tag in use, and who carries it. */
import { Command } from 'commander'
import type { TagUseAnswer } from '../../protocol/answers/generated/answers.js'
import { serverOf, type ServerOptions, withServerOptions } from '../shared/server.js'
import { formatTable } from '../shared/table.js'
import type { Terminal } from '../shared/terminal.js'

const EXAMPLES = `
Examples:
  $ penstock tags
  $ penstock pipeline list --search team-a`

export function tagsCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('tags'))
    .summary('list tags')
    .description('Lists every tag in use, with the pipelines and versions of models that carry it.')
    .addHelpText('after', EXAMPLES)
    .action(async (options: ServerOptions) => {
      const answer = await serverOf(options).listTags()
      terminal.print(options.json === true ? JSON.stringify(answer) : describeTags(answer.tags))
    })
}

export function describeTags(tags: readonly TagUseAnswer[]): string {
  if (tags.length === 0) return 'There are no tags yet. Add one with `penstock pipeline tag` or `penstock model tag`.'
  const rows = tags.map(({ tag, pipelines, models }) => [
    tag,
    pipelines.join(', ') || '-',
    models.map(({ name, version }) => `${name}@${version}`).join(', ') || '-',
  ])
  return formatTable([{ title: 'tag' }, { title: 'pipelines' }, { title: 'models' }], rows)
}
