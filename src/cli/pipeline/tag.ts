/** `penstock pipeline tag`: adds tags to a pipeline, or takes them off. */
import { Command } from 'commander'
import type { PipelineAnswer } from '../../client/control/answers.js'
import { ServerApi, type ServerOptions, withServerOptions } from '../shared/server-api.js'
import { changeTags, tagsSentence } from '../shared/tag-calls.js'
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
      const path = `/v1/pipelines/${encodeURIComponent(pipeline)}`
      const answer = (await changeTags(new ServerApi(options), path, tags, options.remove === true)) as PipelineAnswer
      terminal.print(options.json === true ? JSON.stringify(answer) : tagsSentence(pipeline, answer.tags))
    })
}
