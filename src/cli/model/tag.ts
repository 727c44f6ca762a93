/** `penstock model tag`: adds tags to a version of a model after its upload, or takes them off. */
import { Command } from 'commander'
import type { ControlCalls } from '../../client/control/calls.js'
import { integerArgument } from '../shared/arguments.js'
import { serverOf, type ServerOptions, withServerOptions } from '../shared/server.js'
import { tagsSentence } from '../shared/tags-sentence.js'
import type { Terminal } from '../shared/terminal.js'

interface TagOptions extends ServerOptions {
  readonly version?: number
  readonly remove?: boolean
}

const EXAMPLES = `
Examples:
  $ penstock model tag ccfraud keras               the newest version
  $ penstock model tag ccfraud keras --version 2 --remove
  $ penstock model list --search keras`

export function modelTagCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('tag'))
    .summary('tag a version of a model')
    .description('Adds tags to a version of a model, by which it is found again, or removes them.')
    .argument('<model>', 'name of the model')
    .argument('<tag...>', 'short texts')
    .option('--version <version>', 'number of the version (default: the newest)', integerArgument)
    .option('--remove', 'take the tags off instead')
    .addHelpText('after', EXAMPLES)
    .action(async (model: string, tags: readonly string[], options: TagOptions) => {
      const server = serverOf(options)
      const version = options.version ?? (await newestOf(server, model))
      const answer = await server.changeModelTags(options.remove === true ? 'DELETE' : 'PUT', model, version, tags)
      const tagged = answer.versions.find((candidate) => candidate.version === version)
      terminal.print(options.json === true ? JSON.stringify(answer) : tagsSentence(`${model}@${version}`, tagged?.tags))
    })
}

async function newestOf(server: ControlCalls, model: string): Promise<number> {
  const { versions } = await server.getModel(model)
  // A model without versions is not listed.
  return versions.at(-1)?.version ?? 1
}
