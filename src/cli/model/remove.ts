/** `penstock model remove`: removes an alias, a version, or a model with all its versions. */
import { Command, Option } from 'commander'
import type { ControlCalls } from '../../client/control/calls.js'
import { integerArgument } from '../shared/arguments.js'
import { serverOf, type ServerOptions, withServerOptions } from '../shared/server.js'
import type { Terminal } from '../shared/terminal.js'

interface RemoveOptions extends ServerOptions {
  readonly version?: number
  readonly alias?: string
}

const EXAMPLES = `
Examples:
  $ penstock model remove ccfraud --alias challenger
  $ penstock model remove ccfraud --version 2
  $ penstock model remove ccfraud

What a deployed pipeline uses, or an alias points to, is refused. Numbers of removed versions are not given again.`

export function modelRemoveCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('remove'))
    .summary('remove a model, one of its versions or an alias')
    .description('Removes a model with all its versions; or only a version, or only an alias.')
    .argument('<model>', 'name of the model')
    .addOption(
      new Option('--version <version>', 'remove only this version').argParser(integerArgument).conflicts('alias'),
    )
    .option('--alias <alias>', 'remove only this alias')
    .addHelpText('after', EXAMPLES)
    .action(async (model: string, options: RemoveOptions) => {
      const { what, remove } = targetOf(model, options)
      const answer = await remove(serverOf(options))
      terminal.print(options.json === true ? JSON.stringify(answer ?? { removed: what }) : `removed ${what}`)
    })
}

interface RemovalTarget {
  readonly what: string
  readonly remove: (server: ControlCalls) => Promise<unknown>
}

function targetOf(model: string, { version, alias }: RemoveOptions): RemovalTarget {
  if (version !== undefined)
    return { what: `${model}@${version}`, remove: (server) => server.removeModelVersion(model, version) }
  if (alias !== undefined) return { what: `${model}@${alias}`, remove: (server) => server.removeAlias(model, alias) }
  return { what: model, remove: (server) => server.removeModel(model) }
}
