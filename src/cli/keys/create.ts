/** `penstock keys create`: makes an API key and shows it, once. */
import { Command } from 'commander'
import { SCOPES } from '../../base/access.js'
import { expiryArgument, integerArgument, listArgument, rateArgument } from '../shared/arguments.js'
import { keysOf, type KeysOptions, withHomeOptions } from './keys.js'
import { powersText } from './list.js'
import type { Terminal } from '../shared/terminal.js'

interface KeysCreateOptions extends KeysOptions {
  readonly scope?: readonly string[]
  readonly pipeline?: readonly string[]
  readonly expires?: Date
  readonly rate?: number
  readonly concurrency?: number
}

const EXAMPLES = `
Examples:
  $ penstock keys create ci
  $ penstock keys create shop --scope infer --pipeline wine --expires 90d --rate 100/s --concurrency 8
  $ export PENSTOCK_API_KEY=$(penstock keys create laptop --json | jq -r .key)

Scopes: infer (run pipelines and models) · read (definitions, status, metrics, logged rows) · write (models, pipelines,
tags, deploys) · admin (exports to the server's disk, shared memory). None includes another. Without --scope a key has
all, with --pipeline infer and read. A key that is bound to pipelines can have no other scopes.

From the first key on, the server answers only requests that carry one: \`authorization: Bearer psk_…\`.`

export function keysCreateCommand(terminal: Terminal): Command {
  return withHomeOptions(new Command('create'))
    .summary('make an API key')
    .description('Makes an API key and prints it. Only its hash is stored, so it cannot be shown again.')
    .argument('<name>', 'a name to recognise the key by')
    .option('--scope <scopes>', `what it may do: ${SCOPES.join(', ')} (default: all)`, listArgument)
    .option('--pipeline <names>', 'the only pipelines that it may infer on and read of (default: all)', listArgument)
    .option('--expires <when>', 'when it ends: 90d, 12h, or a date such as 2027-01-31 (default: never)', (text) =>
      expiryArgument(text, Date.now()),
    )
    .option('--rate <rate>', 'requests that it may make, such as 100/s, 30/min (default: any number)', rateArgument)
    .option('--concurrency <count>', 'requests that it may have in flight (default: any number)', integerArgument)
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, options: KeysCreateOptions) => {
      const created = await (
        await keysOf(options)
      ).create(name, {
        scopes: options.scope,
        pipelines: options.pipeline,
        expiresAt: options.expires,
        ratePerS: options.rate,
        concurrency: options.concurrency,
      })
      if (options.json === true) return terminal.print(JSON.stringify(created))
      // Only the key on stdout: `KEY=$(penstock keys create ci)` works.
      terminal.print(created.key)
      terminal.note(
        `Key ${name} was created: ${powersText(created)}. It is not shown again; a running server accepts it within a second.`,
      )
    })
}
