/** `penstock pipeline tag`: adds tags to a pipeline, or takes them off. */
import { Command } from 'commander'
import { serverOf, type ServerOptions, withServerOptions } from '../shared/server.js'
import { tagsSentence } from '../shared/tags-sentence.js'
import type { Terminal } from '../shared/terminal.js'

interface TagOptions extends ServerOptions {
  readonly remove?: boolean
}

const EXAMPLES = `
Examples:
  $ penstock pipeline tag wine team-a "red and white"
  $ penstock pipeline tag wine team-a --remove
  $ penstock pipeline list --search team-a`

export function pipelineTagCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('tag'))
    .summary('tag a pipeline')
    .description('Adds tags to a pipeline, by which it is found again, or removes them.')
    .argument('<pipeline>', 'name of the pipeline')
    .argument('<tag...>', 'short texts')
    .option('--remove', 'take the tags off instead')
    .addHelpText('after', EXAMPLES)
    .action(async (pipeline: string, tags: readonly string[], options: TagOptions) => {
      const method = options.remove === true ? 'DELETE' : 'PUT'
      const answer = await serverOf(options).changePipelineTags(method, pipeline, tags)
      terminal.print(options.json === true ? JSON.stringify(answer) : tagsSentence(pipeline, answer.tags))
    })
}
