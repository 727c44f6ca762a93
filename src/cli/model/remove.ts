/** `penstock model remove`: removes an alias, a version, or a model with all its versions. */
import { Command, Option } from 'commander'
import { integerArgument } from '../shared/arguments.js'
import { ServerApi, type ServerOptions, withServerOptions } from '../shared/server-api.js'
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
      const { path, what } = targetOf(model, options)
      const answer = await new ServerApi(options).call('DELETE', path)
      terminal.print(options.json === true ? JSON.stringify(answer ?? { removed: what }) : `removed ${what}`)
    })
}

function targetOf(model: string, options: RemoveOptions): { path: string; what: string } {
  const path = `/v1/models/${encodeURIComponent(model)}`
  if (options.version !== undefined)
    return { path: `${path}/versions/${options.version}`, what: `${model}@${options.version}` }
  if (options.alias === undefined) return { path, what: model }
  return { path: `${path}/aliases/${encodeURIComponent(options.alias)}`, what: `${model}@${options.alias}` }
}
