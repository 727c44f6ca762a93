/** `penstock keys revoke`: makes an API key worthless. */
import { Command } from 'commander'
import { keysOf, type KeysOptions, withHomeOptions } from './keys.js'
import type { Terminal } from '../shared/terminal.js'

const EXAMPLES = `
Example:
  $ penstock keys revoke laptop

A running server that has asked for keys goes on asking: after the last one is revoked it refuses every request until
another key is made or it is restarted.`

export function keysRevokeCommand(terminal: Terminal): Command {
  return withHomeOptions(new Command('revoke'))
    .summary('revoke an API key')
    .description('Removes an API key. A running server refuses it, and ends its open connections, within a second.')
    .argument('<name>', 'name of the key')
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, options: KeysOptions) => {
      await (await keysOf(options)).revoke(name)
      terminal.print(options.json === true ? JSON.stringify({ revoked: name }) : `revoked ${name}`)
    })
}
