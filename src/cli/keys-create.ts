/** `penstock keys create`: makes an API key and shows it, once. */
import { Command } from 'commander'
import { keysOf, type KeysOptions, withHomeOptions } from './keys.js'
import type { Terminal } from './terminal.js'

const EXAMPLES = `
Examples:
  $ penstock keys create ci
  $ export PENSTOCK_API_KEY=$(penstock keys create laptop --json | jq -r .key)

From the first key on, the server answers only requests that carry one: \`authorization: Bearer psk_…\`.`

export function keysCreateCommand(terminal: Terminal): Command {
  return withHomeOptions(new Command('create'))
    .summary('make an API key')
    .description('Makes an API key and prints it. Only its hash is stored, so it cannot be shown again.')
    .argument('<name>', 'a name to recognise the key by')
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, options: KeysOptions) => {
      const created = await (await keysOf(options)).create(name)
      if (options.json === true) return terminal.print(JSON.stringify(created))
      // The key alone on stdout: `KEY=$(penstock keys create ci)` works.
      terminal.print(created.key)
      terminal.note(`Key ${name} was created. It is not shown again; a running server accepts it within a second.`)
    })
}
