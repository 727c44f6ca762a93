/** `penstock keys list`: the names of the API keys. */
import { Command } from 'commander'
import { keysOf, type KeysOptions, withHomeOptions } from './keys.js'
import { formatTable, formatTime } from './table.js'
import type { Terminal } from './terminal.js'

const EXAMPLES = `
Example:
  $ penstock keys list`

export function keysListCommand(terminal: Terminal): Command {
  return withHomeOptions(new Command('list'))
    .summary('list API keys')
    .description('Lists the API keys by name and first characters.')
    .addHelpText('after', EXAMPLES)
    .action(async (options: KeysOptions) => {
      const keys = (await keysOf(options)).list()
      if (options.json === true) return terminal.print(JSON.stringify({ keys }))
      if (keys.length === 0) return terminal.print('There are no API keys: a server on this home answers without one.')
      const rows = keys.map(({ name, prefix, createdAt }) => [name, `${prefix}…`, formatTime(createdAt)])
      terminal.print(formatTable([{ title: 'name' }, { title: 'key' }, { title: 'created (utc)' }], rows))
    })
}
