/** `penstock contract remove`: removes a version of a contract, or all of it. */
import { Command } from 'commander'
import { type ServerOptions, withServerOptions } from '../shared/server.js'
import type { Terminal } from '../shared/terminal.js'
import { contractCalls, referenceOf } from './source.js'

const EXAMPLES = `
Examples:
  $ penstock contract remove wine@1               one version
  $ penstock contract remove wine                 all of them

What a deployed pipeline names is refused.`

export function contractRemoveCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('remove'))
    .summary('remove a contract or a version of it')
    .description('Removes a version of a contract, or the contract with all its versions.')
    .argument('<contract>', 'name, or name@version')
    .addHelpText('after', EXAMPLES)
    .action(async (source: string, options: ServerOptions) => {
      const { name, version } = referenceOf(source)
      const calls = contractCalls(options)
      await (version === null ? calls.removeContract(name) : calls.removeContractVersion(name, version))
      terminal.print(options.json === true ? JSON.stringify({ removed: source }) : `removed ${source}`)
    })
}
