/** `penstock model alias`: points an alias to a version; pipelines that use the alias follow without losing a request. */
import { Command } from 'commander'
import { integerArgument } from '../shared/arguments.js'
import { withProgress } from '../shared/progress.js'
import { serverOf, type ServerOptions, withServerOptions } from '../shared/server.js'
import type { Terminal } from '../shared/terminal.js'

interface AliasOptions extends ServerOptions {
  readonly archiveExisting?: boolean
}

const EXAMPLES = `
Examples:
  $ penstock model alias ccfraud champion 3        promote version 3
  $ penstock model alias ccfraud champion 2        and back
  $ penstock model alias ccfraud Production 3 --archive-existing

Staging, Production and Archived are stages: a version leaves the one that it was in, and Archived holds many.

Deployed pipelines that name \`ccfraud@champion\` switch to the version at once; requests under way finish on the old one.`

export function modelAliasCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('alias'))
    .summary('point an alias to a version')
    .description('Points an alias of a model to one of its versions, creating or moving it.')
    .argument('<model>', 'name of the model')
    .argument('<alias>', 'name of the alias, for example champion')
    .argument('<version>', 'number of the version', integerArgument)
    .option('--archive-existing', 'with a stage: archive the version that was in it')
    .addHelpText('after', EXAMPLES)
    .action(async (model: string, alias: string, version: number, options: AliasOptions) => {
      const server = serverOf(options)
      const work = () => server.setAlias(model, alias, version, options.archiveExisting)
      const answer = await withProgress(terminal, () => `moving ${model}@${alias}`, work)
      terminal.print(options.json === true ? JSON.stringify(answer) : `${model}@${alias} is version ${version}`)
    })
}
