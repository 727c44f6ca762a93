/** `penstock model alias`: points an alias to a version; pipelines that use the alias follow without losing a request. */
import { Command } from 'commander'
import { integerArgument } from '../shared/arguments.js'
import { withProgress } from '../shared/progress.js'
import { serverOf, type ServerOptions, withServerOptions } from '../shared/server.js'
import type { Terminal } from '../shared/terminal.js'

const EXAMPLES = `
Examples:
  $ penstock model alias ccfraud champion 3        promote version 3
  $ penstock model alias ccfraud champion 2        and back

Deployed pipelines that name \`ccfraud@champion\` switch to the version at once; requests under way finish on the old one.`

export function modelAliasCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('alias'))
    .summary('point an alias to a version')
    .description('Points an alias of a model to one of its versions, creating or moving it.')
    .argument('<model>', 'name of the model')
    .argument('<alias>', 'name of the alias, for example champion')
    .argument('<version>', 'number of the version', integerArgument)
    .addHelpText('after', EXAMPLES)
    .action(async (model: string, alias: string, version: number, options: ServerOptions) => {
      const server = serverOf(options)
      const work = () => server.setAlias(model, alias, version)
      const answer = await withProgress(terminal, () => `moving ${model}@${alias}`, work)
      terminal.print(options.json === true ? JSON.stringify(answer) : `${model}@${alias} is version ${version}`)
    })
}
